"""The runs behind docs/papers/noise-stability.md: do deviations rank as Jacobians do, and do they find better labels?

``python -m benchmarks.noise_stability`` runs what is not done yet, about half an hour of one core, and writes
docs/results/noise-stability.json. Draws, strength and selection are those of the paper; the networks are those of
benchmarks/dmle.py and of the preset deepal-survey.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.func import jacrev, vmap

from askance.lab import sets
from askance.lab.datasets import Dataset
from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.lab.presets.deepal import PICTURE, pixels
from askance.learners.base import Lesson, Model
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.look import threads
from askance.seeds import Dice
from askance.selection.space import Features
from askance.selection.spread import FarthestFirst
from askance.signals.stability import Deviations, directions
from askance.utilities.stability import deviations
from benchmarks.measure import ROOT, machine
from benchmarks.paired import lesson_of, measure, rows

FILE = ROOT / "docs" / "results" / "noise-stability.json"
SEEDS = tuple(range(10))
DENSE = Torch(Mlp((128,)), steps=100, rate=3e-3)
CONVOLUTIONAL = replace(PICTURE, steps=100, rate=3e-3)
LABELS, LOOKED, TOP = 100, 300, 50  # of the models that are looked at: labels, items, picks that are compared
STRENGTH, DRAWS = 1e-3, 30  # the paper
STRATEGIES = ("random", "margin", "entropy", "badge", "k-center", "noise-stability", "noise-stability-full")


def grid(seeds: tuple[int, ...] = SEEDS) -> Grid:
    """A table, pictures and texts; fifty labels to begin with and fifty in a round."""
    common: dict[str, Any] = {
        "strategies": STRATEGIES,
        "initial": (50,),
        "batch": (50,),
        "budget": 250,
        "test": 500,
        "seeds": seeds,
        "title": "Noise stability",
    }
    others = ({"name": "letter", "items": 1_800}, {"name": "20-newsgroups", "items": 1_800})
    dense = Grid(datasets=others, learners=({"learner": DENSE, "name": "mlp"},), **common)
    pictures = (pixels("digits", 8),)
    return Grid(datasets=pictures, learners=({"learner": CONVOLUTIONAL, "name": "cnn"},), more=(dense,), **common)


def looked(dataset: Dataset, learner: Torch, seed: int) -> dict[str, float]:
    """How lengths of deviations rank beside exact Jacobian norms, for one network on some items of its pool."""
    lesson = lesson_of(dataset, learner, seed, LABELS)
    model = learner.fit(lesson)
    items = lesson.items[lesson.unlabeled[:LOOKED]]
    layers, everything = jacobian_lengths(model, items)

    def moved(draws: int, strength: float = STRENGTH, kind: str = "layers") -> Tensor:
        return Deviations(draws, strength, kind).read(model, items, lesson.task)

    usual, halved, slopes = moved(DRAWS), moved(DRAWS, STRENGTH / 2), moved(DRAWS, kind="jvp")
    last = _last(model, items, lesson)
    found = {
        "30 draws": _rank(usual, layers),
        "100 draws": _rank(moved(100), layers),
        "30 draws, global": _rank(moved(DRAWS, kind="global"), everything),
        "100 draws, global": _rank(moved(100, kind="global"), everything),
        "30 draws, derivatives": _rank(slopes, layers),
        "30 draws, strength 0.1": _rank(moved(DRAWS, 0.1), layers),
        "30 draws, strength 1": _rank(moved(DRAWS, 1.0), layers),
        "30 draws, last layer": _rank(last, layers),
        "half the strength, ranks": _rank(usual, halved.norm(dim=1)),
        "half the strength, picks": _shared(usual, halved),
        "derivatives, ranks": _rank(usual, slopes.norm(dim=1)),
        "derivatives, picks": _shared(usual, slopes),
        "last layer, picks": _shared(usual, last),
        "off the derivatives": float((usual / STRENGTH - slopes).norm() / slopes.norm()),
        "off the derivatives, half the strength": float((halved / STRENGTH * 2 - slopes).norm() / slopes.norm()),
    }
    return {name: round(value, 5) for name, value in found.items()}


def jacobian_lengths(model: Model, items: Tensor) -> tuple[Tensor, Tensor]:
    """The root of the expected squared length of a deviation, but for what all items share, by exact derivatives.

    Returns:
        Under noise of each layer's own length, as a share of the length of the probabilities, (items,): the root of
        the sum over layers of ``|W|^2 / M |dp/dW|^2``, by ``|p|``. And under noise in all weights alike, the length of
        the whole Jacobian, (items,).
    """
    whole = model.differentiable()
    weights = dict(whole.weights)
    pushed = directions(whole, 0)

    def shares(at: Mapping[str, Tensor], item: Tensor) -> Tensor:
        return whole.scores(at, item.unsqueeze(0))[0].double().softmax(0)

    def lengths(item: Tensor) -> tuple[Tensor, Tensor]:
        slopes = {name: array.double().square().sum() for name, array in jacrev(shares)(weights, item).items()}
        layers = [slopes[name] * weights[name].double().square().sum() / weights[name].numel() for name in pushed]
        total = torch.stack(list(slopes.values())).sum()
        return torch.stack(layers).sum().sqrt() / shares(weights, item).norm(), total.sqrt()

    found = vmap(lengths, chunk_size=20)(items)
    return found[0].detach(), found[1].detach()


def _last(model: Model, items: Tensor, lesson: Lesson) -> Tensor:
    """The deviations under noise in the last layer alone, as `NoiseStability` draws it."""
    with torch.no_grad():
        said = model.outputs(items)
    assert said.layer is not None and said.embeddings is not None
    noise = torch.from_numpy(lesson.dice.of("noise").generator().standard_normal((DRAWS, *said.layer.shape)))
    noise[:, :, -1] = 0
    noise *= STRENGTH * said.layer[:, :-1].norm() / noise.flatten(1).norm(dim=1)[:, None, None]
    return deviations(said.layer, noise.to(said.layer), said.embeddings, torch.arange(len(items)))


def _rank(moved: Tensor, exact: Tensor) -> float:
    lengths = moved.norm(dim=1)
    return float(spearmanr(lengths.double().numpy(), exact.double().numpy()).statistic)


def _shared(one: Tensor, other: Tensor) -> float:
    """The share of a batch, spread from the origin, that two sets of deviations have in common."""
    every = torch.arange(len(one))
    picks = [
        FarthestFirst().pick(
            TOP,
            candidates=every,
            known=every[:0],
            keys=every,
            dice=Dice(0, "picks"),
            space=Features(moved, outside=moved.new_zeros(1, moved.shape[1])),
        )
        for moved in (one, other)
    ]
    return len(set(picks[0].rows.tolist()) & set(picks[1].rows.tolist())) / TOP


def main() -> None:
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "draws": DRAWS,
        "strength": STRENGTH,
        "labels": LABELS,
        "looked": LOOKED,
        "top": TOP,
        "lengths": {},
        "sets": {},
    }
    with threads(1):
        for name, learner, data in (
            ("MLP", DENSE, sets.load("digits")),
            ("CNN", CONVOLUTIONAL, pixels("digits", 8)),
        ):
            told = [looked(data, learner, seed) for seed in SEEDS]
            found["lengths"][name] = {key: [one[key] for one in told] for key in told[0]}
            print(name, {key: round(float(np.mean(values)), 3) for key, values in found["lengths"][name].items()})
    for results in measure(grid(), "noise-stability"):
        settings = {key: results.settings[key] for key in ("initial", "batch", "budget", "test", "seeds")}
        found["sets"][results.title] = {
            **settings,
            "items": results.dataset["items"],
            "classes": len(results.dataset["classes"]),
            "rows": rows(results),
        }
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

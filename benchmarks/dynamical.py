"""The runs behind docs/papers/dynamical.md: dynamicAL by the last layer and by all weights, early and late in training.

``python -m benchmarks.dynamical`` runs what is not done yet, about twenty minutes of one core, and writes
docs/results/dynamical.json. Nothing was tuned for it; the network is that of benchmarks/dmle.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.func import grad

from askance.lab.datasets import Dataset, digits
from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.learners.base import Lesson, Model
from askance.learners.gradient import LabeledGradient
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.look import threads
from askance.signals.gradients import off_the_guess
from askance.signals.movement import GradientNorms
from askance.strategies.dynamics import DynamicAl, DynamicAlFull
from askance.utilities.movement import dynamics, gradient_sum
from benchmarks.measure import ROOT, machine
from benchmarks.paired import lesson_of, measure, rows

FILE = ROOT / "docs" / "results" / "dynamical.json"
SEEDS = tuple(range(10))
HEAD_SEEDS = tuple(range(20))
EARLY, LATE = 50, 400  # steps
LEARNER = Torch(Mlp((128,)), steps=LATE, rate=3e-3)
LABELS, TOP = 60, 20  # of the models that are looked at, and of their wish lists
NETWORK: tuple[Any, ...] = (
    *("random", "entropy", "badge"),
    {"strategy": DynamicAl(), "name": "last"},
    {"strategy": DynamicAl(trained=False), "name": "last, lengths alone"},
    {"strategy": DynamicAlFull(), "name": "all"},
    {"strategy": DynamicAlFull(along=None), "name": "all, lengths alone"},
)
HEAD: tuple[Any, ...] = (
    *("random", "margin", "badge", "entropy"),
    {"strategy": DynamicAl(), "name": "last"},
    {"strategy": DynamicAl(trained=False), "name": "last, lengths alone"},
    {"strategy": DynamicAl(batch="apart"), "name": "last, de-influence"},
    {"strategy": DynamicAl(batch="exact"), "name": "last, exact greedy"},
)


def network(seeds: tuple[int, ...] = SEEDS) -> Grid:
    """Networks that were stopped early, on two sets, and one that was trained until it fits its labels."""
    common: dict[str, Any] = {"initial": (20,), "batch": (20,), "budget": 100, "test": 500, "seeds": seeds}
    early = {"learner": replace(LEARNER, steps=EARLY), "name": f"{EARLY} steps"}
    late = {"learner": LEARNER, "name": f"{LATE} steps"}
    other = Grid(datasets=({"name": "letter", "items": 1_800},), strategies=NETWORK, learners=(early,), **common)
    return Grid(datasets=("digits",), strategies=NETWORK, learners=(early, late), more=(other,), **common)


def head(seeds: tuple[int, ...] = HEAD_SEEDS) -> Grid:
    """The softmax head on pixels, with the settings of the small experiment that came before this one."""
    return Grid(
        datasets=("digits",),
        strategies=HEAD,
        learners=({"learner": Linear(ridge=1.0), "name": "head"},),
        initial=(20,),
        batch=(10, 25),
        budget=220,
        test=539,
        seeds=seeds,
    )


def looked(dataset: Dataset, seed: int) -> dict[str, dict[str, float]]:
    """How the two scores and their two terms lie to each other, in one training, early and late."""
    lesson, model_of = _trained(dataset, seed)
    return {str(steps): _agreement(lesson, model) for steps, model in model_of.items()}


def _trained(dataset: Dataset, seed: int) -> tuple[Lesson, dict[int, Model]]:
    """A training on labels drawn at random, as it was after few steps and in the end."""
    lesson = lesson_of(dataset, LEARNER, seed, LABELS)
    early, late = LEARNER.fit_at(lesson, (EARLY,))
    return lesson, {EARLY: early, LATE: late}


def _agreement(lesson: Lesson, model: Model) -> dict[str, float]:
    items, labeled, targets = lesson.items, lesson.labeled, lesson.targets
    with torch.no_grad():
        said = model.outputs(items)
    assert said.scores is not None and said.embeddings is not None
    beliefs, features = said.scores.softmax(1), said.embeddings
    losses = lesson.task.loss(said.scores[labeled].double(), targets)
    residuals = off_the_guess(beliefs)
    trained = gradient_sum(beliefs[labeled].double() - targets, features[labeled])
    last = dynamics(residuals, features, trained)[lesson.unlabeled]
    along = LabeledGradient().fit(replace(lesson, model=model)).outputs(items).extras["along"]
    lengths = GradientNorms().read(model, items, lesson.task)[lesson.unlabeled]
    second = 2 * (residuals.to(lengths) * along.to(lengths)).sum(1)[lesson.unlabeled]
    full = lengths + second
    wanted = full.argsort(descending=True)[:TOP]
    cross = _cross(model, items[lesson.unlabeled[wanted]], residuals[lesson.unlabeled[wanted]])
    return {
        "training loss": float(losses.mean()),
        "training accuracy": float((beliefs[labeled].argmax(1) == targets.argmax(1)).double().mean()),
        "last and all, rank correlation": _rank(last, full),
        "last and all, shared picks": _shared(last, full),
        "with and without the second term, rank correlation": _rank(full, lengths),
        "with and without the second term, shared picks": _shared(full, lengths),
        "share of the second term": float((second.abs() / (second.abs() + lengths).clamp_min(1e-30)).mean()),
        "share of the second term, picks": float(second[wanted].abs().sum() / (second.abs() + lengths)[wanted].sum()),
        "summed score over exact score": float(full[wanted].sum() / (full[wanted].sum() + cross)),
    }


def _cross(model: Model, items: Tensor, residuals: Tensor) -> float:
    """What the items of a batch say to each other: the sum of ``<g_u, g_v>`` over pairs of different items."""
    whole = model.differentiable()

    def pushed(weights: dict[str, Tensor], item: Tensor, residual: Tensor) -> Tensor:
        return (whole.scores(weights, item.unsqueeze(0)) * residual).sum()

    total: dict[str, Tensor] = {}
    alone = 0.0
    for item, residual in zip(items, residuals, strict=True):
        found = grad(pushed)(dict(whole.weights), item, residual)
        alone += sum(float(array.double().square().sum()) for array in found.values())
        total = {name: total.get(name, 0) + array.double() for name, array in found.items()}
    return sum(float(array.square().sum()) for array in total.values()) - alone


def _rank(one: Tensor, other: Tensor) -> float:
    return float(spearmanr(one.double().numpy(), other.double().numpy()).statistic)


def _shared(one: Tensor, other: Tensor) -> float:
    """The share of the most wanted items that both have."""
    picks = [set(values.argsort(descending=True)[:TOP].tolist()) for values in (one, other)]
    return len(picks[0] & picks[1]) / TOP


def by_name(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, list[float]]]:
    """Every number as a list over seeds."""
    return {
        steps: {name: [round(one[steps][name], 5) for one in found] for name in found[0][steps]} for steps in found[0]
    }


def main() -> None:
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "steps": [EARLY, LATE],
        "labels": LABELS,
        "top": TOP,
    }
    data = digits()
    with threads(1):
        found["agreement"] = by_name([looked(data, seed) for seed in SEEDS])
    print(json.dumps({s: {n: float(np.mean(v)) for n, v in one.items()} for s, one in found["agreement"].items()}))
    for name, grid in (("head", head()), ("network", network())):
        found[name] = {}
        for results in measure(grid, f"dynamical-{name}"):
            settings = {key: results.settings[key] for key in ("initial", "batch", "budget", "test", "seeds")}
            found[name][results.title] = {
                **settings,
                "dataset": results.dataset["name"],
                "steps": results.settings["learner"].get("steps"),
                "items": results.dataset["items"],
                "rows": rows(results),
            }
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

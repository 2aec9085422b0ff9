"""The runs behind docs/papers/neural-cal.md: what asks where a class is open, on noise, and on what is clean.

``python -m benchmarks.neural_cal --seeds 50`` runs what is not done yet, about an hour of one core, and writes
docs/results/neural-cal.json; ``--until HH:MM`` stops earlier, and another call goes on. The ridge and the width of the
random features were chosen on seeds 100 to 104 by the accuracy with labels drawn at random.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.given import view
from askance.learners.linear import Linear
from askance.metrics import GAMMAS, abstains, chow_error
from askance.oracles.known import Known
from askance.pool import Pool
from askance.strategies.base import Strategy
from askance.strategies.random import Random
from askance.strategies.region import ClosedForm, NeuralCal, NeuralCalPlusPlus, OfMembers
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.task import Classes
from askance.utilities import region
from benchmarks import kept
from benchmarks.measure import ROOT

FILE = ROOT / "docs" / "results" / "neural-cal.json"
SEEDS = 50
QUERIES = 60
REVISION = 1  # goes up when a world or a measure changes
TASK = Classes((0, 1))
FOURIER, SCALE, FOURIER_RIDGE = 60, 4.0, 1.0
RIDGE = 1.0


@dataclass(frozen=True)
class World:
    """Items of one seed.

    Args:
        items: Features, float32 (items, features).
        labels: 0 or 1, (items,).
        noisy: Whether each label is chance, (items,).
        test: Rows that are held out, ascending.
        first: A row of each class that is labeled in the beginning.
        ridge: Of the head.
    """

    items: Tensor
    labels: np.ndarray
    noisy: np.ndarray
    test: np.ndarray
    first: tuple[int, ...]
    ridge: float = RIDGE


def world(case: str, seed: int) -> World:
    """The items of a case and seed: clouds of 150 with unit variance.

    Args:
        case: ``honeypot``: four clouds, two of them at (4, 3) with a class each; ``fourier``: the same by random
            Fourier features; ``clean``: the two others.
        seed: Of everything.
    """
    dice = np.random.default_rng(seed)
    places = [[0.0, 0.0], [0.0, 6.0]] if case == "clean" else [[0.0, 0.0], [0.0, 6.0], [4.0, 3.0], [4.0, 3.0]]
    centers, labels = np.repeat(places, 150, axis=0), np.repeat([1, 0, 1, 0][: len(places)], 150)
    points = centers + dice.standard_normal(centers.shape)
    test = np.sort(dice.permutation(len(points))[: len(points) // 5])
    free = np.setdiff1d(np.arange(len(points)), test)
    first = tuple(int(dice.choice(free[labels[free] == name])) for name in (0, 1))
    noisy, ridge = np.arange(len(points)) >= 300, RIDGE
    if case == "fourier":
        turns, shifts = dice.standard_normal((2, FOURIER)) / SCALE, dice.uniform(0, 2 * np.pi, FOURIER)
        points, ridge = np.sqrt(2 / FOURIER) * np.cos(points @ turns + shifts), FOURIER_RIDGE
    return World(torch.from_numpy(points.astype("float32")), labels, noisy, test, first, ridge)


def methods(ridge: float) -> dict[str, Strategy]:
    """Who asks; a gate that finds nothing asks at random, so that all spend the same, but for the last."""

    def gate(beta: float = 2.0, **more: Any) -> NeuralCalPlusPlus:
        return NeuralCalPlusPlus(ClosedForm(beta=beta, ridge=ridge), **{"empty": "random", **more})

    return {
        "random": Random(),
        "margin": Margin(),
        "gate, beta 2": gate(),
        "gate, beta 1": gate(1.0),
        "gate, beta 2, widest": gate(by="widest"),
        "gate, beta 1, widest": gate(1.0, by="widest"),
        "gate, square loss": NeuralCalPlusPlus(ClosedForm(loss="square", beta=1.0, ridge=ridge), empty="random"),
        "gate, members": NeuralCalPlusPlus(OfMembers(), empty="random"),
        "version space": NeuralCal(candidates=100),
        "gate, stops": gate(empty="stop"),
        "gate, beta 1, stops": gate(1.0, empty="stop"),
    }


def decides(case: str, name: str) -> Any:
    """What decides the runs of a case and a method."""
    ridge = FOURIER_RIDGE if case == "fourier" else RIDGE
    strategy = methods(ridge)[name]
    fourier = [FOURIER, SCALE] if case == "fourier" else []
    return [kept.identity(strategy), kept.identity(strategy.equip(Linear(ridge=ridge))), QUERIES, fourier, REVISION]


def wanted(seeds: int) -> list[tuple[str, str, str]]:
    """Every run, seeds outermost so that a part of them is paired."""
    found = []
    for seed in range(seeds):
        for case in ("honeypot", "fourier", "clean"):
            for name in methods(RIDGE):
                if case == "fourier" and name in ("version space", "gate, members"):
                    continue
                found.append((case, name, str(seed)))
    return found


def run(case: str, name: str, seed: str) -> dict[str, Any]:
    """One run: ask one by one and measure on what was held out."""
    here = world(case, int(seed))
    free = np.setdiff1d(np.arange(len(here.labels)), here.test)
    place = {int(row): number for number, row in enumerate(free)}
    truth = {number: int(here.labels[row]) for number, row in enumerate(free)}
    study = Study(
        Pool.from_arrays(here.items[free]),
        learner=Linear(ridge=here.ridge),
        strategy=methods(here.ridge)[name],
        task=TASK,
        seed=int(seed),
        start=None,
    )
    study.tell({place[row]: truth[place[row]] for row in here.first})
    oracle, held, told = Known(truth), here.items[here.test], torch.from_numpy(here.labels[here.test])
    right, stopped = [], None
    for spent in range(QUERIES + 1):
        if stopped is None or not right:
            hits = study.predict(held).argmax(1) == told
        right.append(float(hits.double().mean()))
        if stopped is None and spent < QUERIES:
            batch = study.ask(1)
            if batch.ids:
                study.tell(oracle.of(batch.ids))
            else:
                stopped = spent + len(here.first)
    asked = [row for line in study.history.asked for row in line.rows]
    clean = ~torch.from_numpy(here.noisy[here.test])
    shares = study.predict(held)
    return {
        "area": float(np.mean(right)),
        "final": right[-1],
        "clean": float(hits[clean].double().mean()),
        "patch": float(np.mean(here.noisy[free[asked]])) if asked else 0.0,
        "stopped": stopped,
        **_abstained(study, here, shares, told, clean),
    }


def _abstained(study: Study, here: World, shares: Tensor, told: Tensor, clean: Tensor) -> dict[str, float]:
    """Chow's error at two prices by Chow's rule and by bounds, and how much of the noise and the rest is left out."""
    known = study.state.labeled
    every = torch.cat([study.pool.items[known], here.items[here.test]])
    beliefs = torch.cat([study.predict(study.pool.items[known]), shares])
    paper = view(
        probabilities=beliefs,
        embeddings=every,
        labeled=range(len(known)),
        labels=study.state.targets[0].argmax(1).tolist(),
    )
    rows = torch.arange(len(known), len(every))
    two, one = (ClosedForm(beta=beta, ridge=here.ridge).gap(paper, rows) for beta in (2.0, 1.0))
    found = {}
    for gamma in GAMMAS:
        for rule, left in (
            ("rule", abstains(shares, gamma)),
            ("bounds", region.abstained(two.lower, two.upper, gamma)),
            ("bounds, beta 1", region.abstained(one.lower, one.upper, gamma)),
        ):
            found[f"chow {gamma} by {rule}"] = chow_error(shares, told, left, gamma)
            found[f"silent {gamma} by {rule}"] = float(left.double().mean())
            found[f"silent on clean {gamma} by {rule}"] = float(left[clean].double().mean())
            found[f"silent on noise {gamma} by {rule}"] = float(left[~clean].double().mean()) if (~clean).any() else 0.0
        found[f"chow {gamma} without"] = chow_error(shares, told, torch.zeros_like(clean), gamma)
    return found


def main() -> None:
    typed = kept.options(__doc__ or "", SEEDS)
    found = kept.runs("neural-cal", wanted(typed.seeds), run, decides, kept.until(typed.until))
    told = {
        **kept.made(found.values()),
        "queries": QUERIES,
        "cases": kept.columns(found),
    }
    FILE.write_text(json.dumps(told, separators=(",", ":")) + "\n", "utf-8")
    print(f"{len(found)} of {len(wanted(typed.seeds))} runs are done. Now write the page: make docs")


if __name__ == "__main__":
    main()

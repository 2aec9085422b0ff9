"""The runs behind docs/papers/autoal.md: does a network learn which strategy to follow?

``python -m benchmarks.autoal --seeds 50 --until 23:30`` runs what is not done yet and writes docs/results/autoal.json.
The regimes and all settings were fixed on seeds 100 to 107; seeds 0 and up are reported.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

from askance.lab.curves import area
from askance.lab.identity import digest
from askance.learners.base import Lesson
from askance.learners.linear import Linear
from askance.look import threads
from askance.meta.autoal import AutoAL, AutoALAsWritten
from askance.meta.bandit import Bandit
from askance.meta.ground import Ground
from askance.meta.search import Halves, SearchNet
from askance.pool import Pool
from askance.seeds import Dice
from askance.strategies.base import Strategy
from askance.strategies.catalogue import strategy
from askance.study.study import Study
from askance.task import Classes
from benchmarks import kept
from benchmarks.measure import ROOT

FILE = ROOT / "docs" / "results" / "autoal.json"
LEARNER = Linear(ridge=1.0)
TEST = 500
REVISION = 1  # goes up when a world, a network of this file or a measure changes
Array = NDArray[Any]


@dataclass(frozen=True)
class Even(SearchNet):
    """Listens to all candidates alike."""

    def learn(self, network: nn.Sequential, ground: Ground, halves: Halves) -> list[float]:
        with torch.no_grad():
            next(network[2].parameters()).zero_()
        return [0.0]


@dataclass(frozen=True)
class Unlearned(SearchNet):
    """A network with the weights that it was born with, which is what a dead gradient leaves of it."""

    def learn(self, network: nn.Sequential, ground: Ground, halves: Halves) -> list[float]:
        with torch.no_grad():
            next(network[2].parameters()).mul_(30)  # uneven from the first, where learning begins nearly even
        return [0.0]


@dataclass(frozen=True)
class Regime:
    """A world in which one candidate is best by construction.

    Args:
        make: Features and labels, given dice and how many items.
        best: The planted one; empty where none is.
        items: The pool; as many as are tested on come on top.
        initial: Labels to begin with.
        batch: Labels a round.
        budget: Labels in the end.
    """

    make: Callable[[np.random.Generator, int], tuple[Array, Array]]
    best: str
    items: int = 1_000
    initial: int = 20
    batch: int = 10
    budget: int = 120


def clusters(dice: np.random.Generator, items: int) -> tuple[Array, Array]:
    """Forty tight clouds of ten classes in sixteen dimensions; a few of them hold most items."""
    count = 40
    centers = 3 * dice.standard_normal((count, 16))
    classes = dice.permutation(np.arange(count) % 10)
    sizes = 1 / np.arange(1, count + 1) ** 1.2
    cloud = dice.choice(count, items, p=sizes / sizes.sum())
    cloud[-TEST:] = dice.integers(count, size=TEST)  # tested on all clouds alike
    return centers[cloud] + 0.15 * dice.standard_normal((items, 16)), classes[cloud]


def boundary(dice: np.random.Generator, items: int) -> tuple[Array, Array]:
    """One smooth boundary between two classes through one cloud."""
    features = dice.standard_normal((items, 10))
    slope = dice.standard_normal(10)
    return features, (features @ slope / np.linalg.norm(slope) > 0).astype(int)


def band(dice: np.random.Generator, items: int) -> tuple[Array, Array]:
    """A cloud in the middle, where all ten classes meet and labels are thrown, and twenty small clouds of them."""
    centers = np.concatenate([np.zeros((1, 16)), 2 * dice.standard_normal((20, 16))])
    cloud = np.where(dice.random(items) < 0.6, 0, 1 + dice.integers(20, size=items))
    cloud[-TEST:] = 1 + dice.integers(20, size=TEST)  # tested where there is something to know
    classes = np.concatenate([[0], dice.permutation(np.arange(20) % 10)])
    labels = np.where(cloud == 0, dice.integers(10, size=items), classes[cloud])
    width = np.where(cloud == 0, 0.5, 0.3)
    return centers[cloud] + width[:, None] * dice.standard_normal((items, 16)), labels


def strokes(dice: np.random.Generator, items: int) -> tuple[Array, Array]:
    """Scikit-learn's digits, in an order of their own: no candidate is planted there."""
    data = load_digits()
    order = dice.permutation(len(data.target))[:items]
    return data.data[order] / 4, data.target[order]


CANDIDATES = ("margin", "k-center", "k-means")
TEN = (*CANDIDATES, "entropy", "least-confidence", "badge", "typiclust", "egl", "clue", "random")
REGIMES = {
    "clusters": Regime(clusters, "k-center", budget=80),
    "boundary": Regime(boundary, "margin", initial=30, batch=20, budget=310),
    "noise band": Regime(band, "k-center"),
    "digits": Regime(strokes, "", items=1_297, budget=220),
}


def arms() -> dict[str, Strategy]:
    """Who asks: the mixture, its controls, the paper's equations, and each candidate alone."""
    found: dict[str, Strategy] = {
        "autoal": AutoAL(CANDIDATES),
        "even": AutoAL(CANDIDATES, search=Even()),
        "unlearned": AutoAL(CANDIDATES, search=Unlearned()),
        "by loss": AutoAL(CANDIDATES, search=SearchNet(aim="loss")),
        "as written": AutoALAsWritten(CANDIDATES),
        "bandit": Bandit(CANDIDATES),
    }
    return found | {name: strategy(name) for name in (*CANDIDATES, "entropy", "random")}


def decides(name: str, arm: str) -> Any:
    """What decides the runs of a world and an arm."""
    regime, strategy = REGIMES[name], arms()[arm]
    return [kept.identity(strategy), kept.identity(strategy.equip(LEARNER)), settings(regime), TEST, REVISION]


def settings(regime: Regime) -> dict[str, Any]:
    """What is fixed of a world beside its law."""
    return {what: getattr(regime, what) for what in ("best", "items", "initial", "batch", "budget")}


def run(name: str, arm: str, seed: int) -> dict[str, Any]:
    """One run: accuracy at every number of labels, and what each search found."""
    regime = REGIMES[name]
    features, labels = regime.make(np.random.default_rng([seed, 7]), regime.items + TEST)
    features, inside = features.astype(np.float32), regime.items
    pool = Pool.from_arrays(features[:inside])
    classes = tuple(range(int(labels.max()) + 1))
    study = Study(pool, classes=classes, strategy=arms()[arm], learner=LEARNER, start=None, seed=seed)
    first = np.random.default_rng([seed, 8]).permutation(inside)[: regime.initial]
    study.tell({int(row): int(labels[row]) for row in first})
    counts, scores = [], []
    while True:
        batch = study.ask(regime.batch) if len(study.labels) < regime.budget else None
        told = study.model().outputs(torch.from_numpy(features[inside:])).scores
        assert told is not None
        counts.append(len(study.labels))
        scores.append(round(float((told.argmax(1).numpy() == labels[inside:]).mean()), 5))
        if batch is None:
            break
        study.tell({int(row): int(labels[row]) for row in batch.ids})
    lines = [line.body for line in study.lines() if line.kind == "fitted"]
    found = [own["facts"] for body in lines for own in body["companions"].values() if own["facts"].get("searched")]
    return {
        "area": round(area(counts, scores), 5),
        "final": scores[-1],
        "weights": [[facts["weights"].get(one, 0.0) for one in CANDIDATES] for facts in found],
        "gradients": [facts["gradients"]["least"] for facts in found],
    }


def main() -> None:
    typed = kept.options(__doc__ or "", 20)
    wanted = [(name, arm, str(seed)) for seed in range(typed.seeds) for name in REGIMES for arm in arms()]
    until = kept.until(typed.until)
    with threads(1):
        found = kept.runs("autoal", wanted, lambda name, arm, seed: run(name, arm, int(seed)), decides, until)
    write({(name, arm, int(seed)): one for (name, arm, seed), one in found.items()})


def write(done: Mapping[tuple[str, str, int], kept.Kept]) -> None:
    """docs/results/autoal.json, from all runs that are done for every arm."""
    found: dict[str, Any] = {**kept.made(done.values()), "sets": {}}
    for name, regime in REGIMES.items():
        names = list(arms())
        seeds = sorted({seed for where, _, seed in done if where == name})
        seeds = [seed for seed in seeds if all((name, arm, seed) in done for arm in names)]
        rows = {}
        for arm in names:
            runs = [done[name, arm, seed].told for seed in seeds]
            measures = {what: [one[what] for one in runs] for what in ("area", "final")}
            rows[arm] = {"mark": digest(decides(name, arm)), "seeds": seeds, **measures}
            if any(one["weights"] for one in runs):
                rows[arm]["weights"] = [np.mean(one["weights"], 0).round(4).tolist() for one in runs]
                rows[arm]["least gradient"] = min(min(one["gradients"]) for one in runs)
        found["sets"][name] = {**settings(regime), "rows": rows}
    found["seconds"] = seconds_of_a_search()
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


def seconds_of_a_search() -> dict[str, float]:
    """Seconds of the processor for one search over 2,000 items for three and for ten candidates, the least of three."""
    dice = np.random.default_rng(0)
    features, labels = boundary(dice, 2_000)
    lesson = Lesson(
        items=torch.from_numpy(features.astype(np.float32)),
        keys=torch.arange(2_000),
        task=Classes((0, 1)),
        labeled=torch.arange(2_000),
        targets=torch.nn.functional.one_hot(torch.from_numpy(labels), 2).double(),
        weights=torch.ones(2_000).double(),
        unlabeled=torch.arange(0),
        dice=Dice(0, "fit"),
    )
    found = {}
    with threads(1):
        for count, names in (("3", CANDIDATES), ("10", TEN)):
            net = SearchNet(names)
            net.fit(lesson)  # what is compiled once is not counted
            took = []
            for _ in range(3):
                start = time.process_time()
                net.fit(lesson)
                took.append(time.process_time() - start)
            found[count] = round(min(took), 3)
    return found


if __name__ == "__main__":
    from benchmarks import autoal  # the classes have to be found by this name, and not in __main__

    autoal.main()

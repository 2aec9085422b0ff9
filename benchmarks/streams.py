"""The runs behind docs/papers/streams.md: pairs of networks that ask or infer, in streams, and in pools by their gaps.

``python -m benchmarks.streams --seeds 20`` runs what is not done yet, about an hour of one core, and writes
docs/results/streams.json; ``--until HH:MM`` stops earlier, and another call goes on. Nothing was tuned but gamma of
NeuAL-NTK, which has no value in what we could read: on seed 100, so that it asks for about as much as the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor

from askance.learners.base import Learner
from askance.learners.linear import Linear
from askance.learners.pair import NeuralPair
from askance.oracles.known import Known
from askance.pool import Pool
from askance.seeds import Dice
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.strategies.gap import INeural, NeuralNtk, Neuronal, NeuronalStream
from askance.strategies.random import Random
from askance.strategies.region import ClosedForm, NeuralCalPlusPlus
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.task import Classes
from askance.utilities.inverse_gap import gap_of
from askance.view import Batch, View
from benchmarks import kept
from benchmarks.measure import ROOT

FILE = ROOT / "docs" / "results" / "streams.json"
SEEDS = 20
FIRST, TOGETHER, SHARE = 10, 20, 0.2  # labels at first, items that go by in one call, and of all items asked at most
BATCH, ROUNDS = 25, 8  # in pools
MOST = 600  # items of a set, drawn anew with each seed
CASES = ("breast-cancer", "honeypot", "digits")
GAMMA = 0.01
REVISION = 1  # goes up when a set, a strategy of this file or a measure changes
CONTROL = 2  # the same for what streams alone are held against; 1 drew each item by itself, and so fewer labels


@dataclass(frozen=True)
class Chance(Strategy):
    """Ask for so many of the items that go by, all with the same chance: what a stream's method is held against.

    Args:
        labels: How many in all.
        first: The first row that goes by; all after it do.
    """

    labels: int = 1
    first: int = FIRST

    def query(self, view: View, n: int) -> Batch:
        # Dice of the seed alone, not of the call: it is one draw from the whole stream, or it would not be so many.
        order = Dice(view.dice.seed, "stream", part="chance").uniform(view.keys[self.first :]).argsort(stable=True)
        drawn = torch.isin(view.candidates, self.first + order[: self.labels])
        return view.batch(view.candidates[drawn][:n], reason="passed")


@dataclass(frozen=True)
class Least(Strategy):
    """Ask for the smallest gaps: what inverse gap weighting would be without chance."""

    values: Signal = Extra("values")

    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[gap_of(view[self.values][view.candidates]).argsort(stable=True)[:n]])


def world(case: str, seed: int) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Items, labels, and the rows of the stream in its order; the others, a quarter, are held out."""
    dice = np.random.default_rng(seed)
    if case == "honeypot":
        centers = np.repeat([[0.0, 0.0], [0.0, 6.0], [4.0, 3.0], [4.0, 3.0]], 200, axis=0)
        items, labels = (centers + dice.standard_normal(centers.shape)) / 3, np.repeat([1, 0, 1, 0], 200)
    else:
        items, labels = (load_digits if case == "digits" else load_breast_cancer)(return_X_y=True)
        items = items / 16 if case == "digits" else (items - items.mean(0)) / items.std(0)
    order = dice.permutation(len(items))[:MOST]
    items, labels = items[np.sort(order)], labels[np.sort(order)]
    order = order.argsort().argsort()
    return torch.from_numpy(items.astype("float32")), labels, order[: len(order) * 3 // 4]


def streams(classes: int) -> dict[str, tuple[Learner, Strategy]]:
    """Who learns and who says yes or no; arms read an item once for each class, so they meet two classes only."""
    pair = NeuralPair()
    found: dict[str, tuple[Learner, Strategy]] = {
        "neuronal": (pair, NeuronalStream(values=Extra("values"))),
        "neuronal, steady": (replace(pair, fade=False), NeuronalStream(values=Extra("values"))),
        "neuronal, f1 alone": (pair, NeuronalStream(values=Extra("exploit"))),
        "neural-ntk": (pair, NeuralNtk(values=Extra("exploit"), width=Extra("ntk_width"), gamma=GAMMA)),
        "gate": (Linear(ridge=1.0), NeuralCalPlusPlus(ClosedForm(beta=1.0))),
    }
    if classes == 2:
        found["i-neural"] = (NeuralPair(arms=True), INeural(values=Extra("values")))
    return found


def pools() -> dict[str, Strategy]:
    """Who asks in a pool, all on the same pair of networks."""
    values = Extra("values")
    return {
        "random": Random(),
        "margin": Margin(signal=Probabilities()),
        "neuronal": Neuronal(values=values),
        "least gap": Least(values=values),
    }


def decides(case: str, name: str) -> Any:
    """What decides the runs of a case and a method."""
    kind, _, method = name.partition(" ")
    learner: Learner
    steps: list[int | float]
    if kind == "pool":
        learner, strategy, steps = NeuralPair(), pools()[method], [BATCH, ROUNDS]
    else:
        learner, strategy = streams(10 if case == "digits" else 2)[method]
        steps = [TOGETHER, SHARE, CONTROL]
    return [kept.identity(strategy), kept.identity(strategy.equip(learner)), FIRST, *steps, MOST, REVISION]


def wanted(seeds: int) -> list[tuple[str, str, str]]:
    """Every run, seeds outermost; the control of a stream is a part of its run."""
    found = []
    for seed in range(seeds):
        for case in CASES:
            found += [(case, f"stream {name}", str(seed)) for name in streams(10 if case == "digits" else 2)]
            found += [(case, f"pool {name}", str(seed)) for name in pools()]
    return found


def run(case: str, name: str, seed: str) -> dict[str, Any]:
    """One run; a stream's comes with that of chance, which asks for exactly as many labels."""
    kind, _, method = name.partition(" ")
    if kind == "pool":
        return _pool(case, pools()[method], int(seed))
    classes = 10 if case == "digits" else 2
    learner, strategy = streams(classes)[method]
    own = _stream(case, learner, strategy, int(seed))
    control = _stream(case, learner, Chance(int(own["labels"])), int(seed), most=own["labels"])
    return {**own, **{f"{what} of chance": value for what, value in control.items() if what != "considered"}}


def _study(case: str, learner: Learner, strategy: Strategy, seed: int) -> tuple[Study, Known, Tensor, Tensor]:
    """A study with its first labels, who knows the rest, and what is held out."""
    items, labels, order = world(case, seed)
    out = np.setdiff1d(np.arange(len(items)), order)
    classes = Classes(tuple(range(int(labels.max()) + 1)))
    study = Study(
        Pool.from_arrays(items[order]), learner=learner, strategy=strategy, task=classes, seed=seed, start=None
    )
    oracle = Known({place: int(labels[row]) for place, row in enumerate(order)})
    study.tell(oracle.of(list(range(FIRST))))
    return study, oracle, items[out], torch.from_numpy(labels[out])


def _stream(case: str, learner: Learner, strategy: Strategy, seed: int, most: float | None = None) -> dict[str, float]:
    """Items go by, some at a time, and what is asked is answered before the next ones."""
    study, oracle, held, truth = _study(case, learner, strategy, seed)
    budget = FIRST + int(SHARE * len(study.pool) if most is None else most)
    wrong = considered = asked = 0
    for start in range(FIRST, len(study.pool), TOGETHER):
        passage = study.consider(range(start, min(start + TOGETHER, len(study.pool))), budget=budget)
        answers = oracle.of([one.id for one in passage])
        wrong += sum(one.prediction != answers[one.id] for one in passage)
        considered, asked = considered + len(passage), asked + len(passage.asked)
        if passage.asked:
            study.tell(oracle.of(passage.asked))
    right = float((study.predict(held).argmax(1) == truth).double().mean())
    return {"labels": asked, "considered": considered, "wrong": wrong / considered, "final": right}


def _pool(case: str, strategy: Strategy, seed: int) -> dict[str, float]:
    """Rounds of a pool."""
    study, oracle, held, truth = _study(case, NeuralPair(), strategy, seed)
    scores = []
    for _ in range(ROUNDS):
        study.tell(oracle.of(study.ask(BATCH).ids))
        scores.append(float((study.predict(held).argmax(1) == truth).double().mean()))
    return {"area": float(np.mean(scores)), "final": scores[-1]}


def main() -> None:
    typed = kept.options(__doc__ or "", SEEDS)
    found = kept.runs("streams", wanted(typed.seeds), run, decides, kept.until(typed.until))
    told = {
        **kept.made(found.values()),
        "first": FIRST,
        "together": TOGETHER,
        "share": SHARE,
        "batch": BATCH,
        "rounds": ROUNDS,
        "cases": kept.columns(found),
    }
    FILE.write_text(json.dumps(told, separators=(",", ":")) + "\n", "utf-8")
    print(f"{len(found)} of {len(wanted(typed.seeds))} runs are done. Now write the page: make docs")


if __name__ == "__main__":
    from benchmarks import streams as own  # the classes have to be found by this name, and not in __main__

    own.main()

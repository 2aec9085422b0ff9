"""What LPL's loss does to the training it rides on: the survey's network for texts, with and without it.

askance datasets fetch 20-newsgroups
python -m benchmarks.loss_prediction      five seeds (100 to 104), half a minute
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import torch

from askance.lab import sets
from askance.lab.presets.deepal import ITEMS, TEST, TEXT
from askance.lab.statistics import interval
from askance.learners.base import Learner
from askance.learners.heads import LossPrediction
from askance.look import threads
from askance.oracles.known import Known
from askance.reports import words
from askance.seeds import Dice
from askance.study.study import Study
from benchmarks.measure import ROOT, machine
from benchmarks.paired import table

RESULTS = ROOT / "docs" / "results" / "loss-prediction.json"
SEEDS = tuple(range(100, 105))
LABELS = 500


def learners() -> dict[str, Learner]:
    """The survey's network for texts, and the same with a head that predicts its losses, by the name shown."""
    heads = {
        "weight 1, rate 0.01: the defaults": LossPrediction(),
        "weight 0.1": LossPrediction(weight=0.1),
        "rate 0.001": LossPrediction(rate=1e-3),
        "the head alone": LossPrediction(attached=0.0),
    }
    return {"without": TEXT} | {name: TEXT.beside(head) for name, head in heads.items()}


def main() -> None:
    data = sets.load("20-newsgroups").sample(ITEMS)
    column = {label: number for number, label in enumerate(data.classes)}
    found: dict[str, list[float]] = {name: [] for name in learners()}
    for seed in SEEDS:
        rows, test = data.split(seed, round(TEST * len(data.pool)))
        pool = data.pool.arranged(rows.tolist())
        truth = torch.tensor([column[data.labels[row]] for row in test.tolist()])
        oracle = Known({pool.names([i])[0]: data.labels[row] for i, row in enumerate(rows.tolist())})
        drawn = pool.names(Dice(seed, "labels").uniform(pool.keys).argsort()[:LABELS].tolist())
        for name, learner in learners().items():
            study = Study(pool, learner=learner, strategy="random", classes=data.classes, seed=seed, start=None)
            study.tell(oracle.of(drawn))
            with threads(1):
                guesses = study.predict(data.pool.items[test]).argmax(1)
            found[name].append(float((guesses == truth).double().mean()))
        print(seed, {name: round(values[-1], 3) for name, values in found.items()}, flush=True)
    kept: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "accuracy": found}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def section() -> str:
    """What docs/papers/deepal.md says of it; nothing where it was not run."""
    if not RESULTS.exists():
        return ""
    found = {name: np.array(v) for name, v in json.loads(RESULTS.read_text("utf-8"))["accuracy"].items()}
    rows = []
    for name, values in found.items():
        gap = interval(100 * (values - found["without"]))
        span = f"{words.signed(gap.mean, 1)} [{words.signed(gap.low, 1)}, {words.signed(gap.high, 1)}]"
        rows.append([name, words.score(float(values.mean())), words.NONE if name == "without" else span])
    return (
        "## What LPL's loss does to the training\n\n"
        f"The network for texts on {LABELS} labels of 20-newsgroups drawn at random, {len(SEEDS)} seeds that stand in "
        "no other table: with the head that predicts losses and without it, in as many steps. Nothing is "
        "picked here.\n\n"
        f"{table(['The head', 'Accuracy', 'To none, points'], rows)}\n"
        "With the defaults the head's loss outweighs the task's in this small network. The weight and the share of "
        "steps in which it counts are the authors', for ResNet-18 trained for 200 epochs by SGD; they are kept, as the "
        "definition has them, and `lpl` takes others.\n\n"
    )


if __name__ == "__main__":
    main()

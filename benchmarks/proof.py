"""How often the intervals of the live proof hold the truth, in simulated projects whose truth is known.

python -m benchmarks.proof                      100 projects on each pool, some ten minutes on one core
python -m benchmarks.proof --projects 500       what is missing up to 500; seeds that are there are not run again
python -m benchmarks.proof --pools hurts --jobs 2
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askance.files import whole
from askance.history import Asked
from askance.learners.base import Learner, Lesson, Model
from askance.learners.linear import Linear
from askance.look import predict
from askance.pool import ASIDE, LABELED
from askance.seeds import Dice
from askance.study.evidence import gathered
from askance.study.proof import ENOUGH, proven
from askance.study.today import Today
from askance.study.weighted import error, parts, value
from askance.task import Classes, Labels, Targets, Task
from benchmarks.measure import ROOT

RESULTS = ROOT / "docs" / "results" / "proof.json"
PROJECTS = 100
BATCH = 10
FIRST = 200  # the seed of the first project; methods were chosen on those below and from 1,000 on
HELD_OUT = 20_000
LEARNER: Learner = Linear(ridge=1.0)
SIZES = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 192, 256, 384, 512, 1024, 2048, 4096)
AMBIGUOUS, SKIPS, SLIPS = 0.7, 0.5, 0.02  # people skip half of the items whose class is not sure by that much
SLACK = 0.003  # of the metric: a flat curve does not say where it is reached to the last digit
PIECE = 1024

Array = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class World:
    """Where projects are drawn from.

    Args:
        about: In a few words.
        task: What items are labeled with.
        draw: Features, targets, and how sure the likeliest class is, of so many items.
        margin: Whether the items between two classes are asked for; else all are drawn at random.
    """

    about: str
    task: Task
    draw: Draw
    margin: bool


def clouds(centers: Array, shares: Array, labels: Array) -> Draw:
    """Gaussian clouds of unit variance, each with a class, or with two by chance (a row of `labels` has their shares).

    Args:
        centers: (clouds, features).
        shares: Of the items, (clouds,).
        labels: (clouds, classes).
    """

    def draw(items: int, dice: np.random.Generator) -> tuple[Array, Array, Array]:
        cloud = dice.choice(len(shares), size=items, p=shares)
        features = centers[cloud] + dice.normal(size=(items, centers.shape[1]))
        chosen = (dice.random((items, 1)) > labels[cloud].cumsum(1)).sum(1)
        near = -((features[:, None] - centers) ** 2).sum(2) / 2 + np.log(shares)
        near = np.exp(near - near.max(1, keepdims=True))
        sure = (near / near.sum(1, keepdims=True)) @ labels
        return features, np.eye(labels.shape[1])[chosen], sure.max(1)

    return draw


def _skewed() -> Draw:
    """Twelve clouds in 20 dimensions, 60 % of the items in the first."""
    centers = np.random.default_rng(1).normal(size=(12, 20))
    shares = np.full(12, 0.4 / 11)
    shares[0] = 0.6
    return clouds(centers, shares, np.eye(12))


def _honeypot() -> Draw:
    """Four clouds in the plane, of which two lie at one place and have different classes."""
    centers = np.array([[0.0, 0], [0, 6], [4, 3], [4, 3]])
    return clouds(centers, np.full(4, 0.25), np.eye(2)[[1, 0, 0, 1]])


def _crowd() -> Draw:
    """Eight clouds in 20 dimensions, and half of the items in a ninth between them whose classes are chance."""
    centers = 0.8 * np.random.default_rng(1).normal(size=(8, 20))
    tight = clouds(centers, np.full(8, 0.125), np.eye(8))

    def draw(items: int, dice: np.random.Generator) -> tuple[Array, Array, Array]:
        features, targets, sure = tight(items, dice)
        lost = dice.random(items) < 0.5
        features[lost] = centers.mean(0) + 0.3 * dice.normal(size=(lost.sum(), 20))
        targets[lost] = np.eye(8)[dice.integers(8, size=lost.sum())]
        sure[lost] = 0.125
        return features, targets, sure

    return draw


def _tags(items: int, dice: np.random.Generator) -> tuple[Array, Array, Array]:
    """Four labels, each on a sixth of the items or so."""
    slopes = 0.8 * np.random.default_rng(2).normal(size=(20, 4))
    features = dice.normal(size=(items, 20))
    chance = 1 / (1 + np.exp(3.5 - features @ slopes))
    return features, (dice.random((items, 4)) < chance).astype(np.float64), np.maximum(chance, 1 - chance).min(1)


def _numbers(items: int, dice: np.random.Generator) -> tuple[Array, Array, Array]:
    """A number that is nearly linear, with noise that grows with it."""
    slopes = np.random.default_rng(3).normal(size=20)
    features = dice.normal(size=(items, 20))
    middle = features @ slopes / 2 + np.sin(2 * features[:, 0])
    noise = dice.normal(size=items) * (0.5 + 0.25 * np.abs(middle))
    return features, (middle + noise)[:, None], np.ones(items)


TWELVE, EIGHT = Classes(tuple(range(12))), Classes(tuple(range(8)))
WORLDS = {
    "helps": World("twelve classes, most items of one; margin asks", TWELVE, _skewed(), True),
    "hurts": World("the crowd: half of the items have labels by chance; margin asks", EIGHT, _crowd(), True),
    "honeypot": World("the honeypot of CDALBench in the plane; margin asks", Classes((0, 1)), _honeypot(), True),
    "same": World("the first pool; chance asks", TWELVE, _skewed(), False),
    "labels": World("four labels, by F1; chance asks", Labels(tuple(range(4))), _tags, False),
    "numbers": World("a number, by its error; chance asks", Targets(), _numbers, False),
}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A simulated project after its last answer."""

    lesson: Lesson
    sides: Tensor
    asked: list[Asked]
    controls: list[int]
    sure: Array

    def without(self, rows: list[int]) -> Drawn:
        """The same project, had people skipped some items."""
        lost = torch.tensor(rows, dtype=torch.int64)
        sides = self.sides.clone()
        sides[lost] = ASIDE
        kept = ~torch.isin(self.lesson.labeled, lost)
        return replace(self, sides=sides, lesson=lesson_of(self.lesson, kept))


def lesson_of(lesson: Lesson, kept: Tensor) -> Lesson:
    """The lesson of some of the labeled items, bool (labeled,)."""
    return replace(
        lesson,
        labeled=lesson.labeled[kept],
        targets=lesson.targets[kept],
        weights=lesson.weights[kept],
        unlabeled=torch.cat([lesson.unlabeled, lesson.labeled[~kept]]).sort().values,
    )


def project(world: World, seed: int) -> Drawn:
    """Ask and answer from the first item to a budget that the seed throws."""
    dice = np.random.default_rng(seed)
    items, labels, share = int(dice.choice([1000, 2000])), 0, 0.0
    while labels * share < ENOUGH:
        labels, share = int(dice.integers(2, 11) * 50), float(dice.choice([0.1, 0.2, 0.3]))
    features, targets, sure = world.draw(items, dice)
    pool, truth = torch.from_numpy(features).float(), torch.from_numpy(targets)
    keys = torch.arange(items)
    asked: list[Asked] = []
    controls: list[int] = []
    taken: list[int] = []
    first = dice.random()
    lesson = Lesson(pool, keys, world.task, keys[:0], truth[:0], truth[:0, 0], keys, Dice(seed, "fit"))
    while len(taken) < labels:
        own = math.floor((len(taken) + BATCH) * share + first) - math.floor(len(taken) * share + first)
        drawn = dice.permutation(lesson.unlabeled.numpy())
        chance, rest = drawn[:own], drawn[own:]
        if world.margin and not world.task.missing(lesson.targets):
            shares = predict(LEARNER.fit(lesson), pool[rest], world.task, PIECE).topk(2).values
            rest = rest[(shares[:, 0] - shares[:, 1]).argsort(stable=True).numpy()]
        rows = [*chance.tolist(), *rest[: BATCH - own].tolist()]
        streams = ("control",) * own + ("active",) * (BATCH - own)
        asked.append(Asked(len(asked), len(asked), tuple(rows), streams, ({},) * BATCH, "margin"))
        controls += rows[:own]
        taken += rows
        labeled = torch.tensor(sorted(taken))
        open_ = torch.ones(items, dtype=torch.bool)
        open_[labeled] = False
        lesson = replace(
            lesson,
            labeled=labeled,
            targets=truth[labeled],
            weights=torch.ones(len(labeled), dtype=torch.float64),
            unlabeled=keys[open_],
        )
    sides = torch.zeros(items, dtype=torch.int8)
    sides[lesson.labeled] = LABELED
    return Drawn(lesson, sides, asked, controls, sure)


@cache
def held_out(name: str) -> tuple[Tensor, Tensor]:
    """Items that no project holds."""
    features, targets, _ = WORLDS[name].draw(HELD_OUT, np.random.default_rng(10**6))
    return torch.from_numpy(features).float(), torch.from_numpy(targets)


def true(name: str, model: Model) -> float:
    """The metric of a model on the held-out items."""
    task, (features, targets) = WORLDS[name].task, held_out(name)
    found = parts(task, predict(model, features, task, PIECE).double(), targets)
    return float(value(task, found.sum(0).numpy()))


def curve(name: str) -> list[float]:
    """The metric after so many labels drawn at random, on average, for each of `SIZES`."""
    world, dice = WORLDS[name], np.random.default_rng(10**6 + 1)
    found = []
    for size in SIZES:
        rows = []
        for _ in range(min(200, max(10, 20_000 // size))):
            features, targets, _ = world.draw(size, dice)
            keys, told = torch.arange(size), torch.from_numpy(targets)
            lesson = Lesson(
                torch.from_numpy(features).float(), keys, world.task, keys, told, torch.ones(size).double(), keys[:0],
                Dice(0, "fit"),
            )  # fmt: skip
            rows.append(true(name, LEARNER.fit(lesson)))
        found.append(float(np.mean(rows)))
    return found


def measured(name: str, curve: list[float], seed: int) -> dict[str, Any]:
    """One project: what the proof says, and what is true."""
    world = WORLDS[name]
    drawn = project(world, seed)
    lesson, task = drawn.lesson, world.task
    found = gathered(drawn.sides, drawn.asked, drawn.controls, ())
    proof = proven(lesson, LEARNER, found, seed, PIECE)
    gain, score = proof.gain, proof.accuracy
    assert gain is not None and score is not None and proof.saved is not None
    now = true(name, LEARNER.fit(lesson))
    active = true(name, LEARNER.fit(lesson_of(lesson, torch.isin(lesson.labeled, found.active[: gain.size]))))
    chance = float(np.interp(math.log(gain.size), np.log(SIZES), curve))
    row: dict[str, Any] = {
        "seed": seed,
        "labels": len(lesson.labeled),
        "control": len(found.control),
        "items": len(drawn.sides),
        "size": gain.size,
        "accuracy": _interval(score.value, score.low, score.high, now),
        "gain": _interval(
            gain.value, gain.low, gain.high, float(error(task, np.array(chance)) - error(task, np.array(active)))
        ),
        "verdict": proof.verdict,
        "saved": [None if math.isinf(end) else round(end) for end in vars(proof.saved).values()],
        "withheld": proof.withheld,
        "needed": _needed(task, curve, now),
    }
    if isinstance(task, Classes):
        row["skipping"] = _skipping(name, drawn, seed)
    return row


def _skipping(name: str, drawn: Drawn, seed: int) -> dict[str, Any]:
    """The accuracy, had people skipped items that they are not sure of: counted, and as if there were none."""
    dice = np.random.default_rng(seed + 10**7)
    lost = [row for row in drawn.controls if dice.random() < (SKIPS if drawn.sure[row] < AMBIGUOUS else SLIPS)]
    less = drawn.without(lost)
    model = LEARNER.fit(less.lesson)
    now = true(name, model)
    found: dict[str, Any] = {"skipped": len(lost)}
    for what, skipped in (("counted", lost), ("ignored", [])):
        score = Today(
            less.lesson, LEARNER, model, gathered(less.sides, less.asked, less.controls, skipped), seed, PIECE
        ).score
        found[what] = _interval(score.value, score.low, score.high, now)
    return found


def _interval(*numbers: float) -> list[float]:
    return [round(number, 4) for number in numbers]


def _needed(task: Task, curve: list[float], now: float) -> list[float | None]:
    """How many labels drawn at random it takes to be as good as now, give or take `SLACK`; None: more than is known."""
    missed, goal = np.minimum.accumulate(error(task, np.array(curve))), float(error(task, np.array(now)))
    return [_crossing(missed, goal + slack) for slack in (SLACK, -SLACK)]


def _crossing(missed: Array, goal: float) -> float | None:
    """Where a falling curve is at an error, between two sizes on the scale of their logarithms."""
    if goal < missed[-1]:
        return None
    place = int((missed <= goal).argmax())
    if place == 0:
        return float(SIZES[0])
    share = (missed[place - 1] - goal) / (missed[place - 1] - missed[place])
    return round(float(np.exp(np.interp(share, [0, 1], np.log(SIZES[place - 1 : place + 1])))), 1)


def simulate(pools: list[str], projects: int, jobs: int) -> None:
    """Run what is missing, and keep what is there every few projects."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"curves": {}, "pools": {}}
    for name in pools:
        kept["curves"].setdefault(name, curve(name))
        rows = kept["pools"].setdefault(name, [])
        seeds = sorted(set(range(FIRST, FIRST + projects)) - {row["seed"] for row in rows})
        run = partial(measured, name, kept["curves"][name])
        begun = time.perf_counter()
        for start in range(0, len(seeds), 20):
            part = seeds[start : start + 20]
            if jobs > 1:
                with ProcessPoolExecutor(jobs) as workers:
                    rows += workers.map(run, part)
            else:
                rows += map(run, part)
            rows.sort(key=lambda row: row["seed"])
            _write(kept)
        print(f"{name}: {len(seeds)} projects, {time.perf_counter() - begun:.0f} s", flush=True)


def _write(kept: dict[str, Any]) -> None:
    """One project a line, so that what changed can be seen."""
    pools = ",\n".join(
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row, separators=(',', ':'))}" for row in rows) + "\n ]"
        for name, rows in kept["pools"].items()
    )
    with whole(RESULTS) as file:
        file.write(f'{{\n"curves": {json.dumps(kept["curves"])},\n"pools": {{\n{pools}\n}}\n}}\n')


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate projects, and hold the live proof against the truth.")
    parser.add_argument("--pools", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--projects", type=int, default=PROJECTS)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    simulate(given.pools, given.projects, given.jobs)
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

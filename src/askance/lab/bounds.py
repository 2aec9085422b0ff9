"""Upper bounds: what could have been reached by whoever had seen the test set.

These are no strategies. They read test labels and the labels of items that nobody asked for, so nothing may be chosen
by them; they say how much room there is. What they pick is played back through a study, so their runs are those of a
strategy that had been so lucky: the same split, first labels and dice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.given import select
from askance.lab.bounds_svc import Grown, grows
from askance.lab.cell import first_rows, run_cell
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan
from askance.learners import catalogue as learners
from askance.learners.base import Lesson, Model
from askance.look import threads as inner_threads
from askance.reports.results import Run
from askance.seeds import Dice
from askance.strategies.base import Strategy
from askance.task import Classes
from askance.utilities.uncertainty import margin
from askance.view import Batch, View

GREEDY, BEAM, BATCH = "greedy oracle", "beam oracle", "batch oracle"
MIX = ("random", "margin", "entropy", "least-confidence", "badge", "k-center", "typiclust", "k-means")
_AT_ONCE = 256  # models that are fitted as one problem


def greedy_oracle(dataset: Dataset, plan: Plan, seed: int, *, sample: int = 20) -> Run:
    """Buy one label after the other: of some random items, the one with which test accuracy rises most.

    Where none raises it, the one that margin would take among them. [werner2024cross] The released code takes a place
    in the sample for a row of the pool; here all are rows of the pool. A round of the run is one batch of the plan.

    Args:
        dataset: Items and labels.
        plan: Sizes and learner; its strategies do not matter.
        seed: Whose split, first labels and dice.
        sample: How many items are tried for each label.

    Raises:
        BadInput: If the sample is empty.
    """
    if sample < 1:
        raise BadInput(f"A sample of {sample} items offers nothing. Use 1 or more; 20 is usual.")
    bench = _Bench(dataset, plan, seed)
    bought: list[int] = []
    (model,) = bench.models([bench.first])
    with inner_threads(1):
        before = bench.accuracy(model)
        while len(bench.first) + len(bought) < plan.budget:
            taken = bench.first + bought
            noise = Dice(seed, "greedy-oracle", len(bought)).uniform(bench.keys)
            noise[taken] = torch.inf
            tried = noise.argsort()[: min(sample, bench.items - len(taken))].tolist()
            models = bench.models([sorted([*taken, row]) for row in tried])
            reached = [bench.accuracy(one) for one in models]
            best = max(range(len(tried)), key=lambda k: (reached[k], -float(noise[tried[k]])))
            if reached[best] <= before:
                best = int(margin(bench.believed(model)[torch.tensor(tried)]).argmax())
            bought.append(tried[best])
            model, before = models[best], reached[best]
    return bench.played(GREEDY, bought)


def beam_oracle(dataset: Dataset, plan: Plan, seed: int, *, beams: int = 5) -> Run:
    """Search over sequences of single labels: of all children of the best few, the best few by test accuracy.

    One model for all, every child of every beam ranked together, and no two beams with the same labeled set, so that
    ties do not fill the beam with copies of one path; ties go by per-item noise. Of the last beams the one with the
    largest area is given. [zhan2021comparative] It fits ``beams`` times the pool in every step: for small sets. A
    support vector machine (`Svc`) is not fitted anew but goes on from its parent's solution.

    Args:
        dataset: Items and labels.
        plan: Sizes and learner; its strategies do not matter.
        seed: Whose split, first labels and dice.
        beams: How many sequences are kept.

    Raises:
        BadInput: If no sequence is kept.
    """
    if beams < 1:
        raise BadInput(f"{beams} beams keep no sequence. Use 1 or more; 5 is usual.")
    bench = _Bench(dataset, plan, seed)
    kept = [_Path((), (bench.accuracy(bench.models([bench.first])[0]),))]
    with inner_threads(1):
        for step in range(plan.budget - len(bench.first)):
            noise = Dice(seed, "beam-oracle", step).uniform(bench.keys)
            children: dict[frozenset[int], _Path] = {}
            for path in kept:
                taken = {*bench.first, *path.rows}
                for row in range(bench.items):
                    if row not in taken:
                        children.setdefault(frozenset([*path.rows, row]), _Path((*path.rows, row), path.reached))
            sets = list(children)
            reached = bench.reached([children[rows].rows for rows in sets])
            order = sorted(range(len(sets)), key=lambda k: (-reached[k], float(noise[children[sets[k]].rows[-1]])))
            kept = [replace(children[sets[k]], reached=(*children[sets[k]].reached, reached[k])) for k in order[:beams]]
    best = max(kept, key=lambda path: sum(path.reached))
    return bench.played(BEAM, list(best.rows))


def batch_oracle(
    dataset: Dataset,
    plan: Plan,
    seed: int,
    *,
    candidates: int = 100,
    pool: int = 2500,
    mix: Sequence[str] = MIX,
) -> Run:
    """Buy one batch after the other: of many that a mix of strategies picks on random parts of the pool, the best.

    Best is the one after which the fewest test items are wrong; of several, the one whose test log-loss is least.

    Args:
        dataset: Items and labels.
        plan: Sizes and learner; its strategies do not matter.
        seed: Whose split, first labels and dice.
        candidates: Batches tried in a round.
        pool: Items that each of them may choose among.
        mix: Strategies that need probabilities and features at most, taking turns.

    Raises:
        BadInput: If there is no batch to try.
    """
    if candidates < 1 or not mix:
        raise BadInput("There is no batch to try. Use 1 candidate or more, and name a strategy.")
    bench = _Bench(dataset, plan, seed)
    bought: list[int] = []
    with inner_threads(1):
        (model,) = bench.models([bench.first])
        while len(bench.first) + len(bought) < plan.budget:
            taken = bench.first + bought
            count = min(plan.batch, plan.budget - len(taken))
            offers = [
                bench.picked(model, taken, count, mix[number % len(mix)], number, pool) for number in range(candidates)
            ]
            distinct = list({frozenset(rows): rows for rows in offers}.values())
            models = bench.models([sorted([*taken, *rows]) for rows in distinct])
            best = min(range(len(distinct)), key=lambda k: (-bench.accuracy(models[k]), bench.loss(models[k])))
            bought += distinct[best]
            model = models[best]
    return bench.played(BATCH, bought)


@dataclass(frozen=True)
class _Dictated(Strategy):
    """Asks for rows in an order that was found before.

    Args:
        rows: In this order.
        first: Labels that were there before.
    """

    rows: tuple[int, ...]
    first: int

    def query(self, view: View, n: int) -> Batch:
        start = len(view.labeled) - self.first
        return view.batch(torch.tensor(self.rows[start : start + n], dtype=torch.int64))


@dataclass(frozen=True)
class _Path:
    """A sequence of rows, and the test accuracy before the first and after each."""

    rows: tuple[int, ...]
    reached: tuple[float, ...]


class _Bench:
    """One seed's pool and test set, and models of any labeled set in it. Rows are those of the pool."""

    def __init__(self, dataset: Dataset, plan: Plan, seed: int) -> None:
        self.plan, self.seed, self._dataset = plan, seed, dataset
        places, test = dataset.split(seed, plan.test)
        self.pool = dataset.pool.arranged(places.tolist())
        self.keys, self.items = self.pool.keys, len(self.pool)
        self.first = sorted(first_rows(dataset, plan, lambda: self.pool, self.keys, seed))
        self._task = Classes(dataset.classes)
        self._learner = learners.learner(plan.learner)
        self._features: Tensor = self.pool.items
        column = {label: number for number, label in enumerate(dataset.classes)}
        classes = torch.tensor([column[label] for label in dataset.labels])
        self._columns, self._truth = classes[places], classes[test]
        self._held_out = dataset.pool.items[test]
        self._grown: Grown | None = None

    def models(self, sets: Sequence[Sequence[int]]) -> list[Model]:
        """A model of each labeled set, rows ascending, fitted together."""
        found: list[Model] = []
        for start in range(0, len(sets), _AT_ONCE):
            found += self._learner.fit_many([self._lesson(rows) for rows in sets[start : start + _AT_ONCE]])
        return found

    def reached(self, paths: Sequence[tuple[int, ...]]) -> list[float]:
        """The test accuracy after each sequence of rows; all but the last row are those of a few paths."""
        if not grows(self._learner, self._features, self._task.width, self._columns[self.first]):
            return self.accuracies([sorted([*self.first, *rows]) for rows in paths])
        if self._grown is None:
            self._grown = Grown(self._learner, self._features, self._columns, self._held_out, self._truth)
        found = [0.0] * len(paths)
        last: dict[tuple[int, ...], list[int]] = {}
        for number, rows in enumerate(paths):
            last.setdefault(rows[:-1], []).append(number)
        for taken, numbers in last.items():
            told = self._grown.accuracies([*self.first, *taken], [paths[number][-1] for number in numbers])
            for number, value in zip(numbers, told, strict=True):
                found[number] = value
        return found

    def accuracies(self, sets: Sequence[Sequence[int]]) -> list[float]:
        """The test accuracy of each labeled set's model."""
        starts = range(0, len(sets), _AT_ONCE)
        return [self.accuracy(model) for start in starts for model in self.models(sets[start : start + _AT_ONCE])]

    def accuracy(self, model: Model) -> float:
        """On the test set."""
        scores = model.outputs(self._held_out).scores
        assert scores is not None
        return float((scores.argmax(1) == self._truth).double().mean())

    def loss(self, model: Model) -> float:
        """The mean log-loss on the test set."""
        scores = model.outputs(self._held_out).scores
        assert scores is not None
        return float(torch.nn.functional.cross_entropy(scores.double(), self._truth))

    def believed(self, model: Model) -> Tensor:
        """Probabilities of every item of the pool."""
        scores = model.outputs(self._features).scores
        assert scores is not None
        return scores.softmax(1)

    def picked(self, model: Model, taken: list[int], count: int, strategy: str, number: int, most: int) -> list[int]:
        """What a strategy picks on a random part of what is open."""
        dice = Dice(self.seed, "batch-oracle", len(taken)).of(f"part {number}")
        noise = dice.uniform(self.keys)
        noise[taken] = torch.inf
        part = noise.argsort()[: min(most, self.items - len(taken))]
        mask = torch.zeros(self.items, dtype=torch.bool)
        mask[part] = True
        known = torch.tensor(taken)
        picks = select(
            strategy,
            count,
            probabilities=self.believed(model),
            embeddings=self._features,
            labeled_embeddings=self._features[known],
            mask=mask,
            seed=dice.key >> 33,
        )
        return [int(row) for row in picks]

    def played(self, name: str, bought: Sequence[int]) -> Run:
        """The run of a strategy that would have asked for these rows, in this order."""
        part = _Dictated(tuple(bought), len(self.first))
        plan = replace(self.plan, strategies=(name,), parts={name: part})
        return run_cell((self._dataset, plan), (name, self.seed))

    def _lesson(self, rows: Sequence[int]) -> Lesson:
        known = torch.tensor(rows, dtype=torch.int64)
        open_ = torch.ones(self.items, dtype=torch.bool)
        open_[known] = False
        return Lesson(
            items=self._features,
            keys=self.keys,
            task=self._task,
            labeled=known,
            targets=torch.nn.functional.one_hot(self._columns[known], self._task.width).double(),
            weights=torch.ones(len(known), dtype=torch.float64),
            unlabeled=open_.nonzero().squeeze(1),
            dice=Dice(self.seed, "fit", len(rows)),
        )

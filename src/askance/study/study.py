"""A study: ask, tell, remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from askance import arrays
from askance.errors import AskanceError, BadInput
from askance.history import History
from askance.learners.base import Model
from askance.look import predict
from askance.look import threads as inner_threads
from askance.pool import ASIDE, LABELED, PENDING, UNLABELED, Pool
from askance.strategies.catalogue import name_of
from askance.study.answers import Told, told
from askance.study.artifacts import open_artifacts
from askance.study.audit import Audited, audit
from askance.study.journal import Draft, Line, open_journal
from askance.study.models import Models, lesson_of
from askance.study.opening import START, Wishes
from askance.study.pick import batch_of
from askance.study.score import Score, cross_fitted, measure
from askance.study.steps import Steps
from askance.study.stopping import Criterion, verdict
from askance.study.stream import Passage, passage_of
from askance.task import Classes, Named, Task, plain
from askance.view import Batch


class Oracle(Protocol):
    """Whoever can answer at once."""

    def of(self, ids: list[Any]) -> Mapping[Any, Any]:
        """The labels of some items, by id."""


@dataclass(frozen=True)
class Progress:
    """Where a study stands.

    Args:
        labeled: Items with a label.
        pending: Items that were asked and not answered.
        aside: Items that were answered without a label of the task.
        unlabeled: Items nobody asked about.
        rounds: Rounds begun.
        stopped: Why the strategy thinks that no item is worth a label; empty otherwise.
    """

    labeled: int
    pending: int
    aside: int
    unlabeled: int
    rounds: int
    stopped: str = ""


class Study(Steps):
    """Asks for the labels that matter, one batch after another, and remembers everything in a journal.

    The same call opens an existing journal and goes on.

    Args:
        pool: The items.
        learner: What learns: a `Learner` or any scikit-learn classifier. Default: a softmax head on the features.
        strategy: A name, ``path/mine.py:MyStrategy`` or a `Strategy`. Default: TypiClust until there are ten labels
            for each class, then margin.
        classes: The classes, if the items have one class each.
        task: What the items are labeled with, if it is not one class each.
        storage: A path for the journal, or a database URL; None keeps it in memory.
        name: Which study of the storage.
        seed: Seed of all dice. Default 0, or what the journal says.
        start: The strategy while there are too few labels for a model; None asks by `strategy` from the first item.
        control: The share of every batch that is drawn uniformly, for an honest `score`.
        durability: ``full``: every line is on disk when its call returns. ``normal``: one commit a round.
        threads: Inner threads of fits and signals; another number gives other last bits.

    Raises:
        BadInput: If the arguments contradict each other or the journal.
        StorageError: If the journal cannot be read or written.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        learner: Any = None,
        strategy: Any = None,
        classes: Iterable[Any] | None = None,
        task: Task | None = None,
        storage: str | Path | None = None,
        name: str = "study",
        seed: int | None = None,
        start: Any = START,
        control: float | None = None,
        durability: str = "full",
        threads: int = 1,
    ) -> None:
        if classes is not None and task is not None:
            raise BadInput(
                "classes= and task= are both given. classes=[...] is short for task=Classes([...]): use one."
            )
        if not isinstance(pool, Pool):
            raise BadInput(f"A study is about a pool, and this is a {type(pool).__name__}. Use Pool.from_arrays(...).")
        declared = _classes(classes) if classes is not None else task or pool.task
        wishes = Wishes(learner, strategy, declared, seed, start, control, threads)
        self.name = name
        super().__init__(pool, open_journal(storage, name, durability), open_artifacts(storage), wishes)

    def __repr__(self) -> str:
        p = self.progress
        return (
            f"Study({self.name!r}: {p.labeled} labeled, {p.pending} pending, {p.aside} aside, {p.unlabeled} unlabeled; "
            f"{name_of(self.strategy)} asks, {type(self.learner).__name__} learns)"
        )

    # What people do

    def ask(self, n: int = 1, once: str | None = None) -> Batch:
        """The next items to label, in order of preference.

        The first ask opens a round of ``n``; until the round is spent, asking goes on with the same model and the
        newest answers. A batch may be shorter than ``n`` and then says why in its `reason`.

        Args:
            n: How many.
            once: A client's key: the same key gets the same batch, whatever was lost on the way.

        Raises:
            BadInput: If ``n`` is under 1, or a model is needed and there is no label at all.
        """
        n = plain(n)
        if n < 1:
            raise BadInput(f"ask({n}) asks for nothing. Ask for 1 item or more.")

        def attempt() -> Batch:
            if once is not None and (line := self.journal.find(once)) is not None:
                if line.kind != "asked":
                    raise BadInput(f"The key {once!r} was used for a line of kind {line.kind!r}. Use another key.")
                return batch_of(line, self.pool)
            if self.state.count(UNLABELED) == 0:
                return self._nothing("stop: every item of the pool was asked")
            self.learn(self.lesson())
            return self.asked(self.pick(n), once=once)

        self.refresh()
        return self.insist(attempt)

    def consider(self, items: Any, *, budget: int | None = None, once: str | None = None) -> Passage:
        """Let items go by as a stream does: each is asked about or inferred, by the strategy and the latest model.

        The strategy sees one item at a time as the only candidate. What it does not ask for goes by with the model's
        prediction, which is kept in the journal, as is that of what is asked; all of one call is one commit. Answers
        that came since are learned from before, and an open round of `ask` ends. Most strategies ask for whatever they
        are shown, until the budget is spent; ``neural-cal-plus-plus``, ``neural-cal``, ``i-neural``, ``neural-ntk`` and
        ``neuronal-stream`` may say no.

        Args:
            items: An id, or several in the order in which they come.
            budget: How many items the study may have asked in all, those before included; once it is spent, items are
                inferred only, and the passage says so. None: any number.
            once: A client's key: the same key gets the same passage, whatever was lost on the way.

        Raises:
            BadInput: If an item is unknown, named twice or not unlabeled, the budget is no number, the study draws
                control items, or a model is needed and there is no label at all.
        """
        ids = [plain(items)] if isinstance(plain(items), int | str) else [plain(id) for id in items]
        budget = plain(budget)
        if budget is not None and (not isinstance(budget, int) or budget < 0):
            raise BadInput(f"budget={budget!r} is no number of labels. Use 0 or more, or None for any number.")
        if not ids:
            raise BadInput("consider([]) lets nothing go by. Name an item, or several.")

        def attempt() -> Passage:
            if once is not None and (line := self.journal.find(once)) is not None:
                if "considered" not in line.body:
                    raise BadInput(f"The key {once!r} was used for a line of kind {line.kind!r}. Use another key.")
                spent = len(self.state.sides) - self.state.count(UNLABELED)
                return passage_of(line, self.journal.read(after=line.number), self.pool, spent)
            self.learn(self.lesson(anew=True))
            return self.went_by(self.weigh(ids, budget), once=once)

        self.refresh()
        return self.insist(attempt)

    def tell(self, answers: Told, *, kind: str = "label", by: str = "", once: str | None = None) -> int:
        """Take in answers: any order, any part of a batch, late, repeated, unasked.

        Nothing is written if one of them cannot be read.

        Args:
            answers: Values by id; a value may be an `Answer`.
            kind: What the values are: ``label``, ``soft``, ``none-of-these``, ``unsure``, ``broken``, ``withdrawn``.
            by: Who answers. A later answer of the same person to the same item replaces the earlier one.
            once: A client's key; told again under the same key, nothing happens.

        Returns:
            How many answers were new.

        Raises:
            BadInput: For an id the pool does not have, or a value the task has no word for.
        """
        self.refresh()
        drafts = told(self.pool, self.state.task, answers, kind, by, once)
        lines = self.journal.add(drafts)
        new = sum(line.number > self.state.line for line in lines)
        self.refresh()
        return new

    def withdraw(self, ids: Iterable[Any], *, by: str = "") -> int:
        """Take the answers of one person to some items back."""
        return self.tell({name: None for name in ids}, kind="withdrawn", by=by)

    def release(self, ids: Iterable[Any]) -> None:
        """Put items that were asked and not answered back on the unlabeled side."""
        self.journal.add([Draft("released", {"ids": self.pool.names(self.pool.rows(ids))})])
        self.refresh()

    def declare(self, name: Any) -> None:
        """Add a class, or a label, to the project.

        Raises:
            BadInput: If the task has no names, or has this one.
        """
        self._renamed(lambda task: task.grown(name))

    def rename(self, old: Any, new: Any) -> None:
        """Give a class another name. What was answered stays in the journal as it was said, and means the new name.

        Raises:
            BadInput: If there is no such class, or another one has the new name.
        """
        self._renamed(lambda task: task.renamed(old, new))

    def merge(self, old: Any, into: Any) -> None:
        """Make one class a part of another. What was answered stays in the journal as it was said.

        Raises:
            BadInput: If one of them does not exist.
        """
        self._renamed(lambda task: task.merged(old, into))

    def run(
        self,
        oracle: Oracle,
        budget: int,
        batch: int = 10,
        *,
        until: Criterion | None = None,
        each: Callable[[Study], None] | None = None,
    ) -> Progress:
        """Ask and tell until ``budget`` items are answered.

        A run that was killed is run again with the same call: it asks exactly what an unbroken run would have asked.

        Args:
            oracle: Who answers, such as `Known`.
            budget: Answered items in the end, those already answered included.
            batch: Items in a round.
            until: Ends it earlier, between two rounds, once the criterion says stop; such as `stopping.DEFAULT`.
            each: Called after every round, before the next fit.

        Returns:
            Where the study stands; `stopped` says if the strategy ended it.

        Raises:
            BadInput: If the budget is larger than the pool, or a batch is under 1.
            AskanceError: If the strategy waits for answers though none is outstanding, or asks for nothing twice.
        """
        if budget > len(self.pool):
            raise BadInput(
                f"A budget of {budget} is larger than the pool of {len(self.pool)} items. Use {len(self.pool)} or less."
            )
        self.refresh()
        idle = False
        while True:
            with self.together():
                self.tell(oracle.of(self.pending))  # asked before a kill, and not answered
                answered = len(self.pool) - self.state.count(UNLABELED)
                if answered >= budget or self.state.stopped or (until is not None and self._enough(until)):
                    return self.progress
                asked = self.ask(min(batch, budget - answered))
                if not asked.ids and (asked.reason == "waiting" or (idle and not self.state.stopped)):
                    raise AskanceError(
                        f"{asked.strategy} asks for nothing with the reason {asked.reason!r}, and no question is open. "
                        f"Mend its query: ask for something, or give the reason 'stop: ...'."
                    )
                idle = not asked.ids
                self.tell(oracle.of(asked.ids))
            if each is not None and not self.state.round.left:
                each(self)

    # What people want to know

    @property
    def task(self) -> Task:
        """What the items are labeled with."""
        return self.state.task

    @property
    def history(self) -> History:
        """What was asked and answered, by row."""
        return self.state.history

    @property
    def pending(self) -> list[Any]:
        """Ids that were asked and not answered."""
        return self.pool.names((self.state.sides == PENDING).nonzero().squeeze(1))

    @property
    def inferred(self) -> dict[Any, Any]:
        """The last prediction given of each item that went by unasked, by id."""
        rows = sorted(self.state.passed)
        return dict(zip(self.pool.names(rows), (self.state.passed[row] for row in rows), strict=True))

    @property
    def labels(self) -> dict[Any, Any]:
        """What each labeled item was told to be, by id; what most people say, ties to the class declared first."""
        names = self.pool.names(self.state.labeled)
        return {name: self.task.answer(row) for name, row in zip(names, self.state.targets[0], strict=True)}

    @property
    def progress(self) -> Progress:
        """Where the study stands."""
        s = self.state
        labeled, pending, aside, unlabeled = (s.count(side) for side in (LABELED, PENDING, ASIDE, UNLABELED))
        return Progress(labeled, pending, aside, unlabeled, s.round.number + 1, s.stopped)

    def lines(self) -> list[Line]:
        """The whole journal."""
        return self.journal.read()

    def model(self) -> Model:
        """The latest model; fitted now if labels have come since and no round is open."""

        def attempt() -> Model:
            if not self.round_open and not self.current:
                self.learn(lesson_of(self.state, self.parts))
            return self.models.task(self.state.fits, len(self.state.fits) - 1)

        self.refresh()
        return self.insist(attempt)

    def predict(self, items: Any = None) -> Tensor:
        """What the latest model believes of items, or of the whole pool: probabilities, or numbers.

        Args:
            items: Items like those of the pool.

        Returns:
            (items, classes | labels | targets).
        """
        given = self.pool.items if items is None else self._like_the_pool(items)
        with inner_threads(self.state.threads):
            return predict(self.model(), given, self.task, self.state.piece)

    def score(self, items: Any = None, labels: Sequence[Any] | None = None) -> Score:
        """How good the latest model is, journaled: accuracy for classes, F1 for labels, the error for numbers.

        Without arguments it is measured on control items alone, which were drawn uniformly (`control=`); items that a
        strategy chose are harder or odder than the pool and would mislead. Control items are learned from too, so
        each is predicted by a model that did not see its fold.

        Args:
            items: Held-out items, like those of the pool.
            labels: Their labels.

        Raises:
            BadInput: If there is nothing to measure on.
        """
        if items is None:
            self.refresh()
            rows = [row for row in sorted(self.state.controls) if self.state.sides[row] == LABELED]
            with inner_threads(self.state.threads):
                lesson = lesson_of(self.state, self.parts)
                index = torch.tensor(rows, dtype=torch.int64)
                guesses, truth = cross_fitted(lesson, self.learner, index, self.state.seed, self.state.piece)
            on = "control"
        else:
            if labels is None or len(labels) != len(items) or len(items) == 0:
                given = 0 if labels is None else len(labels)
                raise BadInput(f"score() got {len(items)} items and {given} labels. Give one label for each item.")
            told = [self.task.vector(self.task.read(plain(label)), "label") for label in labels]
            guesses, truth, on = self.predict(items), torch.tensor(told, dtype=torch.float64), "held-out"
        found = measure(self.task, guesses, truth, on, self.state.seed)
        body = {"scores": found.measured(), "on": on, "through": self.state.line, "labels": self.state.count(LABELED)}
        self.journal.add([Draft("scored", body)])
        self.refresh()
        return found

    def audit(self, *, refit: bool = False) -> list[Audited]:
        """Compute every batch ever asked again, whoever asked and whatever was told meanwhile.

        Args:
            refit: Fit every model again instead of reading stored weights.

        Returns:
            A row for each asked line, in the order of the journal; see its `ok` and `why`.
        """
        models = Models(open_artifacts(None), self.parts, self.replay) if refit else self.models
        return audit(self.pool, self.journal.read(), self.parts, models)

    # Within

    def _enough(self, until: Criterion) -> bool:
        """Whether a criterion says stop, of a model that learned from all there is; never within a round."""
        if self.round_open:
            return False
        if self.state.count(LABELED):
            self.model()  # the one that the next round would begin with
        return verdict(self, until).now

    def _renamed(self, change: Callable[[Named], Named]) -> None:
        """Write down a task with other names; the models so far end with it."""

        def attempt() -> None:
            task = self.state.task
            if not isinstance(task, Named):
                raise BadInput(f"{type(task).__name__} has no names. Only classes and labels have names to change.")
            changed = self.parts.add(change(task))
            self.append([Draft("changed", {"what": "task", "old": self.state.parts["task"], "new": changed})])

        self.refresh()
        self.insist(attempt)

    def _like_the_pool(self, items: Any) -> Any:
        if not isinstance(self.pool.items, Tensor):
            return list(items)
        pool = self.pool.items
        given = arrays.tensor(items, "items", pool.ndim).to(pool.dtype)
        if given.shape[1:] != pool.shape[1:]:
            here, there = ("x".join(map(str, array.shape[1:])) for array in (given, pool))
            raise BadInput(f"items have {here} features and the pool has {there}. Encode both in the same way.")
        return given

    def _nothing(self, reason: str) -> Batch:
        none = torch.zeros(0, dtype=torch.int64)
        return Batch(none, [], (), reason, seen=self.state.line, seed=self.state.seed)


def _classes(names: Iterable[Any]) -> Classes:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise BadInput(f"classes={names!r} is no list of classes. Name them: classes=['cat', 'dog'], or range(10).")
    named = tuple(names)
    if not named:
        raise BadInput(
            "classes=[] holds no class. Declare at least one; study.declare(...) can add others later. "
            "If people are to find the classes while they label: task=Classes(())."
        )
    return Classes(named)

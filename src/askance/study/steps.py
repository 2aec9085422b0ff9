"""The four steps of an ask over an open journal, for those who drive many studies at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from askance.errors import AskanceError, BadInput, Conflict, out_of_memory
from askance.learners.base import Learner, Lesson, Model
from askance.look import threads as inner_threads
from askance.pool import LABELED, UNLABELED, Pool
from askance.strategies.base import Strategy
from askance.strategies.catalogue import name_of
from askance.study.artifacts import Artifacts
from askance.study.journal import Draft, Journal, Line
from askance.study.models import Models, Parts, companions_of, digest, lesson_of
from askance.study.opening import Wishes, as_journaled, changes, first_lines
from askance.study.pick import Picks, body_of, pick
from askance.study.state import Past, State
from askance.study.stream import Passage, drafts_of, weigh
from askance.view import Batch

T = TypeVar("T")

SMALL = 64  # rows in a piece where memory did not suffice
TRIES = 1000  # how often a write may lose against other processes before one gives up


class Steps:
    """A journal with its state, its parts and its models: `lesson`, `learned`, `pick`, `asked`.

    Args:
        pool: The items.
        journal: Where everything is written.
        artifacts: Where weights lie.
        wishes: What was handed in, to be compared with what the journal says.
    """

    def __init__(self, pool: Pool, journal: Journal, artifacts: Artifacts, wishes: Wishes) -> None:
        self.parts = Parts()
        self.journal = journal
        self.models = Models(artifacts, self.parts, self.replay)
        self.pool, self.state = pool, State(pool)
        if self.journal.last == 0:
            with suppress(Conflict):  # another process may open it in this moment
                self.journal.append(first_lines(pool, wishes, self.parts), after=0)
        self._open(pool, wishes)

    @property
    def strategy(self) -> Strategy:
        """What asks once there are labels enough."""
        return self.parts.strategy(self.state, cold=False)

    @property
    def learner(self) -> Learner:
        """What learns, equipped by the strategy."""
        return self.parts.learner(self.state)

    def lesson(self, *, anew: bool = False) -> Lesson | None:
        """What to learn from before the next pick; None while the latest model is still to be used.

        Args:
            anew: Whether answers since the last fit are learned from although a round is open.

        Raises:
            BadInput: If the strategy needs a model, there is no label, and the study has no start strategy.
        """
        state = self.state
        strategy = self.parts.strategy(state, state.cold)
        if state.parts["start"] is None and strategy.needs_model() and state.count(LABELED) == 0:
            raise BadInput(
                f"{name_of(strategy)} asks by a model, and there is no label to learn from. "
                f"Tell some labels first, or give the study a start strategy: Study(..., start='typiclust')."
            )
        return None if (self.round_open and not anew) or self.current else lesson_of(state, self.parts)

    def fit(self, lesson: Lesson) -> dict[str, Model]:
        """The task model, under ``""``, and the models of the strategy's companions, under their digests."""
        state = self.state
        learner = self.learner
        with inner_threads(state.threads):
            previous = self.models.previous(state, learner)
            task = learner.fit(replace(lesson, previous=previous, resume=self.models.unfinished(lesson.key)))
            models = {"": task}
            for companion in self._companions():
                own = self.models.companion_lesson(state, lesson, companion, task)
                models[digest(self.parts.add(companion))] = companion.fit(own)
        return models

    def learned(self, lesson: Lesson, models: Mapping[str, Model], seconds: float = 0.0) -> None:
        """Keep the models of a lesson and write them down: one line.

        Answers that came in meanwhile do no harm: the line says through which line the models learned.

        Raises:
            Conflict: If somebody else fitted meanwhile, or other parts or items are in force.
        """
        companions = {}
        for companion in self._companions():
            description = self.parts.add(companion)
            name = digest(description)
            if name not in models:
                continue  # answers ended or began a cold start since the lesson was made
            key = digest([lesson.key, name])
            self.models.keep(key, models[name])
            companions[name] = {"learner": description, "key": key, "facts": dict(models[name].facts)}
        self.models.keep(lesson.key, models[""])
        body = {
            "number": lesson.number,
            "through": lesson.through,
            "key": lesson.key,
            "learner": self.parts.add(self.learner),
            "companions": companions,
            "facts": dict(models[""].facts),
            "seconds": seconds,
        }
        self.insist(
            lambda: self.append([Draft("fitted", body)]),
            unless=lambda lines: any(line.kind in ("fitted", "changed", "offered") for line in lines),
        )

    def pick(self, n: int) -> Picks:
        """What to ask next: a function of the journal so far.

        Nothing is written, but where memory does not suffice for a piece of the pool: then, once, pieces are made
        smaller from there on, which the journal must know.

        Raises:
            AskanceError: If memory does not suffice for smaller pieces either.
        """
        return self._in_memory(lambda: pick(self.state, self.parts, self.models, n))

    def weigh(self, ids: Sequence[Any], budget: int | None) -> Passage:
        """What to ask of a stream's items, and what to infer: a function of the journal so far, as `pick` is."""
        return self._in_memory(lambda: weigh(self.state, self.parts, self.models, ids, budget))

    def _in_memory(self, attempt: Callable[[], T]) -> T:
        with inner_threads(self.state.threads):
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
            self._smaller_pieces()
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                raise AskanceError(
                    f"Memory does not suffice to look at {self.state.piece} items at once: {error}. Use a smaller "
                    f"model, or a strategy that reads less."
                ) from error

    def _smaller_pieces(self) -> None:
        """Write down that pieces are smaller from here on; whoever wrote that first is right."""
        if self.state.piece > SMALL:
            self.insist(
                lambda: self.append([Draft("changed", {"what": "piece", "old": self.state.piece, "new": SMALL})]),
                unless=lambda lines: any(line.kind == "changed" for line in lines),
            )

    def asked(self, picks: Picks, once: str | None = None) -> Batch:
        """Write a batch down, so that nobody else is asked its items.

        Raises:
            Conflict: If somebody else asked meanwhile, or an item is no candidate any more: pick again.
        """
        batch = picks.batch
        if not batch.ids and batch.reason == "waiting":
            return batch  # nothing happened
        drafts = [Draft("asked", body_of(picks), once)]
        if batch.reason.startswith("stop"):
            drafts.append(Draft("stopped", {"reason": batch.reason.removeprefix("stop").strip(": ")}))

        def attempt() -> Batch:
            self.append(drafts)
            return batch

        return self.insist(attempt, unless=lambda lines: self._outdated(batch.rows.tolist(), lines))

    def went_by(self, passage: Passage, once: str | None = None) -> Passage:
        """Write down what was asked of a stream and what was inferred, with the predictions given: one commit.

        Raises:
            Conflict: If somebody else asked meanwhile, or an item is no candidate any more: weigh again.
        """

        def attempt() -> Passage:
            self.append(drafts_of(passage, once))
            return passage

        rows = self.pool.rows(one.id for one in passage)
        return self.insist(attempt, unless=lambda lines: self._outdated(rows, lines))

    def refresh(self) -> list[Line]:
        """Fold what was written since, and give it."""
        lines = self.journal.read(after=self.state.line)
        for line in lines:
            self.state.fold(line)
        return lines

    def append(self, drafts: Sequence[Draft]) -> None:
        """Write lines if nobody else wrote since the last refresh, and fold them."""
        for line in self.journal.append(drafts, after=self.state.line):
            self.state.fold(line)

    def insist(self, attempt: Callable[[], T], unless: Callable[[list[Line]], bool] | None = None) -> T:
        """Try, and whenever somebody else wrote first, read on and try again; `unless` the new lines forbid it."""
        for _ in range(TRIES):
            try:
                return attempt()
            except Conflict:
                since = self.refresh()
                if unless is not None and unless(since):
                    raise
        raise AskanceError(f"{TRIES} writes in a row lost against other processes. Try again, with larger batches.")

    def learn(self, lesson: Lesson | None) -> None:
        """Fit a lesson, if there is one, and write it down."""
        if lesson is not None:
            begun = time.perf_counter()
            models = self.fit(lesson)
            self.learned(lesson, models, time.perf_counter() - begun)

    @property
    def round_open(self) -> bool:
        """Whether the round of the last ask is not spent, so that its model is still to be used."""
        return bool(self.state.fits) and self.state.round.left > 0

    @property
    def current(self) -> bool:
        """Whether the latest models learned from all there is, with the parts in force."""
        if not self.state.fits:
            return False
        fit = self.state.fits[-1]
        needed = {digest(self.parts.add(companion)) for companion in self._companions()}
        same = fit.learner == self.parts.add(self.learner) and needed <= set(fit.companions)
        return same and fit.through >= self.state.taught

    def replay(self, through: int) -> State:
        """The state of the journal up to a line; it is good until the next call."""
        return self._past.at(through)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One commit for all that is written inside, where the durability is ``normal``."""
        try:
            with self.journal.together():
                yield
        except BaseException:
            if self.journal.last < self.state.line:  # what was not kept did not happen
                self._past = Past(self.pool, self.journal.read)
                self.state = State.replay(self.pool, self.journal.read())
            raise

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()

    def _open(self, pool: Pool, wishes: Wishes) -> None:
        """Read the journal, and write what is new since it was last opened, once, whoever else opens it now."""
        for _ in range(TRIES):
            lines = self.journal.read()
            self.pool = as_journaled(pool, lines)
            self.state = State.replay(self.pool, lines)
            self._past = Past(self.pool, self.journal.read)
            drafts = changes(self.state, self.pool, wishes, self.parts)
            with suppress(Conflict):
                if drafts:
                    self.append(drafts)
                return
        raise AskanceError(f"{TRIES} writes in a row lost against other processes. Open the study again.")

    def _outdated(self, rows: Sequence[int], since: Sequence[Line]) -> bool:
        """Whether lines written after some rows were picked forbid to ask them as it is."""
        taken = any(self.state.sides[row] != UNLABELED for row in rows)
        return taken or any(line.kind not in ("told", "noted") for line in since)

    def _companions(self) -> list[Learner]:
        return companions_of(self.parts.strategy(self.state, self.state.cold))

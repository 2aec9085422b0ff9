"""A strategy that learns from answers which of several strategies to follow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch

from askance.describe import describe
from askance.errors import BadInput
from askance.history import History
from askance.learners.base import Learner
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.view import Batch, View

NOTED = {"arm", "name", "chance", "guess"}  # what a bandit writes beside a pick; others write a chance, too


@dataclass(frozen=True)
class Bandit(Strategy):
    """Draw for every pick which of several strategies has its turn; those whose picks surprised are drawn more.
    [auer2002nonstochastic] [hsu2015active, for active learning]

    Exp3: arm k is drawn with chance ``(1 - explore) w_k / sum w + explore / K``, and w_k is the exponential of ``rate /
    K`` times the sum of reward over chance of what it picked. The reward is 1 where the answer is another class than
    the model guessed when it asked, which the note beside the pick remembers by its name; so credit is read off the
    history, and nothing else is kept. Credit of a strategy that is no arm any more is nobody's. Reward by surprise is
    our choice: ALBL weighs the accuracy on what was asked, which a model that fits its labels has at 1. It pays for
    noise, too.

    Args:
        arms: The strategies, or their names.
        belief: What the guess is taken from.
        explore: The share of draws that are uniform.
        rate: How fast weights follow rewards.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5]])
    >>> batch = Bandit(("margin", "entropy")).query(paper, 1)  # both want the second item
    >>> batch.ids, batch.notes[0]["chance"], batch.notes[0]["guess"]
    ([1], 0.5, 0)
    """

    cost: ClassVar[str] = "as the strategies inside"

    arms: tuple[Strategy | str, ...] = ("margin", "k-center", "typiclust")
    belief: Signal = Probabilities()
    explore: float = 0.1
    rate: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", tuple(catalogue.strategy(arm) for arm in self.arms))
        if len(self.arms) < 2:
            raise BadInput(f"A bandit of {len(self.arms)} has nothing to choose. Name 2 strategies or more.")
        if not 0 < self.explore <= 1 or not self.rate >= 0:
            raise BadInput(f"Bandit(explore={self.explore}, rate={self.rate}): explore in (0, 1], rate 0 or more.")

    def equip(self, learner: Learner) -> Learner:
        for arm in inner(self.arms):
            learner = arm.equip(learner)
        return learner

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes) and all(arm.serves(task) for arm in inner(self.arms))

    def said(self, task: Task) -> str:
        """Who may have its turn, in words."""
        return f"one of {', '.join(names_of(self.arms))} for each pick, by what surprised"

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        proposals, failed = asked(self.arms, view, n, "arms")
        chances = self._chances(view.history, view.task, sorted(proposals))
        names = view.task.names if isinstance(view.task, Classes) else ()
        guesses = view[self.belief].argmax(1) if names else None
        rows, notes = _dealt(proposals, chances, _throws(view, n))
        marks = _marks(self.arms)
        for row, note in zip(rows, notes, strict=True):
            note["name"] = marks[note["arm"]]  # another study of the journal may have other arms
            note["guess"] = names[int(guesses[row])] if guesses is not None else None  # columns move
        reasons = [batch.reason for batch in proposals.values() if batch.reason]
        short = len(rows) < n
        picked = view.batch(torch.tensor(rows, dtype=torch.int64), reason=reasons[0] if short else "", notes=notes)
        return replace(picked, said=left_out(failed))

    def chances(self, view: View) -> list[float]:
        """The chance that each arm has its next turn, summing to 1."""
        found = self._chances(view.history, view.task, range(len(self.arms)))
        return [found[arm] for arm in range(len(self.arms))]

    def _chances(self, history: History, task: Task, arms: Sequence[int]) -> dict[int, float]:
        credit = dict.fromkeys(arms, 0.0)
        for arm, chance, surprised in credits(history, task, self.arms):
            if arm in credit:
                credit[arm] += surprised / chance
        scores = torch.tensor([self.rate / len(self.arms) * credit[arm] for arm in arms], dtype=torch.float64)
        shares = (1 - self.explore) * scores.softmax(0) + self.explore / len(arms)
        return dict(zip(arms, shares.tolist(), strict=True))


def credits(history: History, task: Task, arms: Sequence[Strategy | str]) -> Iterator[tuple[int, float, float]]:
    """Of every pick that a bandit drew and somebody labeled: its arm, the chance of that, and whether it surprised.

    Arms and guesses are known by their names: the numbers of both change when arms are others, or classes are merged.
    """
    marks = _marks(arms)
    for asked in history.asked:
        for row, note in zip(asked.rows, asked.notes, strict=True):
            if not note.keys() >= NOTED or note["name"] not in marks:
                continue
            told = task.target(history.answers.get(row, ()))
            if told is None or not isinstance(task, Classes) or not task.knows(note["guess"]):
                continue
            label = max(range(len(told[0])), key=told[0].__getitem__)
            arm = int(note["arm"])
            if marks[arm : arm + 1] != [note["name"]]:  # else of arms that are alike it is the one it was
                arm = marks.index(note["name"])
            yield arm, float(note["chance"]), float(label != task.index(note["guess"]))


def asked(
    strategies: Sequence[Strategy | str], view: View, n: int, field: str
) -> tuple[dict[int, Batch], dict[str, str]]:
    """What each of several strategies would pick, and which of them failed, by name, with the error.

    Raises:
        BadInput: If all of them fail.
    """
    found, failed = {}, {}
    for number, (name, one) in enumerate(zip(names_of(strategies), inner(strategies), strict=True)):
        try:
            found[number] = one.query(view.part(f"{field}[{number}]"), n)
        except MemoryError:
            raise
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    if not found:
        raise BadInput(all_failed(failed))
    return found, failed


def inner(strategies: Sequence[Strategy | str]) -> tuple[Strategy, ...]:
    """Strategies that a field of another one holds."""
    return tuple(catalogue.strategy(one) for one in strategies)


def names_of(strategies: Sequence[Strategy | str]) -> tuple[str, ...]:
    """Their names; one that stands there again has its number behind it."""
    names = [catalogue.name_of(one) for one in inner(strategies)]
    return tuple(
        f"{name}-{names[:place].count(name) + 1}" if name in names[:place] else name for place, name in enumerate(names)
    )


def _marks(strategies: Sequence[Strategy | str]) -> list[str]:
    """What each is known by in a note: its name, or all its fields where the name stands for others."""
    marks = []
    for one in inner(strategies):
        name, about = catalogue.name_of(one), describe(one)
        named = name in catalogue.names() and describe(catalogue.strategy(name)) == about
        marks.append(name if named else json.dumps(about, sort_keys=True))
    return marks


def left_out(failed: dict[str, str]) -> str:
    """Who failed and why, for a person; empty where nobody did."""
    return " ".join(f"{name} was left out: {why}" for name, why in failed.items())


def all_failed(failed: dict[str, str]) -> str:
    """What to say where nobody is left."""
    said = " ".join(f"{name}: {why}" for name, why in failed.items())
    return f"Every strategy inside failed. {said} Use strategies that this learner gives what they read."


def _dealt(
    proposals: dict[int, Batch], chances: dict[int, float], throws: list[float]
) -> tuple[list[int], list[dict[str, Any]]]:
    """The items in the order that arms have their turns, with the note of each; an arm that has no more is passed."""
    left = {arm: batch.rows.tolist() for arm, batch in proposals.items()}
    rows: list[int] = []
    notes: list[dict[str, Any]] = []
    taken: set[int] = set()
    for throw in throws:
        left = {arm: [row for row in wanted if row not in taken] for arm, wanted in left.items()}
        turns = {arm: chances[arm] for arm, wanted in left.items() if wanted}
        if not turns:
            break
        arm = _turn(turns, throw)
        rows.append(left[arm][0])
        taken.add(rows[-1])
        among = sum(turns.values()) if len(turns) < len(chances) else 1.0  # those left share what the others had
        notes.append({"arm": arm, "chance": chances[arm] / among})
    return rows, notes


def _throws(view: View, n: int) -> list[float]:
    """A number in [0, 1) for each pick. Items of a stream come alone and with the same dice: there by their keys."""
    dice, alone = view.dice.of("turns"), len(view.candidates) == 1
    thrown = dice.uniform(view.keys[view.candidates])[:n] if alone else dice.generator().random(n)
    return [float(throw) for throw in thrown]


def _turn(chances: dict[int, float], throw: float) -> int:
    """The arm that a number in [0, 1) falls on; chances need not sum to 1."""
    total, reached = sum(chances.values()), 0.0
    for arm, chance in chances.items():
        reached += chance / total
        if throw < reached:
            return arm
    return next(reversed(chances))

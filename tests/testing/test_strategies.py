"""A fleet of strategies that each break one promise: each is caught by that promise and by no other."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from askance.errors import MissingSignal
from askance.learners.base import Learner, Lesson, Model
from askance.learners.linear import Linear, LinearModel
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import Margin
from askance.testing import Broken, check_strategy, strategy_promises
from askance.testing.promises import said, thrown, unchecked
from askance.view import Batch, View

PROMISES = {promise.name: promise for promise in strategy_promises()}
FLEET: list[tuple[str, Strategy]] = []
CALLS: list[int] = []
FITTED: list[Tensor] = []


def breaks(promise: str) -> Callable[[type[Strategy]], type[Strategy]]:
    """Put a strategy into the fleet, frozen and with a docstring that breaks nothing."""

    def register(kind: type[Strategy]) -> type[Strategy]:
        kind.__doc__ = ">>> 1 + 1\n2\n"
        made = dataclass(frozen=True)(kind)
        FLEET.append((promise, made()))
        return made

    return register


@pytest.mark.parametrize(("promise", "strategy"), FLEET, ids=lambda value: type(value).__name__)
def test_a_broken_strategy_is_caught_by_the_promise_it_breaks_and_by_no_other(promise: str, strategy: Strategy) -> None:
    found = said(list(PROMISES.values()), strategy)
    assert [name for name, why in found.items() if why and not unchecked(why)] == [promise], found


def test_every_promise_has_a_strategy_that_breaks_it() -> None:
    apart = {"has a doctest that comes out", "has a reference", "passes equip on"}  # below
    assert {promise for promise, _ in FLEET} == PROMISES.keys() - apart


@breaks("picks distinct candidates")
class Twice(Margin):
    def query(self, view: View, n: int) -> Batch:
        rows = super().query(view, n).rows
        return view.batch(torch.cat([rows[:1], rows])[:n])


@breaks("picks distinct candidates")
class AsksWhatIsAside(Margin):
    def query(self, view: View, n: int) -> Batch:
        return view.batch(torch.cat([view.aside, super().query(view, n).rows])[:n])


@breaks("picks distinct candidates")
class NotesNoJson(Margin):
    def query(self, view: View, n: int) -> Batch:
        rows = super().query(view, n).rows
        return view.batch(rows, notes=[{"utility": float("nan")}] * len(rows))


@breaks("picks distinct candidates")
class AlwaysFails(Margin):
    def query(self, view: View, n: int) -> Batch:
        raise ZeroDivisionError("nothing to divide by")


@breaks("gives all there are, or says why not")
class OneShort(Margin):
    def query(self, view: View, n: int) -> Batch:
        return super().query(view, max(1, n - 1)) if n else view.batch(view.candidates[:0])


@breaks("gives all there are, or says why not")
class OddReason(Margin):
    def query(self, view: View, n: int) -> Batch:
        return replace(super().query(view, n), reason="tired")


@breaks("picks the same with the same seed")
class Counts(Margin):
    def query(self, view: View, n: int) -> Batch:
        CALLS.append(n)
        rows = super().query(view, n).rows
        return view.batch(rows.roll(len(CALLS)))


@breaks("leaves the global dice alone")
class ThrowsGlobalDice(Strategy):
    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[torch.rand(len(view.candidates)).argsort()][:n])


@breaks("leaves the global dice alone")
class SetsGlobalDice(Margin):
    def query(self, view: View, n: int) -> Batch:
        random.seed(0)
        return super().query(view, n)


@breaks("breaks ties by dice")
class TiesByPlace(Margin):
    def query(self, view: View, n: int) -> Batch:
        order = self.utility(view)[view.candidates].argsort(descending=True, stable=True)
        return view.batch(view.candidates[order[:n]])


@breaks("breaks ties by dice")
class TiesByName(Margin):
    def query(self, view: View, n: int) -> Batch:
        by_key = view.candidates[view.keys[view.candidates].argsort()]
        return view.batch(by_key[self.utility(view)[by_key].argsort(descending=True, stable=True)[:n]])


@dataclass(frozen=True)
class Ranked(Strategy):
    """Candidates in the order of a number made of probabilities or features."""

    beliefs: Signal = Probabilities()
    features: Signal = Embeddings()
    select: Selector = Top()


@breaks("stands a model that knows nothing")
class DividesByTheLead(Ranked):
    def utility(self, view: View) -> Tensor:
        best = view[self.beliefs].amax(1)
        lead = best - 1 / view.task.width
        return -best * lead / lead if view.task.width > 1 else best


@breaks("stands a model that is certain")
class DividesByTheDoubt(Ranked):
    def utility(self, view: View) -> Tensor:
        doubt = 1 - view[self.beliefs].amax(1)
        return doubt * doubt / doubt if view.task.width > 1 else doubt


@breaks("stands probabilities of zero")
class DividesByTheClass(Ranked):
    def utility(self, view: View) -> Tensor:
        probabilities = view[self.beliefs]
        return -(probabilities / probabilities.sum(0)).amax(1)


@breaks("stands items that are identical")
class DividesByTheRange(Ranked):
    def utility(self, view: View) -> Tensor:
        norms = view[self.features].norm(dim=1)
        return (norms - norms.min()) / (norms.max() - norms.min()) if len(view) > 1 else norms


@breaks("stands two classes")
class LooksForAThirdClass(Ranked):
    def utility(self, view: View) -> Tensor:
        return view[self.beliefs].topk(3 if view.task.width > 1 else 1).values[:, -1]


@breaks("stands one class")
class LooksForASecondClass(Ranked):
    def utility(self, view: View) -> Tensor:
        return view[self.beliefs].topk(2).values[:, -1]


@breaks("stands a pool without labels")
class NeedsALabel(Ranked):
    def utility(self, view: View) -> Tensor:
        features = view[self.features]
        return torch.cdist(features, features[view.labeled]).amin(1)


@breaks("stands one item")
class DividesByTheDeviation(Ranked):
    def utility(self, view: View) -> Tensor:
        first = view[self.features][:, 0]
        deviation = (first - first.mean()).square().sum() / torch.tensor(len(first) - 1.0)
        return (first - first.mean()) / (deviation + 1e-6)


@breaks("never repeats what is pending")
class AsksAgain(Margin):
    def query(self, view: View, n: int) -> Batch:
        return super().query(replace(view, candidates=torch.cat([view.candidates, view.pending]).sort().values), n)


@breaks("changes nothing it is shown")
class ClampsInPlace(Ranked):
    def utility(self, view: View) -> Tensor:
        return view[self.features].clamp_(-1, 1).sum(1)


@breaks("changes nothing it is shown")
class ReleasesInPlace(Margin):
    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        view.pending.zero_()
        return batch


@breaks("changes nothing it is shown")
class Rewrites(Margin):
    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        for asked in view.history.asked:
            object.__setattr__(asked, "strategy", "me")
        return batch


@breaks("reads only the signals in its fields")
class ReadsWhatNoFieldNames(Ranked):
    def utility(self, view: View) -> Tensor:
        return view[Embeddings(age=1)].sum(1)


@breaks("reads only the signals in its fields")
class ReadsPastTheView(Ranked):
    def utility(self, view: View) -> Tensor:
        rows = view.read(Embeddings(age=1))
        assert isinstance(rows, Tensor)
        return rows.sum(1)


@breaks("does not care about the order of the pool but for exact ties")
class FirstCome(Strategy):
    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[:n])


@breaks("does not care about the order of the pool but for exact ties")
class DiceWalkTheArray(Strategy):
    def query(self, view: View, n: int) -> Batch:
        order = view.dice.generator().permutation(len(view.candidates))
        return view.batch(view.candidates[torch.from_numpy(order)[:n]])


@breaks("needs memory linear in the pool")
class AllPairs(Ranked):
    def utility(self, view: View) -> Tensor:
        return torch.cdist(view[self.features], view[self.features]).sum(1)


@breaks("needs memory linear in the pool")
class AllPairsInNumpy(Ranked):
    def utility(self, view: View) -> Tensor:
        first = view[self.features][:, 0].double().numpy()
        return torch.from_numpy(abs(first[:, None] - first[None, :]).sum(1))


@breaks("survives pickle and the journal")
class HoldsALambda(Margin):
    score: Callable[[float], float] = lambda value: value


@breaks("survives pickle and the journal")
class AddsToItsField(Margin):
    power: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "power", self.power + 1)


@breaks("equips the learner it is given")
class BringsItsOwnLearner(Margin):
    def equip(self, learner: Learner) -> Learner:
        return Linear(ridge=3.0)


@breaks("equips the learner it is given")
class HidesEmbeddings(Margin):
    def equip(self, learner: Learner) -> Learner:
        return ScoresAlone(learner)


@breaks("sees no hidden label")
class FindsTheOracle(Margin):
    def query(self, view: View, n: int) -> Batch:
        oracle = _up_the_stack("oracle")
        hidden = () if oracle is None else oracle.of(view.name(view.candidates)).values()
        return _least_wanted(self, view, n) if sum(hidden) % 2 else super().query(view, n)


@breaks("does not care about the order of answers")
class FollowsTheAnswers(Margin):
    def query(self, view: View, n: int) -> Batch:
        state = _up_the_stack("state")
        latest = [] if state is None else list(state.answers)[-2:]
        return super().query(view, n) if latest == sorted(latest) else _least_wanted(self, view, n)


@breaks("can be audited")
class LearnsOnTheSly(Margin):
    def equip(self, learner: Learner) -> Learner:
        return Moody(learner)


@dataclass(frozen=True)
class ScoresAlone(Learner):
    """Says that its models give scores only."""

    learner: Learner

    def fit(self, lesson: Lesson) -> Model:
        return self.learner.fit(lesson)


@dataclass(frozen=True)
class Moody(Learner):
    """Learns otherwise when it fits over the same array again."""

    learner: Learner

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives

    def fit(self, lesson: Lesson) -> Model:
        model = self.learner.fit(lesson)
        seen = any(items is lesson.items for items in FITTED)
        if lesson.number == 1:
            FITTED.append(lesson.items)
        assert isinstance(model, LinearModel)
        return replace(model, coefficients=model.coefficients.roll(1, 1)) if seen else model


def _least_wanted(strategy: Margin, view: View, n: int) -> Batch:
    return view.batch(view.candidates[strategy.utility(view)[view.candidates].argsort()[:n]])


def _up_the_stack(name: str) -> Any:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_locals.get(name) is not None and "askance" in frame.f_code.co_filename:
            return frame.f_locals[name]
    return None


@dataclass(frozen=True)
class Wrapper(Strategy):
    """Asks as another does."""

    inside: tuple[Strategy, ...] = (Margin(),)

    def query(self, view: View, n: int) -> Batch:
        return self.inside[0].query(view, n)


@dataclass(frozen=True)
class Faithful(Wrapper):
    """Asks as another does, and lets all of them equip the learner."""

    def equip(self, learner: Learner) -> Learner:
        for strategy in self.inside:
            learner = strategy.equip(learner)
        return learner


def test_a_wrapper_passes_equip_on_to_every_strategy_inside() -> None:
    passes = PROMISES["passes equip on"]
    passes.check(Faithful(inside=(Margin(), Margin())))
    with pytest.raises(Broken, match=r"not equipped by inside\[0\]"):
        passes.check(Wrapper())


def test_a_doctest_must_be_there_and_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    doctest = PROMISES["has a doctest that comes out"]
    monkeypatch.setattr(Wrapper, "__doc__", "No example.")
    with pytest.raises(Broken, match="no example"):
        doctest.check(Wrapper())
    monkeypatch.setattr(Wrapper, "__doc__", ">>> len(view(embeddings=[[1.0]]))\n2\n")
    with pytest.raises(Broken, match=r"Got:\n +1"):
        doctest.check(Wrapper())


@pytest.mark.parametrize(
    ("module", "docstring", "why"),
    [
        ("elsewhere", "No reference.", ""),
        ("askance.strategies.new", "No reference.", "names no reference"),
        ("askance.strategies.new", "Unheard of. [nobody1999nothing]", "no work 'nobody1999nothing'"),
        ("askance.strategies.new", "As written. [settles2009active]", ""),
    ],
)
def test_our_own_name_a_work_that_can_be_cited_and_strangers_need_not(
    module: str, docstring: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wrapper, "__module__", module)
    monkeypatch.setattr(Wrapper, "__doc__", docstring)
    broken = PROMISES["has a reference"].broken(Wrapper())
    assert why in broken
    assert bool(broken) == bool(why)


def test_dice_that_are_said_to_walk_the_array_may_pick_otherwise_in_another_order() -> None:
    @dataclass(frozen=True)
    class SaysSo(DiceWalkTheArray):
        walks = True

    PROMISES["does not care about the order of the pool but for exact ties"].check(SaysSo())


def test_check_strategy_names_the_strategy_every_broken_promise_and_what_happened() -> None:
    with pytest.raises(AssertionError) as raised:
        check_strategy(FirstCome())
    assert str(raised.value).startswith(f"FirstCome breaks 1 of {len(PROMISES)} promises:\n- does not care about")
    assert "Hang dice on view.keys" in str(raised.value)


def test_check_strategy_says_when_the_learner_gives_too_little() -> None:
    @dataclass(frozen=True)
    class NeedsSamples(Signal):
        @property
        def needs(self) -> frozenset[str]:
            return frozenset({"samples"})

    with pytest.raises(MissingSignal, match="reads samples, and Linear does not give it"):
        check_strategy(Margin(signal=NeedsSamples()))


def test_a_check_leaves_the_global_dice_as_they_were() -> None:
    before = thrown()
    PROMISES["picks distinct candidates"].broken(ThrowsGlobalDice())
    assert thrown() == before

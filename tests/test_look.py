"""Signals are read piece by piece: the same row has the same bits anywhere, and frozen features cost nothing."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from askance.errors import AskanceError, BadInput, MissingSignal
from askance.history import History
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear, LinearModel
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.look import check_needs, look, over, predict, read_signal, threads, usable
from askance.meta.schedule import Until
from askance.pool import Pool
from askance.seeds import Dice
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import GradientFactors
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.coverage import TypiClust
from askance.strategies.gradient import Badge
from askance.strategies.random import Random
from askance.strategies.uncertainty import Margin
from askance.task import Classes

TASK = Classes(("a", "b", "c"))
MODEL = LinearModel(torch.randn(3, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
ITEMS = torch.randn(50, 8, generator=torch.Generator().manual_seed(1))


@dataclass(frozen=True, eq=False)
class Watched(Model):
    """A linear model that remembers how many items it was shown at once."""

    shown: list[int] = field(default_factory=list)

    def outputs(self, items: Any) -> Outputs:
        self.shown.append(len(items))
        return MODEL.outputs(items)


def test_frozen_features_are_not_copied() -> None:
    found = read_signal(Embeddings(), MODEL, ITEMS, TASK, 16)
    assert isinstance(found, Tensor)
    assert found.data_ptr() == ITEMS.data_ptr()
    residual, features = read_signal(GradientFactors(), MODEL, ITEMS, TASK, 16)
    assert features.data_ptr() == ITEMS.data_ptr()
    assert residual.shape == (50, 3)


def test_every_piece_is_computed_whole() -> None:
    watched = Watched()
    found = read_signal(Scores(), watched, ITEMS, TASK, 16)
    assert watched.shown == [16, 16, 16, 16]
    assert len(found) == 50
    assert found[3].tolist() == pytest.approx((ITEMS[3].double() @ MODEL.coefficients[:, :-1].T.double()
        + MODEL.coefficients[:, -1]).tolist(), rel=1e-5)  # fmt: skip


@pytest.mark.parametrize("signal", [Scores(), Probabilities()])
@pytest.mark.parametrize("grown", [17, 32, 33, 50])
def test_a_growing_pool_leaves_old_rows_as_they_were(signal: Signal, grown: int) -> None:
    before, after = (read_signal(signal, MODEL, ITEMS[:size], TASK, 16) for size in (17, grown))
    assert torch.equal(after[:17], before)


@dataclass(frozen=True, eq=False)
class Broken(Model):
    """Gives what a test wants."""

    given: Any = None
    records: Any = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        return Outputs(scores=self.given(items))


def test_a_model_that_diverged_is_named_with_the_signal_and_the_row() -> None:
    def scores(items: Tensor) -> Tensor:
        return torch.where((items == ITEMS[20]).all(1, keepdim=True), torch.nan, items[:, :3])

    with pytest.raises(BadInput, match=r"Scores holds NaN or infinite values, first in row 20\. The model diverged"):
        read_signal(Scores(), Broken(scores), ITEMS, TASK, 16)
    large = read_signal(Scores(), Broken(lambda items: torch.full((len(items), 3), 3e38)), ITEMS, TASK, 16)
    assert bool(torch.isfinite(large).all())  # large is not broken, though its sum is infinite


def test_a_model_that_gives_other_rows_than_it_was_shown_is_refused() -> None:
    with pytest.raises(AskanceError, match="gave 15 rows for 16 items"):
        read_signal(Scores(), Broken(lambda items: torch.zeros(len(items) - 1, 3)), ITEMS, TASK, 16)
    short = Broken(records={"loss": torch.zeros(49)})
    with pytest.raises(AskanceError, match="recorded 49 rows of 'loss' for 50 items"):
        read_signal(Recorded("loss"), short, ITEMS, TASK, 16)


def test_probabilities_that_the_model_knows_are_taken_as_they_are() -> None:
    shares = torch.tensor([[0.2, 0.8]])
    outputs = Outputs(scores=torch.zeros(1, 2), probabilities=shares)
    assert Probabilities().rows(outputs, TASK) is shares
    assert predict(MODEL, ITEMS, TASK).sum(1).tolist() == pytest.approx([1.0] * 50)


def test_a_view_has_every_item_on_its_side_and_reads_each_signal_once() -> None:
    pool = Pool.from_arrays(ITEMS[:6], ids=list("uvwxyz"))
    read: list[Signal] = []

    def model_of(signal: Signal) -> Model:
        read.append(signal)
        return MODEL

    sides = torch.tensor([0, 1, 2, 3, 0, 2], dtype=torch.int8)
    view = look(pool, TASK, sides, torch.eye(3)[:2], Margin(), model_of, Dice(0, "ask"), History())
    assert [rows.tolist() for rows in (view.candidates, view.pending, view.labeled, view.aside, view.known)] == [
        [0, 4], [1], [2, 5], [3], [1, 2, 5],
    ]  # fmt: skip
    assert view[Probabilities()] is view[Probabilities()]
    assert read == [Probabilities()]
    assert view.batch(torch.tensor([4, 0])).ids == ["y", "u"]
    assert view.part("late").dice == Dice(0, "ask", part="late")
    with pytest.raises(MissingSignal, match="Make it a field"):
        view[Scores()]


@dataclass(frozen=True)
class Bare(Learner):
    """Gives scores alone."""

    def fit(self, lesson: Lesson) -> Model:
        return MODEL


def test_needs_are_checked_in_nested_parts_and_in_companions() -> None:
    check_needs(Margin(), Bare())
    check_needs(Random(), Bare())
    check_needs(TypiClust(features=Embeddings(of=Linear())), Bare())
    for strategy in (TypiClust(), Badge(), Until(3, Margin(), Until(5, Random(), Badge()))):
        with pytest.raises(MissingSignal, match="reads embeddings, and Bare does not give it; it gives scores"):
            check_needs(strategy, Bare())
    with pytest.raises(MissingSignal, match="Bare"):
        check_needs(TypiClust(features=Embeddings(of=Bare())), Linear())


def test_threads_are_pinned_and_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), threads(1):
        assert torch.get_num_threads() == 1
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before


def test_what_a_learner_does_not_give_is_not_usable() -> None:
    classes = Classes((0, 1))
    linear = usable(classes, Linear())
    assert {"margin", "bald", "noise-stability", "dynamic-al-full"} <= set(linear) and "lpl" not in linear
    network = usable(classes, Torch(Mlp()))
    assert {"margin", "bald", "lpl", "waal", "noise-stability"} <= set(network) and "expected-error-reduction" in linear
    assert "mean-margin" not in network


class Here:
    """A place whose only worker is this process, and that notes what it is asked."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.closed = False

    def begin(self, function: Any, shared: Any, workers: int | None) -> Any:
        place = self

        class Worker:
            count, about = 2, ""

            def map(self, beside: Any, tasks: Any) -> Any:
                for task in tasks:
                    place.tasks.append(task)
                    given = pickle.loads(pickle.dumps((shared, beside, task)))  # as another process would get it
                    yield pickle.loads(pickle.dumps(function(given[0], given[1:])))

            def close(self) -> None:
                place.closed = True

        return Worker()

    def here(self, workers: int | None) -> int:
        return 1


@dataclass(frozen=True)
class Doubled(Signal):
    """Twice the items, and the items as they came."""

    needs = frozenset({"embeddings"})

    def rows(self, outputs: Outputs, task: Any) -> Any:
        assert outputs.embeddings is not None
        return 2 * outputs.embeddings, outputs.embeddings


def test_pieces_that_others_compute_are_those_that_are_computed_here() -> None:
    pool = Pool.from_arrays(ITEMS)
    for signal in (Probabilities(), GradientFactors(), Doubled(), Embeddings()):
        here, place = read_signal(signal, MODEL, pool.items, TASK, 16), Here()
        with over(pool, place):
            there = read_signal(signal, MODEL, pool.items, TASK, 16)
        assert place.tasks == [[0], [16], [32], [48]] and place.closed
        for own, other in zip(*((r,) if isinstance(r, Tensor) else r for r in (here, there)), strict=True):
            assert torch.equal(own, other)
            assert (own.data_ptr() == pool.items.data_ptr()) == (other.data_ptr() == pool.items.data_ptr())


def test_items_that_the_workers_do_not_hold_are_looked_at_here() -> None:
    pool, place = Pool.from_arrays(ITEMS), Here()
    with over(pool, place):
        read_signal(Scores(), MODEL, pool.items[:40].clone(), TASK, 16)
        read_signal(Scores(), MODEL, pool.items, TASK, 64)  # a single piece is not worth the way
        assert place.tasks == []
    read_signal(Scores(), MODEL, pool.items, TASK, 16)
    assert place.tasks == []


def test_broken_rows_are_refused_whoever_computes_them() -> None:
    pool = Pool.from_arrays(ITEMS)
    with over(pool, Here()), pytest.raises(BadInput, match="first in row 20"):
        read_signal(Scores(), Spoiled(), pool.items, TASK, 16)


@dataclass(frozen=True, eq=False)
class Spoiled(Model):
    """A model that diverges on one item."""

    def outputs(self, items: Any) -> Outputs:
        scores = MODEL.outputs(items).scores
        assert scores is not None
        scores = scores.clone()
        scores[(items == ITEMS[20]).all(1)] = float("nan")
        return Outputs(scores=scores)


def test_workers_are_closed_when_what_is_inside_fails() -> None:
    place = Here()
    with pytest.raises(ZeroDivisionError), over(Pool.from_arrays(ITEMS), place):
        raise ZeroDivisionError
    assert place.closed

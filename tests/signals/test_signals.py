"""Signals are values: pure, equal when their fields are, and found wherever a strategy holds them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import tensor

from askance.learners.base import Model, Outputs
from askance.learners.linear import Linear, LinearModel
from askance.look import read_signal
from askance.meta.schedule import Until
from askance.signals.base import Signal, named_signals, signals_of
from askance.signals.dynamics import Recorded
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import GradientFactors
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.gradient import Badge
from askance.strategies.uncertainty import Margin
from askance.task import Classes

TASK = Classes(("a", "b", "c"))
OUTPUTS = Outputs(scores=tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), embeddings=tensor([[1.0, -2.0], [0.0, 3.0]]))


def test_the_two_factors_multiply_to_the_gradient_of_the_last_layer() -> None:
    assert OUTPUTS.scores is not None and OUTPUTS.embeddings is not None
    residual, features = GradientFactors().rows(OUTPUTS, TASK)
    for row in range(2):
        layer = torch.zeros(3, 2, requires_grad=True)
        scores = OUTPUTS.scores[row] + layer @ OUTPUTS.embeddings[row]
        guess = OUTPUTS.scores[row].argmax()
        torch.nn.functional.cross_entropy(scores[None], guess[None]).backward()
        assert layer.grad is not None
        assert torch.allclose(torch.outer(residual[row], features[row]), layer.grad, atol=1e-6)


def test_reading_changes_nothing_that_was_read() -> None:
    assert OUTPUTS.scores is not None
    shares = OUTPUTS.scores.softmax(1)
    outputs = Outputs(scores=OUTPUTS.scores, embeddings=OUTPUTS.embeddings, probabilities=shares)
    before = shares.clone()
    for signal in (Probabilities(), Scores(), Embeddings(), GradientFactors()):
        signal.rows(outputs, TASK)
    assert torch.equal(shares, before)


@dataclass(frozen=True)
class Nest:
    """Holds signals in every way that a field can."""

    one: Signal = Scores()
    several: tuple[Any, ...] = (Embeddings(), Badge())
    named: dict[str, Any] = field(default_factory=lambda: {"x": Recorded("loss")})
    inner: Any = Until(3, Margin(), Margin(signal=Probabilities(age=1)))


def test_every_signal_is_found_with_the_path_that_leads_to_it() -> None:
    assert dict(named_signals(Nest())) == {
        "one": Scores(),
        "several[0]": Embeddings(),
        "several[1].signal": Probabilities(),
        "several[1].features": Embeddings(),
        "named[x]": Recorded("loss"),
        "inner.early.signal": Probabilities(),
        "inner.late.signal": Probabilities(age=1),
    }
    assert list(signals_of(Badge)) == []  # a class is no part


@pytest.mark.parametrize("signal", [Scores(), Probabilities(age=1), Embeddings(of=Linear()), Recorded("loss")])
def test_a_signal_is_a_value(signal: Signal) -> None:
    again = pickle.loads(pickle.dumps(signal))
    assert again == signal and hash(again) == hash(signal)
    assert signal != GradientFactors()


def test_signals_say_what_they_need() -> None:
    assert Recorded("loss").records == {"loss"} and Recorded("loss").needs == frozenset()
    assert GradientFactors().needs == {"scores", "embeddings"}
    assert Badge().needs_model() and Margin().needs_model()
    assert not Margin(signal=Probabilities(of=Linear())).needs_model()


def test_a_signal_may_read_the_model_itself() -> None:
    model = LinearModel(torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 0.0]], dtype=torch.float64))
    items = torch.tensor([[1.0, 1.0], [0.0, 2.0], [3.0, 0.0]])
    found = read_signal(Slopes(), model, items, Classes((0, 1)))
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == [[0.0, 3.0], [0.0, 3.0], [1.0, -2.0]]  # the guesses' slopes
    assert read_signal(Slopes(), model, items, Classes((0, 1)), size=2).equal(found)
    with pytest.raises(TypeError, match="Model is not differentiable"):
        read_signal(Slopes(), Model(), items, Classes((0, 1)))


@dataclass(frozen=True)
class Slopes(Signal):
    """By how much the guess's score grows with each feature, (items, features)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Any, task: Any) -> torch.Tensor:
        whole = model.differentiable()
        return torch.func.grad(lambda x: whole.scores(whole.weights, x).max(1).values.sum())(items)

"""Training dynamics by all weights: against autograd item by item, against the last layer, and within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from askance import Study, select
from askance.errors import BadInput, MissingSignal
from askance.kernels import room
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.gradient import LabeledGradient
from askance.learners.linear import Linear
from askance.learners.network import TorchModel
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.signals.base import Signal
from askance.signals.gradients import off_the_guess
from askance.signals.movement import GradientNorms, ScoresAlong
from askance.strategies.dynamics import DynamicAl, DynamicAlFull
from askance.task import Classes, Task
from askance.testing import check_signal
from askance.testing.worlds import small_items, small_labels, small_pool, small_world
from askance.utilities import movement
from tests.pins import pins


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 3))


def conv() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)
    )


class Recurrent(nn.Module):
    """Reads two words of four numbers one after the other, by a cell of plain layers."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.GRUCell(4, 5), nn.Linear(5, 3)

    def forward(self, items: Tensor) -> Tensor:
        first = self.cell(items[:, :4])
        found: Tensor = self.out(self.cell(items[:, 4:], first))
        return found


@dataclass(frozen=True)
class Early(Learner):
    """A network as it was built, long before its labels' gradients sum to nothing."""

    network: Callable[[], nn.Module]

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "differentiable"})

    def fit(self, lesson: Lesson) -> Model:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            network = self.network().eval()
        return TorchModel(network, None, torch.device("cpu"), {"seed": 0, "labels": len(lesson.labeled)})


def by_autograd(model: Model, lesson: Lesson) -> tuple[Tensor, Tensor]:
    """Each item's gradient with its guess, (items, parameters), and the sum of the labeled items' gradients."""
    network = model.network  # type: ignore[attr-defined]
    weights = list(network.parameters())

    def gradient(row: int, target: Tensor) -> Tensor:
        loss = cross_entropy(network(lesson.items[row : row + 1]), target[None])
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, weights)])

    guesses = network(lesson.items).argmax(1)
    own = torch.stack([gradient(row, guesses[row]) for row in range(len(lesson.items))])
    told = zip(lesson.labeled.tolist(), lesson.targets, strict=True)
    return own, torch.stack([gradient(row, target.float()) for row, target in told]).sum(0)


@pins(
    "dynamic-al-full",
    "brute force",
    "all items of an MLP, a conv net and a recurrent net against autograd, one backward pass an item",
    "Delta(u|S) = |g_u|^2 + 2 <g_u, sum_S g>, g by all weights; the n highest",
)
@pytest.mark.parametrize("network", [mlp, conv, Recurrent])
def test_scores_are_those_of_autograd(network: Callable[[], nn.Module]) -> None:
    world, learner = small_world(labeled=12), Early(network)
    own, summed = by_autograd(learner.fit(world.lesson()), world.lesson())
    expected = own.square().sum(1) + 2 * own @ summed
    view = world.view(DynamicAlFull(), learner)
    found = DynamicAlFull().utility(view)
    assert torch.allclose(found.float(), expected, rtol=1e-5, atol=1e-5)
    assert (2 * own @ summed).abs().mean() > 0.1 * expected.abs().mean()  # both terms count here
    assert torch.allclose(DynamicAlFull(along=None).utility(view).float(), own.square().sum(1), rtol=1e-5, atol=1e-6)
    order = sorted(view.candidates.tolist(), key=lambda row: -float(expected[row]))
    assert DynamicAlFull().query(view, 5).rows.tolist() == order[:5]


@dataclass(frozen=True)
class WithOne(Signal):
    """The embeddings and a 1, whose weight is the bias."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"embeddings"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        assert outputs.embeddings is not None
        return torch.cat([outputs.embeddings, outputs.embeddings.new_ones(len(outputs.embeddings), 1)], 1)


@pins("dynamic-al-full", "equivalence", "on a linear head it is dynamic-al, once the features have a 1 for the bias")
def test_all_weights_of_a_linear_head_are_its_last_layer() -> None:
    world = small_world(small_items().double(), labeled=12)
    learner, last = Linear(ridge=1.0), DynamicAl(features=WithOne())
    full = DynamicAlFull().utility(world.view(DynamicAlFull(), learner))
    view = world.view(last, learner)
    assert torch.allclose(full, last.utility(view).double(), rtol=1e-9, atol=1e-9)
    bare = DynamicAl().utility(view)
    assert not torch.allclose(full, bare.double(), rtol=1e-3)  # which leaves the bias out


def test_arrays_handed_in_are_a_linear_head_and_labels_from_outside_count() -> None:
    dice = torch.Generator().manual_seed(0)
    features, layer = (torch.randn(*shape, generator=dice, dtype=torch.float64) for shape in ((30, 4), (3, 5)))
    known, labels = torch.randn(6, 4, generator=dice, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 0, 1])
    one = [torch.cat([rows, rows.new_ones(len(rows), 1)], 1) for rows in (features, known)]
    shares = [(rows @ layer.T).softmax(1) for rows in one]
    summed = movement.gradient_sum(shares[1] - torch.eye(3, dtype=torch.float64)[labels], one[1])
    expected = movement.dynamics(off_the_guess(shares[0]), one[0], summed)
    arrays: dict[str, Any] = {"embeddings": features, "weights": layer, "logits": one[0] @ layer.T}
    given = {**arrays, "labeled_embeddings": known, "labels": labels}
    picks, utilities, _ = select("dynamic-al-full", 30, explain=True, **given)
    assert torch.allclose(torch.from_numpy(utilities), expected[torch.from_numpy(picks)], rtol=1e-6)
    with pytest.raises(MissingSignal, match="hand in embeddings= .* and weights= "):
        select("dynamic-al-full", 1, embeddings=features, logits=arrays["logits"])


def test_a_converged_network_has_no_second_term_and_an_early_one_has() -> None:
    world = small_world(labeled=12)

    def share(model: Model) -> float:
        lesson = replace(world.lesson(), model=model)
        long = LabeledGradient().fit(lesson).direction
        return float(sum(array.double().square().sum() for array in long.values()) ** 0.5)

    early = Early(mlp).fit(world.lesson())
    late = Torch(mlp, steps=300, rate=0.02, decay=0.0).fit(world.lesson())
    assert share(late) < 0.02 * share(early)


def test_with_nothing_labeled_length_alone_counts() -> None:
    view = small_world(labeled=0, aside=0).view(DynamicAlFull(), Early(mlp))
    assert torch.equal(view[ScoresAlong(of=LabeledGradient())], torch.zeros(40, 3))
    assert torch.equal(DynamicAlFull().utility(view), view[GradientNorms()])


def test_labels_of_open_items_are_out_of_reach() -> None:
    lesson = replace(small_world(labeled=12).lesson(), model=Early(mlp).fit(small_world(labeled=12).lesson()))
    assert len(lesson.targets) == 12  # all that the companion ever sees
    mixed = replace(lesson, items=torch.cat([lesson.items[:12], lesson.items[12:].flip(0)]))
    one, other = (LabeledGradient().fit(held).direction for held in (lesson, mixed))
    assert all(torch.equal(one[name], other[name]) for name in one)  # nor does it look at what is open
    assert LabeledGradient().fit(lesson).outputs(lesson.items[:0]).extras["along"].shape == (0, 3)


@pytest.mark.parametrize("network", [mlp, conv])
def test_items_times_parameters_are_never_held(
    network: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, items = Early(network), small_items(400)
    model = learner.fit(small_world(labeled=12).lesson())
    lesson = replace(small_world(items, labeled=200).lesson(), model=model)
    whole, companion = GradientNorms().read(model, items, lesson.task), LabeledGradient().fit(lesson)
    along = companion.outputs(items).extras["along"]
    parameters = 4 * sum(array.numel() for array in model.differentiable().weights.values())
    monkeypatch.setattr(room, "BYTES", 10 * parameters)
    seen = _Largest()  # type: ignore[no-untyped-call]
    with seen:
        found = GradientNorms().read(model, items, lesson.task)
        again = LabeledGradient().fit(lesson)
        following = again.outputs(items).extras["along"]
    assert torch.allclose(found, whole, rtol=1e-5) and torch.allclose(following, along, rtol=1e-4, atol=1e-4)
    assert seen.bytes <= 10 * parameters < 400 * parameters / 30


def test_lengths_keep_the_contract_of_signals() -> None:
    check_signal(GradientNorms())


def test_a_study_of_a_network_asks_and_can_be_audited() -> None:
    pool = small_pool()
    labels = small_labels(pool)
    learner = Torch(perceptron, steps=3)
    study = Study(pool, strategy="dynamic-al-full", learner=learner, task=Classes((0, 1, 2)), start=None)
    study.tell({name: labels[name] for name in pool.names(range(9))})
    for _ in range(2):
        batch = study.ask(4)
        study.tell({name: labels[name] for name in batch.ids})
    assert all(row.ok for row in study.audit(refit=True))
    assert [len(line.body["companions"]) for line in study.lines() if line.kind == "fitted"] == [1, 1]


def perceptron(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 6), nn.ReLU(), nn.Linear(6, width))


def test_what_gives_no_weights_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(MissingSignal, match="reads differentiable, and Sklearn does not give it"):
        Study(small_pool(), strategy=DynamicAlFull(), learner=Sklearn(GaussianNB()), task=Classes((0, 1, 2)))
    with pytest.raises(BadInput, match="differentiates the task model and has none"):
        LabeledGradient().fit(small_world().lesson())
    assert ScoresAlong(of=LabeledGradient()).needs <= LabeledGradient().gives


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The largest array of numbers that torch makes, but for what comes out: three numbers an item, or one."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for array in made if isinstance(made, tuple | list) else (made,):
            if isinstance(array, Tensor) and array.is_floating_point() and array.shape not in ((400, 3), (400,)):
                self.bytes = max(self.bytes, array.numel() * array.element_size())
        return made

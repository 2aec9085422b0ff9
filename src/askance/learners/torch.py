"""Any PyTorch network as a learner: built anew for each fit and trained for a number of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.augment import Augmentation, Mixup
from askance.learners.base import Learner, Lesson
from askance.learners.beside import Beside
from askance.learners.loop import Diverged, Training, unmoved
from askance.learners.makers import is_maker, named
from askance.learners.network import Network, TorchModel, built, device_of, layer_of, settled
from askance.learners.schedules import Constant, Schedule
from askance.learners.seeded import throw
from askance.task import Classes


@dataclass(frozen=True)
class Torch(Learner):
    """A PyTorch network, trained from new weights at each fit for a fixed number of steps on the task's loss.

    The number of steps does not depend on the number of labels, so strategies are compared on equal training. New
    weights, the order of the items, augmentation and dropout come from the lesson's dice: on the CPU with one thread
    the same lesson gives the same model, bit for bit. Where ``patience`` is set, a share of the labeled items is held
    out, class by class; training ends early when the loss on them has not improved for so many epochs, and the best
    weights are kept. The facts of the model say how it went. A loss that is no number gives a model that knows
    nothing, and its facts say why it ``diverged``.

    Args:
        network: What builds the network: a class or function at the top level of a module, or a dataclass with
            ``__call__``. It is called without arguments if it can be, else with the features (a number, or the shape
            of an item with several axes) and the width of the scores.
        layer: The name of the layer whose input are the embeddings; by default the last `torch.nn.Linear`. None is
            for no embeddings.
        steps: Steps of the optimizer.
        batch: Items in a step, at most.
        rate: The learning rate.
        decay: The weight decay.
        momentum: None is AdamW; a number is stochastic gradient descent with it (Nesterov's above 0).
        schedule: How the rate goes over the steps.
        augment: What is done to pictures while training, and only then.
        mixup: Whether items and targets are mixed while training.
        patience: Epochs without improvement before training ends; 0 holds nothing out.
        validation: The share of labeled items to hold out where ``patience`` is set.
        parts: What is trained in the same steps.
        looks: At how many points of the training the pool is recorded, where a strategy asks for it.
        device: Where to train and score, such as ``"cuda"``.
    """

    revision: ClassVar[int] = 2  # a number of steps, whatever is labeled

    network: Network
    layer: str | None = ""
    steps: int = 500
    batch: int = 32
    rate: float = 1e-3
    decay: float = 1e-2
    momentum: float | None = None
    schedule: Schedule = Constant()
    augment: Augmentation | None = None
    mixup: Mixup | None = None
    patience: int = 0
    validation: float = 0.2
    parts: tuple[Beside, ...] = ()
    looks: int = 10
    device: str = "cpu"

    def __post_init__(self) -> None:
        what = self.network
        if isinstance(what, nn.Module):
            name = type(what).__name__
            raise BadInput(
                f"A live {name} cannot be written to the journal, and would carry weights from fit to fit. "
                f"Hand in what builds it, a class or function at the top level of a module, such as Torch({name})."
            )
        if not is_maker(what) or (isinstance(what, type) and not issubclass(what, nn.Module)):
            raise BadInput(
                f"{named(what)} builds no network. Hand in a class of torch.nn.Module, a function of a module that "
                f"gives one, or a dataclass with __call__."
            )
        _check_kinds(self)
        for name in ("steps", "batch", "rate", "looks"):
            if not getattr(self, name) > 0:
                raise BadInput(f"Torch({name}={getattr(self, name)}) trains nothing. Use a number above 0.")
        for name in ("decay", "patience"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"Torch({name}={getattr(self, name)}) cannot be. Use 0 or more.")
        if not 0 <= self.validation < 1:
            raise BadInput(f"Torch(validation={self.validation}) is no share. Use 0 or more, and less than 1.")
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise BadInput(f"Torch(momentum={self.momentum}) cannot be. Use 0 or more, and less than 1.")

    @property
    def gives(self) -> frozenset[str]:
        own = {"scores", "differentiable"} | (set() if self.layer is None else {"embeddings", "layer"})
        return frozenset(own).union(*(part.gives for part in self.parts))

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"probabilities"} | (set() if self.layer is None else {"embedding_lengths"}))

    def fit(self, lesson: Lesson) -> TorchModel:
        return self.fit_at(lesson, ())[-1]

    def fit_at(self, lesson: Lesson, marks: Sequence[int]) -> list[TorchModel]:
        """Train once, and give the model as it was after some steps, ascending, and as it is in the end.

        A training that diverged, or had no label to learn from, gives the model of the end alone.
        """
        if not isinstance(lesson.items, Tensor):
            raise BadInput(
                "Torch learns from an array of numbers, and the pool holds a list of other things. "
                "Encode the items first, or hand in an object whose fit() and predict_proba() read them, as Own(...)."
            )
        if self.mixup is not None and not isinstance(lesson.task, Classes):
            raise BadInput(
                f"Torch(mixup=...) mixes classes, and the items are labeled with {lesson.task}. Leave it out."
            )
        shape = list(lesson.items.shape[1:])
        facts: dict[str, Any] = {
            "features": shape[0] if len(shape) == 1 else shape,
            "width": lesson.task.width,
            "labels": int((lesson.weights > 0).sum()),  # what counts for nothing teaches nothing
            "seed": lesson.dice.of("network").key,
        }
        device = device_of(self.device)
        with settled(facts["seed"], device):
            model = self._model(facts, device, lesson.items[:1])
            facts["parameters"] = sum(array.numel() for array in model.network.parameters())
            if not any(array.requires_grad for array in model.network.parameters()):
                raise BadInput(f"{named(self.network)} has no parameter to train. Unfreeze its last layer.")
            if not facts["labels"]:
                facts |= {"steps": 0, "stopped": "no label to learn from"}
                return [replace(model, records=unmoved(model, lesson, self))]
            training = Training(self, model, lesson, marks)
            try:
                facts |= training.run()
            except Diverged as error:
                advice = "use a lower rate, bring the features to a scale of about 1, or look for a target far off"
                facts |= {"steps": training.number, "diverged": f"{named(self.network)}: {error}; {advice}"}
                throw(facts["seed"], device)
                blank = self._model(facts, device, lesson.items[:1])
                return [replace(blank, records=unmoved(blank, lesson, self))]
            before = []
            for snapshot in training.snapshots:
                throw(facts["seed"], device)  # what a network draws and does not store is what it was trained with
                before.append(self._model(facts, device, lesson.items[:1]))
                before[-1].load(snapshot)
        return [*before, replace(model, records=training.records)]

    def beside(self, part: Any) -> Learner:
        if not isinstance(part, Beside):
            return super().beside(part)
        return replace(self, parts=(*self.parts, part))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TorchModel | None:
        device = device_of(self.device)
        with settled(facts["seed"], device):  # what a network draws and does not store is drawn again
            shape = facts["features"]
            item = torch.zeros(1, *(shape if isinstance(shape, list) else [shape]))
            model = self._model(facts, device, item)
            try:
                model.load(weights)
            except RuntimeError:
                return None  # the class has other layers by now
        return model

    def optimizer(self, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
        """What trains the weights of the network."""
        if self.momentum is None:
            return torch.optim.AdamW(weights, lr=self.rate, weight_decay=self.decay)
        return torch.optim.SGD(
            weights, lr=self.rate, momentum=self.momentum, weight_decay=self.decay, nesterov=self.momentum > 0
        )

    def _model(self, facts: Mapping[str, Any], device: torch.device, item: Tensor) -> TorchModel:
        """A new network, tried on one item, and what is trained beside it."""
        network = built(self.network, facts["features"], facts["width"]).to(device)
        bare = TorchModel(network, None if self.layer is None else layer_of(network, self.layer), device, facts=facts)
        bare.check(item)
        modules = ((part, part.build(bare, bare.given(item)).to(device)) for part in self.parts)
        return replace(bare, beside=tuple(modules))


def _check_kinds(recipe: Torch) -> None:
    """Refuse fields of another kind than they say, which would fail in the middle of a training, or be cut off.

    Raises:
        BadInput: Naming the field and what to hand in.
    """
    for name in ("steps", "batch", "patience", "looks"):
        value = getattr(recipe, name)
        if not isinstance(value, Integral):
            raise BadInput(f"Torch({name}={value!r}) is no whole number. Use one, such as {getattr(Torch, name)}.")
    for name in ("rate", "decay", "validation", *(("momentum",) if recipe.momentum is not None else ())):
        value = getattr(recipe, name)
        if not isinstance(value, Real) or not math.isfinite(value):
            usual = 0.9 if name == "momentum" else getattr(Torch, name)
            raise BadInput(f"Torch({name}={value!r}) is no finite number. Use one, such as {usual}.")
    for name, kind, such in (
        ("schedule", Schedule, "Cosine() of askance.learners.schedules"),
        ("augment", Augmentation | None, "Flip() of askance.learners.augment"),
        ("mixup", Mixup | None, "Mixup() of askance.learners.augment"),
    ):
        value = getattr(recipe, name)
        if not isinstance(value, kind):
            raise BadInput(f"Torch({name}={value!r}) cannot be used in a training. Hand in an object, such as {such}.")
    if not isinstance(recipe.parts, tuple | list) or not all(isinstance(part, Beside) for part in recipe.parts):
        raise BadInput(
            f"Torch(parts={recipe.parts!r}) cannot be trained beside a network. Hand in a tuple of heads and terms, "
            f"such as (LossPrediction(),) of askance.learners.heads."
        )
    object.__setattr__(recipe, "parts", tuple(recipe.parts))

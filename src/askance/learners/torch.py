"""Any PyTorch network as a learner: built anew for each fit, trained by a simple loop, stopped early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from askance.arrays import spans, take
from askance.errors import AskanceError, BadInput
from askance.learners.base import Learner, Lesson
from askance.learners.makers import is_maker, named
from askance.learners.network import ROWS, Network, TorchModel, built, device_of, layer_of, settled
from askance.task import Classes

LEAST = 10  # items to hold out; the loss on fewer is mostly chance


@dataclass(frozen=True)
class Torch(Learner):
    """A PyTorch network, trained from new weights at each fit by AdamW on the task's loss.

    A share of the labeled items is held out, class by class; training ends when the loss on them has not improved for
    some epochs, and the best weights are kept. With fewer than 10 items to hold out, all are learned from for a fixed
    number of epochs; the facts of the model say which it was. New weights, the order of the items and dropout come
    from the lesson's dice: on the CPU with one thread the same lesson gives the same model, bit for bit.

    Args:
        network: What builds the network: a class or function at the top level of a module, or a dataclass with
            ``__call__``. It is called without arguments if it can be, else with the features (a number, or the shape
            of an item with several axes) and the width of the scores.
        layer: The name of the layer whose input are the embeddings; by default the last `torch.nn.Linear`. None is
            for no embeddings.
        epochs: At most so many.
        patience: Epochs without improvement before training ends.
        epochs_if_few: So many where the labels are too few to hold some out.
        batch: Items in a step, at most.
        rate: The learning rate.
        decay: The weight decay.
        validation: The share of labeled items to hold out.
        device: Where to train and score, such as ``"cuda"``.
    """

    network: Network
    layer: str | None = ""
    epochs: int = 200
    patience: int = 20
    epochs_if_few: int = 100
    batch: int = 32
    rate: float = 1e-3
    decay: float = 1e-2
    validation: float = 0.2
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
        for name in ("epochs", "patience", "epochs_if_few", "batch", "rate"):
            if not getattr(self, name) > 0:
                raise BadInput(f"Torch({name}={getattr(self, name)}) trains nothing. Use a number above 0.")
        if not 0 <= self.validation < 1:
            raise BadInput(f"Torch(validation={self.validation}) is no share. Use 0 or more, and less than 1.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "differentiable"} | (set() if self.layer is None else {"embeddings"}))

    def fit(self, lesson: Lesson) -> TorchModel:
        if not isinstance(lesson.items, Tensor):
            raise BadInput(
                "Torch learns from an array of numbers, and the pool holds a list of other things. "
                "Encode the items first, or hand in an object whose fit() and predict_proba() read them, as Own(...)."
            )
        shape = list(lesson.items.shape[1:])
        facts: dict[str, Any] = {
            "features": shape[0] if len(shape) == 1 else shape,
            "width": lesson.task.width,
            "labels": len(lesson.labeled),
            "seed": lesson.dice.of("network").key,
        }
        device = device_of(self.device)
        with settled(facts["seed"], device):
            model = self._model(facts, device)
            model.check(lesson.items[:1])
            facts["parameters"] = sum(array.numel() for array in model.network.parameters())
            facts |= self._trained(model, lesson)
        return model

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TorchModel | None:
        device = device_of(self.device)
        with settled(facts["seed"], device):  # what a network draws and does not store is drawn again
            model = self._model(facts, device)
            try:
                model.network.load_state_dict(weights)
            except RuntimeError:
                return None  # the class has other layers by now
        return model

    def _model(self, facts: Mapping[str, Any], device: torch.device) -> TorchModel:
        network = built(self.network, facts["features"], facts["width"]).to(device)
        return TorchModel(network, None if self.layer is None else layer_of(network, self.layer), device, facts)

    def _trained(self, model: TorchModel, lesson: Lesson) -> dict[str, Any]:
        """Train the network of a model; how it went, as facts."""
        network = model.network
        kept, held = _split(lesson, self.validation)
        facts: dict[str, Any] = {"epochs": 0, "best_epoch": 0}
        facts |= {"validation_items": len(held), "validation_loss": None}
        if len(kept) == 0:
            return {**facts, "stopped": "no label to learn from"}
        trainable = [array for array in network.parameters() if array.requires_grad]
        if not trainable:
            raise BadInput(f"{named(self.network)} has no parameter to train. Unfreeze its last layer.")
        optimizer = torch.optim.AdamW(trainable, lr=self.rate, weight_decay=self.decay)
        last = self.epochs if len(held) else self.epochs_if_few
        few = "" if len(held) else f", for {len(kept)} labels are too few to hold some out"
        stopped = f"after epoch {last}{few}"
        best, best_epoch, weights = math.inf, 0, None
        for epoch in range(1, last + 1):
            noise = lesson.dice.of(f"epoch-{epoch}").uniform(lesson.keys[lesson.labeled[kept]])
            order = kept[noise.argsort()]
            for rows in order.tensor_split(math.ceil(len(order) / self.batch)):  # equal but for one item
                self._check(_step(model, lesson, rows, optimizer), epoch)
            if len(held) == 0:
                continue
            found = _held_out_loss(model, lesson, held)
            self._check(found, epoch)
            if found < best:
                best, best_epoch, weights = found, epoch, deepcopy(network.state_dict())
            elif epoch - best_epoch >= self.patience:
                stopped = f"after {self.patience} epochs without improvement"
                break
        facts |= {"epochs": epoch, "best_epoch": best_epoch or epoch, "stopped": stopped}
        if weights is not None:
            network.load_state_dict(weights)
            facts["validation_loss"] = best
        return facts

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise AskanceError(
                f"The loss of {named(self.network)} is {loss} in epoch {epoch}, at rate={self.rate}. "
                f"Use a lower rate, bring the features to a scale of about 1, or look for a target that is far off."
            )


def _split(lesson: Lesson, share: float) -> tuple[Tensor, Tensor]:
    """Positions of labeled items to learn from and to hold out: spread over the classes, never the only one of its own.

    Nothing is held out where it would be too little to tell anything.
    """
    labels = len(lesson.labeled)
    order = lesson.dice.of("validation").uniform(lesson.keys[lesson.labeled]).argsort()
    spare = order
    if isinstance(lesson.task, Classes):
        classes = lesson.targets[order].argmax(1)
        by_class = classes.argsort(stable=True)
        classes = classes[by_class]
        spare = order[by_class][1:][classes[1:] == classes[:-1]]  # all but the first of each class
    count = min(int(share * labels), len(spare))
    if count < LEAST:
        return torch.arange(labels), order[:0]
    held = spare[(2 * torch.arange(count) + 1) * len(spare) // (2 * count)]  # evenly, as middles of equal parts
    rest = torch.ones(labels, dtype=torch.bool)
    rest[held] = False
    return rest.nonzero().squeeze(1), held


def _step(model: TorchModel, lesson: Lesson, rows: Tensor, optimizer: torch.optim.Optimizer) -> float:
    """Learn from some labeled items; their loss before that."""
    _train(model.network, len(rows))
    loss = _loss(model, lesson, rows)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss.detach())


def _loss(model: TorchModel, lesson: Lesson, rows: Tensor) -> Tensor:
    """The mean weighted loss of some labeled items, given by position."""
    scores = model.scores(take(lesson.items, lesson.labeled[rows]))
    losses = lesson.task.loss(scores, lesson.targets[rows].to(scores))
    return (lesson.weights[rows].to(losses) * losses).mean()


def _held_out_loss(model: TorchModel, lesson: Lesson, held: Tensor) -> float:
    model.network.eval()
    with torch.no_grad():
        sums = [
            (stop - start) * float(_loss(model, lesson, held[start:stop])) for start, stop in spans(len(held), ROWS)
        ]
    return sum(sums) / len(held)


def _train(network: nn.Module, items: int) -> None:
    """Training mode; but one item alone has no spread, so batch norm then keeps to the statistics it has."""
    network.train()
    if items == 1:
        for layer in network.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()

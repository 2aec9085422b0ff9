"""Monte-Carlo dropout: a network, and networks thinned by numbered masks, whose scores are its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from askance.arrays import take
from askance.errors import BadInput
from askance.learners.base import Differentiable, Lesson, Model, Outputs
from askance.learners.network import TorchModel, settled
from askance.learners.wrappers import Around, Noted, check_several
from askance.seeds import Dice

_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # drop whole channels, one number for each
_SHIFTING = (nn.AlphaDropout, nn.FeatureAlphaDropout)


@dataclass(frozen=True)
class Dropout(Around):
    """A network fitted as it is, and scores with its dropout layers on, as samples (Gal & Ghahramani 2016).

    Only the dropout layers are on; batch norm and all else stay in evaluation mode. A pass is one thinned network: each
    layer has one mask in it, shared by all items and numbered by the model's seed, the pass, the layer and the call, so
    that what is drawn depends on no other item and joint rules such as BatchBALD have one belief per pass
    (Kirsch et al. 2019). A mask has the shape of one item's input of its layer, or one number for each channel where
    the layer drops channels, and is scaled by ``1 / (1 - p)``. Where a layer has several rows for an item, as where
    positions are folded into the first axis, they share it.

    Functional dropout, and what an LSTM or an attention drops inside, has no layer and stays off.

    Args:
        learner: What gives the network, such as `Torch`.
        passes: How many samples.

    Raises:
        BadInput: By `fit`, if the model is no network, or no dropout layer has a part in its scores.
    """

    passes: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_several(self, "passes")

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives | {"samples", "votes"}

    def fit(self, lesson: Lesson) -> Model:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[Model]:
        fitted = self.learner.fit_many([replace(lesson, previous=_inner(lesson.previous)) for lesson in lessons])
        return [self._thinned(model, lesson) for model, lesson in zip(fitted, lessons, strict=True)]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return self._restored(self.learner.restore(weights, facts), facts)

    def _restored(self, inner: Model | None, facts: Mapping[str, Any]) -> Model | None:
        if isinstance(inner, Noted):
            model = self._restored(inner.model, facts)
            return None if model is None else inner.around(model)
        if not isinstance(inner, TorchModel):
            return None
        return Thinned(inner, self.passes, tuple(facts["dropout_layers"]), facts["trunk_once"])

    def _thinned(self, inner: Model, lesson: Lesson) -> Model:
        if isinstance(inner, Noted):  # of a learner such as Virtual, which says more of a network
            return inner.around(self._thinned(inner.model, lesson))
        if not isinstance(inner, TorchModel):
            raise BadInput(
                f"Dropout thins a PyTorch network, and {type(self.learner).__name__} gives a {type(inner).__name__}. "
                f"Hand in a Torch(...), or use Ensemble(...) or Bootstrapped(...), which take any learner."
            )
        names, once = _looked_over(inner, take(lesson.items, [0, 0]))
        return Thinned(inner, self.passes, names, once)


@dataclass(frozen=True, eq=False)
class Thinned(Model):
    """A network, and the same with parts of it dropped.

    Args:
        inner: The network whose scores and embeddings are given.
        passes: How many samples.
        layers: The names of the dropout layers that it calls.
        once: Whether one of them is all that stands between the trunk and the last layer; then a pass is that layer
            over the embeddings.
    """

    inner: TorchModel
    passes: int
    layers: tuple[str, ...]
    once: bool

    def __post_init__(self) -> None:
        own = {"passes": self.passes, "dropout_layers": list(self.layers), "trunk_once": self.once}
        object.__setattr__(self, "facts", {**self.inner.facts, **own})
        object.__setattr__(self, "records", self.inner.records)

    def outputs(self, items: Any) -> Outputs:
        own = self.inner.outputs(items)
        scores = self._of_last_layer(own) if self.once else self._of_network(items)
        return replace(own, samples=torch.stack(scores, 1))

    def differentiable(self) -> Differentiable:
        return self.inner.differentiable()

    def weights(self) -> dict[str, Tensor] | None:
        return self.inner.weights()

    def _of_network(self, items: Any) -> list[Tensor]:
        """The scores of each pass, by the whole network."""
        found: list[Tensor] = []
        for number in range(self.passes):
            with thinned(self.inner.network, int(self.facts["seed"]), number):
                scores = self.inner.outputs(items).scores
            assert scores is not None
            found.append(scores)
        return found

    def _of_last_layer(self, own: Outputs) -> list[Tensor]:
        """The same where the embeddings are what is dropped from, and the scores all that is made of them."""
        assert own.scores is not None and own.embeddings is not None and self.inner.layer is not None
        if not self.inner.known:
            return [own.scores] * self.passes
        (name,), seed = self.layers, int(self.facts["seed"])
        dropout = dropout_layers(self.inner.network)[name]
        given = own.embeddings.to(next(self.inner.layer.parameters(), own.embeddings))
        with torch.no_grad(), settled(seed, self.inner.device):
            masks = [mask(dropout, given, Dice(seed, "dropout", number, f"{name}[0]")) for number in range(self.passes)]
            return [self.inner.layer(given * kept).to(own.scores) for kept in masks]


def dropout_layers(network: nn.Module) -> dict[str, nn.modules.dropout._DropoutNd]:
    """The dropout layers of a network that drop anything, by name.

    Raises:
        BadInput: If one of them shifts what it drops.
    """
    found = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0
    }
    for name, layer in found.items():
        if isinstance(layer, _SHIFTING):
            raise BadInput(
                f"The layer {name!r} of {type(network).__name__} is {layer}, which shifts what it drops and keeps; "
                f"masks only scale. Use nn.Dropout there, or Ensemble(...)."
            )
    return found


def mask(layer: nn.modules.dropout._DropoutNd, given: Tensor, dice: Dice) -> Tensor:
    """What a layer multiplies its input with in one pass: 0, or 1 / (1 - p).

    Args:
        layer: The layer.
        given: Its input, items first.
        dice: Of the model, the pass, the layer and the call.

    Returns:
        (1, ...), the shape of one item's input; (1, channels, 1, ...) where channels are dropped.
    """
    shape = list(given.shape[1:])
    if isinstance(layer, _CHANNELS):
        shape[1:] = [1] * (len(shape) - 1)
    drawn = torch.rand(shape, generator=dice.torch_generator(), dtype=torch.float32)  # on the CPU: the same anywhere
    return (drawn >= layer.p).to(given)[None] / max(1.0 - layer.p, 1e-12)


@contextmanager
def thinned(network: nn.Module, seed: int, number: int) -> Iterator[None]:
    """The network with the masks of one pass; its layers stay in the mode they are in.

    Args:
        network: The network.
        seed: Of the masks.
        number: Which pass.
    """
    calls: Counter[str] = Counter()  # in this forward, by layer: one that is called twice has two masks

    def drop(name: str, layer: nn.modules.dropout._DropoutNd, given: Any, passed: Tensor) -> Tensor:
        calls[name] += 1
        return passed * mask(layer, passed, Dice(seed, "dropout", number, f"{name}[{calls[name] - 1}]"))

    with ExitStack() as stack:
        stack.callback(network.register_forward_pre_hook(lambda *_: calls.clear()).remove)
        for name, layer in dropout_layers(network).items():
            stack.callback(layer.register_forward_hook(partial(drop, name)).remove)
        yield


def _tried(model: TorchModel, items: Tensor) -> tuple[list[tuple[str, torch.Size]], bool, bool]:
    """What a forward shows, with NaN for all that dropout layers pass on.

    Returns:
        The name and the shape of each call of a dropout layer, whether it had a part in the scores, and whether there
        was one alone, its output came as it was into the last layer, and out of that one came the scores.
    """
    calls: list[tuple[str, torch.Size]] = []
    marks: list[tuple[str, Tensor, int]] = []  # arrays, and how often they had been written to

    def mark(what: str, *arrays: Any) -> None:
        marks.extend((what, array, array._version) for array in arrays if isinstance(array, Tensor))

    def spoil(name: str, layer: nn.Module, given: Any, passed: Tensor) -> Tensor:
        spoiled = passed * torch.nan
        calls.append((name, spoiled.shape))
        mark("passed", spoiled)
        return spoiled

    with ExitStack() as stack:
        for name, dropout in dropout_layers(model.network).items():
            stack.callback(dropout.register_forward_hook(partial(spoil, name)).remove)
        if model.layer is not None:
            stack.callback(model.layer.register_forward_pre_hook(lambda _, given: mark("given", *given)).remove)
            stack.callback(model.layer.register_forward_hook(lambda _, given, gave: mark("gave", gave)).remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(settled(int(model.facts["seed"]), model.device))
        scores = model.scores(items)
    mark("scores", scores)
    straight = [what for what, *_ in marks] == ["passed", "given", "gave", "scores"]
    pairs = zip(marks[::2], marks[1::2], strict=False)
    same = all(one is other and before == after for (_, one, before), (_, other, after) in pairs)
    return calls, bool(torch.isnan(scores).any()), straight and same and marks[0][1].ndim == 2


def _looked_over(model: TorchModel, two: Tensor) -> tuple[tuple[str, ...], bool]:
    """The dropout layers that a network calls, and whether a pass needs its last layer alone.

    NaN goes through any weight, so whether the scores hang on what is dropped shows whatever the weights are.

    Raises:
        BadInput: If two passes would be the same, or what is dropped has its items along another axis than the first.
    """
    network, name = model.network, type(model.network).__name__
    network.eval()
    layers = dropout_layers(network)
    if not layers:
        raise BadInput(
            f"{name} has no dropout layer with p above 0, so all passes would be the same; functional dropout is none. "
            f"Add nn.Dropout(0.5) before the last layer, or use Ensemble(...), which needs no dropout."
        )
    calls, _, _ = _tried(model, two[:1])
    both, reached, straight = _tried(model, two)
    if not reached and model.facts["width"]:  # without a column there is no score that could hang on anything
        why = "and its scores do not hang on what they pass on" if both else "and never calls them"
        raise BadInput(
            f"{name} has the dropout layers {', '.join(layers)}, {why}, so all passes would be the same. "
            f"Call nn.Dropout in forward(), use what it returns, or use Ensemble(...), which needs no dropout."
        )
    for (where, shape), (_, wider) in zip(calls, both, strict=True):
        if 2 * shape[0] != wider[0]:
            raise BadInput(
                f"The dropout layer {where} of {name} gets an array of shape {tuple(wider)} for 2 items, whose first "
                f"axis is not that of the items, so that masks would differ between them. Put the items first "
                f"(batch_first=True), or use Ensemble(...)."
            )
    return tuple(dict.fromkeys(where for where, _ in both)), straight


def _inner(model: Model | None) -> Model | None:
    """The model of before as the inner learner gave it."""
    if isinstance(model, Noted):
        inner = _inner(model.model)
        return model if inner is None else model.around(inner)
    return model.inner if isinstance(model, Thinned) else model

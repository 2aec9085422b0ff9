"""A PyTorch network as a model: built from what the user names, looked over, and scored in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from askance.arrays import spans
from askance.errors import BadInput
from askance.learners.base import Differentiable, Model, Outputs
from askance.learners.beside import Beside, Seen
from askance.learners.makers import named, takes
from askance.learners.seeded import seeded

ROWS = 256  # items scored at once; what a deep network computes on the way is larger than its items

Network = Callable[..., nn.Module]


@dataclass(frozen=True, eq=False)
class TorchModel(Model):
    """A network in evaluation mode; without any label its scores are zero.

    Args:
        network: The network, on its device.
        layer: The layer whose input are the embeddings, if there is one.
        device: Where it computes.
        facts: What is needed to build it again, and how training went.
        records: Arrays by pool row that were recorded while training.
        beside: What was trained in the same steps, with its layers.
    """

    network: nn.Module
    layer: nn.Module | None
    device: torch.device
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: Mapping[str, Tensor] = field(default_factory=dict)
    beside: tuple[tuple[Beside, nn.Module], ...] = ()

    @property
    def known(self) -> bool:
        """Whether it learned anything: with no label, or after its loss was no number, it knows nothing."""
        return bool(self.facts["labels"]) and not self.facts.get("diverged")

    def outputs(self, items: Any) -> Outputs:
        self.eval()
        with torch.no_grad(), settled(self.facts["seed"], self.device):
            parts = [self._part(items[start:stop]) for start, stop in spans(len(items), ROWS)] or [self._none(items)]
        scores = torch.cat([part[0] for part in parts])
        embeddings = None if self.layer is None else torch.cat([part[1] for part in parts])
        last = self.layer if all(part[3] for part in parts) else None
        extras = {name: torch.cat([part[2][name] for part in parts]) for name in parts[0][2]}
        return Outputs(
            scores=scores if self.known else torch.zeros_like(scores),
            embeddings=embeddings,
            layer=None if not isinstance(last, nn.Linear) else self._read(last),
            extras=extras if self.known else {name: torch.zeros_like(array) for name, array in extras.items()},
        )

    def weights(self) -> dict[str, Tensor] | None:
        state = self.state()
        if not all(isinstance(array, Tensor) for array in state.values()):
            return None  # a network with state of another kind is fitted again
        return {name: array.detach().cpu().clone() for name, array in state.items()}  # tied weights: memory for each

    def state(self) -> dict[str, Any]:
        """The state of the network under its own names, and of what was trained beside it."""
        found = dict(self.network.state_dict())
        for place, (_, module) in enumerate(self.beside):
            found |= {f"beside[{place}].{name}": value for name, value in module.state_dict().items()}
        return found

    def load(self, state: Mapping[str, Any]) -> None:
        """Take on a state.

        Raises:
            RuntimeError: If it is that of other layers.
        """
        own = {name: value for name, value in state.items() if not name.startswith("beside[")}
        self.network.load_state_dict(own)
        for place, (_, module) in enumerate(self.beside):
            start = f"beside[{place}]."
            module.load_state_dict({n.removeprefix(start): v for n, v in state.items() if n.startswith(start)})

    def train(self, items: int) -> None:
        """Training mode; but one item alone has no spread, so batch norm then keeps to the statistics it has."""
        self._mode(True)
        if items == 1:
            for layer in self.network.modules():
                if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                    layer.eval()

    def eval(self) -> None:
        """Evaluation mode."""
        self._mode(False)

    def _mode(self, training: bool) -> None:
        for module in (self.network, *(module for _, module in self.beside)):
            module.train(training)

    def look(self, items: Tensor) -> Seen:
        """What the network gives for items, embeddings and stages included, on its own device."""
        inputs: list[Tensor] = []
        gave: list[Tensor] = []
        stages: list[Tensor] = []
        with ExitStack() as stack:
            if self.layer is not None:
                hook = self.layer.register_forward_pre_hook(lambda _, given: inputs.extend(given[:1]))
                stack.callback(hook.remove)
                stack.callback(self.layer.register_forward_hook(lambda _, __, found: gave.append(found)).remove)
            if any(part.stages for part, _ in self.beside):
                for stage in stages_of(self.network):
                    stage_hook = stage.register_forward_hook(lambda _, __, found: stages.append(found))
                    stack.callback(stage_hook.remove)
            scores = self.scores(items)
        rows = inputs[-1].reshape(len(items), -1) if inputs else None
        straight = len(gave) == 1 and gave[0] is scores and scores.ndim == 2 and inputs[-1].ndim == 2
        return Seen(scores, rows, tuple(stages), straight)

    def differentiable(self) -> Differentiable:
        self.eval()
        fixed = {name: array.detach() for name, array in self.network.named_buffers()}
        trained = {name: array.detach() for name, array in self.network.named_parameters()}
        known = self.known

        def bare(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
            with settled(self.facts["seed"], self.device):
                found: Tensor = functional_call(self.network, {**fixed, **weights}, (self.given(items),))
            return found

        def scores(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
            return bare(weights, items) if known else bare(weights, items) * 0.0

        return Differentiable(scores, trained, int(self.facts["seed"]), bare)

    def scores(self, items: Tensor) -> Tensor:
        """What the network gives, in its own number type and on its own device."""
        scores: Tensor = self.network(self.given(items))
        return scores

    def check(self, item: Tensor) -> None:
        """Try one item, before anything is trained.

        Raises:
            BadInput: If the network cannot read it, or gives no row of scores or no embedding.
        """
        name, shape, wanted = type(self.network).__name__, tuple(item.shape[1:]), (1, self.facts["width"])
        self.eval()
        try:
            with torch.no_grad():
                scores, embeddings, *_ = self._part(item)
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise BadInput(
                f"{name} cannot read an item of shape {shape}: {error}. Reshape the items of the pool, or let what "
                f"builds the network take (features, width) and fit it to them."
            ) from error
        if tuple(scores.shape) != wanted:
            raise BadInput(
                f"{name} gives scores of shape {tuple(scores.shape)} for one item, and the task needs {wanted}. "
                f"Let what builds it take (features, width), and end with a layer of that width."
            )
        if self.layer is not None and embeddings.numel() == 0:
            raise BadInput(
                f"{name} never calls {self.layer}, whose input should be the embeddings. "
                f"Name another layer, Torch(..., layer='...'); its layers are: {_layers(self.network)}."
            )

    def _read(self, last: nn.Linear) -> Tensor:
        """The weights of the last layer, the bias last; zero where nothing was learned, as the scores are."""
        bias = last.weight.new_zeros(len(last.weight)) if last.bias is None else last.bias
        found = _wide(torch.cat([last.weight, bias[:, None]], 1).detach())
        return found if self.known else torch.zeros_like(found)

    def given(self, items: Tensor) -> Tensor:
        """Items as the network takes them."""
        types = [array.dtype for array in self.network.parameters() if array.is_floating_point()]
        return items.to(self.device, types[0] if types else items.dtype)

    def _part(self, items: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor], bool]:
        """Scores, embeddings and extras of some items, and whether the scores came as they are out of the last layer.

        The embeddings are empty where nothing was seen of them.
        """
        seen = self.look(items)
        rows = seen.embeddings if seen.embeddings is not None else seen.scores.new_zeros(len(items), 0)
        extras = {
            name: _wide(array) for part, module in self.beside for name, array in part.extras(module, seen).items()
        }
        return _wide(seen.scores), _wide(rows), extras, seen.straight

    def _none(self, items: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor], bool]:
        """The same of no item: that of a made-up one, less its row."""
        scores, rows, extras, straight = self._part(items.new_zeros(1, *items.shape[1:]))
        return scores[:0], rows[:0], {name: array[:0] for name, array in extras.items()}, straight


def stages_of(network: nn.Module) -> list[nn.Module]:
    """The stages that a network names: the parts of its ``stages``."""
    found = getattr(network, "stages", None)
    return list(found) if isinstance(found, nn.Sequential | nn.ModuleList | list | tuple) else []


def built(network: Network, features: int | list[int], width: int) -> nn.Module:
    """A new network.

    Args:
        network: What builds it, called without arguments if it can be, else with features and width.
        features: How many features an item has, or its shape where it has several axes.
        width: The width of the scores.

    Raises:
        BadInput: If it wants other arguments, or gives no network.
    """
    shape = tuple(features) if isinstance(features, list) else features
    given = () if takes(network, 0) else (shape, width)
    if not takes(network, len(given)):
        raise BadInput(
            f"{named(network)}{signature(network)} wants other arguments than (features, width), or none. "
            f"Give the others defaults."
        )
    found = network(*given)
    if not isinstance(found, nn.Module):
        raise BadInput(
            f"{named(network)} gives a {type(found).__name__}, which is no torch.nn.Module. "
            f"Return the network, or hand in an object with fit() and predict_proba() as Own(...)."
        )
    return found


def layer_of(network: nn.Module, name: str) -> nn.Module:
    """The layer of a name, or the last linear one for an empty name.

    Raises:
        BadInput: If there is none, with the names of all that there are.
    """
    if name:
        try:
            return network.get_submodule(name)
        except AttributeError:
            raise BadInput(
                f"{type(network).__name__} has no layer {name!r}. Use one of its layers: {_layers(network)}."
            ) from None
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise BadInput(
            f"{type(network).__name__} has no torch.nn.Linear whose input could be the embeddings; its layers are: "
            f"{_layers(network)}. Name one, Torch(..., layer='...'), or do without embeddings, layer=None."
        )
    return linear[-1]


def device_of(name: str) -> torch.device:
    """A device that is there.

    Raises:
        BadInput: If torch sees no GPU where one is asked for.
    """
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadInput(f"device={name!r} asks for a GPU, and torch sees none here. Use device='cpu'.")
    return device


@contextmanager
def settled(seed: int, device: torch.device) -> Iterator[None]:
    """Dice, default number type and GPU kernels as a lesson wants them, whatever this process has set."""
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(seeded(seed, device))
        if device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(benchmark=False, deterministic=True))
        stack.callback(torch.set_default_dtype, before)
        torch.set_default_dtype(torch.float32)
        yield


def _layers(network: nn.Module) -> str:
    return ", ".join(name for name, _ in network.named_modules() if name) or "none"


def _wide(array: Tensor) -> Tensor:
    """On the CPU, and no narrower than float32."""
    return array.cpu() if array.dtype == torch.float64 else array.to("cpu", torch.float32)

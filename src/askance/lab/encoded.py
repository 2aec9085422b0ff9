"""Texts or pictures as features of an encoder, computed once: what was read before comes from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from askance import cached
from askance.describe import describe
from askance.encoders import shards
from askance.encoders.base import Encoder
from askance.encoders.shards import KEY, Keys, Shard
from askance.encoders.store import checked
from askance.lab.identity import digest, identity
from askance.look import threads

PIECE = 1_024  # items that are computed and kept together: so much work is lost when a process is killed


def features(encoder: Encoder, items: Sequence[str | bytes]) -> NDArray[np.float32]:
    """The features of items by an encoder that is fitted on them, float32 (items, width).

    They are kept in the cache folder under a name made of the items, the encoder with its fields and revision, and the
    weights it stands on. Pieces are the same whoever computes them, and one thread is at work, so that on one machine
    the same items have the same bits.

    Args:
        encoder: One that reads such items.
        items: Texts, or files of pictures, in an order of their own; another order is computed anew.

    Raises:
        BadInput: If an item cannot be read, or what the encoder stands on is not there.
        StorageError: If the cache cannot be written.
    """
    mark = digest([identity(encoder), encoder.stands_on(), [len(items), _digest_of(items).hex()]])
    folder = cached.here() / "features" / mark
    held = _held(folder, mark)
    starts = range(0, len(items), PIECE)
    missing = [start for start in starts if start not in held]
    if missing:
        with threads(1):
            encoding = encoder.fit(list(items))
            for start in missing:
                part = items[start : start + PIECE]
                about = {"fingerprint": mark, "encoder": describe(encoder), "first": start}
                rows = checked(encoder, encoding, part)
                held[start] = shards.write(folder, start // PIECE, rows, _keys(part), about)
    return np.concatenate([held[start].features() for start in starts])


def _held(folder: Path, mark: str) -> dict[int, Shard]:
    """The pieces that are there and whole, by their first item; others are forgotten."""
    found: dict[int, Shard] = {}
    for name, shard in dict(shards.read(folder, mark)).items():
        if shard is not None and shard.is_whole():
            found[shard.manifest["first"]] = shard
        else:
            shards.forget(folder, name)
    shards.clean(folder, {shard.name for shard in found.values()})
    return found


def _keys(items: Sequence[str | bytes]) -> Keys:
    """The key of each item, uint8 (items, 16)."""
    return np.stack([np.frombuffer(_digest_of([item]), dtype=np.uint8) for item in items])


def _digest_of(items: Sequence[str | bytes]) -> bytes:
    seen = blake2b(digest_size=KEY)
    for item in items:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        seen.update(len(data).to_bytes(8, "little") + data)
    return seen.digest()

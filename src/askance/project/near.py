"""Items that are nearly the same as an earlier one, counted: texts by minhash, images by what they look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

HASHES = 32  # for each text: 128 bytes an item
BANDS = 8  # of four hashes: two texts that share one are compared
ALIKE = 0.8  # of the words, at least
TOGETHER = 2048  # texts hashed at once, and images with one third in common that are compared
BITS = 2  # in which the looks of near images differ, at most

_WORD = re.compile(r"[^\W\d_]+")


class NearDuplicates:
    """Counts texts that share at least four fifths of their words with an earlier text.

    Words are compared without case, digits and punctuation, each once, in any order: two tickets that differ in a
    number are near. The share of common words (Jaccard's) is estimated from 32 hashes (Broder 1997), so it is within
    about .07 of the truth, and pairs at .8 are found 98 times in 100.

    >>> near = NearDuplicates()
    >>> near.add(["the red fox jumps over my lazy dog 7", "the red fox jumps over my lazy dog 8", "nothing like it"])
    >>> near.count()
    1
    """

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._parts: list[NDArray[np.uint32]] = []
        self._known: dict[str, int] = {}
        dice = np.random.default_rng(20_231)  # any fixed number: which hashes are taken
        self._times = dice.integers(1, 2**63, HASHES, dtype=np.uint64) | np.uint64(1)
        self._plus = dice.integers(0, 2**63, HASHES, dtype=np.uint64)

    def add(self, texts: Sequence[str]) -> None:
        """Take in texts, in the order of the file."""
        self._waiting += texts
        while len(self._waiting) >= TOGETHER:
            self._hash(self._waiting[:TOGETHER])
            del self._waiting[:TOGETHER]

    def count(self) -> int:
        """How many texts are near an earlier one."""
        return len(set(self._pairs()[:, 1].tolist()))

    def examples(self, most: int) -> list[tuple[int, int]]:
        """Positions of some near pairs, the earlier one first."""
        return [(int(one), int(two)) for one, two in self._pairs()[:most]]

    def _hash(self, texts: Sequence[str]) -> None:
        sets = [sorted(set(_WORD.findall(text.lower()))) or [""] for text in texts]
        numbers = np.array([self._number(word) for words in sets for word in words], dtype=np.uint64)
        starts = np.cumsum([0, *(len(words) for words in sets[:-1])])
        mixed = (numbers[:, None] * self._times + self._plus) >> np.uint64(32)  # (words, hashes), wrapping
        self._parts.append(np.minimum.reduceat(mixed.astype(np.uint32), starts, axis=0))

    def _number(self, word: str) -> int:
        if word not in self._known:
            self._known[word] = int.from_bytes(
                blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little"
            )
        return self._known[word]

    def _pairs(self) -> NDArray[np.int64]:
        """Pairs of near texts, the earlier one first, int64 (pairs, 2), ascending by the later one."""
        if self._waiting:
            self._hash(self._waiting)
            self._waiting = []
        found = [np.zeros((0, 2), dtype=np.int64)]
        signs = np.concatenate(self._parts) if self._parts else np.zeros((0, HASHES), np.uint32)
        for band in np.split(np.arange(HASHES), BANDS):
            keys = np.ascontiguousarray(signs[:, band]).view(np.dtype((np.void, 4 * len(band)))).reshape(-1)
            order = keys.argsort(kind="stable")
            same = keys[order][1:] == keys[order][:-1]
            found.append(np.stack([order[:-1][same], order[1:][same]], axis=1))
        pairs = np.unique(np.concatenate(found), axis=0)
        alike = (signs[pairs[:, 0]] == signs[pairs[:, 1]]).mean(1) if len(pairs) else np.zeros(0)
        pairs = pairs[alike >= ALIKE]
        ordered: NDArray[np.int64] = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
        return ordered


class NearImages:
    """Counts images whose looks differ from an earlier one's in at most two of 64 bits: the same picture in another
    size, format or quality. Images without a bright or a dark side all look alike.

    >>> near = NearImages()
    >>> for look in (0b1111, 0b1110, 1 << 60):
    ...     near.add(look)
    >>> near.count()
    1
    """

    def __init__(self) -> None:
        self._looks: list[int] = []

    def add(self, look: int) -> None:
        """Take in what an image looks like."""
        self._looks.append(look)

    def count(self) -> int:
        """How many images are near an earlier one."""
        looks = np.array(self._looks, dtype=np.uint64)
        near = np.zeros(len(looks), dtype=bool)
        for start, bits in ((0, 22), (22, 21), (43, 21)):  # of three parts, two differing bits leave one alone
            part = (looks >> np.uint64(start)) & np.uint64((1 << bits) - 1)
            order = part.argsort(kind="stable")
            same = np.ones(len(order), dtype=bool)
            for step in range(1, TOGETHER):
                same = same[: len(order) - step] & (part[order][step:] == part[order][:-step])
                if not same.any():
                    break
                apart = np.bitwise_count(looks[order[step:]] ^ looks[order[:-step]]) <= BITS
                near[order[step:][same & apart]] = True
        return int(near.sum())

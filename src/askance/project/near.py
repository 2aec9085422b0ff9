"""Items that are nearly the same as an earlier one, counted: texts by minhash, images by what they look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

HASHES = 32  # for each text, of 16 bits: 64 bytes an item
ALIKE = 0.8  # of the words, at least
TOGETHER = 2048  # texts hashed at once, and images with one third in common that are compared
LETTERS = 1 << 20  # of texts hashed at once, at most about so many: long ones must not fill the memory
KNOWN = 200_000  # words whose number is kept at hand
BITS = 2  # in which the looks of near images differ, at most

_HAN = r"\u3040-\u30ff\u3400-\u9fff"  # written without spaces: each sign counts as a word
_WORD = re.compile(rf"[{_HAN}]|[^\W\d_{_HAN}]+")


class NearDuplicates:
    """Counts texts that share at least four fifths of their words with an earlier text.

    Words are compared without case, digits and punctuation, each once, in any order: two tickets that differ in a
    number are near. A text without any letter is only near itself. The share of common words (Jaccard's) is estimated
    from 32 hashes (Broder 1997), so it is within about .07 of the truth (a standard deviation), and of the pairs at .8
    the bands find 98 in 100; the estimate then keeps those that it sees at .8.

    >>> near = NearDuplicates()
    >>> near.add(["the red fox jumps over my lazy dog 7", "the red fox jumps over my lazy dog 8", "nothing like it"])
    >>> near.count()
    1
    """

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._letters = 0
        self._parts: list[NDArray[np.uint16]] = []
        self._known: dict[str, int] = {}
        dice = np.random.default_rng(20_231)  # any fixed number: which hashes are taken
        self._times = dice.integers(1, 2**63, HASHES, dtype=np.uint64) | np.uint64(1)
        self._plus = dice.integers(0, 2**63, HASHES, dtype=np.uint64)

    def add(self, texts: Sequence[str]) -> None:
        """Take in texts, in the order of the file."""
        for text in texts:
            self._waiting.append(text)
            self._letters += len(text)
            if len(self._waiting) == TOGETHER or self._letters >= LETTERS:
                self._hash()

    def count(self) -> int:
        """How many texts are near an earlier one."""
        return len(np.unique(self._pairs()[:, 1]))

    def examples(self, most: int) -> list[tuple[int, int]]:
        """Positions of some near pairs, the earlier one first."""
        return [(int(one), int(two)) for one, two in self._pairs()[:most]]

    def _hash(self) -> None:
        """Make the signatures of those that wait."""
        sets = [set(_WORD.findall(text.lower())) or {text} for text in self._waiting]
        numbers = np.array([self._number(word) for words in sets for word in words], dtype=np.uint64)
        starts = np.cumsum([0, *(len(words) for words in sets[:-1])])
        signs = np.empty((len(sets), HASHES), dtype=np.uint16)
        for column, (times, plus) in enumerate(zip(self._times, self._plus, strict=True)):
            mixed = (numbers * times + plus) >> np.uint64(32)  # wrapping
            signs[:, column] = np.minimum.reduceat(mixed, starts) & np.uint64(0xFFFF)
        self._parts.append(signs)
        self._waiting, self._letters = [], 0

    def _number(self, word: str) -> int:
        found = self._known.get(word)
        if found is None:
            if len(self._known) == KNOWN:
                self._known.clear()
            found = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")
            self._known[word] = found
        return found

    def _pairs(self) -> NDArray[np.int64]:
        """Pairs of near texts, the earlier one first, int64 (pairs, 2), ascending by the later one."""
        if self._waiting:
            self._hash()
        if not self._parts:
            return np.zeros((0, 2), dtype=np.int64)
        signs = np.concatenate(self._parts)
        self._parts = [signs]
        found = []
        for keys in signs.view(np.uint64).T:  # four hashes of 16 bits are a number: (bands, texts)
            order = keys.argsort(kind="stable")
            same = keys[order[1:]] == keys[order[:-1]]
            pairs = np.stack([order[:-1][same], order[1:][same]], axis=1)
            found.append(pairs[_alike(signs, pairs) >= ALIKE])
        return _by_later(np.concatenate(found))


class NearImages:
    """Counts images whose looks differ from an earlier one's in at most two of 64 bits: the same picture in another
    size, format or quality. Drawings of a few lines may look alike without being so.

    >>> near = NearImages()
    >>> for look in (0b1111, 0b1110, 1 << 60):
    ...     near.add(look)
    >>> near.count()
    1
    """

    def __init__(self) -> None:
        self._looks: list[int] = []

    def add(self, look: int) -> None:
        """Take in what an image looks like; one that is even all over looks like nothing, and is near none."""
        if look:
            self._looks.append(look)

    def count(self) -> int:
        """How many images are near an earlier one."""
        looks, copies = np.unique(np.array(self._looks, dtype=np.uint64), return_counts=True)
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
        return int(near.sum() + (copies - 1).sum())


def _alike(signs: NDArray[np.uint16], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of hashes that two texts have in common, some pairs at a time: many texts can have many."""
    parts = [pairs[start : start + 100_000] for start in range(0, len(pairs), 100_000)]
    shares = [(signs[part[:, 0]] == signs[part[:, 1]]).mean(1) for part in parts]
    return np.concatenate([np.zeros(0), *shares])


def _by_later(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs, each once, ascending by the later one."""
    places = int(pairs.max(initial=0)) + 1
    later, earlier = np.divmod(np.unique(pairs[:, 1] * places + pairs[:, 0]), places)  # much faster than unique rows
    return np.stack([earlier, later], axis=1)

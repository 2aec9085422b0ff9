"""Texts to frozen features: weighted word counts, folded into a few hundred dimensions."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput
from askance.seeds import Dice


@dataclass(frozen=True)
class TfidfSvd(Encoder):
    """Latent semantic features: TF-IDF of words, then a truncated SVD (Deerwester et al. 1990).

    Words, weights and directions are learned from a sample of the texts, drawn by a hash of what they say, so that the
    order of a file cannot matter. A text without a known word gets a row of zeros; every other row has length 1.

    Args:
        dimensions: How many dimensions at most; fewer where the sample has fewer texts or words.
        words: So many of the commonest words count; of words as common as each other, those first in the alphabet.
        sample: So many texts are learned from.

    >>> encoding = TfidfSvd().fit(["a red fox", "a red hen", "two blue jays", "two blue tits"])
    >>> rows = encoding.encode(["a red fox", "two blue cats", "nothing known"])
    >>> (rows @ rows.T > 0.5).astype(int)
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 0, 0]])
    """

    reads: ClassVar[str] = "text"
    dimensions: int = 256
    words: int = 100_000
    sample: int = 50_000

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadInput(f"dimensions is {self.dimensions}. Ask for at least 1; 256 is a good number for texts.")
        if self.words < 1 or self.sample < 1:
            raise BadInput(f"TfidfSvd(words={self.words}, sample={self.sample}) learns nothing. Use 1 or more of each.")

    def fit(self, items: Iterable[str], seed: int = 0) -> TfidfEncoding:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
        from sklearn.utils.extmath import randomized_svd

        texts = _drawn(items, self.sample)
        counter = CountVectorizer(token_pattern=_WORD, dtype=np.float64)
        try:
            counts = counter.fit_transform(texts)
        except ValueError:  # scikit-learn's word for an empty vocabulary
            raise BadInput(
                f"None of the {len(texts)} texts has a word in it. Check that the column you named holds the texts."
            ) from None
        # Not by max_features: among words as common as each other it keeps what an unstable sort happens to leave.
        chosen = np.sort(np.argsort(-np.asarray(counts.sum(axis=0)).ravel(), kind="stable")[: self.words])
        weighing = TfidfTransformer(sublinear_tf=True)
        weights = weighing.fit_transform(counts[:, chosen])
        kept = min(self.dimensions, *weights.shape)
        _, _, axes = randomized_svd(weights, kept, n_iter=5, random_state=Dice(seed, "encode").key % 2**32)
        words = counter.get_feature_names_out()[chosen].tolist()
        return TfidfEncoding(tuple(words), weighing.idf_, np.ascontiguousarray(axes.T, dtype=np.float32))

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> TfidfEncoding:
        words = arrays["words"].tobytes().decode("utf-8").split("\n")
        return TfidfEncoding(tuple(words), arrays["idf"], arrays["axes"])


@dataclass(frozen=True, eq=False)
class TfidfEncoding(Encoding):
    """Words with their weights, and the directions they are folded into.

    Args:
        words: The vocabulary, sorted.
        idf: The weight of each word, (words,).
        axes: Directions, float32 (words, dimensions).
    """

    words: tuple[str, ...]
    idf: NDArray[np.float64]
    axes: NDArray[np.float32] = field(repr=False)

    @property
    def width(self) -> int:
        return int(self.axes.shape[1])

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        if not len(items):  # which scikit-learn refuses
            return np.zeros((0, self.width), np.float32)
        weights = self._vectorizer.transform(items)
        features = np.asarray(
            weights.astype(np.float32) @ self.axes, dtype=np.float32
        )  # row by row: no neighbor counts
        lengths = np.sqrt(np.einsum("if,if->i", features, features, dtype=np.float64))[:, None]
        # A row that the kept dimensions hardly touch is rounding noise; at length 1 it would be a false direction.
        rows = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > _NOISE, casting="same_kind")
        return np.asarray(rows)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        words = np.frombuffer("\n".join(self.words).encode("utf-8"), dtype=np.uint8)
        return {"words": words, "idf": self.idf, "axes": self.axes}, {}

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        made = TfidfVectorizer(sublinear_tf=True, token_pattern=_WORD, dtype=np.float64, vocabulary=self.words)
        made.idf_ = self.idf
        return made


def text_features(texts: Sequence[str], *, dimensions: int = 256, seed: int) -> NDArray[np.float32]:
    """The features of a pool's texts by `TfidfSvd`, learned from all of them; one warning counts texts without a word.

    Args:
        texts: The pool's texts, one per item.
        dimensions: How many dimensions at most.
        seed: Seeds the randomized SVD; the same seed gives the same features.

    Returns:
        float32 (items, at most ``dimensions``).

    Raises:
        BadInput: No text has a word, or ``dimensions`` is not positive.

    >>> alike = text_features(["a red fox", "a red hen", "two blue jays", "two blue tits"], seed=0)
    >>> (alike @ alike.T > 0.5).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    encoder = TfidfSvd(dimensions=dimensions, sample=max(1, len(texts)))
    encoding = encoder.fit(texts, seed)
    wordless = int(np.sum(np.diff(encoding._vectorizer.transform(texts).indptr) == 0))
    if wordless:
        warnings.warn(
            f"{wordless} of {len(texts)} texts have no word in them; their features are zeros, so they all look alike.",
            stacklevel=2,
        )
    return encoding.encode(texts)


_WORD = r"\w+"
_NOISE = 1e-6  # of the length of a text, which is 1; float32 leaves some 1e-7


def _drawn(items: Iterable[str], sample: int) -> list[str]:
    """Texts drawn uniformly by a hash of what they say, in the order of that hash."""
    keyed = ((blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), text) for text in items)
    return [text for _, text in heapq.nsmallest(sample, keyed)]

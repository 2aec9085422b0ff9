"""Texts to frozen features: weighted word counts, folded into a few hundred dimensions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from askance.errors import BadInput
from askance.seeds import Dice


def text_features(texts: Sequence[str], *, dimensions: int = 256, seed: int) -> NDArray[np.float32]:
    """Latent semantic features: TF-IDF of words, then a truncated SVD (Deerwester et al. 1990).

    The features belong to the whole pool: they are fitted on every text and on no label. A text without a word gets
    a row of zeros, and one warning counts these; every other row has length 1.

    Args:
        texts: The pool's texts, one per item.
        dimensions: How many dimensions at most; fewer when the pool has fewer texts or words.
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
    if dimensions < 1:
        raise BadInput(f"dimensions is {dimensions}. Ask for at least 1; 256 is a good number for texts.")
    counts = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+", dtype=np.float64)
    try:
        weights = counts.fit_transform(texts)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        raise BadInput(
            f"None of the {len(texts)} texts has a word in it. Check that the column you named holds the texts."
        ) from None
    wordless = int(np.sum(np.diff(weights.indptr) == 0))
    if wordless:
        warnings.warn(
            f"{wordless} of {len(texts)} texts have no word in them; their features are zeros, so they all look alike.",
            stacklevel=2,
        )
    kept = min(dimensions, *weights.shape)
    left, strengths, _ = randomized_svd(weights, kept, n_iter=5, random_state=Dice(seed, "encode").key % 2**32)
    features = left * strengths
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    # A row that the kept dimensions hardly touch is rounding noise; at length 1 it would be a false direction.
    rows = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 1e-9)
    return np.asarray(rows, dtype=np.float32)

"""How much memory a selection takes beside its arrays, from the first import on."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.measure import Growth, anonymous

MIB = 2**20

_BY_PROBABILITIES = ("least-confidence", "margin", "entropy", "badge")


def grown(strategy: str, items: int, features: int, classes: int, n: int, labeled: int, kind: str = "float32") -> Any:
    """The growth of anonymous memory while askance is imported and selects; to be run in a fresh process.

    Args:
        strategy: A name of the catalogue.
        items: Rows of the embeddings, which are noise.
        features: Columns of the embeddings.
        classes: Columns of the probabilities.
        n: How many are picked.
        labeled: Rows of ``labeled_embeddings``; 0 hands in none.
        kind: The type of the embeddings, or ``fortran``: float32 with columns in a row.

    Returns:
        ``import``: bytes that the import took; ``select``: bytes that the selection and its kernels took on top;
        ``both``: the most there was over the loaded arrays.
    """
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((items, features), dtype=np.float32)
    embeddings = np.asfortranarray(embeddings) if kind == "fortran" else embeddings.astype(kind, copy=False)
    known = rng.standard_normal((labeled, features), dtype=np.float32) if labeled else None
    probabilities = rng.random((items, classes), dtype=np.float32)
    probabilities /= probabilities.sum(1, keepdims=True)
    before = anonymous()
    with Growth() as importing:
        from askance import select
    before_selecting = anonymous()
    with Growth() as selecting:
        given: dict[str, Any] = {"probabilities": probabilities} if strategy in _BY_PROBABILITIES else {}
        picks = np.asarray(select(strategy, n, embeddings=embeddings, labeled_embeddings=known, **given))
    assert len(np.unique(picks)) == n
    kept = before_selecting - before
    return {"import": importing.bytes, "select": selecting.bytes, "both": max(importing.bytes, kept + selecting.bytes)}

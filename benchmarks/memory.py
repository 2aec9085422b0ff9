"""How much memory a selection takes beside its arrays, from the first import on."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.measure import ROOT, Growth, anonymous

MIB = 2**20
MAPPED = ROOT / ".cache" / "mapped"

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


def mapped(strategy: str, items: int, features: int, classes: int, n: int) -> Any:
    """The growth of anonymous memory while a strategy selects from arrays that lie on disk, and its seconds.

    To be run in a fresh process, after `map_arrays`.

    Args:
        strategy: A name of the catalogue.
        items: Rows.
        features: Columns of the embeddings.
        classes: Columns of the probabilities.
        n: How many are picked.

    Returns:
        ``bytes`` over what there was before askance was imported, and ``seconds`` of the selection.
    """
    arrays = map_arrays(items, features, classes)
    before = anonymous()
    from askance import select
    from askance.signals.base import signals_of
    from askance.strategies import catalogue

    needs = {need for signal in signals_of(catalogue.strategy(strategy)) for need in signal.needs}
    given: dict[str, Any] = {"embeddings": arrays["embeddings"]} if "embeddings" in needs else {}
    if "scores" in needs or not needs:
        given["probabilities"] = arrays["probabilities"]
    imported = anonymous() - before
    start = time.perf_counter()
    with Growth() as growth:
        picks = np.asarray(select(strategy, n, **given))
    assert len(np.unique(picks)) == n
    return {"bytes": imported + growth.bytes, "seconds": time.perf_counter() - start}


def map_arrays(items: int, features: int, classes: int) -> dict[str, Any]:
    """Noise on disk, mapped for reading; written once, block by block."""
    folder = MAPPED / f"{items}-{features}-{classes}"
    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        for name, width in (("embeddings", features), ("probabilities", classes)):
            out = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (items, width))
            for start in range(0, items, _BLOCK):
                block = rng.random((min(_BLOCK, items - start), width), dtype=np.float32)
                out[start : start + len(block)] = block / block.sum(1, keepdims=True) if name != "embeddings" else block
            out.flush()
        (folder / "made").touch()
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("embeddings", "probabilities")}


_BLOCK = 100_000  # rows written at once

"""Seconds, memory and quality of every strategy of the catalogue, beside the floors of this machine.

    python -m benchmarks.selection --size small,medium --strategy k-center,badge --out docs/results/selection.json

Every figure comes from a new process with one thread. Arrays are given; only the selection is timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import workload
from benchmarks.measure import ROOT, Growth, fresh, machine, seconds

if TYPE_CHECKING:
    from benchmarks.floors import Floors  # it imports torch and numba, whose imports are timed here

Rows = NDArray[np.int64]

PICKS = 100
PATIENCE = 1500.0  # seconds of plain k-means; ours takes a tenth or less, and what would take longer is skipped
_FLOPS = 5e10  # products of one thread in a second, as a guess for what to skip
_LLOYD = 100  # iterations at most

# The floor that a method's seconds are divided by, and how often it may be looked at.
GOALS = {
    "least-confidence": ("logarithms", 1.5),
    "margin": ("logarithms", 1.5),
    "entropy": ("logarithms", 1.5),
    "k-center": ("embeddings", 10.0),
    "badge": ("embeddings", 6.0),
    "k-means": ("product", 0.3 * _LLOYD),
    "typiclust": ("product", 0.3 * _LLOYD * 5),  # 500 clusters
    "clue": ("product", 0.3 * _LLOYD),
    "drop-query": ("product", 0.3 * _LLOYD),
    "bald": ("samples", 1.5),
    "lcmd": ("embeddings", 30.0),
    "max-det": ("embeddings", 3.0),
    "bait": ("embeddings", 1.3 * 3 * PICKS),
    "k-dpp": ("gram", 1.5),
}
# How many times faster than the best peer a method should be.
FASTER = {
    "least-confidence": 8,
    "margin": 8,
    "entropy": 8,
    "bald": 5,
    "k-center": 100,
    "badge": 50,
    "k-means-plus-plus": 100,
    "lcmd": 100,
    "max-det": 100,
    "bait": 6,
    "k-dpp": 8,
    "batch-bald": 20,
    "typiclust": 10,
    "clue": 10,
    "drop-query": 10,
    "k-means": 10,
    "falcun": 10,
    "contrastive-al": 10,
    "discriminative-al": 10,
}

LOGITS = ("energy", "max-logit")  # probabilities do not say them
_PIECE = 20_000  # rows looked at once when quality is measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small,medium", help="workloads, comma-separated (default: %(default)s)")
    parser.add_argument("--strategy", default="", help="names, comma-separated (default: the whole catalogue)")
    parser.add_argument("--n", type=int, default=PICKS, help="picks (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of each timing (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "docs" / "results" / "selection.json",
        help="the JSON file; other workloads in it are kept",
    )
    options = parser.parse_args()
    from benchmarks import floors

    found: dict[str, Any] = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    for size in options.size.split(","):
        bounds = floors.of(size)
        place = size if options.n == PICKS else f"{size}-{options.n}"
        measured: dict[str, Any] = {
            "size": size,
            "n": options.n,
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "floors": asdict(bounds),
            "strategies": {},
        }
        before = found.get(place, {})
        if before.get("date") == measured["date"]:  # of one day: what was measured then is kept
            measured["strategies"] = before["strategies"]
        found[place] = measured
        print(f"\n{size}: {_said(size)}; one look at the embeddings {bounds.embeddings * 1e3:.2f} ms,")
        print(
            f"at the probabilities {bounds.probabilities * 1e3:.3f} ms; logarithms {bounds.logarithms * 1e3:.3f} ms\n"
        )
        print(_HEAD, flush=True)
        for strategy in [name for name in options.strategy.split(",") if name] or _names():
            row = measure(strategy, size, options.n, bounds, options.repeats)
            measured["strategies"][strategy] = row
            print(_line(strategy, row), flush=True)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(found, indent=2) + "\n")  # after each, so that none is lost
    print(f"\n{options.out}")


def measure(strategy: str, size: str, n: int, bounds: Floors, repeats: int = 3) -> dict[str, Any]:
    """All figures of one strategy, or why it was skipped."""
    guess = _clusters(strategy, size, n) * 2 * workload.SIZES[size].items * workload.SIZES[size].features * _LLOYD
    if guess / _FLOPS > PATIENCE:
        return {"skipped": f"{_LLOYD} iterations of k-means would take about {guess / _FLOPS / 60:.0f} minutes"}
    with tempfile.TemporaryDirectory() as cache:
        empty = {"NUMBA_CACHE_DIR": cache}
        cold = fresh("benchmarks.selection:first", strategy, size, n, environment=empty)
        warm = fresh("benchmarks.selection:first", strategy, size, n, environment=empty)
        row = fresh("benchmarks.selection:steady", strategy, size, n, repeats, environment=empty)
        memory = fresh("benchmarks.selection:remembered", strategy, size, n, environment=empty)
    row |= {"import_seconds": warm["import"], "first_call": {"cold": cold["call"], "warm": warm["call"]}, **memory}
    if strategy in GOALS:
        floor, most = GOALS[strategy]
        row["floor"] = {"of": floor, "times": row["cpu_seconds"] / getattr(bounds, floor), "goal": most}
    return dict(row)


# What runs in processes of its own


def first(strategy: str, size: str, n: int) -> dict[str, float]:
    """Seconds of the import and of the first call."""
    pool = workload.load(size)
    start = time.perf_counter()
    _select(strategy, pool, 0, size)  # picks nothing: imports, and nothing is compiled
    middle = time.perf_counter()
    _select(strategy, pool, n, size)
    return {"import": middle - start, "call": time.perf_counter() - middle}


def steady(strategy: str, size: str, n: int, repeats: int) -> dict[str, Any]:
    """Seconds once everything is loaded, and the quality of what was picked."""
    pool = workload.load(size)
    picks = _select(strategy, pool, n, size)
    took = seconds(lambda: _select(strategy, pool, n, size), repeats)
    return {"seconds": took.wall, "cpu_seconds": took.cpu, "quality": quality(pool, picks)}


def remembered(strategy: str, size: str, n: int) -> dict[str, float]:
    """MiB that anonymous memory grows by beside the arrays; the import is left out, the kernels are not."""
    pool = workload.load(size)
    _select("random", pool, 1, size)
    with Growth() as growth:
        _select(strategy, pool, n, size)
    return {"extra_mib": growth.bytes / 2**20, "pool_mib": pool.embeddings.nbytes / 2**20}


def _select(strategy: str, pool: workload.Workload, n: int, size: str) -> Rows:
    import torch

    from askance import select
    from askance.signals.base import signals_of
    from askance.strategies import catalogue
    from askance.strategies.base import reads_labels

    torch.set_num_threads(1)
    found = catalogue.strategy(strategy)
    needs = {need for signal in signals_of(found) for need in signal.needs}
    if any(signal.of is not None for signal in signals_of(found)):
        needs.add("embeddings")  # what companions are fitted on
    given: dict[str, Any] = {"mask": pool.open}
    if "embeddings" in needs:
        given |= {"embeddings": pool.embeddings, "labeled_embeddings": pool.embeddings[pool.labeled]}
    if strategy in LOGITS:
        given["logits"] = np.log(pool.probabilities)
    elif "scores" in needs or not needs:
        given["probabilities"] = pool.probabilities
        if "embeddings" in needs:
            given["labeled_probabilities"] = pool.probabilities[pool.labeled]
    if needs & {"samples", "votes"}:
        given["mc_probabilities"] = workload.passes(size)
    if "layer" in needs:
        given["weights"] = pool.layer
    if "gradients" in needs:
        given["gradients"] = pool.embeddings
    if reads_labels(found):
        given["labels"] = pool.classes[pool.labeled]
    return np.asarray(select(strategy, n, **given))


def quality(pool: workload.Workload, picks: Rows) -> dict[str, float]:
    """What a batch is worth.

    Args:
        pool: What was picked from.
        picks: Rows.

    Returns:
        ``radius`` and ``mean_distance`` from any row to the nearest labeled or picked one, ``badge_potential``: the sum
        over rows of the squared distance to the nearest pick in the space of BADGE's gradients (less is better, all
        three), and ``mean_entropy`` of the picks in nats.
    """
    gaps = np.concatenate(list(_gaps(pool.embeddings, np.concatenate([pool.labeled, picks]))))
    residuals = pool.probabilities.copy()
    residuals[np.arange(len(residuals)), residuals.argmax(1)] -= 1
    potential = sum(float(part.sum(dtype=np.float64)) for part in _gaps(pool.embeddings, picks, residuals))
    shares = np.clip(pool.probabilities[picks].astype(np.float64), 1e-300, 1)
    return {
        "radius": float(np.sqrt(gaps.max())),
        "mean_distance": float(np.sqrt(gaps).mean()),
        "badge_potential": potential,
        "mean_entropy": float(-(shares * np.log(shares)).sum(1).mean()) if len(picks) else 0.0,
    }


def _gaps(points: workload.Array, centers: Rows, left: workload.Array | None = None) -> Iterator[workload.Array]:
    """Squared distance of each row to the nearest center, piece by piece; with ``left``, of the outer products."""
    for start in range(0, len(points), _PIECE):
        piece = slice(start, start + _PIECE)
        inner = points[piece] @ points[centers].T  # (rows, centers)
        lengths = np.einsum("ij,ij->i", points[piece], points[piece])
        ends = np.einsum("ij,ij->i", points[centers], points[centers])
        if left is not None:
            inner *= left[piece] @ left[centers].T
            lengths = lengths * np.einsum("ij,ij->i", left[piece], left[piece])
            ends = ends * np.einsum("ij,ij->i", left[centers], left[centers])
        yield np.maximum((ends - 2 * inner).min(1) + lengths, 0)


def _names() -> list[str]:
    from askance.learners.linear import Linear
    from askance.look import usable
    from askance.task import Classes

    return [name for name in usable(Classes((0, 1)), Linear()) if name != "tod"]  # it reads an earlier model


def _clusters(strategy: str, size: str, n: int) -> int:
    """How many clusters a strategy makes."""
    return {"k-means": n, "typiclust": min(workload.SIZES[size].labeled + n, 500)}.get(strategy, 0)


def _said(size: str) -> str:
    what = workload.SIZES[size]
    return f"{what.items:,} x {what.features}, {what.classes} classes, {what.labeled:,} labeled"


_HEAD = (
    f"{'strategy':17}{'seconds':>9}{'cpu':>9}{'cold':>7}{'warm':>7}{'MiB':>7}{'floor':>9}{'goal':>7}"
    f"{'radius':>9}{'mean':>8}{'potential':>11}{'entropy':>9}"
)


def _line(strategy: str, row: dict[str, Any]) -> str:
    if "skipped" in row:
        return f"{strategy:17}  skipped: {row['skipped']}"
    times, goal = (f"{row['floor']['times']:.1f} x", f"{row['floor']['goal']:g} x") if "floor" in row else ("", "")
    first_call, worth = row["first_call"], row["quality"]
    return (
        f"{strategy:17}{row['seconds']:9.4f}{row['cpu_seconds']:9.4f}{first_call['cold']:7.2f}{first_call['warm']:7.2f}"
        f"{row['extra_mib']:7.0f}{times:>9}{goal:>7}{worth['radius']:9.3f}{worth['mean_distance']:8.3f}"
        f"{worth['badge_potential']:11.0f}{worth['mean_entropy']:9.3f}"
    )


if __name__ == "__main__":
    main()

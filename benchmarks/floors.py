"""What this machine cannot go below: one fused pass over the embeddings, one over the probabilities, their logarithms.

python -m benchmarks.floors --size small,medium
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch

from benchmarks import workload
from benchmarks.measure import fresh, seconds

Loop = TypeVar("Loop", bound=Callable[..., Any])


@dataclass(frozen=True)
class Floors:
    """CPU seconds of one thread.

    Args:
        embeddings: A look at every embedding: its squared distance to one point, kept where it is the least so far.
        probabilities: A look at every probability: the sum of each row.
        logarithms: A logarithm of every probability, into an array that is there already.
        product: The embeddings times 100 points; Lloyd's algorithm needs one such product an iteration.
        gram: The embeddings' products of features, features x features; determinants begin with it.
        samples: A logarithm of every probability of every pass.
    """

    embeddings: float
    probabilities: float
    logarithms: float
    product: float
    gram: float
    samples: float


def of(name: str) -> Floors:
    """The floors of a workload, measured in a new process."""
    return Floors(**fresh("benchmarks.floors:measured", name))


def measured(name: str) -> dict[str, float]:
    """The floors of a workload, measured here; call it in a process with one thread."""
    pool = workload.load(name)
    points, shares = pool.embeddings, pool.probabilities
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    sums = np.empty(len(shares), dtype=np.float32)
    given = torch.from_numpy(shares)
    logarithms = torch.empty_like(given)
    some = points[:100].T.copy()
    passes = torch.from_numpy(np.array(workload.passes(name)))
    kept = torch.empty_like(passes)
    calls: dict[str, Callable[[], object]] = {
        "embeddings": lambda: _look(points, points[0], nearest),
        "probabilities": lambda: _sums(shares, sums),
        "logarithms": lambda: torch.log(given, out=logarithms),
        "product": lambda: points @ some,
        "gram": lambda: points.T @ points,
        "samples": lambda: torch.log(passes, out=kept),
    }
    for call in calls.values():
        call()  # compile
    return {what: seconds(call, repeats=7).cpu for what, call in calls.items()}


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(fastmath=True)(function))


@_compiled
def _look(points: workload.Array, point: workload.Array, nearest: workload.Array) -> None:
    for i in range(len(points)):
        total = np.float32(0)
        for column in range(points.shape[1]):
            difference = points[i, column] - point[column]
            total += difference * difference
        if total < nearest[i]:
            nearest[i] = total


@_compiled
def _sums(rows: workload.Array, out: workload.Array) -> None:
    for i in range(len(rows)):
        total = np.float32(0)
        for column in range(rows.shape[1]):
            total += rows[i, column]
        out[i] = total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small,medium", help="of the workloads (default: %(default)s)")
    for name in parser.parse_args().size.split(","):
        print(json.dumps({"size": name} | {what: round(value, 6) for what, value in asdict(of(name)).items()}))


if __name__ == "__main__":
    main()

"""How fast encoders are, and how much a linear head learns from their features.

``python -m benchmarks.encoders`` measures on Reuters R8 and prints what it finds; with ``--write`` it goes into
docs/results/encoders.json, from which ``make docs`` writes the table of docs/encoders.md. It takes about 5 minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from askance.encoders.catalogue import encoder
from askance.encoders.weights import ALL, state
from askance.lab import cache, grid, sets
from askance.lab.datasets import Dataset, features_of
from askance.lab.identity import identity
from askance.lab.plan import Plan
from askance.lab.registry import ENTRIES
from askance.learners.linear import Linear
from askance.pool import Pool
from benchmarks.measure import machine

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results" / "encoders.json"
ENCODERS = {"prose": ("tfidf-svd", "wordllama", "minilm-l6"), "pixels": ("pixels", "efficientnet-lite0")}
PAGE = "r8"  # the set of docs/encoders.md
ITEMS = 3000  # of a data set; the slowest encoder does some tens a second
LABELS, TEST, SEEDS = 500, 1000, 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure encoders on a real data set in the cache.")
    parser.add_argument("--set", default=PAGE, choices=[n for n, e in ENTRIES.items() if e.kind.name in ENCODERS])
    parser.add_argument("--write", action="store_true", help=f"keep what is found on {PAGE} for the page")
    options = parser.parse_args()
    if options.write and options.set != PAGE:
        parser.error(f"the page is about {PAGE}; leave out --set or --write")
    torch.set_num_threads(1)
    found = measured(options.set)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if options.write:
        RESULTS.write_text(text, "utf-8")


def measured(name: str) -> dict[str, Any]:
    """Every encoder that reads the items of a data set."""
    known = ENTRIES[name]
    wanted = ENCODERS[known.kind.name]
    missing = [
        f"askance encoders fetch {which}" for which in wanted if which in ALL and state(ALL[which]) != "in the cache"
    ]
    if known.package and cache.state(known) != "in the cache":
        missing.append(f"askance datasets fetch {name}")
    if missing:
        sys.exit(f"Something is not in the cache. Get it with: {'; '.join(missing)}")
    whole = sets.load(name)
    items: Sequence[Any] = sets.texts(name) if known.kind.name == "prose" else pictures(features_of(whole).numpy())
    place = {id: row for row, id in enumerate(whole.pool.ids.tolist())}
    data = whole.sample(min(ITEMS, len(whole.pool)))
    drawn = [items[place[id]] for id in data.pool.ids.tolist()]
    reads = "text" if known.kind.name == "prose" else "image"
    found = {which: row(which, reads, drawn, data) for which in wanted}
    sizes = {"labels": LABELS, "test": TEST, "items": len(drawn)}
    return {"set": name, **sizes, "learner": identity(Linear()), "machine": machine(), "encoders": found}


def row(which: str, reads: str, drawn: list[Any], data: Dataset) -> dict[str, Any]:
    """One encoder: how fast it is, and what the softmax head reaches with its features, seed by seed."""
    begun = time.perf_counter()
    encoding = encoder(which, reads).fit(drawn)
    fitted = time.perf_counter() - begun
    encoding.encode(drawn[:8])  # what is loaded at first use is no part of the rate
    begun = time.perf_counter()
    features = encoding.encode(drawn)
    rate = len(drawn) / (time.perf_counter() - begun)
    same = Dataset(data.name, Pool.from_arrays(features, data.pool.ids.tolist()), data.labels)
    plan = Plan(("random",), tuple(range(SEEDS)), initial=LABELS // 2, batch=LABELS // 2, budget=LABELS, test=TEST)
    scores = [run.scores[-1] for run in grid.run(same, plan).runs]
    print(f"{which}: {rate:,.0f} a second, accuracy {np.mean(scores):.3f}", file=sys.stderr)
    return {"features": encoding.width, "fit_seconds": fitted, f"{reads}s_a_second": rate, "accuracy": scores}


def pictures(rows: NDArray[np.float32]) -> list[bytes]:
    """Rows of pixels from 0 to 1 as files of square images."""
    side = int(rows.shape[1] ** 0.5)
    files = []
    for row in rows:
        file = io.BytesIO()
        Image.fromarray((row.reshape(side, side) * 255).round().astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


if __name__ == "__main__":
    main()

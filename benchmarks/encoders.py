"""How fast encoders are, and how much a linear head learns from their features.

``python -m benchmarks.encoders`` measures on the real data sets that are in the cache and prints a table of each;
``--write`` puts the tables into docs/encoders.md. It takes about 10 minutes.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
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
from askance.lab.registry import ENTRIES
from askance.pool import Pool
from benchmarks.docs import between_markers
from benchmarks.measure import machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "encoders.md"
COMMAND = "python -m benchmarks.encoders --write"
ENCODERS = {"text": ("tfidf-svd", "wordllama", "minilm-l6"), "image": ("pixels", "efficientnet-lite0")}
SETS = {"r8": "text", "20-newsgroups": "text", "animal-silhouettes": "image"}
ITEMS = 3000  # of a data set; the slowest encoder does some tens a second
LABELS, TEST, SEEDS = 500, 1000, 5


@dataclass(frozen=True)
class Row:
    """One encoder on one data set.

    Args:
        encoder: Its name.
        rate: Items encoded in a second.
        accuracy: Mean over the seeds.
        spread: Standard deviation over the seeds.
    """

    encoder: str
    rate: float
    accuracy: float
    spread: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure encoders on the real data sets in the cache.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/encoders.md")
    options = parser.parse_args()
    parts = []
    for name, kind in SETS.items():
        if cache.state(ENTRIES[name]) != "in the cache":
            print(f"{name} is left out; get it with: askance datasets fetch {name}")
            continue
        rows = [measured(name, kind, which) for which in ENCODERS[kind] if usable(which)]
        parts.append(table(name, rows))
        print(parts[-1])
    if options.write:
        PAGE.write_text(between_markers(PAGE.read_text("utf-8"), {"measured": "\n".join([head(), *parts])}), "utf-8")


def usable(which: str) -> bool:
    """Whether an encoder is built in or in the cache; says what to do if not."""
    if which not in ALL or state(ALL[which]) == "in the cache":
        return True
    print(f"{which} is left out; get it with: askance encoders fetch {which}")
    return False


def measured(name: str, kind: str, which: str) -> Row:
    """An encoder on a sample of a data set: its rate, and a linear head on what it gives."""
    whole = sets.load(name)
    items: Sequence[Any] = sets.texts(name) if kind == "text" else pictures(features_of(whole).numpy())
    place = {id: row for row, id in enumerate(whole.pool.ids.tolist())}
    data = whole.sample(ITEMS)
    drawn = [items[place[id]] for id in data.pool.ids.tolist()]
    encoding = encoder(which, kind).fit(drawn)
    encoding.encode(drawn[:8])  # loading is no part of the rate
    begun = time.perf_counter()
    features = encoding.encode(drawn)
    rate = len(drawn) / (time.perf_counter() - begun)
    scores = accuracies(Dataset(name, Pool.from_arrays(features, data.pool.ids.tolist()), data.labels))
    return Row(which, rate, float(np.mean(scores)), float(np.std(scores, ddof=1)))


def accuracies(data: Dataset) -> list[float]:
    """What the softmax head reaches with labels drawn at random, on a test set of its own for each seed."""
    plan = grid.Plan(("random",), tuple(range(SEEDS)), initial=LABELS // 2, batch=LABELS // 2, budget=LABELS, test=TEST)
    return [run.scores[-1] for run in grid.run(data, plan).runs]


def pictures(rows: NDArray[np.float32]) -> list[bytes]:
    """Rows of pixels from 0 to 1 as files of square images."""
    side = int(rows.shape[1] ** 0.5)
    files = []
    for row in rows:
        file = io.BytesIO()
        Image.fromarray((row.reshape(side, side) * 255).round().astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


def head() -> str:
    """What the tables were measured on."""
    facts = machine()
    return (
        f"Measured by `{COMMAND}`: {ITEMS:,} items of each set; the softmax head with {LABELS} labels drawn at random, "
        f"{TEST:,} test items, {SEEDS} paired seeds (mean ± standard deviation). {facts['processor']}, "
        f"{facts['cores']} cores, {torch.get_num_threads()} threads, torch {version('torch')}.\n"
    )


def table(name: str, rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    thing = "Texts" if SETS[name] == "text" else "Images"
    lines = [f"| `{row.encoder}` | {row.accuracy:.3f} ± {row.spread:.3f} | {row.rate:,.0f} |\n" for row in rows]
    about = f"`{name}`: {ENTRIES[name].about}"
    return f"{about}\n\n| Encoder | Accuracy | {thing} a second |\n| --- | --: | --: |\n{''.join(lines)}"


if __name__ == "__main__":
    main()

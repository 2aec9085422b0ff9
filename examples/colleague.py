"""Plays the colleague who labels in a spreadsheet: fills in the label column of a batch from a file that knows.

Run it as ``python examples/colleague.py BATCH.csv TRUTH.csv KEY LABEL``: KEY is a column that both files have, LABEL
the column of the truth. What comes out is written the way a spreadsheet with a semicolon locale writes it, over BATCH.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def fill_in(batch: Path, truth: Path, key: str, label: str) -> int:
    """Fill in a batch; how many rows got a label."""
    with truth.open(encoding="utf-8-sig", newline="") as file:
        known = {row[key]: row[label] for row in csv.DictReader(file)}
    with batch.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = known[row[key].removeprefix("'")]
    with batch.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), delimiter=";")
        out.writeheader()
        out.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("Say what to fill in and from what: python examples/colleague.py BATCH.csv TRUTH.csv KEY LABEL")
    print(f"{sys.argv[1]}: {fill_in(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])} labels filled in")

"""Results of presets, condensed and kept in docs/results/published, from which the lab's public page is made.

    askance lab run PRESET --size SIZE --out FOLDER                       resumable
    python -m benchmarks.published PRESET FOLDER --size SIZE             condense what is there, finished or not
    python -m benchmarks.published PRESET FOLDER --size SIZE --keep      keep the ledger too, to go on elsewhere
    python -m benchmarks.published PRESET FOLDER --size SIZE --restore   put a kept ledger into a folder
    make docs                                                            docs/lab/index.html and docs/lab/claims.md

The ledger is read from a copy, so a run that is going on is not disturbed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from askance.lab.condensing import condense, read, write
from askance.lab.identity import marked
from askance.lab.presets.catalogue import PRESETS
from askance.lab.running import LEDGER, results_of
from askance.reports import words
from askance.reports.condensed import Condensed
from benchmarks import default_head
from benchmarks.ledgers import copy, keep, restore
from benchmarks.measure import ROOT

FOLDER = ROOT / "docs" / "results" / "published"
SHOWN = (
    "cdalbench",
    "no-free-lunch",
    "no-free-lunch-digits",
    "pool-survey",
    "deepal-survey",
    "deepal-factors",
)  # in this order


def published() -> dict[str, Condensed]:
    """What is kept, by preset."""
    return {name: read(FOLDER / f"{name}.json") for name in SHOWN if (FOLDER / f"{name}.json").is_file()}


def changed(found: Condensed) -> list[str]:
    """The learners of some results that have changed since; of results that do not say what learned, all of them."""
    old = [one for one in found.conditions if not one.learned_by or one.learned_by != marked(one.learned_by["part"])]
    return list(dict.fromkeys(one.learner for one in old))


def remark(found: Condensed, page: str) -> str:
    """A remark on results whose learner has changed since; empty where none has.

    Args:
        found: The results.
        page: The way to docs/default-head.md.
    """
    old = changed(found)
    if all(name.startswith("linear") for name in old):
        return default_head.remark(not old, page)
    return f"Run with earlier revisions of {words.listing(old)}, and to be run again.\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Condense the results of a preset for the public page.")
    parser.add_argument("preset", choices=SHOWN)
    parser.add_argument("folder", type=Path, help="where `askance lab run` wrote")
    parser.add_argument("--size", help="of the preset (default: desk, or its only one)")
    parser.add_argument("--without-missing", action="store_true", help="as for `askance lab run`")
    parser.add_argument("--keep", action="store_true", help="keep the ledger in docs/results/ledgers too")
    parser.add_argument("--restore", action="store_true", help="put the kept ledger into the folder, and end")
    options = parser.parse_args()
    kept = f"{options.preset}-{options.size}" if options.size else options.preset
    if options.restore:
        restore(kept, options.folder)
        return
    grid = PRESETS[options.preset].grid(options.size, without_missing=options.without_missing)
    with tempfile.TemporaryDirectory() as place:
        copy(options.folder, Path(place) / LEDGER)
        found = condense(options.preset, grid.title, results_of(grid, place))
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{found.done:,} of {found.cells:,} runs: {write(found, FOLDER / f'{options.preset}.json')}")
    if options.keep:
        print(f"Ledger: {keep(options.folder, kept)}")


if __name__ == "__main__":
    main()

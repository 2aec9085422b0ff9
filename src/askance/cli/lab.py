"""Commands of the lab: grids of comparisons, run and reported."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, TextIO

from askance.cli.options import Commands, positive

if TYPE_CHECKING:
    from askance.lab.running import Stand


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    lab = commands.add_parser(
        "lab",
        help="compare many strategies on many data sets, honestly",
        description="Grids of comparisons: data sets x learners x strategies x batch sizes x seeds.",
    )
    inner = lab.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = inner.add_parser(
        "run",
        help="run a grid, or what is left of it",
        description="Run a grid that a TOML file describes. What is done already is not run again.",
    )
    run.add_argument("grid", help="the TOML file")
    run.add_argument("--out", metavar="FOLDER", help="where the results go (default: the file's name without .toml)")
    run.add_argument("--workers", type=positive, default=None, metavar="N", help="processes (default: one per core)")
    run.add_argument("--until", metavar="HH:MM", help="begin nothing that would end later; whole seeds come first")
    run.add_argument("--estimate", action="store_true", help="run one seed of each kind, and say how long all takes")
    run.add_argument("--retry", action="store_true", help="run cells again that failed")
    run.add_argument("--json", action="store_true", help="tell what happens as one JSON object a line")
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from askance.executors.local import cores
    from askance.lab.grids import read_grid
    from askance.lab.running import deadline, run_grid

    grid = read_grid(options.grid)
    until = deadline(options.until) if options.until else None
    out = options.out or options.grid.removesuffix(".toml")
    say = _events if options.json else _Live(sys.stderr)
    run_grid(
        grid,
        out,
        workers=options.workers or cores(),
        until=until,
        only_estimate=options.estimate,
        retry=options.retry,
        say=say,
    )
    return 0


def _events(stand: Stand) -> None:
    print(json.dumps({**vars(stand), "left": None if stand.left != stand.left else stand.left}), flush=True)


class _Live:
    """One line that says how far a grid is; on a terminal it is written over, elsewhere now and then again."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._shown = out, 0.0

    def __call__(self, stand: Stand) -> None:
        """Show how far it is."""
        terminal = self._out.isatty()
        about = " ".join(str(part) for part in (stand.about.get("strategy"), stand.about.get("condition")) if part)
        if stand.kind in ("begun", "estimated", "failed", "late", "ended"):
            said = f"{about}: {stand.said}" if about else stand.said
            self._out.write(("\r\x1b[K" if terminal else "") + said + "\n")
        elif time.monotonic() - self._shown > (0.2 if terminal else 10.0):
            self._shown = time.monotonic()
            line = f"{stand.done} of {stand.cells} cells, {stand.failed} failed, about {stand.left:.0f} s left; {about}"
            self._out.write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
        self._out.flush()

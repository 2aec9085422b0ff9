"""The one command, `askance`: it finds the command that is meant and says what went wrong."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence

from askance import __version__
from askance.cli import comparing, lab, projects, scoring, tools
from askance.errors import AskanceError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it did what was asked; 1 if a check failed; 2 for bad input; 3 if it needs a decision first, and did
        nothing; 4 if there is nothing to do; 130 if it was interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name may be no UTF-8: its bytes are printed
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except AskanceError as error:
        print(f"askance: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("askance: stopped; nothing half-done is left behind.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        sys.stdout = None  # or Python complains once more when it flushes at the end
        return 0


def parser() -> argparse.ArgumentParser:
    """Everything that can be typed."""
    whole = argparse.ArgumentParser(
        prog="askance",
        description="Ask for the few labels that matter, learn, ask again, and prove that it was worth it.",
    )
    whole.add_argument("--version", action="version", version=f"askance {__version__}")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    projects.add(commands)
    comparing.add(commands)
    scoring.add(commands)
    lab.add(commands)
    tools.add(commands)
    return whole

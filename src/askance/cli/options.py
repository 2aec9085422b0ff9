"""What the options of several commands have in common."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from askance.executors.base import Place

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def listed(text: str | None) -> list[str]:
    """The names in a list with commas; none of nothing."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def add_place(parser: argparse.ArgumentParser, usual: str = "one per core") -> None:
    """Where the work is done: ``--workers``, ``--on`` and ``--address``.

    Args:
        parser: Of the command.
        usual: What it does where nobody says how many, in words.
    """
    add = parser.add_argument
    add("--workers", type=positive, default=None, metavar="N", help=f"how many work at once (default: {usual})")
    add(
        "--on",
        choices=("processes", "ray"),
        default="processes",
        help="processes of this machine, or Ray, with the extra ray (default: %(default)s)",
    )
    add("--address", metavar="HOST:PORT", help="with --on ray: the running cluster to join (default: one of our own)")


def place_of(options: argparse.Namespace) -> Place | None:
    """Where the work is done, by the options; None: by processes of this machine.

    Raises:
        BadInput: If there is an address of what has none, or no Ray.
    """
    from askance.errors import BadInput

    if options.on == "ray":
        from askance.executors.ray import Ray, check_version

        check_version()  # before anything else takes time
        return Ray(options.address)
    if options.address is not None:
        raise BadInput("--address is for a Ray cluster. Add --on ray, or leave --address out.")
    return None

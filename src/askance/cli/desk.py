"""`askance label`: the page, from a file or a project. No torch here: the first item shall be there at once."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from askance.errors import BadInput
from askance.project.beginning import Begun, Wishes, begin, find_place, is_project, place_of, unheard
from askance.project.items import Items
from askance.project.words import describe_rows, some, task_words


def label(options: argparse.Namespace, wishes: Wishes) -> int:
    """Open the page of a project, which is made first if a file is named."""
    from askance.desk.door import take_password
    from askance.desk.places import is_loopback
    from askance.desk.serving import Wish, serve

    password = take_password(ask=None if is_loopback(options.host) else getpass.getpass)
    place = place_for(options, wishes, partial(_made, options, wishes))
    wish = Wish(
        host=options.host,
        port=options.port,
        names=options.name,
        password=password,
        person=options.by,
        suggest=options.suggest,
        browser=not (options.no_browser or options.json),
    )
    if options.json:
        serve(place, wish, lambda said: None, lambda link: print(json.dumps({"link": link}), flush=True))
    else:
        serve(place, wish)
    return 0


def place_for(options: argparse.Namespace, wishes: Wishes, make: Callable[[Path], str]) -> Path:
    """The project's folder; of a file, the one that was made of it before, or a new one.

    Args:
        options: What was typed.
        wishes: What a new project should be.
        make: Makes a project of the file in a folder, and says what was read.

    Raises:
        BadInput: If a project is there that was made of another file, or with other wishes.
    """
    given, named = options.file, None if options.project is None else find_place(options.project)
    if given is None:
        return _known(named or find_place(None), wishes)
    if named is None and is_project(Path(given)):
        return _known(Path(given), wishes)
    there = named or place_of(given)
    if is_project(there):
        _known(there, wishes, given)
        made = "is there" if named else "was made of it before"
        typed = f"askance add {quote(given)} -p {quote(str(there))}"
        _say(options, f"{there} {made}, and goes on. A newer file is taken in with: {typed}")
        return there
    if there.exists():
        raise BadInput(f"{there} is there already, and is no project. Name another one: --project NAME")
    _say(options, make(there))
    return there


def _known(place: Path, wishes: Wishes, file: str | None = None) -> Path:
    """A project that is there, unless it is not what was asked for."""
    if not is_project(place):
        raise BadInput(f"There is no project in {place}. Begin one with: askance label FILE")
    items = Items(place / "project.db")
    sources, vain = [one["path"] for one in items.fact("sources")], unheard(items, wishes)
    items.close()
    if file is not None and Path(file).resolve() not in [Path(source).resolve() for source in sources]:
        typed = quote(file)
        raise BadInput(
            f"{place} was made of {some(sources)} and not of {file}. For a project of its own, name one: askance "
            f"label {typed} --project NAME. If it is a newer file of that project: askance add {typed} -p "
            f"{quote(str(place))}"
        )
    if vain:
        raise BadInput(
            f"Only a new project heeds {' and '.join(vain)}, and {place} is there already. Leave that out, or name a "
            f"new project: askance label FILE --project NAME"
        )
    return place


def _made(options: argparse.Namespace, wishes: Wishes, there: Path) -> str:
    """Begin a project; its items are encoded while people label."""
    from askance.cli.progress import Line

    line = Line()
    begun = begin(options.file, wishes, folder=there, encoder=_encoder(wishes), rows=line.rows, near=False)
    line.end()
    return _read(begun)


def _encoder(wishes: Wishes) -> Callable[[str], Any]:
    """What describes the encoder, which takes torch; so the best at hand is looked up when the page is there."""

    def described(reads: str) -> Any:
        if wishes.encoder is None:
            return None
        from askance.describe import describe
        from askance.encoders import catalogue

        return describe(catalogue.encoder(wishes.encoder, reads))

    return described


def _read(begun: Begun) -> str:
    """What was understood."""
    lines = [f"{begun.intake.rows:,} rows read in {begun.seconds:.1f} s"]
    lines += [f"  {line}" for line in describe_rows(begun.intake, begun.rows)]
    lines += [f"  {said}" for said in begun.said]
    return "\n".join([*lines, f"  task: {task_words(begun.task)} (--task, --classes)"])


def _say(options: argparse.Namespace, said: str) -> None:
    if not options.json:
        print(said, flush=True)

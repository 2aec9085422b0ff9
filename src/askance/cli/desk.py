"""`askance label`: the page, from a file or a project. No torch here: the first item shall be there at once."""

from __future__ import annotations

import argparse
import getpass
import json
from pathlib import Path

from askance.errors import BadInput
from askance.project.beginning import Begun, Wishes, begin, find_place, place_of


def label(options: argparse.Namespace, wishes: Wishes) -> int:
    """Open the page of a project, which is made first if a file is named."""
    from askance.desk.door import take_password
    from askance.desk.places import is_loopback
    from askance.desk.serving import Wish, serve

    password = take_password(ask=None if is_loopback(options.host) else getpass.getpass)
    place = _place(options, wishes)
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


def _place(options: argparse.Namespace, wishes: Wishes) -> Path:
    """The project's folder; of a file, the one that was made of it before, or a new one."""
    given, named = options.file, None if options.project is None else find_place(options.project)
    if given is None:
        return _project(named or find_place(None))
    if named is None and _is_project(Path(given)):
        return Path(given)
    there = named or place_of(given)
    if _is_project(there):
        made = "is there" if named else "was made of it before"
        which = f" --project {there}" if named else ""
        _say(options, f"{there} {made}, and goes on. A newer file is taken in with: askance add {given}{which}")
        return there
    from askance.cli.progress import Line

    line = Line()
    begun = begin(given, wishes, folder=there, encoder=lambda reads: wishes.encoder, rows=line.rows, near=False)
    line.end()
    _say(options, _read(begun))
    return begun.place


def _project(place: Path) -> Path:
    if not _is_project(place):
        raise BadInput(f"There is no project in {place}. Begin one with: askance label FILE")
    return place


def _is_project(place: Path) -> bool:
    return (place / "project.db").is_file()


def _read(begun: Begun) -> str:
    """What was understood."""
    from askance.project.words import describe_rows, task_words

    lines = [f"{begun.intake.rows:,} rows read in {begun.seconds:.1f} s"]
    lines += [f"  {line}" for line in describe_rows(begun.intake, begun.rows)]
    lines += [f"  {said}" for said in begun.said]
    return "\n".join([*lines, f"  task: {task_words(begun.task)} (--task, --classes)"])


def _say(options: argparse.Namespace, said: str) -> None:
    if not options.json:
        print(said, flush=True)

"""What a cell of a grid is, as a key: two cells with one key have one result, and nothing else decides it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from askance.describe import describe, find
from askance.errors import BadInput
from askance.lab.datasets import Dataset

PROTOCOL = 1  # goes up when splits, first labels or scores may change


def content(dataset: Dataset) -> str:
    """A fingerprint of a data set: its items, ids and labels, whatever it is called."""
    labels = blake2b(json.dumps(dataset.labels).encode(), digest_size=16).hexdigest()
    return digest([dataset.pool.digest, labels])


def identity(part: Any) -> Any:
    """What a strategy or a learner is: its description, and a mark of every class and function in it.

    A part of askance has a revision, which is raised when what it does may change; where that was with some fields
    only, its ``revision_of(description)`` says so. A part from elsewhere has the hash of its source file; what that
    file imports is not looked at.

    Raises:
        BadInput: If a part cannot be described, or its source cannot be read.
    """
    return marked(describe(part))


def marked(said: Any) -> Any:
    """What a part that is described would be today, as `identity` says it.

    Args:
        said: As `askance.describe.describe` gave it.

    Raises:
        BadInput: If something in it is no longer there, or its source cannot be read.
    """
    marks: dict[str, Any] = {}
    for name, fields in _named(said):
        mark = _mark(name, fields)
        marks[name] = max(mark, marks.get(name, mark))
    return {"part": said, "marks": dict(sorted(marks.items()))}


def digest(value: Any) -> str:
    """A short fingerprint of JSON."""
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=12).hexdigest()


def _named(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ``module:Class`` of all that a description names, and with which fields."""
    if isinstance(said, dict):
        for key in ("part", "name"):
            if isinstance(said.get(key), str) and ":" in said[key]:
                yield said[key], said
        for value in said.values():
            yield from _named(value)
    elif isinstance(said, list):
        for value in said:
            yield from _named(value)


def _mark(name: str, fields: dict[str, Any]) -> Any:
    place = name.rpartition(":")[0]
    found = find(name)
    if place == "askance" or place.startswith("askance."):
        of = getattr(found, "revision_of", None)
        return of(fields) if of is not None else getattr(found, "revision", 1)
    try:
        file = place if place.endswith(".py") else inspect.getsourcefile(inspect.unwrap(found))
        return blake2b(Path(str(file)).read_bytes(), digest_size=12).hexdigest()
    except (OSError, TypeError) as error:
        try:
            module = inspect.getmodule(found)
            return blake2b(inspect.getsource(module or found).encode(), digest_size=12).hexdigest()
        except (OSError, TypeError):
            raise BadInput(
                f"The source of {name} cannot be read ({error}), so nobody could tell when its results are out of "
                f"date. Put it into a file, or wrap it in a class of yours that is in one."
            ) from error

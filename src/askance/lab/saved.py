"""Results on disk: one file for all conditions of a grid, which reports, tables and packs are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from askance.errors import BadInput
from askance.files import whole
from askance.reports.results import Results

SCHEMA = 1  # goes up when the file's own fields change
FILE = "results.json"


def write_results(title: str, conditions: Sequence[Results], path: str | Path) -> Path:
    """Write the results of a grid, whole or not at all.

    Raises:
        StorageError: If they cannot be written.
    """
    place = Path(path)
    with whole(place) as file:
        file.write(f'{{"schema": {SCHEMA}, "title": {json.dumps(title)}, "conditions": [\n')
        file.write(",\n".join(results.to_json() for results in conditions))
        file.write("\n]}\n")
    return place


def read_results(path: str | Path) -> tuple[str, list[Results]]:
    """The title and the results of every condition, from a folder or a file of `askance lab run` or `askance run`.

    Raises:
        BadInput: If there are none, or another version wrote them.
    """
    place = Path(path)
    if place.is_dir():
        place = place / FILE
    try:
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"There are no results at {place}: {error}. Name what `askance lab run` wrote.") from error
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{place} holds no results: {error}. Name what `askance lab run` wrote.") from error
    if isinstance(found, dict) and "runs" in found:  # of one comparison
        results = Results.read(found)
        return results.title, [results]
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or "conditions" not in found:
        raise BadInput(f"{place} holds no results that this version reads. Run: askance lab report")
    return str(found["title"]), [Results.read(one) for one in found["conditions"]]

"""Values of any file as cells: the same text whatever kind of file a value came in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.sources.base import Cell


def cell(value: Any, root: Path | None = None) -> Cell:
    """One value, as a person would write it.

    Nothing is an empty text, numbers and dates are written out, lists and mappings become JSON. Bytes stay bytes: they
    are an image. An image of a Hugging Face data set, a mapping with ``bytes`` and ``path``, becomes its bytes, or the
    path if there are none.

    Args:
        value: A value of JSON or Arrow.
        root: The folder that a path without bytes starts from.

    >>> [cell(value) for value in ("a", 3, 0.5, True, None, ["a", "b"])]
    ['a', '3', '0.5', 'true', '', '["a", "b"]']
    """
    if value is None:
        return ""
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "" if value != value else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping) and value.keys() <= {"bytes", "path"} and value:
        held, path = value.get("bytes"), value.get("path")
        return held if held else _path(path, root)
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def in_words(value: Cell, what: str) -> str:
    """A cell as a text, where one is meant: bytes are letters of UTF-8 then, and no image.

    Args:
        value: The cell.
        what: What is to be a text, and where, for errors.

    Raises:
        BadInput: If it is none.

    >>> in_words("ä".encode(), "the label")
    'ä'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise BadInput(f"{what} is a row of numbers, and a text is meant. Name another column.")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{what} is no text: its byte {error.start + 1} is not UTF-8. Write it as one.") from None


def _path(path: str | None, root: Path | None) -> str:
    if not path:
        return ""
    return path if root is None or Path(path).is_absolute() else str((root / path).absolute())

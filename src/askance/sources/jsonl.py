"""JSON lines: an object a line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, cast

from askance.errors import BadInput
from askance.sources.base import Row
from askance.sources.cells import cell
from askance.sources.csv import unreadable

LOOKED_AT = 1000  # lines whose keys make the columns


@dataclass(frozen=True)
class JsonlSource:
    """The objects of a file of JSON lines; a key that an object lacks is an empty cell.

    Args:
        path: The file; one that ends in ``.gz`` is unpacked on the way.
    """

    path: Path
    reads: str = "rows"
    said: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first thousand objects, in the order in which they come."""
        names = dict.fromkeys(key for _, found in islice(self.objects(), LOOKED_AT) for key in found)
        if not names:
            raise BadInput(f'{self.path} holds no object. It needs a line such as {{"text": "..."}} for each item.')
        return tuple(names)

    def __iter__(self) -> Iterator[Row]:
        known = set(self.columns)
        for line, found in self.objects():
            new = [key for key, value in found.items() if key not in known and value is not None]
            if new:
                raise BadInput(
                    f"{self.path}, line {line}: the key {new[0]!r} is in none of the first {LOOKED_AT:,} objects "
                    f"({', '.join(self.columns)}). Give one of those the key, too, or take it out here."
                )
            yield Row({name: cell(found.get(name)) for name in self.columns}, f"{self.path}, line {line}")

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every object with its line."""
        try:
            with gzip.open(self.path, "rb") if self.path.suffix.lower() == ".gz" else self.path.open("rb") as file:
                for number, text in enumerate(file, start=1):
                    if text.strip():
                        yield number, self._object(number, text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, error) from error

    def _object(self, number: int, text: bytes) -> dict[str, Any]:
        try:
            found = json.loads(text.decode("utf-8"), object_pairs_hook=_once_each)
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{self.path}, line {number}: byte {error.start + 1} is not UTF-8. Write the file in UTF-8."
            ) from None
        except _Twice as error:
            raise BadInput(
                f"{self.path}, line {number}: an object has the key {error.args[0]!r} twice. Rename one of them."
            ) from None
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{self.path}, line {number} is no JSON: {error}. Write one object a line.") from None
        if not isinstance(found, dict):
            raise BadInput(
                f"{self.path}, line {number} holds a {type(found).__name__}, and an item is an object. "
                f'Write it as {{"text": ...}}.'
            )
        return cast(dict[str, Any], found)


class _Twice(Exception):
    """An object has a key twice."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; JSON would let the last of two values under one key stand, and nobody would hear of the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for place, key in enumerate(keys) if key in keys[:place]))
    return found

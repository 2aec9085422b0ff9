"""Which row of a project is meant by what another program kept of it: an id, or the content."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from askance.errors import BadInput
from askance.project.intake import look_at
from askance.project.project import Project
from askance.sources.base import Cell, Row
from askance.sources.cells import cell

_UPLOADED = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before the name of a file that somebody uploads
_ODD = re.compile(r"[^-\w.]")  # what it takes out of that name, once blanks are underscores


@dataclass(frozen=True)
class Wanted:
    """What a reader of another program's file has to know of the project.

    Args:
        find: Finds its rows.
        kind: What an item gets: ``classes``, ``labels`` or ``number``.
        names: The names of today.
        columns: The columns that hold an item.
        id: Its column of ids.
        label: Its column of labels, which is another name that labels may go by.
        by: Who answers, where the file does not say.
    """

    find: Finder
    kind: str
    names: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    id: str | None = None
    label: str | None = None
    by: str = ""

    def name(self, given: Any, place: str, field: str) -> str:
        """A name as the file has it, or without blanks around where only that is one."""
        if not isinstance(given, str | int | float) or isinstance(given, bool) or not str(given).strip():
            raise BadInput(f"{place}, {field}: {given!r} is no name. Write the name of a class as a text.")
        return str(given) if str(given) in self.names else str(given).strip()


class Finder:
    """Finds rows of a project; what it needs of the content is read when the first row is looked for.

    Args:
        project: The project.
    """

    def __init__(self, project: Project) -> None:
        self._items, self._how = project.items, project.how

    def known(self, ids: Iterable[Any]) -> str | None:
        """The first of some ids that the project has."""
        texts = (str(id) for id in ids if isinstance(id, str | int) and not isinstance(id, bool))
        return next((id for id in texts if self._items.find(id) is not None), None)

    def row(self, ids: Sequence[Any], data: Mapping[str, Any], place: str) -> str:
        """The row that some data is about.

        Args:
            ids: What may be its id, the surest first.
            data: What the other program shows of it.
            place: Where that stands, for errors.

        Raises:
            BadInput: If no row is meant, or it cannot be told which of several.
        """
        id = self.known(ids)
        if id is not None:
            return id
        found = self._matching(data)
        if len(found) == 1:
            return found[0]
        named = next((f"the id {id!r}" for id in ids if isinstance(id, str | int)), "an id that it knows")
        if found:
            raise BadInput(
                f"{place}: {len(found)} items of the project fit this one: {', '.join(map(repr, found[:3]))}. Nothing "
                f"was taken. Write the id of the right one into its data, as 'askance_id'."
            )
        raise BadInput(
            f"{place}: the project has no item with {named}, nor one of this content. Nothing was taken. Keep the id "
            f"as it was written, or take the file to the project that it belongs to."
        )

    def file(self, name: str) -> list[str]:
        """The rows whose image is called so: by its whole path, or as much of it as both sides have.

        An image that lies in the project has no path; it goes by its row's id, as `askance.project.coco` calls it.
        """
        given = _parts(name)
        fit = [(path, id) for path, id in self._paths.get(_loose(given[-1]), ()) if _ends_alike(path, given)]
        if not fit and _UPLOADED.match(given[-1]):  # what was uploaded has left its folders
            fit = self._paths.get(_loose(_UPLOADED.sub("", given[-1], count=1)), [])
        named = None if fit else self._items.find(unquote(PurePosixPath(given[-1]).stem))
        if named is not None and named.data is not None:
            return [named.id]
        most = max((_common(path, given) for path, _ in fit), default=0)
        return [id for path, id in fit if _common(path, given) == most]

    def _matching(self, data: Mapping[str, Any]) -> list[str]:
        """The rows of some content; of rows with one content the one that stands for them."""
        if self._how.reads == "text":
            return self._by_columns(data) or next((ids for text in _texts(data) if (ids := self._by_text(text))), [])
        if self._how.reads == "table":
            inner = [found for value in data.values() if isinstance(found := _opened(value), Mapping)]
            return next((ids for cells in [data, *inner] if (ids := self._by_columns(cells))), [])
        if self._how.reads == "image":
            return next((ids for text in _texts(data) if (ids := self._by_image(text))), [])
        return []

    def _by_columns(self, cells: Mapping[str, Any]) -> list[str]:
        if not all(name in cells for name in self._how.columns):
            return []
        return self._by_cells({name: cell(cells[name]) for name in self._how.columns})

    def _by_cells(self, cells: Mapping[str, Cell]) -> list[str]:
        number = self._items.standing_for(look_at(Row(cells, ""), self._how, Path()).digest)
        return [] if number is None else [next(self._items.numbered([number])).id]

    def _by_text(self, text: str) -> list[str]:
        exact, settled = self._raws
        return exact.get(_print(text)) or settled.get(_print(_settled(text)), [])

    def _by_image(self, text: str) -> list[str]:
        if text.startswith("data:"):
            _, sign, held = text.partition(";base64,")
            try:
                return self._by_cells({self._how.columns[0]: b64decode(held, validate=True)}) if sign else []
            except ValueError:
                return []
        return next((ids for path in _paths_in(text) if (ids := self.file(path))), [])

    @cached_property
    def _raws(self) -> tuple[dict[bytes, list[str]], dict[bytes, list[str]]]:
        """Ids by a fingerprint of what is read as one text: as it is, and with its line breaks and ends settled."""
        exact: dict[bytes, list[str]] = {}
        settled: dict[bytes, list[str]] = {}
        for row in self._items.rows("item"):
            raw = self._how.raw(row.cells, row.data, Path())
            exact.setdefault(_print(raw), []).append(row.id)
            settled.setdefault(_print(_settled(raw)), []).append(row.id)
        return exact, settled

    @cached_property
    def _paths(self) -> dict[str, list[tuple[Sequence[str], str]]]:
        """Paths of images, each with its row's id, by their last part."""
        found: dict[str, list[tuple[Sequence[str], str]]] = {}
        for row in self._items.rows():
            path = _parts(row.cells.get(self._how.columns[0], ""))
            if row.data is None and path[-1] and row.item is not None:
                found.setdefault(_loose(path[-1]), []).append((path, row.id))
        return found


def _texts(data: Mapping[str, Any]) -> list[str]:
    """The texts among some data: what is called text or image first, then the longest, which is the likeliest."""
    named = [data[key] for key in ("text", "image") if isinstance(data.get(key), str)]
    return named + sorted((value for value in data.values() if isinstance(value, str)), key=len, reverse=True)


def _opened(value: Any) -> Any:
    """A value, or what its JSON says: in CSV a table's cells stand so."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _paths_in(text: str) -> list[str]:
    """What may be the path of a file in a text: what Label Studio serves a file of its own by, a URL, a path."""
    with suppress(ValueError):  # such as brackets that hold no address
        url = urlsplit(text)
        local = parse_qs(url.query).get("d")
        if local or url.scheme:
            return [local[0] if local else unquote(url.path), text]
    return [text, unquote(text)]


def _settled(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _print(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _parts(path: str) -> Sequence[str]:
    return PurePosixPath(path.strip().replace("\\", "/")).parts or ("",)


def _loose(name: str) -> str:
    return _ODD.sub("", name.strip().replace(" ", "_")).lower()


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """How many parts at their ends two paths have in common."""
    same = 0
    for a, b in zip(reversed(one), reversed(two), strict=False):
        if a != b:
            break
        same += 1
    return same


def _ends_alike(one: Sequence[str], two: Sequence[str]) -> bool:
    return _common(one, two) == min(len(one), len(two))

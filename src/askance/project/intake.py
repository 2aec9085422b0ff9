"""Taking a file into a project: what is new, what is the same, what has changed, what is gone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from askance.errors import BadInput, unknown
from askance.project.items import BROKEN, EMPTY, FOLDED, ITEM, Content, Items, Stored
from askance.sources.arrays import VALUES
from askance.sources.base import Row, Source
from askance.sources.cells import in_words

SHOWN = 5  # examples in a message
EVERY = 1000  # rows between two words of progress


@dataclass(frozen=True)
class Reading:
    """How a row becomes an item.

    Args:
        reads: ``text``, ``table``, ``image`` or ``array``.
        columns: The columns that hold the item.
        id: The column of ids; None makes them of the content.
        label: The column of labels.
        unlabeled: Cells of that column that mean no label.
    """

    reads: str
    columns: tuple[str, ...]
    id: str | None = None
    label: str | None = None
    unlabeled: tuple[str, ...] = ()

    def check(self, source: Source) -> None:
        """Refuse columns that a source does not have."""
        named = [*self.columns, *(name for name in (self.id, self.label) if name is not None)]
        for name in named:
            if name not in source.columns:
                raise unknown(f"column in {source.path}", name, source.columns)
        words = (*(() if self.reads == "array" else self.columns), self.id, self.label)
        if source.reads == "array" and VALUES in words:
            raise BadInput(
                f"Column {VALUES!r} of {source.path} holds rows of numbers, which are the items as they are. Leave out "
                f"the option that names it as something else."
            )
        if not self.columns:
            raise BadInput(
                f"Nothing says which columns of {source.path} hold the items. Name them: --text COLUMN, "
                f"--image COLUMN, or --table COLUMN,COLUMN."
            )

    def raw(self, cells: Mapping[str, str], data: bytes | None, root: Path) -> Any:
        """An item as encoders read it: a text, a mapping of cells, the bytes of an image, or numbers.

        Args:
            cells: The row's cells.
            data: What of it is no text.
            root: The folder that paths of images start from.

        Raises:
            BadInput: If an image's file cannot be read.
        """
        if self.reads == "text":
            return "\n".join(text for name in self.columns if (text := cells[name]).strip())
        if self.reads == "table":
            return {name: cells[name] for name in self.columns}
        if self.reads == "array":
            return np.frombuffer(data or b"", dtype=np.float32)
        if data is not None:
            return data
        from askance.images import read

        return read(root / cells[self.columns[0]])


@dataclass
class Intake:
    """What came of reading a file.

    Attributes:
        rows: Rows read.
        new: Of them, rows that the project did not have.
        folded: Of the new ones, rows with the content of another row.
        empty: Places of new rows with nothing in them.
        broken: Why new rows cannot be used, each with its place.
        changed: Ids of rows that hold something else now.
        lost: Ids of rows that are not in the file any more.
        back: Ids of rows that were gone and are there again.
        near: Items that are nearly the same as one before; None where that is not counted.
    """

    rows: int = 0
    new: int = 0
    folded: int = 0
    empty: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    near: int | None = None


@dataclass(frozen=True)
class Found:
    """A row, looked at: its cells as text, its data, its content's fingerprint, an image's look."""

    row: Row
    cells: Mapping[str, str]
    data: bytes | None
    digest: bytes
    state: str
    why: str
    look: int | None = None


def take_in(
    items: Items,
    source: Source,
    how: Reading,
    *,
    number: int,
    update: bool = False,
    scope: str = "all",
    each: Callable[[Found], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Intake:
    """Read a file into a project, whole or not at all; call it inside `Items.write`.

    Args:
        items: The project's rows.
        source: The file.
        how: How its rows become items.
        number: Which of the project's files it is.
        update: Whether a known id may come with other content.
        scope: Which rows the file should still have: ``all`` of the project, ``own``, those last seen in it, or
            ``none``.
        each: Called with every row that is a new item.
        progress: Told how many rows were read, now and then.

    Raises:
        BadInput: For a missing column, an empty or repeated id, or changed content under a known id.
    """
    how.check(source)
    reading = int(items.fact("reading", 0)) + 1
    done = Intake()
    heirs: list[list[str]] = []
    repeated: Counter[str] = Counter()
    known = 0
    for row in source:
        done.rows += 1
        found = look_at(row, how, source.path)
        id = _id(found, how, items, reading, repeated)
        before = items.find(id)
        if before is None:
            _add(items, done, found, id, how, number, reading)
            if found.state == ITEM and each is not None:
                each(found)
        else:
            known += 1
            if before.reading == reading:
                raise BadInput(
                    f"{row.place}: the id {id!r} stands in an earlier row, too. Give each row its own id, or leave out "
                    f"--id to have ids made of the content."
                )
            if _meet(items, done, found, before, how, number, reading, heirs) and before.gone:
                done.back.append(id)
        if progress is not None and done.rows % EVERY == 0:
            progress(done.rows)
    if not done.rows:
        raise BadInput(f"{source.path} holds no item. Add a row, or a file, for each.")
    if done.changed and not update:
        raise BadInput(
            f"{len(done.changed)} rows of {source.path} have the id of another content than before: "
            f"{_some(done.changed)}. If these items were edited and their labels still hold, say --update; if they "
            f"are other items, give them ids of their own."
        )
    if scope != "none" and reading > 1:
        if not known:
            raise BadInput(
                f"{source.path} has none of the project's items. If it holds further ones, say --more; if it takes the "
                f"place of all there were, say --replace."
            )
        done.lost = items.lose(reading, number if scope == "own" else None)
    items.put("reading", reading)
    items.put("edited", [*items.fact("edited", []), *done.changed])
    items.put("heirs", [*items.fact("heirs", []), *heirs])
    items.put("settled", False)
    return done


def look_at(row: Row, how: Reading, path: Path) -> Found:
    """What a row holds."""
    digest, why, look = row.digest, row.broken, row.look
    cells, others = dict[str, str](), list[Any]()
    words = {how.id, how.label, *(how.columns if how.reads in ("text", "table") else ())}
    for name, cell in row.cells.items():
        if isinstance(cell, str) or name in words:
            try:
                cells[name] = in_words(cell, f"{row.place}: column {name!r}")
            except BadInput as error:
                why = why or str(error)
        elif name in how.columns:
            others.append(cell)
    data = None if not others else others[0] if isinstance(others[0], bytes) else others[0].tobytes()
    if how.reads == "image" and not why and not digest:
        digest, why, look = _image(cells, data, how, path)
    held = [cells.get(name, "") for name in how.columns]
    why = _clean(why)  # a file's name in it may be any bytes
    if why:
        return Found(row, cells, data, digest or _digest("broken", [*cells.values()]), BROKEN, why)
    if data is None and not any(cell.strip() for cell in held):
        return Found(row, cells, data, _digest("empty", held), EMPTY, f"{', '.join(how.columns)} is empty")
    return Found(row, cells, data, digest or _digest(how.reads, held, data), ITEM, "", look)


def _image(cells: Mapping[str, str], data: bytes | None, how: Reading, path: Path) -> tuple[bytes, str, int | None]:
    """The fingerprint of an image that a cell holds or points at, why it cannot be used, and what it looks like."""
    from askance.sources.images import check_bytes, check_image

    if data is not None:
        return check_bytes(data, how.columns[0])
    name = cells.get(how.columns[0], "").strip()
    return check_image(path.parent / name) if name else (b"", "", None)


def _add(items: Items, done: Intake, found: Found, id: str, how: Reading, number: int, reading: int) -> None:
    twin = items.standing_for(found.digest) if found.state == ITEM else None
    items.insert(id, _content(found, how, twin, number, reading))
    done.new += 1
    done.folded += twin is not None
    if found.state == EMPTY:
        done.empty.append(found.row.place)
    elif found.state == BROKEN:
        done.broken.append(found.why if found.row.place in found.why else f"{found.row.place}: {found.why}")


def _meet(
    items: Items, done: Intake, found: Found, before: Stored, how: Reading, number: int, reading: int, heirs: list[Any]
) -> bool:
    """A row that is known already; whether it is there now, and not an item that has ended."""
    if before.digest == found.digest and found.state in (before.state, ITEM):
        same = _content(found, how, before.item if before.state == FOLDED else None, number, reading)
        items.change(before.number, same)
        return True
    if before.state == ITEM and found.state != ITEM and before.why:  # it ended in an earlier reading
        items.end(before.number, reading, before.why)
        return False
    if before.state in (ITEM, FOLDED):
        done.changed.append(before.id)
        heir = items.hand_on(before.number) if before.state == ITEM else None
        if heir is not None:
            heirs.append([before.number, heir])
        if before.state == FOLDED:
            heirs.append([before.item, before.number])
    if before.state == ITEM and found.state != ITEM:  # what was asked about once stays in the pool
        items.end(before.number, reading, f"{found.row.place}: {found.why}")
        return False
    twin = items.standing_for(found.digest) if found.state == ITEM and before.state != ITEM else None
    items.change(before.number, _content(found, how, twin, number, reading))
    return True


def _content(found: Found, how: Reading, twin: int | None, number: int, reading: int) -> Content:
    label = found.cells.get(how.label, "").strip() if how.label is not None else ""
    return Content(
        digest=found.digest,
        state=FOLDED if twin is not None else found.state,
        item=twin,
        label="" if label in how.unlabeled else _clean(label),
        cells=found.cells,
        why=found.why,
        data=found.data,
        source=number,
        reading=reading,
    )


def _id(found: Found, how: Reading, items: Items, reading: int, repeated: Counter[str]) -> str:
    """The row's own id, or one of its content, which is the same wherever in the file it stands.

    How often a content was met again is counted beside the rows: a file may hold one many thousand times.
    """
    if how.id is not None:
        id = _clean(in_words(found.row.cells.get(how.id, ""), f"{found.row.place}: the id").strip())
        if not id:
            raise BadInput(
                f"{found.row.place}: no id in column {how.id!r}. Fill it in, or leave out --id to have ids made of the "
                f"content."
            )
        return id
    name = f"i{found.digest.hex()[:15]}"
    if not items.met(name, reading):
        return name
    repeated[name] += 1
    return f"{name}-{repeated[name] + 1}"


def _digest(kind: str, held: list[str], data: bytes | None = None) -> bytes:
    sum_ = blake2b(json.dumps([kind, held]).encode(), digest_size=16)
    sum_.update(data or b"")
    return sum_.digest()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def sample(source: Source, rows: int) -> list[Mapping[str, Any]]:
    """The cells of a source's first rows that are not broken."""
    found: list[Mapping[str, Any]] = []
    walk: Iterator[Row] = iter(source)
    for row in walk:
        if not row.broken:
            found.append(row.cells)
        if len(found) == rows:
            break
    return found

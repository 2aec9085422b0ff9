"""The journal: numbered lines of what happened in a study, only ever appended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from askance.errors import BadInput, Conflict, StorageError, unknown

if TYPE_CHECKING:
    from askance.study.sql import Row


class Body(NamedTuple):
    """The keys a body must and may have, each with the type of its value."""

    must: Mapping[str, type | UnionType]
    may: Mapping[str, type | UnionType] = MappingProxyType({})


NUMBER = int | float
ID = int | str
PART: Any = dict | str  # what `describe(part)` gives
ANY = object

BODIES = {
    "opened": Body(
        {
            "task": PART,
            "strategy": PART,
            "start": dict | None,
            "learner": PART,
            "seed": int,
            "control": NUMBER,
            "threads": int,
            "piece": int,
        },
        {"versions": dict, "device": str},
    ),
    "offered": Body({"items": int, "ids": list | None, "digest": str}),  # no ids: row numbers
    "asked": Body(
        {
            "round": int,
            "number": int,
            "size": int,
            "left": int,
            "wanted": int,
            "fit": int,
            "cold": bool,
            "ids": list,
            "ranks": list,
            "streams": list,
            "probabilities": list,
            "notes": list,
            "strategy": str,
            "seed": int,
            "model": str,
            "seen": int,
            "reason": str,
        },
        {"said": str, "seconds": dict, "considered": list, "budget": int | None},
    ),
    "released": Body({"ids": list}),
    "told": Body(
        {"id": ID, "value": ANY, "answer_kind": str},
        {"by": str, "seconds": NUMBER | None, "how": str, "saw": dict, "deed": str},
    ),
    "fitted": Body(
        {"number": int, "through": int, "key": str, "learner": PART, "companions": dict, "facts": dict},
        {"seconds": NUMBER},
    ),
    "passed": Body({"id": ID}, {"prediction": ANY, "probability": NUMBER | None, "why": str, "number": int}),
    "noted": Body({"id": ID}, {"by": str, "flag": bool, "comment": str, "skip": bool}),
    "changed": Body({"what": str, "old": ANY, "new": ANY}),
    "scored": Body({"scores": dict, "on": str, "through": int, "labels": int}),
    "stopped": Body({"reason": str}),
}
KINDS = tuple(BODIES)  # whole from the first version, used or not


@dataclass(frozen=True)
class Line:
    """Something that happened.

    Attributes:
        number: Its place in the study, from 1, without gaps.
        kind: One of ``KINDS``.
        at: When, in seconds since 1970; for people to read, never for the fold.
        body: What, as JSON gives it back: tuples are lists, keys are strings.
    """

    number: int
    kind: str
    at: float
    body: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A line that has no number yet.

    Attributes:
        kind: One of ``KINDS``.
        body: What ``BODIES`` says a line of this kind holds. Infinite numbers and NaN are kept.
        once: A client's key; in one study it is written once.
        at: When it happened, in seconds since 1970; None is when it is written.
    """

    kind: str
    body: dict[str, Any]
    once: str | None = None
    at: float | None = None


class Journal:
    """The lines of one study. Any number of threads and processes may read and write it at once.

    >>> journal = MemoryJournal()
    >>> journal.append([Draft("passed", {"id": 7}), Draft("stopped", {"reason": "tired"})], after=0)[1].number
    2
    >>> journal.append([Draft("passed", {"id": 8})], after=0)
    Traceback (most recent call last):
    askance.errors.Conflict: Study 'study' ends at line 2, not at line 0. Read on from line 0 and try again.
    """

    def __init__(self, store: Store, study: str) -> None:
        self.study = study
        self._store: Store = store

    def read(self, after: int = 0) -> list[Line]:
        """The lines whose number is greater than ``after``, in order."""
        return [_line(row) for row in self._store.after(after)]

    @property
    def last(self) -> int:
        """The number of the last line, 0 if there is none."""
        return self._store.last()

    def find(self, once: str) -> Line | None:
        """The line that was written under a client's key."""
        found = self._store.used([once])
        return _line(found[once]) if once in found else None

    def append(self, drafts: Sequence[Draft], after: int) -> list[Line]:
        """Write lines if nothing was written since line ``after`` was read: all of them or none.

        Raises:
            Conflict: The last line is another one; read on and try again.
            BadInput: A draft is not what ``BODIES`` says, or its key was used before.
        """
        texts = [_text(draft) for draft in drafts]
        with self._store.write():
            last = self._store.last()
            if last != after:
                raise Conflict(
                    f"Study {self.study!r} ends at line {last}, not at line {after}. "
                    f"Read on from line {after} and try again."
                )
            keys = [draft.once for draft in drafts if draft.once]
            taken = sorted(self._store.used(keys)) or [key for key in keys if keys.count(key) > 1]
            if taken:
                raise BadInput(
                    f"The key {taken[0]!r} is used twice in study {self.study!r}. "
                    f"Look with find() what was written under it, or use add()."
                )
            return self._write(drafts, texts, last, {})

    def add(self, drafts: Sequence[Draft]) -> list[Line]:
        """Write lines after whatever was written meanwhile: all of them or none.

        Returns:
            One line per draft, in order; for a key that was used before, the line that was written then.
        """
        texts = [_text(draft) for draft in drafts]
        for _ in range(_TRIES - 1):
            with suppress(Conflict):  # never with SQLite, whose writers wait for each other
                return self._add(drafts, texts)
        return self._add(drafts, texts)

    def together(self) -> AbstractContextManager[object]:
        """One commit for all that this thread writes inside, by any study of this database.

        If the block raises, nothing of it is kept; a block inside is a part of it. Other writers wait until it
        ends. With durability ``full`` it does nothing: each line is on disk when its call returns, whatever
        happens later.
        """
        return self._store.together()

    def close(self) -> None:
        """Let go of the database; the journal cannot be used after that."""
        self._store = _Closed(self.study)

    def _add(self, drafts: Sequence[Draft], texts: Sequence[str]) -> list[Line]:
        with self._store.write():
            used = self._store.used([draft.once for draft in drafts if draft.once])
            known = {key: _line(row) for key, row in used.items()}
            return self._write(drafts, texts, self._store.last(), known)

    def _write(self, drafts: Sequence[Draft], texts: Sequence[str], last: int, known: dict[str, Line]) -> list[Line]:
        """Number and store the drafts whose key is not known, and give each draft its line."""
        now = time.time()
        rows: list[Row] = []
        written: list[Line] = []
        for draft, text in zip(drafts, texts, strict=True):
            line = known.get(draft.once) if draft.once else None
            if line is None:
                at = now if draft.at is None else draft.at
                rows.append((last + len(rows) + 1, draft.kind, at, draft.once, text))
                line = _line(rows[-1])
                if draft.once:
                    known[draft.once] = line
            written.append(line)
        self._store.insert(rows)
        return written


class MemoryJournal(Journal):
    """A journal that ends with its process."""

    def __init__(self, study: str = "study") -> None:
        super().__init__(_Memory(), _name(study))


class SqlJournal(Journal):
    """A journal in a database, beside those of other studies.

    Args:
        storage: A path of a SQLite file, or a URL (``postgresql+psycopg://...``).
        study: Which study of that database.
        durability: ``full``: a line is on disk when its call returns. ``normal``: the last lines may be missing
            after a power cut, and ``together`` makes one commit.

    Raises:
        StorageError: The database cannot be read and written; the message says what to do.
    """

    def __init__(self, storage: str | Path, study: str = "study", durability: str = "full") -> None:
        from askance.study import sql  # brings SQLAlchemy, which a study in memory does without

        super().__init__(sql.Lines(sql.open_database(storage, durability), _name(study)), study)


def open_journal(storage: str | Path | None, study: str = "study", durability: str = "full") -> Journal:
    """The journal of a study: in memory without a storage, else in that SQLite file or database URL."""
    return MemoryJournal(study) if storage is None else SqlJournal(storage, study, durability)


class Store(Protocol):
    """What a journal stands on: rows by number and by client key, and transactions."""

    def last(self) -> int:
        """The number of the last row, 0 if there is none."""

    def after(self, number: int) -> list[Row]:
        """The rows after a number, in order."""

    def used(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows that carry one of these client keys, by key."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Keep rows, inside ``write``; a number or key that is taken is a Conflict."""

    def write(self) -> AbstractContextManager[object]:
        """A transaction, or a part of the one that is open: all of it is kept or nothing."""

    def together(self) -> AbstractContextManager[object]:
        """One commit for all that is written inside, where the durability allows it."""


class _Memory:
    """Rows in a list, for one process."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._used: dict[str, Row] = {}
        self._lock = RLock()
        self._open = False

    def last(self) -> int:
        with self._lock:
            return len(self._rows)

    def after(self, number: int) -> list[Row]:
        with self._lock:
            return self._rows[max(number, 0) :]

    def used(self, keys: Sequence[str]) -> dict[str, Row]:
        with self._lock:
            return {key: self._used[key] for key in keys if key in self._used}

    def insert(self, rows: Sequence[Row]) -> None:
        self._rows.extend(rows)
        self._used.update((once, row) for row in rows if (once := row[3]))

    @contextmanager
    def write(self) -> Iterator[None]:
        with self._lock:
            if self._open:
                yield
                return
            kept = len(self._rows)
            self._open = True
            try:
                yield
            except BaseException:
                for row in self._rows[kept:]:
                    self._used.pop(row[3] or "", None)
                del self._rows[kept:]
                raise
            finally:
                self._open = False

    together = write


class _Closed:
    """What is left of a closed journal: whatever is asked of it, an error."""

    def __init__(self, study: str) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        raise StorageError(f"The journal of study {self._study!r} is closed. Open it again with open_journal().")


_TRIES = 100
LONGEST = 255  # characters of a study's name or a client's key; databases want a limit


def _line(row: Row) -> Line:
    number, kind, at, _, text = row
    return Line(number, kind, at, json.loads(text))


def _name(study: str) -> str:
    if not 0 < len(study) <= LONGEST:
        raise BadInput(f"The study's name has {len(study)} characters. Give it 1 to {LONGEST}.")
    return study


def _text(draft: Draft) -> str:
    """The body as JSON text, if it is what its kind declares."""
    if draft.kind not in BODIES:
        raise unknown("kind of line", draft.kind, KINDS)
    if draft.once is not None and not 0 < len(draft.once) <= LONGEST:
        raise BadInput(f"A client's key has {len(draft.once)} characters. Give it 1 to {LONGEST}, or None.")

    must, may = BODIES[draft.kind]
    line = f"A line of kind {draft.kind!r}"
    if missing := must.keys() - draft.body.keys():
        raise BadInput(f"{line} lacks {', '.join(sorted(missing))}. Give {', '.join(must)}.")
    if strange := draft.body.keys() - must.keys() - may.keys():
        raise BadInput(f"{line} has no {', '.join(map(str, strange))}. It may hold {', '.join([*must, *may])}.")
    for key, value in draft.body.items():
        wanted = must.get(key) or may[key]
        if not isinstance(value, wanted):
            names = getattr(wanted, "__name__", str(wanted))
            raise BadInput(f"{line} has {key} = {value!r}, a {type(value).__name__}. Give it as {names}.")
    try:
        return json.dumps(draft.body, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise BadInput(f"{line} cannot be kept: {error}. Give plain numbers, texts, lists and dicts.") from error

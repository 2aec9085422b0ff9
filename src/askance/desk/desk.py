"""A project as a desk: who labels what, and everything a page wants to know. It brings no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

from askance.describe import describe
from askance.desk.board import Board
from askance.desk.claims import Claims
from askance.desk.early import Early, Row
from askance.desk.fold import Fold
from askance.errors import BadInput, Conflict, unknown
from askance.history import KINDS
from askance.project.answers_file import parse_label
from askance.project.items import BEGUN, ITEM, Items, Stored
from askance.project.kinds import TASKS
from askance.study.journal import Draft, open_journal
from askance.task import Classes, Named, Task

NAME = 60  # characters of a person's name
ONCE = 100  # characters of a client's key
COMMENT = 2000  # characters of a comment
DRAWN = 12  # items drawn ahead before the study begins
TRIES = 100
OURS = ("file", "gone")  # names that files answer under


@dataclass(frozen=True)
class Undone:
    """What was taken back.

    Args:
        id: The item; of a lasso the last.
        value: What was said, in today's names.
        kind: In which kind.
        count: How many answers.
        deed: The lasso's; None for one item's answer.
    """

    id: str
    value: Any
    kind: str
    count: int = 1
    deed: str | None = None


class Desk:
    """One project for all who label in it. Its methods may be called from any thread.

    Args:
        folder: The project's folder.
        clock: Gives the time, in seconds.

    Attributes:
        lock: Whoever reads the `fold` holds it meanwhile: others add to it.
        key: What no other project is called, also one of the same name at the same address.

    Raises:
        StorageError: If one of its files cannot be used.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.items = Items(folder / "project.db")
        self.board = Board(folder)
        self.claims = Claims(self.board, clock)
        self._early = Early(self.items, clock)
        self._journal = open_journal(folder / "study.db")
        self.lock = RLock()
        self.key = self._kept_key()
        if self._journal.last and not self.items.early():
            self.items.put(BEGUN, True)
        self._begun = self._early.over
        self._fold = Fold() if self._begun else self._early.begin()

    def close(self) -> None:
        """Let go of its files."""
        self._journal.close()
        self.board.close()
        self.items.close()

    def _kept_key(self) -> str:
        if self.items.fact("key") is None:
            with self.items.write():
                if self.items.fact("key") is None:  # nobody was faster
                    self.items.put("key", token_hex(8))
        return str(self.items.fact("key"))

    # What people do

    def fold(self) -> Fold:
        """The state, with all that was written by now."""
        with self.lock:
            if not self._begun and self._early.over:
                self._begun, self._fold = True, Fold()
            if not self._begun:
                self._early.refresh(self._fold)
            else:
                for line in self._journal.read(self._fold.line):
                    self._fold.fold(line)
            return self._fold

    def claim(self, person: str, n: int = 1) -> list[str]:
        """The next items for a person; before the study has begun they are drawn at random."""
        with self.lock:
            fold = self.fold()
            if not self._begun:
                put_off = sum(person in fold.skipped.get(id, ()) for id in fold.open)
                self._early.draw(fold, self.claims.held() + put_off + max(n, DRAWN))
            return self.claims.claim(fold, person, n)

    def answer(
        self,
        person: str,
        id: str,
        value: Any,
        kind: str = "label",
        *,
        seconds: float | None = None,
        once: str | None = None,
        how: str = "",
        saw: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Keep an answer: it is on disk when this returns. Told again under the same key, nothing happens.

        Returns:
            Classes that it created.

        Raises:
            BadInput: For an item that is unknown or not encoded, an unknown kind, or a value that the task has no word
                for.
        """
        with self.lock:
            self._offered(id)
            value, new = self._read(value, kind)
            body: dict[str, Any] = {"id": id, "value": value, "answer_kind": kind, "by": person, "seconds": seconds}
            body |= {"how": how} if how else {}
            body |= {"saw": dict(saw)} if saw else {}
            self._write([("told", body, _key(person, once, id))])
            self.claims.done([id])
            return new

    def answer_many(
        self,
        person: str,
        ids: Sequence[str],
        value: Any,
        kind: str = "label",
        *,
        once: str | None = None,
        how: str = "",
        deed: str | None = None,
    ) -> int:
        """Give many items one answer, all or none; how many there are.

        Answers under one ``deed``, by default those of this call, are undone together.
        """
        with self.lock:
            for id in ids:
                self._offered(id)
            value, _ = self._read(value, kind)
            own = {"deed": deed or once or token_hex(8)} | ({"how": how} if how else {})
            drafts = [
                ("told", {"id": id, "value": value, "answer_kind": kind, "by": person, **own}, _key(person, once, id))
                for id in dict.fromkeys(ids)
            ]
            self._write(drafts)
            self.claims.done(list(ids))
            return len(drafts)

    def undo(self, person: str, once: str | None = None) -> Undone | None:
        """Take a person's last answer back, and give them the item again; of a lasso all answers, and no item."""
        with self.lock:
            fold, key = self.fold(), _key(person, once, "undo")
            if key is not None and (before := self._written(key)) is not None:  # the reply was lost, not the wish
                saw = before["saw"]
                done = Undone(
                    before["id"], fold.today(saw["undone"]), saw["kind"], saw.get("count", 1), saw.get("deed")
                )
            else:
                ids = fold.last_deed(person)
                if not ids:
                    return None
                said = fold.answers[ids[0]][person]
                saw = {"undone": said.value, "kind": said.kind}  # for whoever asks again
                saw |= {"count": len(ids), "deed": said.deed} if said.deed else {}
                body = {"value": None, "answer_kind": "withdrawn", "by": person, "saw": saw}
                keys = [key, *(_key(person, once, f"undo|{id}") for id in ids[1:])]
                self._write([("told", {"id": id, **body}, own) for id, own in zip(ids, keys, strict=True)])
                done = Undone(ids[0], self._fold.today(said.value), said.kind, len(ids), said.deed or None)
            if done.deed is None:
                self.claims.take(done.id, person)
            return done

    def note(
        self,
        person: str,
        id: str,
        *,
        flag: bool | None = None,
        comment: str | None = None,
        skip: bool = False,
        once: str | None = None,
    ) -> None:
        """Flag an item, comment on it, or skip it."""
        with self.lock:
            self._item(id)
            if comment is not None and len(comment) > COMMENT:
                raise BadInput(f"The comment has {len(comment):,} signs. Make it {COMMENT:,} or less.")
            found = {"flag": flag, "comment": comment, "skip": skip or None}
            body = {"id": id, "by": person, **{name: value for name, value in found.items() if value is not None}}
            self._write([("noted", body, _key(person, once, id))])
            if skip:
                self.claims.put_back(id, person)

    def declare(self, name: str) -> None:
        """Add a class or label."""
        self._rename(lambda task: task.grown(_named(name)))

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; what was answered means the new one."""
        self._rename(lambda task: task.renamed(old, _named(new)))

    def merge(self, old: str, into: str) -> None:
        """Make one class a part of another."""
        self._rename(lambda task: task.merged(old, into))

    def choose_task(self, kind: str) -> None:
        """Say what an item gets: ``classes``, ``labels`` or ``number``. Once, before anything is labeled."""
        with self.lock:
            if kind not in TASKS:
                raise unknown("kind of task", kind, TASKS)
            known = self.items.fact("task")
            if kind != known["kind"] and (self._journal.last or self._said_early()):
                raise BadInput("Something is labeled already, so an item gets what it got so far. Make a new project.")
            with self.items.write():
                self.items.put("task", {"kind": kind, "names": known["names"] if kind != "number" else []})
            if not self._begun:
                self._fold = self._early.begin()

    # What people want to know

    @property
    def begun(self) -> bool:
        """Whether the study has taken over from chance."""
        return self._begun

    @property
    def unset(self) -> bool:
        """Whether nobody has said yet what an item gets."""
        with self.lock:
            return bool(self.items.fact("task").get("guessed")) and not self._begun and not self._said_early()

    def ids(self) -> list[str]:
        """The ids of all items."""
        with self.lock:
            return [str(id) for id in self.items.standing()[1]]

    def stored(self, id: str) -> Stored:
        """An item's row.

        Raises:
            BadInput: If there is none.
        """
        with self.lock:
            return self._item(id)

    # Within

    def _item(self, id: str) -> Stored:
        found = self.items.find(id)
        if found is None or found.state != ITEM:
            raise BadInput(f"The project has no item {id!r}. Reload the page.")
        return found

    def _offered(self, id: str) -> None:
        """Refuse an item that cannot be answered: one without a row, or one that the study was not offered."""
        self._item(id)
        if id not in self.fold().ids and self._begun:
            raise BadInput(
                f"The item {id!r} is not encoded yet, so nothing could be learned from an answer. Encode it first: "
                f"askance encode"
            )

    def _said_early(self) -> bool:
        return any(line.kind != "asked" for line in self._early.lines())

    def _read(self, value: Any, kind: str) -> tuple[Any, list[str]]:
        """A value as the journal keeps it; names that are new become classes first."""
        if kind not in KINDS:
            raise unknown("kind of answer", kind, KINDS)
        if kind not in ("label", "soft"):
            return None, []
        task, new = self.fold().task, []
        if isinstance(task, Named):
            one = isinstance(task, Classes)
            names = [value] if one else value
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                wanted = "a name" if one else "a list of names"
                raise BadInput(f"{value!r} is no {task.word} of this project. Send {wanted}.")
            names = [name if task.knows(name) else _named(name) for name in names]  # a file's may have odd blanks
            new = [name for name in dict.fromkeys(names) if not task.knows(name)]
            for name in new:
                self.declare(name)
            value = names[0] if one else names
        elif isinstance(value, str):
            value = parse_label(value, "number")
        return self.fold().task.read(value, kind), new

    def _written(self, key: str) -> dict[str, Any] | None:
        """The body of the line that was written under a key."""
        if self._begun:
            line = self._journal.find(key)
            return None if line is None else line.body
        return self._early.written(key)

    def _write(self, rows: Sequence[Row]) -> None:
        """Write lines, into the project's own file as long as there is no study."""
        if not self._begun:
            kept = self._early.write(rows)
            self.fold()
            if kept:
                return
        self._journal.add([Draft(*row) for row in rows])
        self.fold()

    def _rename(self, change: Callable[[Named], Task]) -> None:
        with self.lock:
            for _ in range(TRIES):
                fold = self.fold()
                if not isinstance(fold.task, Named):
                    raise BadInput("An item of this project gets a number, so there are no names to change.")
                body = {"what": "task", "old": describe(fold.task), "new": describe(change(fold.task))}
                if not self._begun:
                    self._write([("changed", body, None)])
                    return
                try:
                    self._journal.append([Draft("changed", body)], after=fold.line)
                except Conflict:
                    continue
                self.fold()
                return
        raise BadInput("Others change this project all the time. Try again.")


def check_person(name: str) -> str:
    """A person's name as it is kept.

    Raises:
        BadInput: If nobody can be called so.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME or not _visible(name):
        raise BadInput(f"A name has 1 to {NAME} signs, and all of them can be seen. Type another one.")
    if name.casefold() in OURS:
        raise BadInput(f"The name {name!r} stands for what files say. Type another one.")
    return name


def _named(name: str) -> str:
    """A class's name without blanks around it."""
    name = " ".join(name.split())
    if len(name) > 200 or not _visible(name):
        raise BadInput("The name of a class has 1 to 200 signs, and all of them can be seen. Type another one.")
    return name


def _visible(name: str) -> bool:
    """Whether a name can be seen, all of it but the joiners that some scripts write between letters."""
    letters = name.replace("\u200c", "").replace("\u200d", "")
    return bool(letters) and letters.isprintable()


def _key(person: str, once: str | None, what: str) -> str | None:
    """The key of a line: a client's own, for one person and one item."""
    if once is None:
        return None
    if not 0 < len(once) <= ONCE:
        raise BadInput(f"The field 'once' has {len(once)} signs. Make it 1 to {ONCE}.")
    return f"desk:{blake2b(f'{person}|{what}'.encode(), digest_size=10).hexdigest()}:{once}"

"""The next batch, as a file for whoever labels it."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from shlex import quote
from typing import Any

from askance.errors import BadInput
from askance.project.beginning import naming
from askance.project.project import Project
from askance.project.sheets import write_batch
from askance.view import Batch


@dataclass(frozen=True)
class Asked:
    """A batch that was asked, and what was written of it.

    Args:
        ids: What to label, the most wanted first.
        items: The raw cells of each.
        said: What a person should know.
        text: The batch as CSV, where no file was named.
        strategy: What picked it.
        reason: Why it is shorter than what was asked for.
        file: Where it was written.
    """

    ids: Sequence[str]
    items: Sequence[Mapping[str, str]]
    said: str
    text: str
    strategy: str
    reason: str
    file: str | None

    def as_json(self) -> dict[str, Any]:
        """The batch as plain values."""
        items = [{"id": id, "item": dict(cells)} for id, cells in zip(self.ids, self.items, strict=True)]
        return {"items": items, "strategy": self.strategy, "reason": self.reason, "said": self.said, "file": self.file}


def ask(
    project: Project, n: int = 50, *, out: str | Path | None = None, again: bool = False, delimiter: str = ","
) -> Asked:
    """Ask for items and write them down.

    A batch is journaled before its file is written. Should the process end in between, the same call writes the same
    batch: the file's name is the key that it was asked under, while its questions are open.

    Args:
        project: The project.
        n: How many items.
        out: A ``.csv`` or ``.jsonl`` file that is not there yet; None writes CSV into `Asked.text`.
        again: Ask nothing new: write what was asked and is not answered.
        delimiter: What stands between the cells of a CSV file.

    Raises:
        BadInput: If the file is there, or of another kind.
        StorageError: If it cannot be written.
    """
    place = None if out is None else Path(out)
    if place is not None and place.exists():
        raise BadInput(f"{out} is there already, and may hold labels. Name another file with -o, or move it away.")
    if place is not None and place.suffix.lower() not in (".csv", ".jsonl"):
        raise BadInput(f"{out} is neither .csv nor .jsonl. Name the file batch.csv, for example.")
    if place is not None and place.suffix.lower() == ".jsonl" and delimiter != ",":
        raise BadInput(f"{out} has no cells with something between them. Leave out --delimiter, or name a .csv file.")
    batch, ids, told = (None, [str(id) for id in project.study.pending], "") if again else _asked(project, n, place)
    rows = project.rows(ids)
    shown = {name for row in rows for name in row.cells} - {project.how.id, project.how.label}
    columns = [name for name in (rows[0].cells if rows else ()) if name in shown]
    columns += sorted(shown - set(columns))
    items = [{name: row.cells.get(name, "") for name in columns} for row in rows]
    text = ""
    remarks: Sequence[str] = ()
    if ids:
        target: Any = place if place is not None else io.StringIO()
        written = write_batch(
            target,
            [{"id": id, **cells} for id, cells in zip(ids, items, strict=True)],
            columns=columns,
            delimiter=delimiter,
        )
        remarks = written.remarks
        text = target.getvalue() if place is None else ""
    said = _said(project, batch, ids, place, told, remarks)
    strategy, reason = ("", "") if batch is None else (batch.strategy, batch.reason)
    return Asked(ids, items, said, text, strategy, reason, None if place is None else str(out))


def _asked(project: Project, n: int, place: Path | None) -> tuple[Batch, list[str], str]:
    """A batch, the ids in it that are to be written, and whether it was asked before."""
    if place is None:
        batch = project.ask(n)
        return batch, [str(id) for id in batch.ids], ""
    name = blake2b(os.fsencode(place.absolute()), digest_size=12).hexdigest()
    for number in range(1 << 20):
        key = f"file:{name}:{number}"
        line = project.study.journal.find(key)
        if line is None:
            batch = project.ask(n, once=key)
            return batch, [str(id) for id in batch.ids], ""
        pending = set(project.study.pending)
        left = [str(id) for id in line.body["ids"] if id in pending]
        if left:
            return project.ask(n, once=key), left, "It was asked before and is open, so it is written again. "
    raise BadInput(f"{place} was asked for a million times. Name another file.")


_SHORT = {"waiting": "its answers decide what is asked next", "done": "in this round nothing else is worth a label"}


def _said(
    project: Project, batch: Batch | None, ids: Sequence[str], place: Path | None, told: str, remarks: Sequence[str]
) -> str:
    if not ids:
        why = "no question is open" if batch is None else batch.reason.removeprefix("stop: ") or "nothing is left"
        return f"Nothing to ask: {why}. See: askance status{naming(project.folder)}"
    by = "that are open" if batch is None else f"by {batch.strategy}"
    items = f"{len(ids):,} item{'s' * (len(ids) != 1)}"
    said = [f"{items} {by}. {told}{'' if batch is None else batch.said}".strip(), *remarks]
    short = "" if batch is None else _SHORT.get(batch.reason) or batch.reason.removeprefix("stop").strip(": ")
    if short:
        said.append(f"No more for now: {short}.")
    if place is not None:
        typed = f"{quote(str(place))}{naming(project.folder)}"
        said.append(f"Fill in the label column of {place}, then run: askance tell {typed}")
    return "\n".join(said)

"""Answers from a file, into the study: what is new, what is the same, what needs a decision first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.history import Answer
from askance.project.answers_file import Filled, parse_label
from askance.project.beginning import naming
from askance.project.names import Doubt, sort_out
from askance.project.project import Project
from askance.project.status import differ
from askance.project.told_files import read_told
from askance.task import Named, Task


@dataclass
class Told:
    """What came of a file of answers.

    Attributes:
        new: Answers that were not there before.
        corrected: Ids to which the same person gave another answer before.
        repeated: Answers that were there already.
        blank: Rows without an answer.
        conflicts: Places where one person says two things of one item; neither was taken.
        disagreed: Ids of this file that different people give different answers.
        declared: Names of classes that are new.
        doubts: Names that look like typos; while there is one, nothing is taken.
        names: How often each class is named, as it is spelled.
        remarks: What else a person should know.
    """

    new: int = 0
    corrected: list[str] = field(default_factory=list)
    repeated: int = 0
    blank: int = 0
    conflicts: list[str] = field(default_factory=list)
    disagreed: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def tell_file(
    project: Project,
    path: str | Path,
    *,
    by: str = "",
    new: Collection[str] = (),
    same: Mapping[str, str] | None = None,
) -> Told:
    """Take in the answers of a file that somebody filled in. All of it is taken, or nothing.

    Args:
        project: The project.
        path: A CSV or JSON lines file with the columns ``id`` and ``label``; or one of Label Studio or COCO, see
            `askance.project.told_files`.
        by: Who answers, where the file does not say.
        new: Names that are new classes, although they look like typos.
        same: Names that mean a class that is known; this is remembered.

    Raises:
        BadInput: For a file that cannot be read, an id that the project does not have, or a label that is none; the
            message names file and line.
    """
    study = project.study
    found = read_told(project, Path(path), by)
    done = Told(blank=found.blank, conflicts=list(found.conflicts), remarks=list(found.remarks))
    values = [(row, _asked(project, row), _value(project, row)) for row in found.rows]
    if isinstance(study.task, Named):
        old = {str(name): str(now) for name, now in study.task.aliases}
        known: dict[str, str] = {**old, **project.items.fact("same", {}), **(same or {})}
        counted = Counter(name for _, _, value in values for name in _names(value))
        coming = {*new, *counted} - known.keys()  # of a first file, the commoner spelling is a class only after it
        for wrong, right in (same or {}).items():
            if not study.task.knows(right) and right not in coming:
                raise BadInput(
                    f"There is no class {right!r} that {wrong!r} could mean. Name one of the project or of the file."
                )
        done.names = dict(counted)
        meant = {right: 0 for wrong, right in (same or {}).items() if wrong in counted and right in coming}
        classes = [str(name) for name in study.task.names]
        sorted_ = sort_out({**meant, **counted}, classes, accepted=new, aliases=known)
        if sorted_.doubtful:
            done.doubts = list(sorted_.doubtful)
            return done
        task = study.task
        for name in sorted_.new:  # a name that cannot be one is refused before any is declared
            task = task.grown(name)
        for name in sorted_.new:
            study.declare(name)
            done.declared.append(name)
        if same:
            project.items.put("same", {name: now for name, now in known.items() if name not in old})
        values = [(row, id, _meant(value, sorted_.taken)) for row, id, value in values]
    standing = study.history.answers
    answers: list[tuple[str, Answer]] = []
    for row, id, value in _agreeing(values, done):
        before = next((one for one in standing.get(study.pool.row(id), ()) if one.by == row.by), None)
        if before is not None and _meaning(study.task, before) == _meaning(study.task, Answer(value, row.kind)):
            done.repeated += 1
            continue
        if before is not None:
            done.corrected.append(id)
        answers.append((id, Answer(value, row.kind, row.by, row.seconds)))
    done.new = study.tell(answers) if answers else 0
    done.disagreed = [id for id in dict.fromkeys(id for id, _ in answers) if _split(project, id)]
    return done


def _asked(project: Project, filled: Filled) -> str:
    """The id of the item that a row stands for: a folded row's answer is its item's."""
    (row,) = project.items.of([filled.id])
    if row.item is None:
        raise BadInput(
            f"{filled.place}: the row {row.id!r} is set aside ({row.why}) and cannot be labeled. Leave its label blank."
        )
    id = row.id if row.item == row.number else next(project.items.numbered([row.item])).id
    if not project.study.pool.knows(id):
        if row.gone:
            raise BadInput(
                f"{filled.place}: the item {id!r} is in no file of the project any more and was never encoded, so "
                f"nothing could be learned from a label. Leave its label blank, or take in a file that holds it: "
                f"askance add FILE{naming(project.folder)}"
            )
        raise BadInput(
            f"{filled.place}: the item {id!r} is not encoded yet, so nothing could be learned from a label. Run: "
            f"askance encode{naming(project.folder)}"
        )
    return id


def _value(project: Project, filled: Filled) -> Any:
    if filled.value is not None or filled.kind != "label":
        return filled.value
    return parse_label(filled.label, project.kind, filled.place)


def _agreeing(values: Sequence[tuple[Filled, str, Any]], done: Told) -> Iterator[tuple[Filled, str, Any]]:
    """One answer for each item and person; where rows of one content got different ones, none."""
    by_item: dict[tuple[str, str], list[tuple[Filled, str, Any]]] = {}
    for row, id, value in values:
        by_item.setdefault((id, row.by), []).append((row, id, value))
    for (id, _), said in by_item.items():
        if len({(row.kind, str(value)) for row, _, value in said}) == 1:
            yield said[0]
        else:
            places = ", ".join(f"{row.id!r} in {row.place}" for row, _, _ in said)
            done.conflicts.append(f"{id}, whose rows have one content ({places})")


def _names(value: Any) -> list[str]:
    return [] if value is None else [str(name) for name in (value if isinstance(value, list) else [value])]


def _meant(value: Any, taken: Mapping[str, str]) -> Any:
    """The value with the names that its names mean."""
    if isinstance(value, list):
        return [taken.get(str(name), name) for name in value]
    return taken.get(str(value), value)


def _split(project: Project, id: str) -> bool:
    return differ(project.study.task, project.study.history.answers.get(project.study.pool.row(id), ()))


def _meaning(task: Task, answer: Answer) -> tuple[str, Any]:
    """The kind of an answer, and what it says by today's names."""
    carries = answer.kind in ("label", "soft")
    return answer.kind, task.read(answer.value, answer.kind) if carries else answer.value

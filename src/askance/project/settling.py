"""What the files say that the study has to know: labels that came with them, items that are gone, heirs of items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from askance.errors import BadInput
from askance.history import Answer
from askance.project.items import ITEM, Items
from askance.study.study import Study
from askance.task import Named

FILE = "file"  # who answers what a file says
GONE = "gone"  # who sets aside what is in no file any more


@dataclass
class Settled:
    """What was told to the study.

    Attributes:
        labels: Labels of the files that are new to it.
        conflicts: Ids of items whose rows carry different labels.
        unread: Labels that the task has no word for, with the reason, by id.
        gone: Items set aside, because no file has them any more.
        back: Items that came back.
    """

    labels: int = 0
    conflicts: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    gone: int = 0
    back: int = 0


def settle(items: Items, study: Study, parse: Callable[[str], Any]) -> Settled:
    """Tell a study what the files say; what it knows already is not told again, so a repeat does no harm.

    Args:
        items: The project's rows.
        study: Its study.
        parse: Reads the text of a label as a value.
    """
    done = Settled()
    _inherit(items, study)
    _labels(items, study, parse, done)
    _gone(items, study, done)
    return done


def _labels(items: Items, study: Study, parse: Callable[[str], Any], done: Settled) -> None:
    found: dict[str, Any] = {}
    offered = _offered(study)
    for id, labels in items.labels().items():
        if id not in offered:
            continue
        if len(labels) > 1:
            done.conflicts.append(id)
            continue
        try:
            found[id] = parse(next(iter(labels)))
        except BadInput as error:
            done.unread[id] = str(error)
    if isinstance(study.task, Named):
        values = found.values()
        told = {str(name) for value in values for name in (value if isinstance(value, list) else [value])}
        for name in sorted(told):
            if not study.task.knows(name):
                study.declare(name)
    new = {id: value for id, value in found.items() if _standing(study, id, FILE) != study.task.read(value, "label")}
    done.labels = study.tell(new, by=FILE) if new else 0


def _gone(items: Items, study: Study, done: Settled) -> None:
    offered = _offered(study)
    gone = items.gone() & offered
    aside = {
        str(study.pool.names([row])[0])
        for row, answers in study.history.answers.items()
        if any(answer.by == GONE for answer in answers)
    }
    if new := sorted(gone - aside):
        done.gone = study.tell(dict.fromkeys(new), kind="broken", by=GONE)
    if back := sorted(aside - gone):
        done.back = study.withdraw(back, by=GONE)


def _inherit(items: Items, study: Study) -> None:
    """Give the answers of an item to rows that stood behind it and are items of their own now."""
    offered = _offered(study)
    for giver, heir in items.fact("heirs", []):
        before, after = items.numbered([giver, heir])
        if after.state != ITEM or before.id not in offered or after.id not in offered:
            continue
        for answer in study.history.answers.get(study.pool.row(before.id), ()):
            if answer.by not in (FILE, GONE) and _standing(study, after.id, answer.by) is None:
                key = f"{giver}|{answer.by}|{after.id}".encode("utf-8", "replace")  # ids may be too long for one
                once = f"heir:{blake2b(key, digest_size=16).hexdigest()}"
                study.tell({after.id: Answer(answer.value, answer.kind, answer.by, answer.seconds, once)})
    items.put("heirs", [])


def _standing(study: Study, id: str, by: str) -> Any:
    """What somebody's standing answer to an item is by today's names; None without one."""
    answers = study.history.answers.get(study.pool.row(id), ())
    return next((study.task.read(one.value) for one in answers if one.by == by and one.kind == "label"), None)


def _offered(study: Study) -> set[str]:
    return set(study.pool.names(range(len(study.pool))))

"""Answers on their way into the journal: read by the task, refused as a whole if one cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from askance.errors import BadInput
from askance.history import KINDS, Answer
from askance.pool import Pool
from askance.study.journal import LONGEST, Draft
from askance.task import Task, plain

Told = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def told(pool: Pool, task: Task, answers: Told, kind: str, by: str, once: str | None) -> list[Draft]:
    """A line for each answer.

    Raises:
        BadInput: For an id the pool does not have, a value the task has no word for, or an unknown kind.
    """
    pairs: Any = answers.items() if hasattr(answers, "items") else answers  # a column of pandas has items too
    try:
        told = [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise BadInput(f"{answers!r} holds no answers by id. Hand in a mapping, or pairs of id and answer.") from None
    return [_draft(pool, task, name, value, kind, by, once) for name, value in told]


def _draft(pool: Pool, task: Task, id: Any, value: Any, kind: str, by: str, once: str | None) -> Draft:
    name = pool.names([pool.row(id)])[0]
    key = None if once is None else _key(once, str(name))
    given = value if isinstance(value, Answer) else Answer(plain(value), kind, by)
    if given.kind not in KINDS:
        raise BadInput(f"There is no kind of answer named {given.kind!r}. Known: {', '.join(KINDS)}.")
    read = task.read(given.value, given.kind) if given.kind in ("label", "soft") else plain(given.value)
    body = {"id": name, "value": read, "answer_kind": given.kind, "by": given.by or by, "seconds": given.seconds}
    return Draft("told", body, given.once or key)


def _key(once: str, name: str) -> str:
    """A client's key of one item; an id may be a whole address, and keys have an end."""
    key = f"{once}:{name}"
    if len(key) <= LONGEST:
        return key
    return f"{once}:{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"

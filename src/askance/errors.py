"""Errors a user can act on: each message says what happened, with the numbers, and ends with the fix."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AskanceError(Exception):
    """Anything askance refuses to do, with a message that ends with what to do instead."""


class BadInput(AskanceError, ValueError):
    """What was handed in cannot be used; the message names the file, row, column or option."""


class MissingSignal(BadInput):
    """A strategy needs an array that nobody gives."""


class UnknownName(BadInput):
    """A name that is in no catalogue; the message holds the nearest one that is."""


class StorageError(AskanceError):
    """A journal or a model file cannot be read or written; nothing half-written is left behind."""


class Conflict(AskanceError):
    """Somebody else wrote to the journal first; read on and try again."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that is in no catalogue, with the nearest match first."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return UnknownName(f"There is no {kind} named {name!r}. {hint}Known: {', '.join(names)}.")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory does not suffice, on a GPU or here.

    >>> out_of_memory(MemoryError()), out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    (True, True)
    """
    told = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(word in told for word in words))

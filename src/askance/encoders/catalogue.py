"""The catalogue of encoders: by name, by directory, or a class of yours."""

from __future__ import annotations

from typing import Any

from askance.catalogue import Catalogue
from askance.describe import find
from askance.encoders.base import Encoder
from askance.errors import BadInput

ENCODERS = Catalogue(
    "encoder",
    "askance.encoders",
    {
        "tfidf-svd": "askance.encoders.text:TfidfSvd",
        "table": "askance.encoders.table:TableColumns",
        "pixels": "askance.encoders.pixels:Pixels",
        "as-is": "askance.encoders.numbers:AsIs",
    },
)
DEFAULTS = {"text": "tfidf-svd", "table": "table", "image": "pixels", "array": "as-is"}


def encoder(what: Any, reads: str) -> Encoder:
    """An encoder for items of one kind.

    Args:
        what: A name, ``path/mine.py:Class`` or ``module:Class`` of an `Encoder`, or one; None is for the default.
        reads: What the items are: ``text``, ``table``, ``image`` or ``array``.

    Raises:
        UnknownName: If no encoder has this name.
        BadInput: If it is none, or reads items of another kind.
    """
    made = what if isinstance(what, Encoder) else ENCODERS.make(DEFAULTS[reads] if what is None else str(what))
    if not isinstance(made, Encoder):
        raise BadInput(
            f"{what!r} is a {type(made).__name__}, which is no encoder. Subclass askance.encoders.base.Encoder."
        )
    if made.reads != reads:
        fitting = ", ".join(name for name in ENCODERS.names() if _reads(name) == reads)
        raise BadInput(f"{name_of(made)} reads items of {made.reads}, and these are of {reads}. For these: {fitting}.")
    return made


def name_of(made: Encoder) -> str:
    """The name people know an encoder by."""
    return ENCODERS.name_of(made)


def _reads(name: str) -> str:
    return str(find(ENCODERS.places[name]).reads)

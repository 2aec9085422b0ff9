"""The catalogue of encoders: by name, by directory, or a class of yours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from askance.catalogue import Catalogue
from askance.describe import find
from askance.encoders.base import Encoder
from askance.encoders.module import TorchModule
from askance.encoders.sentence import SentenceTransformer, is_folder
from askance.encoders.weights import ALL, state
from askance.errors import BadInput

ENCODERS = Catalogue(
    "encoder",
    "askance.encoders",
    {
        "tfidf-svd": "askance.encoders.text:TfidfSvd",
        "table": "askance.encoders.table:TableColumns",
        "pixels": "askance.encoders.pixels:Pixels",
        "as-is": "askance.encoders.numbers:AsIs",
        "standardized": "askance.encoders.numbers:Standardized",
        "wordllama": "askance.encoders.wordllama:WordLlama",
        "minilm-l6": "askance.encoders.sentence:MiniLM",
        "efficientnet-lite0": "askance.encoders.efficientnet:EfficientNetLite0",
    },
)
DEFAULTS = {"text": "tfidf-svd", "table": "table", "image": "pixels", "array": "as-is"}
EXTRAS = {"wordllama": "tokenizers", "minilm-l6": "sentence_transformers"}  # what must be installed, by the extra text


def encoder(what: Any, reads: str) -> Encoder:
    """An encoder for items of one kind.

    Args:
        what: A name; a folder with a sentence transformer (``./name`` where an encoder has that name);
            ``path/mine.py:Class`` or ``module:name`` of an `Encoder` or of what makes a torch module; or an encoder.
            None is for the default.
        reads: What the items are: ``text``, ``table``, ``image`` or ``array``.

    Raises:
        UnknownName: If no encoder has this name.
        BadInput: If it is none, or reads items of another kind.
    """
    made = what if isinstance(what, Encoder) else _named(DEFAULTS[reads] if what is None else str(what), reads)
    if made.reads != reads:
        fitting = ", ".join(name for name in ENCODERS.names() if _reads(name) == reads)
        raise BadInput(f"{name_of(made)} reads items of {made.reads}, and these are of {reads}. For these: {fitting}.")
    return made


def name_of(made: Encoder) -> str:
    """The name people know an encoder by; a folder's or a module's own for those."""
    if isinstance(made, SentenceTransformer):
        return Path(made.path).name
    return made.module if isinstance(made, TorchModule) else ENCODERS.name_of(made)


def listing() -> list[dict[str, Any]]:
    """All encoders that have a name: what they read, what they are, and whether they can be used now."""
    rows = []
    for name in ENCODERS.names():
        part = find(ENCODERS.places[name])
        weights, extra = ALL.get(name), EXTRAS.get(name)
        lacking = extra is not None and find_spec(extra) is None
        rows.append(
            {
                "name": name,
                "reads": str(part.reads),
                "about": weights.about if weights else str(part.__doc__).strip().partition("\n")[0].rstrip("."),
                "state": "needs pip install 'askance[text]'" if lacking else state(weights) if weights else "built in",
                "features": weights.width if weights else None,
                "bytes": weights.size if weights else 0,
                "from": str(weights.package) if weights else "askance",
                "license": weights.package.license if weights else "Apache-2.0",
                "folder": str(weights.folder) if weights else None,
                "cite": weights.cite if weights else None,
            }
        )
    return rows


def _named(name: str, reads: str) -> Encoder:
    place = Path(name)
    if name not in ENCODERS.places and place.is_dir():  # a folder `pixels` of photographs does not hide the encoder
        if is_folder(place):
            return SentenceTransformer(str(place.absolute()))
        raise BadInput(f"The folder {name} holds no sentence transformer: it has no modules.json. Name another.")
    if ":" not in name and len(place.parts) > 1:
        raise BadInput(f"There is no folder {name}. Check the path, or use one of {', '.join(ENCODERS.names())}.")
    if ":" in name:
        found = find(name)
        if isinstance(found, type) and not issubclass(found, Encoder | nn.Module):
            raise BadInput(f"{name} is neither an encoder nor a torch module. Subclass Encoder or torch.nn.Module.")
        if not isinstance(found, Encoder) and not (isinstance(found, type) and issubclass(found, Encoder)):
            path, _, part = name.rpartition(":")
            where = str(Path(path).absolute()) if path.endswith(".py") else path
            return TorchModule(f"{where}:{part}", kind=reads)
    made = ENCODERS.make(name)
    if not isinstance(made, Encoder):
        raise BadInput(f"{name!r} is a {type(made).__name__}, which is no encoder. Subclass Encoder.")
    return made


def _reads(name: str) -> str:
    return str(find(ENCODERS.places[name]).reads)

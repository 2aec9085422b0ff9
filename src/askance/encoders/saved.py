"""A fitted encoder on disk: tensors and JSON, nothing that could run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from askance.describe import build, describe
from askance.encoders.base import Encoder, Encoding, fingerprint
from askance.errors import BadInput, StorageError
from askance.files import whole_folder

FORMAT = 1
ARRAYS, FACTS = "encoding.safetensors", "encoding.json"


def save_encoding(folder: Path, encoder: Encoder, encoding: Encoding) -> None:
    """Write a fitted encoder into a new folder, whole or not at all; one that is there already is left as it is.

    Raises:
        StorageError: If it cannot be written.
    """
    with whole_folder(folder, there="keep") as made:
        arrays, facts = encoding.state()
        if arrays:
            save_file(arrays, made / ARRAYS)
        said = {
            "format": FORMAT,
            "encoder": describe(encoder),
            "facts": facts,
            "width": encoding.width,
            "fingerprint": fingerprint(encoder, encoding),
        }
        (made / FACTS).write_text(json.dumps(said, indent=1), encoding="utf-8")


def load_encoding(folder: Path) -> tuple[Encoder, Encoding]:
    """The encoder and encoding of a folder.

    Raises:
        StorageError: If it is damaged, or of another format.
        BadInput: If what it stands on is not there any more.
    """
    try:
        said: dict[str, Any] = json.loads((folder / FACTS).read_text("utf-8"))
        arrays = load_file(folder / ARRAYS) if (folder / ARRAYS).is_file() else {}
        if said["format"] != FORMAT:
            raise StorageError(
                f"{folder} is of format {said['format']}, and this askance reads {FORMAT}. Bring it up to date."
            )
        description, facts, expected = said["encoder"], said["facts"], said["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StorageError(f"{folder} is damaged: {error}. Take it from a copy, or encode again.") from error
    encoder = build(description)
    if not isinstance(encoder, Encoder):
        raise BadInput(
            f"{folder} names {type(encoder).__name__}, which is no encoder. Use a folder that askance wrote."
        )
    try:
        encoding = encoder.restore(arrays, facts)
    except (KeyError, ValueError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise StorageError(f"{folder} is damaged: {error}. Take it from a copy, or encode again.") from error
    if fingerprint(encoder, encoding) != expected:
        raise StorageError(f"{folder} is damaged: its content is not what was saved. Take it from a copy.")
    return encoder, encoding

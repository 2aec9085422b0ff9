"""The weights of models, kept under a key beside the journal: a cache that may be deleted at any time."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from askance.errors import BadInput, StorageError


class Artifacts(Protocol):
    """Weights by key. What lies under a model's key never changes: the key names all that made it."""

    def save(self, key: str, tensors: dict[str, Tensor], facts: dict[str, Any], *, over: bool = False) -> None:
        """Keep a model's weights and facts (JSON); a key that is there already is left as it is, or written `over`."""

    def load(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Weights on the CPU and facts, or None if they are not there: then fit the model again."""

    def discard(self, key: str) -> None:
        """Forget a model, if it is there."""

    def keys(self) -> list[str]:
        """What is kept, sorted."""


class FolderArtifacts:
    """One safetensors file per model in a folder; no pickles, so a file can do no harm.

    A file appears whole or not at all, whoever is killed and whoever writes the same key meanwhile. A file
    whose content is not what was saved is removed when it is loaded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remove_remains()

    def save(self, key: str, tensors: dict[str, Tensor], facts: dict[str, Any], *, over: bool = False) -> None:
        """Keep a model's weights and facts (JSON); a key that is there already is left as it is, or written `over`.

        Raises:
            BadInput: The key is no file name, a tensor is not dense, or the facts are not JSON.
            StorageError: The disk refused; nothing half-written is left.
        """
        path = self._path(key)
        if path.exists() and not over:
            return
        text = _facts_text(facts)
        tensors = _alone(tensors)
        content = to_bytes(tensors, {"facts": text, "digest": _digest(key, tensors, text)})
        passing = self._folder / f".{uuid4().hex}.tmp"
        try:
            self._folder.mkdir(exist_ok=True)
            with open(passing, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(passing, path)
            _sync_folder(self._folder)
        except OSError as error:
            passing.unlink(missing_ok=True)
            raise _refused(path, "written", error) from error

    def load(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Weights on the CPU and facts, or None if they are not there: then fit the model again."""
        path = self._path(key)
        try:
            with safe_open(path, framework="pt") as file:
                said = file.metadata() or {}
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(path, "read", error) from error
        except SafetensorError:
            said, tensors = {}, {}
        text = said.get("facts", "")
        if said.get("digest") != _digest(key, tensors, text):
            path.unlink(missing_ok=True)  # damaged
            return None
        return tensors, json.loads(text)

    def discard(self, key: str) -> None:
        """Forget a model, if it is there."""
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> list[str]:
        """What is kept, sorted."""
        return sorted(path.name.removesuffix(_ENDING) for path in self._folder.glob(f"[!.]*{_ENDING}"))

    def _path(self, key: str) -> Path:
        return self._folder / f"{_checked(key)}{_ENDING}"

    def _remove_remains(self) -> None:
        """Files of writers that were killed; a young one may still have a writer."""
        for path in self._folder.glob(".*.tmp"):
            try:
                if time.time() - path.stat().st_mtime > _YOUNG:
                    path.unlink(missing_ok=True)
            except OSError:
                continue  # somebody else removed it, or may; it does no harm


class MemoryArtifacts:
    """Weights that end with their process."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[dict[str, Tensor], str]] = {}

    def save(self, key: str, tensors: dict[str, Tensor], facts: dict[str, Any], *, over: bool = False) -> None:
        """Keep a model's weights and facts (JSON); a key that is there already is left as it is, or written `over`."""
        if _checked(key) not in self._kept or over:
            self._kept[key] = _copied(_alone(tensors)), _facts_text(facts)

    def load(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Weights on the CPU and facts, or None if they are not there: then fit the model again."""
        found = self._kept.get(_checked(key))
        return found and (_copied(found[0]), json.loads(found[1]))

    def discard(self, key: str) -> None:
        """Forget a model, if it is there."""
        self._kept.pop(_checked(key), None)

    def keys(self) -> list[str]:
        """What is kept, sorted."""
        return sorted(self._kept)


def open_artifacts(storage: str | Path | None) -> Artifacts:
    """The place for models beside a journal: ``x.db`` has the folder ``x.db.models``.

    Without a storage, and for a database on a server, they stay in memory: a cache that each process fills.
    """
    if storage is None:
        return MemoryArtifacts()
    file: Path | None = Path(storage)
    if "://" in str(storage):
        from askance.study.sql import file_of  # brings SQLAlchemy

        file = file_of(storage)
    return FolderArtifacts(Path(f"{file.absolute()}.models")) if file else MemoryArtifacts()


_ENDING = ".safetensors"
_YOUNG = 3600.0  # seconds in which a writer surely ends


def _checked(key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", key):
        raise BadInput(f"The key {key!r} is no file name. Make it of 1 to 200 letters, digits, '-', '_' and '.'.")
    return key


def _alone(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each with memory of its own: the format has no word for tied weights."""
    seen: set[int] = set()
    alone: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise BadInput(f"The tensor {name!r} is not dense ({tensor.layout}). Save it as a dense one.")
        tensor = tensor.detach().cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        alone[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return alone


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies, for whoever trains on in place."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _facts_text(facts: dict[str, Any]) -> str:
    try:
        return json.dumps(facts)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"The model's facts cannot be kept: {error}. Give plain numbers, texts, lists, dicts."
        ) from error


def _digest(key: str, tensors: dict[str, Tensor], facts: str) -> str:
    """A checksum of all that was saved; the format itself only guards lengths."""
    sum_ = blake2b(f"{key}\n{facts}".encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        sum_.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sum_.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sum_.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last; Windows has no such call."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refused(path: Path, done: str, error: OSError) -> StorageError:
    return StorageError(
        f"The model {path} cannot be {done}: {error.strerror or error}. "
        f"Check the permissions of its folder and the free space of its disk, then try again."
    )

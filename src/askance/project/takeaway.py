"""A model to take away: the head, the encoder, and how an item is read, in a folder that needs no project."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from askance import __version__
from askance.describe import build, describe
from askance.encoders.base import Encoder, Encoding
from askance.encoders.saved import load_encoding, save_encoding
from askance.errors import BadInput, StorageError
from askance.learners.base import Learner, Model
from askance.look import predict
from askance.project.intake import Reading
from askance.task import Task

FORMAT = 1
HEAD, ABOUT, ENCODER = "head.safetensors", "model.json", "encoder"


@dataclass(frozen=True, eq=False)
class Predictions(Sequence[Any]):
    """What a model says of some items; it is a list of values, one for each.

    Args:
        values: For each item its class, its labels or its numbers.
        probabilities: (items, classes | labels); the numbers themselves where the task has numbers.
        names: What the columns are.
    """

    values: tuple[Any, ...]
    probabilities: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: Any) -> Any:
        return self.values[place]

    @property
    def certainty(self) -> Tensor:
        """The probability of the likeliest class, (items,)."""
        return self.probabilities.amax(1)

    def above(self, threshold: float) -> list[Any]:
        """The values, with None where the likeliest class is less probable than a threshold."""
        sure = (self.certainty >= threshold).tolist()
        return [value if keep else None for value, keep in zip(self.values, sure, strict=True)]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model that was taken away.

    Args:
        task: What it says of an item.
        model: The head.
        encoding: What turns items into features.
        how: What an item is.
        facts: What is known of it: labels learned from, accuracy, when and by what it was made.
    """

    task: Task
    model: Model
    encoding: Encoding
    how: Reading
    facts: Mapping[str, Any]

    def predict(self, items: Iterable[Any]) -> Predictions:
        """Predict items.

        Args:
            items: Texts, or mappings of columns to cells; images as bytes or paths; rows of numbers.

        Raises:
            BadInput: If an item is not of that kind.
        """
        raws = [self._raw(item, place) for place, item in enumerate(items)]
        width = self.task.width
        if raws:
            features = torch.from_numpy(np.array(self.encoding.encode(raws)))
            found = predict(self.model, features, self.task)
        else:
            found = torch.zeros(0, width)
        names = tuple(str(name) for name in getattr(self.task, "names", range(width)))
        return Predictions(tuple(self.task.answer(row) for row in found), found, names)

    def _raw(self, item: Any, place: int) -> Any:
        reads = self.how.reads
        if isinstance(item, Mapping) and reads in ("text", "table"):
            lacking = [name for name in self.how.columns if name not in item]
            if lacking:
                raise BadInput(f"Item {place} lacks the column {lacking[0]!r}. Give {', '.join(self.how.columns)}.")
            cells = {name: "" if item[name] is None else str(item[name]) for name in self.how.columns}
            return self.how.raw(cells, None, Path())
        if reads == "text" and isinstance(item, str):
            return item
        if reads == "image" and isinstance(item, bytes):
            return item
        if reads == "image" and isinstance(item, str | Path):
            from askance.images import read

            return read(item)
        if reads == "array" and not isinstance(item, str | bytes | Mapping):
            return np.asarray(item, dtype=np.float32)
        raise BadInput(f"Item {place} is a {type(item).__name__}, and this model reads {_wanted(self.how)}.")


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
) -> None:
    """Write a model into a new folder, whole or not at all.

    Args:
        folder: Where to; it must not be there.
        task: What it says of an item.
        learner: What made it.
        model: The model.
        encoder: What turns items into features.
        encoding: The same, fitted.
        how: What an item is.
        facts: What is known of it, as JSON.

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
    if folder.exists():
        raise BadInput(f"{folder} is there already. Name another folder, or say --force.")
    made = None
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
        save_file({name: array.contiguous() for name, array in weights.items()}, made / HEAD)
        save_encoding(made / ENCODER, encoder, encoding)
        about = {
            "format": FORMAT,
            "askance": __version__,
            "task": describe(task),
            "learner": describe(learner),
            "model": dict(model.facts),
            "reads": asdict(how),
            "facts": dict(facts),
            "head": _checksum(made / HEAD),
        }
        (made / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        os.chmod(made, 0o755)  # temporary folders are private
        os.rename(made, folder)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written: {error.strerror or error}. Check the disk and the folder it goes into."
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def load(path: str | Path) -> Predictor:
    """A model that was taken away, ready to predict; neither the project nor its journal is needed.

    Args:
        path: The folder that ``askance export --model`` wrote.

    Returns:
        The model; see `Predictor.predict`.

    Raises:
        BadInput: If it is no such folder, or what its encoder stands on is not there.
        StorageError: If it is damaged, or of another format.
    """
    folder = Path(path)
    if not (folder / ABOUT).is_file():
        raise BadInput(
            f"{path} holds no model: there is no {ABOUT} in it. Make one with: askance export --model {path}"
        )
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        if about["format"] != FORMAT:
            raise StorageError(
                f"{folder / ABOUT} is of format {about['format']}, and this askance reads {FORMAT}. Update askance."
            )
        if _checksum(folder / HEAD) != about["head"]:
            raise StorageError(f"{folder / HEAD} is damaged: its bytes are not what was written. Take it from a copy.")
        weights = load_file(folder / HEAD)
        task, learner = build(about["task"]), build(about["learner"])
        read: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in about["reads"].items()}
        how = Reading(**read)
        model = learner.restore(weights, about["model"]) if isinstance(learner, Learner) else None
        facts = {**about["facts"], "askance": about["askance"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        if isinstance(error, BadInput):
            raise
        raise StorageError(f"{folder} is damaged: {type(error).__name__}: {error}. Take it from a copy.") from error
    if not isinstance(task, Task) or model is None:
        raise StorageError(f"{folder} is damaged: it names no task or no learner. Take it from a copy.")
    _, encoding = load_encoding(folder / ENCODER)
    return Predictor(task, model, encoding, how, facts)


def _checksum(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _wanted(how: Reading) -> str:
    return {
        "text": f"texts, or mappings of {', '.join(how.columns)}",
        "table": f"mappings of {', '.join(how.columns)}",
        "image": "images, as bytes or paths",
        "array": "rows of numbers",
    }[how.reads]

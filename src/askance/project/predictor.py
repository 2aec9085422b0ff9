"""What a model that was taken away is and says: a predictor, and its predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.encoders.base import Encoding
from askance.errors import BadInput
from askance.learners.base import Model
from askance.look import predict
from askance.project.intake import Reading
from askance.task import Labels, Targets, Task

_ROUNDING = 1e-6  # a probability of 0.9 in float32 is as good as one
AT_ONCE = 1024  # items that are encoded together, so that any number of them fits into memory


@dataclass(frozen=True, eq=False)
class Predictions(Sequence[Any]):
    """What a model says of some items; it is a list of values, one for each.

    Args:
        values: For each item its class, its labels or its numbers.
        probabilities: (items, classes | labels); the numbers themselves where the task has numbers.
        task: What the values are.
    """

    values: tuple[Any, ...]
    probabilities: Tensor
    task: Task

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: Any) -> Any:
        return self.values[place]

    def __repr__(self) -> str:
        return f"Predictions of {len(self)} items: {', '.join(map(str, self[:5]))}{', ...' if len(self) > 5 else ''}"

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of the probabilities are."""
        return tuple(str(name) for name in getattr(self.task, "names", range(self.task.width)))

    @property
    def certainty(self) -> Tensor:
        """How probable each value is, (items,): its class, or for labels all of them together being right.

        Raises:
            BadInput: If the model predicts numbers.
        """
        if isinstance(self.task, Targets):
            raise BadInput("This model predicts numbers and does not say how certain it is. Read the values.")
        if isinstance(self.task, Labels):
            return torch.maximum(self.probabilities, 1 - self.probabilities).prod(1)
        return self.probabilities.amax(1)

    def above(self, threshold: float) -> list[Any]:
        """The values of which the model is as certain as that, or more; None in the place of others.

        Raises:
            BadInput: If the model predicts numbers.
        """
        sure = (self.certainty >= threshold).tolist()
        return [value if keep else None for value, keep in zip(self.values, sure, strict=True)]

    def abstaining(self, cost: float) -> list[Any]:
        """The values, and None where leaving the item unanswered costs less than answering it.

        A wrong value costs 1, so that is where a value is wrong with a probability above the cost. [chow1970optimum]

        Args:
            cost: Of an item without an answer, from 0 to 1/2.

        Raises:
            BadInput: If the cost is none, or the model predicts numbers.
        """
        if not 0 <= cost <= 0.5:
            raise BadInput(
                f"An item without an answer cannot cost {cost:g}: a wrong answer costs 1 and the flip of a coin 1/2. "
                f"Use a cost from 0 to 0.5, such as 0.4."
            )
        return self.above(1 - cost - _ROUNDING)


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model that was taken away.

    Args:
        task: What it says of an item.
        model: The head.
        encoding: What turns items into features.
        how: What an item is.
        facts: What is known of it: labels learned from, scores, when and by what version it was made.
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
        if isinstance(items, str | bytes | Mapping) or hasattr(items, "columns"):
            raise BadInput(
                f"predict() got a {type(items).__name__}, and needs a list of items. Put one item into a list; of a "
                f'data frame, hand in its to_dict("records").'
            )
        raws = (self._raw(item, place) for place, item in enumerate(items))
        parts = [torch.zeros(0, self.task.width)]
        while some := list(islice(raws, AT_ONCE)):
            parts.append(predict(self.model, torch.from_numpy(np.array(self.encoding.encode(some))), self.task))
        found = torch.cat(parts)
        return Predictions(tuple(self.task.answer(row) for row in found), found, self.task)

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
        raise BadInput(
            f"Item {place} is a {type(item).__name__}, and this model reads {_wanted(self.how)}. "
            f"Hand in a list of those."
        )


def _wanted(how: Reading) -> str:
    return {
        "text": f"texts, or mappings of {', '.join(how.columns)}",
        "table": f"mappings of {', '.join(how.columns)}",
        "image": "images, as bytes or paths",
        "array": "rows of numbers",
    }[how.reads]

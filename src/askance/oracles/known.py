"""An oracle that knows: labels of a benchmark, or of a project that was labeled before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from askance.errors import BadInput
from askance.task import plain
from askance.view import Batch


@dataclass(frozen=True, eq=False)
class Known:
    """Answers with labels that are known already.

    Args:
        labels: The label of every item, by id.
    """

    labels: Mapping[Any, Any]

    def answer(self, batch: Batch) -> dict[Any, Any]:
        """The labels of a batch, by id.

        Raises:
            BadInput: If an item has no label.
        """
        return self.of(batch.ids)

    def of(self, ids: list[Any]) -> dict[Any, Any]:
        """The labels of some items, by id."""
        lacking = [name for name in ids if name not in self.labels]
        if lacking:
            raise BadInput(f"The oracle has no label for the item {lacking[0]!r}. Give it a label for every item.")
        return {name: plain(self.labels[name]) for name in ids}

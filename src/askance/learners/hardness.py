"""How hard labeled items were to learn, as values that a learner is told by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from askance.errors import BadInput
from askance.utilities import history


@dataclass(frozen=True)
class Hardness(ABC):
    """How hard labeled items were to learn, from what was recorded meanwhile. A subclass writes `of`."""

    @property
    def records(self) -> frozenset[str]:
        """Names that must be recorded while training."""
        return frozenset({"probabilities"})

    @abstractmethod
    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """One number for each labeled item, higher is harder, (labeled,).

        Args:
            records: Rows of the labeled items, (labeled, looks, ...).
            targets: (labeled, classes).
        """


@dataclass(frozen=True)
class LowConfidence(Hardness):
    """How unlikely the label was on average over the training. [swayamdipta2020dataset]"""

    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return -history.confidence(records["probabilities"], targets)


@dataclass(frozen=True)
class Variability(Hardness):
    """How much the probability of the label varied over the training. [swayamdipta2020dataset]"""

    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return history.variability(records["probabilities"], targets)


@dataclass(frozen=True)
class Forgetting(Hardness):
    """How often the label was learned and forgotten; never learned is the hardest. [toneva2019empirical]"""

    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return history.forgetting_events(records["probabilities"], targets)


@dataclass(frozen=True)
class _Early(Hardness):
    """What can be told from the first looks alone.

    Args:
        first: At so many looks from the beginning of the training; None at all of them.
    """

    first: int | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.first < 1:
            name = type(self).__name__
            raise BadInput(f"{name}(first={self.first}) looks at nothing. Use 1 or more, or None for all looks.")


@dataclass(frozen=True)
class El2n(_Early):
    """How far the probabilities were from the label. [paul2021deep]"""

    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return history.error_l2(records["probabilities"][:, : self.first], targets)


@dataclass(frozen=True)
class GraNd(_Early):
    """How long the gradient of the last layer was. [paul2021deep]"""

    @property
    def records(self) -> frozenset[str]:
        return frozenset({"probabilities", "embedding_lengths"})

    def of(self, records: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        beliefs, lengths = (records[name][:, : self.first] for name in ("probabilities", "embedding_lengths"))
        return history.gradient_norm(beliefs, lengths, targets)

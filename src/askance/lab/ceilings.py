"""Upper bounds as parts of a grid: they read test data, so they are named apart from strategies and ranked nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from askance.errors import BadInput, unknown
from askance.lab import bounds
from askance.lab.datasets import Dataset
from askance.lab.identity import digest, identity
from askance.lab.plan import Plan
from askance.reports.results import Run
from askance.strategies.catalogue import strategy

SEEDS = 10  # an upper bound fits far more models than any strategy


class Ceiling(Protocol):
    """What a run could have reached for one who knew test and pool."""

    def run(self, dataset: Dataset, plan: Plan, seed: int) -> Run:
        """The run of one seed, under whatever name."""


@dataclass(frozen=True)
class GreedyOracle:
    """Label by label the best of some random items by test accuracy, see `bounds.greedy_oracle`.

    Args:
        sample: How many items are tried for each label.
    """

    sample: int = 20

    def run(self, dataset: Dataset, plan: Plan, seed: int) -> Run:
        """The run of one seed."""
        return bounds.greedy_oracle(dataset, plan, seed, sample=self.sample)


@dataclass(frozen=True)
class BeamOracle:
    """The best sequence of labels that a beam search finds by test accuracy, see `bounds.beam_oracle`.

    Args:
        beams: How many sequences are kept.
    """

    beams: int = 5

    def run(self, dataset: Dataset, plan: Plan, seed: int) -> Run:
        """The run of one seed."""
        return bounds.beam_oracle(dataset, plan, seed, beams=self.beams)


@dataclass(frozen=True)
class BatchOracle:
    """Of many batches that a mix of strategies picks, the best by test data, see `bounds.batch_oracle`.

    Args:
        candidates: Batches tried in a round.
        pool: Items that each of them may choose among.
    """

    candidates: int = 100
    pool: int = 2500

    @staticmethod
    def revision_of(said: Mapping[str, Any]) -> str:
        """A mark of the strategies in the mix: with another revision of one it is another bound."""
        return digest([identity(strategy(name)) for name in bounds.MIX])

    def run(self, dataset: Dataset, plan: Plan, seed: int) -> Run:
        """The run of one seed."""
        return bounds.batch_oracle(dataset, plan, seed, candidates=self.candidates, pool=self.pool)


CEILINGS: Mapping[str, type[Any]] = {
    bounds.GREEDY: GreedyOracle,
    bounds.BEAM: BeamOracle,
    bounds.BATCH: BatchOracle,
}


def ceiling_of(value: Any) -> tuple[str, Ceiling]:
    """The name shown and the upper bound of a value of a grid: a name, a table (``bound``, ``name`` and its fields).

    Raises:
        BadInput: If there is none of that name, or it has no such field.
    """
    table = dict(value) if isinstance(value, Mapping) else {"bound": value}
    kind = table.pop("bound", None)
    if kind not in CEILINGS:
        raise unknown("upper bound", str(kind), CEILINGS)
    shown = str(table.pop("name", kind))
    try:
        return shown, CEILINGS[kind](**table)
    except TypeError as error:
        raise BadInput(
            f"The upper bound {kind!r} cannot be made with {table}: {error}. Check the names of its fields."
        ) from None

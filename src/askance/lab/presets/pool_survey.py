"""Pool-based active learning with a support vector machine on small tables: the task model asks, or another does.

After the survey of Zhan et al. [zhan2021comparative] and the benchmark that ran it again [lu2023rebenchmarking]: 40% of
the items are the test, 20 labels come first, and labels are bought one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from askance.lab.bounds import BEAM
from askance.lab.grids import Grid
from askance.lab.plan import PER_CLASS
from askance.learners.linear import Linear
from askance.learners.svc import Svc
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.lookahead import ExpectedErrorReduction
from askance.strategies.uncertainty import Margin

TEST = 0.4
INITIAL = 20
MOST = 200  # labels; the survey buys the whole pool, which is what the smaller sets here have
BOUNDED = 600  # items of a set on which the beam oracle runs, at most

# Cost 0.1, the survey's; of two classes a softmax spreads one vector over two rows, which makes its ridge twice 1 / C.
LOGISTIC = Linear(ridge=20.0)
MATCHED, MISMATCHED = "margin", "margin, logistic model"
OTHER: Mapping[str, Any] = {"strategy": Margin(signal=Probabilities(of=LOGISTIC)), "name": MISMATCHED}
EXPECTED: Mapping[str, Any] = {  # one model, that of its authors' library: the look ahead is its last layer's
    "strategy": ExpectedErrorReduction(
        features=Embeddings(of=LOGISTIC), signal=Probabilities(of=LOGISTIC), ridge=20.0, candidates=200, evaluated=200
    ),
    "name": "expected-error-reduction",
}
HINTS: Mapping[str, Any] = {"strategy": "hint-svm", "hints": 100, "name": "hint-svm"}
QUICK: tuple[Any, ...] = ("random", MATCHED, OTHER, "k-center", "quire")
STRATEGIES: tuple[Any, ...] = (*QUICK, "hierarchical", "graph-density", "qbc", EXPECTED, HINTS, "dwus")
LEARNED: tuple[Any, ...] = (*(part for part in STRATEGIES if part != "graph-density"), "lal")  # of what takes hours


@dataclass(frozen=True)
class Table:
    """A data set of the comparison.

    Args:
        name: By which it is known.
        size: How many items it has.
        classes: How many classes.
        items: How many are drawn; None: all.
    """

    name: str
    size: int
    classes: int = 2
    items: int | None = None

    @property
    def held(self) -> int:
        """Items that are used, those held out included."""
        return self.size if self.items is None else self.items

    @property
    def given(self) -> Any:
        """As a grid names it."""
        return self.name if self.items is None else {"name": self.name, "items": self.items}


TABLES = (
    Table("sonar", 208),
    Table("ionosphere", 351),
    Table("breast-cancer", 569),
    Table("pima", 768),
    Table("spam", 4_601, items=2_000),
    Table("iris", 150, 3),
    Table("wine", 178, 3),
    Table("glass", 214, 6),
    Table("vehicle", 846, 4),
    Table("disk", 206),
    Table("wave", 863),
    Table("checkerboard", 1_600),
    Table("clouds", 1_000),
    Table("unbalanced-clouds", 1_000),
    Table("banana", 5_300, items=2_000),
)
DESK = ("sonar", "ionosphere", "breast-cancer", "iris", "disk", "wave", "checkerboard", "banana")


def pool_survey(size: str) -> Grid:
    """The grid of a size: ``smoke``, ``desk`` or ``paper``."""
    if size == "smoke":
        return _joined([_grid(one, QUICK, 3, 40, 1) for one in TABLES if one.name in ("iris", "disk")])
    if size == "desk":
        return _joined([_grid(one, STRATEGIES, 10, 100, 3) for one in TABLES if one.name in DESK])
    return _joined([_grid(one, LEARNED, 50, MOST, 10) for one in TABLES])


def _grid(table: Table, strategies: tuple[Any, ...], seeds: int, most: int, bound_seeds: int) -> Grid:
    """One set; its whole pool is bought where that is less than ``most``.

    First labels are drawn at random of two classes, as in the survey but for its rule to go on until there are two of
    each. Of more classes equally many of each are drawn: with 20 at random the rarest would often have none.
    """
    return Grid(
        datasets=(table.given,),
        strategies=strategies,
        learners=({"learner": Svc(), "name": "svc"},),
        start=("random",) if table.classes == 2 else (PER_CLASS,),
        initial=(INITIAL,),
        batch=(1,),
        budget=min(most, table.held - round(TEST * table.held)),
        test=TEST,
        seeds=tuple(range(seeds)),
        bounds=(BEAM,) if table.held <= BOUNDED else (),
        bound_seeds=bound_seeds,
    )


def _joined(grids: list[Grid]) -> Grid:
    """Grids as one."""
    return replace(grids[0], more=tuple(grids[1:]), title="Pool-based survey")

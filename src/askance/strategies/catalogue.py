"""The catalogue of strategies."""

from __future__ import annotations

from typing import Any

from askance.catalogue import Catalogue
from askance.describe import find
from askance.errors import BadInput
from askance.strategies.base import Strategy
from askance.task import Task

STRATEGIES = Catalogue(
    "strategy",
    "askance.strategies",
    {
        "random": "askance.strategies.random:Random",
        "least-confidence": "askance.strategies.uncertainty:LeastConfidence",
        "margin": "askance.strategies.uncertainty:Margin",
        "entropy": "askance.strategies.uncertainty:Entropy",
        "mean-margin": "askance.strategies.uncertainty:MeanMargin",
        "k-center": "askance.strategies.coverage:KCenter",
        "k-means": "askance.strategies.coverage:KMeans",
        "typiclust": "askance.strategies.coverage:TypiClust",
        "badge": "askance.strategies.gradient:Badge",
        "greedy-distance": "askance.strategies.regression:GreedyDistance",
        "max-det": "askance.strategies.information:MaxDet",
        "bait": "askance.strategies.information:Bait",
        "frank-wolfe": "askance.strategies.information:AcsFw",
        "k-dpp": "askance.strategies.determinantal:KDpp",
        "multi-criteria-dpp": "askance.strategies.determinantal:MultipleCriteriaDpp",
    },
)

LEFT_OUT: dict[str, str] = {
    "ev-gp": "its picks are those of Bait(select=LeastVariance(backward=False)), which has no cap on candidates",
    "acs-rf-hyper": "it lets the noise of ACS-FW be unknown, and FrankWolfe(projections=10) takes it as given",
}  # methods of the papers that are not here, and why

DEFAULT = "askance.meta.schedule:default"  # found by name: strategies made of strategies stand a floor higher


def names() -> list[str]:
    """The names of all strategies that need no argument: our own, then those of installed plug-ins."""
    return STRATEGIES.names()


def strategy(what: Any) -> Strategy:
    """The strategy that a name, ``path/mine.py:MyStrategy``, a class or a strategy stands for.

    Raises:
        UnknownName: If no strategy has this name; the nearest one is told.
        BadInput: If what is found is no strategy, or wants arguments.
    """
    found = STRATEGIES.make(what) if isinstance(what, str) else what() if isinstance(what, type) else what
    if not isinstance(found, Strategy):
        raise BadInput(f"{what!r} is a {type(found).__name__}, not a strategy. Subclass askance.Strategy.")
    return found


def name_of(part: Strategy) -> str:
    """The name people know a strategy by: its catalogue name, else its class."""
    return STRATEGIES.name_of(part)


def serving(task: Task) -> list[str]:
    """The names of the strategies that mean something for a task."""
    return [name for name in names() if strategy(name).serves(task)]


def default(task: Task) -> Strategy:
    """The strategy of a study that names none."""
    made: Strategy = find(DEFAULT)(task)
    return made

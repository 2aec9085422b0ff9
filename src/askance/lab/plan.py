"""How strategies are compared on one data set, and whether that can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from askance.errors import BadInput
from askance.lab.datasets import Dataset
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs, check_serves
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes

PER_CLASS = "per-class"  # first labels: as many of every class; a protocol of benchmarks, for it reads the labels


@dataclass(frozen=True)
class Plan:
    """How strategies are compared.

    Args:
        strategies: Names or ``path/mine.py:MyStrategy``, each once.
        seeds: Each is one run of every strategy.
        initial: Labels drawn at random before the first round, the same for every strategy.
        batch: Labels in a round.
        budget: Labels bought in the end, the first ones included.
        test: Items held out for scoring; never asked about, never learned from.
        learner: What learns; None is the softmax head.
        start: What picks the first labels: ``random``, ``per-class`` (equally many of each class, as benchmarks do who
            know them), or a strategy that needs no model.
        parts: The strategies that names stand for, where they are not those of the catalogue.
        bounds: Upper bounds by name. They read test data and are no strategies.
    """

    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    initial: int = 20
    batch: int = 10
    budget: int = 220
    test: int = 500
    learner: Learner | None = None
    start: str = "random"
    parts: Mapping[str, Strategy] = field(default_factory=dict)
    bounds: Mapping[str, Any] = field(default_factory=dict)

    def strategy(self, name: str) -> Strategy:
        """The strategy that a name stands for."""
        found = self.parts.get(name)
        return found if found is not None else catalogue.strategy(name)


def check(dataset: Dataset, plan: Plan) -> None:
    """Refuse a plan that cannot be run, before anything is run."""
    pool = len(dataset.pool) - plan.test
    if not plan.strategies or not plan.seeds:
        raise BadInput("There is nothing to run. Name at least one strategy and one seed.")
    twice = [name for name, count in Counter(plan.strategies).items() if count > 1]
    if twice:
        raise BadInput(f"The strategy {twice[0]!r} is named twice. Name each once.")
    if min(plan.initial, plan.batch, plan.test) < 1 or plan.budget <= plan.initial:
        raise BadInput(
            f"initial={plan.initial}, batch={plan.batch}, test={plan.test} and budget={plan.budget} leave nothing to "
            f"do. The first three must be 1 or more, and the budget larger than initial."
        )
    if plan.budget > pool:
        raise BadInput(
            f"A budget of {plan.budget} labels is larger than the pool: {len(dataset.pool)} items less {plan.test} "
            f"for the test leave {pool}. Use a budget of {max(0, pool)} or less, or a smaller test set."
        )
    learner = learners.learner(plan.learner)
    if plan.start == PER_CLASS:
        if plan.initial < len(dataset.classes):
            raise BadInput(
                f"{plan.initial} first labels are not one for each of the {len(dataset.classes)} classes of "
                f"{dataset.name}. Use initial={len(dataset.classes)} or more, or start with random."
            )
    else:
        start = catalogue.strategy(plan.start)
        if start.needs_model():
            raise BadInput(f"{plan.start} asks by a model, and the first labels come before one. Start with random.")
        check_needs(start, learner)
    for name in plan.strategies:
        strategy = plan.strategy(name)
        check_serves(strategy, Classes(dataset.classes))
        check_needs(strategy, strategy.equip(learner))

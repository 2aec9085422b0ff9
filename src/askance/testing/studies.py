"""Promises of a whole study: what a strategy may depend on from one batch to the next."""

from __future__ import annotations

from typing import Any

from askance.learners.base import Learner
from askance.oracles.known import Known
from askance.strategies.base import Strategy
from askance.study.study import Oracle, Study
from askance.testing.worlds import small_labels, small_oracle, small_pool, small_study

ROUNDS, FEW = 2, 4


def no_hidden_label(strategy: Strategy, learner: Learner) -> str:
    """Other labels for the items that nobody asked about change nothing."""
    study = small_study(strategy, learner=learner)
    task = study.task
    first = rounds(study, small_oracle(task))
    study = small_study(strategy, learner=learner)
    told = {*study.labels, *(name for batch in first for name in batch)}
    labels = small_labels(small_pool(), task)
    others = dict(zip(labels, [*list(labels.values())[1:], next(iter(labels.values()))], strict=True))
    oracle = Known({name: labels[name] if name in told else others[name] for name in labels})
    second = rounds(study, oracle)
    if first == second:
        return ""
    return f"It asks {second} after {first} once labels differ that nobody told. It must not get at hidden labels."


def order_of_answers(strategy: Strategy, learner: Learner) -> str:
    """The same answers told in another order, one by one, give the same next batch."""
    found = []
    for backward in (False, True):
        study = small_study(strategy, learner=learner)
        for _ in range(ROUNDS):
            answers = small_oracle(study.task).of(study.ask(FEW).ids)
            told = [dict(reversed(answers.items()))] if backward else [{name: c} for name, c in answers.items()]
            for some in told:
                study.tell(some)
        found.append(study.ask(FEW).ids)
    if found[0] == found[1]:
        return ""
    return f"It asks {found[1]} instead of {found[0]} where the answers came in another order. Sort by row."


def audited(strategy: Strategy, learner: Learner) -> str:
    """Every batch, with control items among it, comes out again from the journal and freshly fitted models."""
    study = small_study(strategy, learner=learner, control=0.25)
    rounds(study, small_oracle(study.task))
    study.ask(FEW)  # still pending
    for row in study.audit(refit=True):
        if not row.ok:
            return (
                f"Line {row.line} of the journal asked {row.asked}, and {row.again} comes out again: {row.why}. "
                f"Depend on the view alone, and equip learners that give the same model for the same lesson."
            )
    return ""


def rounds(study: Study, oracle: Oracle) -> list[list[Any]]:
    """Some rounds of asking and telling."""
    batches = []
    for _ in range(ROUNDS):
        batch = study.ask(FEW)
        study.tell(oracle.of(batch.ids))
        batches.append(batch.ids)
    return batches

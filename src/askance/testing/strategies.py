"""The contract of strategies, as promises that anyone can hold their own to."""

from __future__ import annotations

from typing import Any

from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes
from askance.testing import manners, memory, studies, worlds, writing
from askance.testing.promises import Promise, hold
from askance.testing.worlds import small_items, small_world

_PICKS = "picks distinct candidates"
_FULL = "gives all there are, or says why not"
_SAME = "picks the same with the same seed"
_DICE = "leaves the global dice alone"
_PENDING = "never repeats what is pending"
_KEEPS = "changes nothing it is shown"
_READS = "reads only the signals in its fields"
_DULL = "stands a model that knows nothing"
_COLD = "stands a pool without labels"
_ALIKE = "stands items that are identical"
_BLIND = "sees no hidden label"
_WRITTEN = "survives pickle and the journal"

_QUERY = (_PICKS, _FULL)
_REPEATS = (*_QUERY, _SAME, _DICE)
_STUDY = (*_REPEATS, _READS, _WRITTEN)


def strategy_promises() -> list[Promise[Strategy, Learner]]:
    """The contract, promise by promise.

    In pytest: ``@pytest.mark.parametrize("promise", strategy_promises(), ids=str)``, then ``promise.check(mine)``.
    """

    def promise(name: str, test: Any, after: tuple[str, ...] = ()) -> Promise[Strategy, Learner]:
        return Promise(name, test, worlds.LEARNER, after)

    alike = small_items()[:1].repeat(worlds.ITEMS, 1)
    stands = manners.stands
    return [
        promise(_PICKS, manners.distinct),
        promise(_FULL, manners.enough, (_PICKS,)),
        promise(_SAME, manners.same_twice, _QUERY),
        promise(_DICE, manners.global_dice_alone, (*_QUERY, _SAME)),
        promise(_DULL, stands(small_world(believes=worlds.knows_nothing)), _QUERY),
        promise("stands a model that is certain", stands(small_world(believes=worlds.certain)), _QUERY),
        promise("stands probabilities of zero", stands(small_world(believes=worlds.rules_one_out)), _QUERY),
        promise(_ALIKE, stands(small_world(alike)), _QUERY),
        promise("stands two classes", stands(small_world(task=Classes((0, 1)))), _QUERY),
        promise("stands one class", stands(small_world(task=Classes((0,)))), _QUERY),
        promise(_COLD, stands(small_world(labeled=0, aside=0)), (*_QUERY, _DULL)),
        promise("stands one item", stands(_one_item(), _one_candidate()), (*_QUERY, _COLD)),
        promise("breaks ties by dice", manners.ties, (*_REPEATS, _ALIKE)),
        promise(_PENDING, manners.pending_alone, _QUERY),
        promise(_KEEPS, manners.nothing_changed, _QUERY),
        promise(_READS, manners.declared_alone, _QUERY),
        promise(
            "does not care about the order of the pool but for exact ties",
            manners.order_of_the_pool,
            (*_REPEATS, _COLD),
        ),
        promise("needs memory linear in the pool", memory.linear_memory, _QUERY),
        promise(_WRITTEN, writing.survives),
        promise("equips the learner it is given", writing.equips),
        promise("passes equip on", writing.passes_equip_on),
        promise("has a doctest that comes out", writing.has_doctest),
        promise("has a reference", writing.has_reference),
        promise(_BLIND, studies.no_hidden_label, _STUDY),
        promise("does not care about the order of answers", studies.order_of_answers, _STUDY),
        promise("can be audited", studies.audited, (*_STUDY, _PENDING, _KEEPS, _BLIND)),
    ]


def check_strategy(strategy: Any, learner: Any = None) -> None:
    """Hold a strategy to its contract.

    Args:
        strategy: A strategy, or its name.
        learner: A learner that gives what the strategy reads. Default: a softmax head on the features, or a small
            network where the strategy trains something beside it.

    Raises:
        Broken: Naming every broken promise and what happened; an AssertionError, ready for any test runner.
        MissingSignal: If the learner does not give what the strategy reads.
    """
    held = catalogue.strategy(strategy)
    setting = worlds.learner_for(held) if learner is None else learners.learner(learner)
    check_needs(held, held.equip(setting))
    hold(strategy_promises(), held, setting)


def _one_item() -> worlds.World:
    return small_world(small_items(1), labeled=0, aside=0)


def _one_candidate() -> worlds.World:
    return small_world(small_items(10), labeled=9, aside=0)

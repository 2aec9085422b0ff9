"""The contracts of strategies, learners and signals, for tests of your own parts, and small worlds to try them in."""

from askance.given import view
from askance.testing.learners import check_learner, learner_promises
from askance.testing.promises import Broken, Promise
from askance.testing.signals import check_signal, signal_promises
from askance.testing.strategies import check_strategy, strategy_promises
from askance.testing.worlds import World, small_items, small_labels, small_oracle, small_pool, small_study, small_world

__all__ = [
    "Broken",
    "Promise",
    "World",
    "check_learner",
    "check_signal",
    "check_strategy",
    "learner_promises",
    "signal_promises",
    "small_items",
    "small_labels",
    "small_oracle",
    "small_pool",
    "small_study",
    "small_world",
    "strategy_promises",
    "view",
]

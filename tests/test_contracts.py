"""Every strategy, learner and signal that askance ships keeps its contract."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from askance.learners.architecture import Searched
from askance.learners.base import Learner
from askance.learners.catalogue import LEARNERS, learner_with
from askance.learners.dropout import Dropout
from askance.learners.ensemble import Ensemble
from askance.learners.families import Dense
from askance.learners.forest import Forest
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped, Committee
from askance.learners.pseudo import PseudoLabeled
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.learners.vaal import VariationalDiscriminator
from askance.learners.virtual import Virtual
from askance.learners.wrappers import Untrained
from askance.meta.autoal import AutoAL, AutoALAsWritten
from askance.meta.averaged import Averaged
from askance.meta.control import Equipped
from askance.meta.dependency import Dmle
from askance.meta.schedule import Until
from askance.meta.search import SearchNet
from askance.meta.written import SearchNetAsWritten
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import GradientFactors
from askance.signals.layer import LastLayer
from askance.signals.member import OfMember
from askance.signals.perturbation import Bim, DeepFool
from askance.signals.probabilities import Probabilities, Scores
from askance.signals.samples import Samples, Votes
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.coverage import KCenter, TypiClust
from askance.strategies.gradient import Badge
from askance.strategies.learned import Vaal
from askance.strategies.uncertainty import Margin
from askance.task import Labels, Targets, Task
from askance.testing import Promise, learner_promises, signal_promises, strategy_promises
from askance.testing.worlds import THREE, learner_for

STRATEGIES = {
    **{name: catalogue.strategy(name) for name in catalogue.names()},
    "vaal": Vaal(critic=Scores(of=VariationalDiscriminator(steps=5))),
    "auto-al-searching": AutoAL(search=SearchNet(least=8, steps=3, deals=1)),
    "auto-al-as-written-searching": AutoALAsWritten(search=SearchNetAsWritten(least=8, steps=4)),
    "default": catalogue.default(THREE),
    "dmle": Dmle(),
    "random-equipped": Equipped(),
    "averaged": Averaged(),
    "until-badge": Until(labels=12, early=TypiClust(), late=Badge()),
    "until-late": Until(labels=5, early=KCenter(), late=Until(labels=12, early=KCenter(), late=Margin())),
}
RECORDING = {"label-dispersion": learner_with("mlp", {"hidden": (4,), "steps": 10})}  # on who records as it trains
TRAINED = ("mlp", "cnn", "resnet18", "dense", "residual", "active-inas")  # held with few steps, some elsewhere
LEARNERS_HELD = {
    **{name: LEARNERS.make(name) for name in LEARNERS.names() if name not in TRAINED},
    "mlp": learner_with("mlp", {"hidden": (4,), "steps": 3}),
    "active-inas": Searched(Torch(Dense(most=(2, 2)), steps=3, batch=8), folds=2, looks=1),
    "dropout": Dropout(learner_with("mlp", {"hidden": (4,), "steps": 3}), passes=3),
    "ensemble": Ensemble(learner_with("mlp", {"hidden": (4,), "steps": 3}), members=2),
    "pseudo": PseudoLabeled(Linear(ridge=1.0), threshold=1.0),
    "virtual": Virtual(Linear(ridge=1.0)),
    "linear-fixed": Linear(ridge=1.0),
    "bootstrapped": Bootstrapped(Linear(), members=3),
    "forest-of-samples": Forest(trees=3),
    "committee": Committee((Linear(), Sklearn(GaussianNB()))),
    "untrained": Untrained(Linear()),
    "untrained-forest": Untrained(Sklearn(RandomForestClassifier(n_estimators=5))),
    "logistic": Sklearn(LogisticRegression()),
    "forest": Sklearn(RandomForestClassifier(n_estimators=5)),
    "sklearn-svc": Sklearn(SVC()),
    "bayes": Sklearn(GaussianNB()),
    "neighbors": Sklearn(KNeighborsClassifier(n_neighbors=1)),
}
MANY = Bootstrapped(Linear(ridge=1.0), members=3)
SIGNALS = [
    Scores(),
    Probabilities(),
    Embeddings(),
    GradientFactors(),
    LastLayer(),
    Bim(),
    DeepFool(),
    Samples(of=MANY),
    Votes(of=MANY),
    OfMember(Probabilities(), 1, of=MANY),
    Scores(of=Untrained(Linear())),
    Scores(age=1),
]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("promise", strategy_promises(), ids=str)
def test_a_strategy_keeps_the_promise(promise: Promise[Strategy, Learner], name: str) -> None:
    promise.check(STRATEGIES[name], RECORDING.get(name, learner_for(STRATEGIES[name])))


@pytest.mark.parametrize("name", LEARNERS_HELD)
@pytest.mark.parametrize("promise", learner_promises(), ids=str)
def test_a_learner_keeps_the_promise(promise: Promise[Learner, Task], name: str) -> None:
    promise.check(LEARNERS_HELD[name])


@pytest.mark.parametrize(
    ("learner", "task"),
    [
        (Sklearn(Ridge()), Targets(n=2)),
        (Sklearn(GaussianProcessRegressor()), Targets()),
        (Sklearn(RandomForestClassifier(n_estimators=5)), Labels(("urgent", "billing"))),
        (Linear(), Targets(n=2)),
        (Linear(ridge=1.0), Labels(("urgent", "billing"))),
        (Linear(), Labels(("urgent", "billing"))),
    ],
    ids=["ridge", "gaussian-process", "labels", "linear-numbers", "linear-labels", "linear-labels-chosen"],
)
@pytest.mark.parametrize("promise", learner_promises(), ids=str)
def test_a_learner_of_numbers_or_labels_keeps_the_promise(
    promise: Promise[Learner, Task], learner: Learner, task: Task
) -> None:
    promise.check(learner, task)


@pytest.mark.parametrize("signal", SIGNALS, ids=str)
@pytest.mark.parametrize("promise", signal_promises(), ids=str)
def test_a_signal_keeps_the_promise(promise: Promise[Signal, Learner], signal: Signal) -> None:
    promise.check(signal)


GROWTH = """
import resource, sys
from askance.strategies import catalogue
from askance.testing.worlds import learner_for, small_items, small_world

items, name = int(sys.argv[1]), sys.argv[2]
strategy = catalogue.strategy(name)
learner = learner_for(strategy)
strategy.query(small_world().view(strategy, learner), 5)  # what is loaded once is not counted
features = small_items(items, 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
strategy.query(small_world(features).view(strategy, learner), 20)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in catalogue.names() if name not in RECORDING])
def test_twenty_thousand_items_need_far_less_than_a_number_for_each_pair(name: str) -> None:
    items = 20_000
    done = subprocess.run([sys.executable, "-c", GROWTH, str(items), name], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 0.1 * 4 * items * items

"""CEAL: another strategy's picks, and a learner that takes its own word for what it is sure of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.datasets import load_digits

from askance.errors import BadInput
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped
from askance.learners.pseudo import FACTS, PseudoLabeled
from askance.look import predict
from askance.meta.ceal import Ceal
from askance.pool import Pool
from askance.strategies.gradient import Badge
from askance.study.study import Study
from askance.task import Classes, Labels, Targets
from askance.testing import check_strategy
from askance.testing.worlds import LEARNER, THREE, small_world
from tests.pins import pins

DIGITS = Classes(tuple(range(10)))


@pins("ceal", "defect", "DeepAL+ runs MeanSTD where CEAL with BADGE is asked for; ours runs what it is asked for.")
@pytest.mark.parametrize("name", ["badge", "margin", "mean-std", "variation-ratio", "k-center"])
def test_the_picks_are_those_of_the_strategy_inside(name: str) -> None:
    world, asking = small_world(), Ceal(name)
    inner = asking.strategy
    assert not isinstance(inner, str)
    batch = asking.query(world.view(asking, LEARNER), 6)
    assert batch.ids == inner.query(world.view(inner, LEARNER), 6).ids
    assert batch.strategy == name


def test_the_learner_is_equipped_for_the_strategy_inside_first() -> None:
    assert Ceal("badge", threshold=0.1).equip(LEARNER) == PseudoLabeled(LEARNER, threshold=0.1)
    assert Ceal("mean-std").equip(LEARNER) == PseudoLabeled(Bootstrapped(LEARNER))
    own = PseudoLabeled(LEARNER, threshold=0.3)
    assert Ceal().equip(own) == own  # it does not make them twice


def test_it_is_for_classes_and_for_what_the_strategy_inside_is_for() -> None:
    assert Ceal().serves(THREE)
    assert Ceal("k-center").serves(THREE)
    assert not Ceal("k-center").serves(Targets())
    assert not Ceal("k-center").serves(Labels(("a", "b")))
    assert not Ceal("mean-margin").serves(THREE)
    assert Ceal().needs_model()
    assert not Ceal("random").needs_model()
    assert Ceal("badge").said(THREE) == "badge, with pseudo-labels"


def test_digits_that_the_model_is_sure_of_are_learned_from_for_one_fit() -> None:
    data = load_digits()
    truth = data.target[:500]
    pool = Pool.from_arrays(data.data[:500].astype(np.float32))
    study = Study(pool, task=DIGITS, strategy=Ceal(), learner=Linear(ridge=1.0), start=None)
    study.tell({row: int(truth[row]) for row in range(60)})
    before, open_, right, made = None, np.arange(0), [], []
    for number in range(4):
        batch = study.ask(15)
        model = study.model()
        said = model.facts[FACTS]
        if before is None:
            assert said["of"] == {}
        else:
            believed = predict(before, pool.items, DIGITS).double().numpy()[open_]
            sure = entropy(believed, axis=1) < 0.05 - 0.0033 * (number - 1)
            guesses = believed.argmax(1)[sure]
            counts = np.bincount(guesses, minlength=10)
            assert said["of"] == {str(name): int(count) for name, count in enumerate(counts) if count}
            made.append(set(open_[sure].tolist()))
            right += (guesses == truth[open_][sure]).tolist()
        study.tell({row: int(truth[row]) for row in batch.ids})
        before, open_ = model, np.setdiff1d(np.arange(500), sorted(study.labels))
    assert min(len(rows) for rows in made) > 50
    assert np.mean(right) > 0.97


def test_labels_made_at_one_fit_are_gone_at_the_next_where_the_model_is_less_sure() -> None:
    data = load_digits()
    pool = Pool.from_arrays((data.data[:300] / 4).astype(np.float32))  # of this scale few are sure
    study = Study(pool, task=DIGITS, strategy=Ceal(threshold=0.2, decay=0.15), learner=Linear(ridge=1.0), start=None)
    study.tell({row: int(data.target[row]) for row in range(60)})
    counts = []
    for _ in range(4):
        study.tell({row: int(data.target[row]) for row in study.ask(5).ids})
        counts.append(sum(study.model().facts[FACTS]["of"].values()))
    assert counts[0] > counts[1] > counts[2] == counts[3] == 0  # thresholds 0.2, 0.05 and then 0


@pytest.mark.parametrize("asking", [Ceal(), Ceal(Badge(), threshold=0.5)], ids=["entropy", "badge"])
def test_it_keeps_the_contract_of_strategies(asking: Ceal) -> None:
    check_strategy(asking)


def test_a_schedule_that_means_nothing_is_refused_where_it_is_typed() -> None:
    with pytest.raises(BadInput, match="Ceal\\(threshold=-1"):
        Ceal(threshold=-1.0)

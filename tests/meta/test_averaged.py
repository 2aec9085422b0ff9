"""A strategy asks by several models at once, or by another model than the one that is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from askance import Known, Linear, Study
from askance.describe import build, describe
from askance.errors import BadInput, MissingSignal
from askance.given import view
from askance.learners.architecture import Architectures, Searched
from askance.learners.ensemble import Ensemble
from askance.learners.families import Dense
from askance.learners.laplace import Laplace
from askance.learners.many import Bootstrapped, Committee
from askance.learners.torch import Torch
from askance.meta.averaged import Averaged, Through
from askance.selection.space import Features
from askance.signals.base import signals_of
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import GradientFactors
from askance.signals.member import OfMember
from askance.signals.probabilities import Probabilities, Scores
from askance.signals.samples import Samples
from askance.strategies.coverage import KCenter
from askance.strategies.disagreement import Bald
from askance.strategies.gradient import GradNorm
from askance.strategies.uncertainty import Entropy, LeastConfidence, Margin
from askance.testing import strategy_promises
from askance.testing.worlds import THREE, small_items, small_labels, small_pool, small_world

QUICK = Torch(Dense(most=(3, 2)), steps=12, batch=8, rate=0.01)


def run(strategy: Any, learner: Any, budget: int = 19) -> Study:
    pool = small_pool()
    oracle = Known(small_labels(pool))
    study = Study(pool, learner=learner, strategy=strategy, classes=range(3), start=None)
    study.tell(oracle.of(pool.names(range(9))))
    study.run(oracle, budget=budget, batch=5)
    return study


def asked(study: Study) -> list[Any]:
    return [
        line.body["rows"] if "rows" in line.body else line.body["ids"] for line in study.lines() if line.kind == "asked"
    ]


def test_the_mean_of_what_members_want_is_asked_by() -> None:
    one, other = [[0.5, 0.5], [0.6, 0.4], [0.7, 0.3]], [[1.0, 0.0], [0.6, 0.4], [0.8, 0.2]]
    paper = view(mc_probabilities=[one, other])
    wanted = Averaged("least-confidence", members=2).utility(paper)
    assert wanted.tolist() == pytest.approx([0.25, 0.4, 0.25])
    entropy = Averaged(Entropy(), members=2).utility(paper)
    assert entropy.argmax() == 1 and float(entropy[0]) == pytest.approx(0.5 * 0.6931, abs=1e-3)


def test_it_is_not_the_strategy_on_the_mean_of_beliefs() -> None:
    one, other = [[1.0, 0.0], [0.6, 0.4]], [[0.0, 1.0], [0.6, 0.4]]  # the first are sure, and contradict each other
    paper = view(mc_probabilities=[one, other])
    assert Averaged("entropy", members=2).query(paper, 1).ids == [1]
    assert Bald().query(paper, 1).ids == [0]


def test_members_that_are_alike_ask_as_each_of_them() -> None:
    alone = small_world(labeled=20).view(Margin(), Linear(ridge=1.0))
    several = Averaged("margin", members=3)
    twins = Committee((Linear(ridge=1.0),) * 3)
    together = small_world(labeled=20).view(several, twins)
    assert several.query(together, 6).ids == Margin().query(alone, 6).ids


def test_what_reads_more_than_scores_is_read_from_each_member() -> None:
    several = Averaged(GradNorm(), members=2)
    world, learner = small_world(labeled=20), Ensemble(QUICK, members=2)
    shown = world.view(several, learner)
    model = learner.fit(world.lesson(0, learner.gives_records))
    own = [
        GradNorm().utility(replace(shown, read=lambda signal, k=k: signal.read(model.members[k], small_items(), THREE)))
        for k in range(2)
    ]
    assert torch.allclose(several.utility(shown), torch.stack(own).mean(0), atol=1e-5)
    assert not torch.allclose(own[0], own[1])


def test_places_are_averaged_by_their_inner_products() -> None:
    world, learner = small_world(labeled=20), Ensemble(QUICK, members=2)
    several = Averaged("k-center", members=2)
    shown = world.view(several, learner)
    members = learner.fit(world.lesson()).members
    places = [Embeddings().read(member, small_items(), THREE) for member in members]
    space = several.space(shown)
    assert isinstance(space, Features)
    mean = sum(one @ one.T for one in places if isinstance(one, torch.Tensor)) / 2
    assert torch.allclose(space.array @ space.array.T, torch.as_tensor(mean), atol=1e-4)
    both = view(embeddings=space.array, labeled=world.lesson().labeled.tolist())
    picked = several.query(shown, 4).rows.tolist()
    assert picked[0] in KCenter().query(both, 1).ids and len(set(picked)) == 4
    assert picked != KCenter().query(world.view(KCenter(), learner), 4).rows.tolist()


def test_a_learner_without_members_is_given_some() -> None:
    several = Averaged("margin", members=3)
    assert several.equip(Searched(QUICK)) == Architectures(QUICK, members=3, count=6)
    assert several.equip(QUICK) == Architectures(QUICK, members=3, count=6)
    assert several.equip(Linear()) == Bootstrapped(Linear(), members=3)
    assert several.equip(Laplace()) == Laplace()


def test_architectures_are_averaged_over_in_a_study() -> None:
    study = run(Averaged("margin", members=2), Searched(QUICK, folds=2))
    told = [line.body["facts"] for line in study.lines() if line.kind == "fitted"]
    assert all(len(facts["members"]) == 2 for facts in told) and all(row.ok for row in study.audit())


def test_a_model_of_more_members_is_refused_and_not_averaged_over_the_first() -> None:
    three = view(mc_probabilities=[[[1.0, 0.0]], [[0.0, 1.0]], [[0.5, 0.5]]])
    with pytest.raises(BadInput, match=r"One of 2 members.*there are 3.*members=3"):
        Averaged("margin", members=2).utility(three)
    several, world = Averaged("margin", members=2), small_world(labeled=20)
    with pytest.raises(BadInput, match="members=3"):
        several.query(world.view(several, Bootstrapped(Linear(ridge=1.0), members=3)), 4)
    assert len(Averaged("margin", members=3).query(three, 1)) == 1


def test_too_many_members_and_rules_of_their_own_are_refused() -> None:
    with pytest.raises(BadInput, match=r"members=2"):
        Averaged("margin", members=3).utility(view(mc_probabilities=[[[1.0, 0.0]], [[0.0, 1.0]]]))
    for name in ("batch-bald", "expected-error-reduction"):
        with pytest.raises(BadInput, match="a rule of its own"):
            Study(small_pool(), strategy=Averaged(name), classes=range(3))
    ensemble = Ensemble(QUICK, members=2)
    with pytest.raises(BadInput, match="as a Product"):
        Averaged("badge", members=2).query(small_world(labeled=20).view(Averaged("badge", members=2), ensemble), 2)
    with pytest.raises(BadInput, match="averages nothing"):
        Averaged("margin", members=1)
    world = small_world(labeled=20)
    with pytest.raises(MissingSignal, match="more than scores"):
        OfMember(GradientFactors()).read(Laplace().fit(world.lesson()), small_items(), THREE)


def test_a_member_s_signal_is_its_own() -> None:
    lesson, items = small_world(labeled=20).lesson(), small_items()
    model = Ensemble(QUICK, members=2).fit(lesson)
    for number in range(2):
        for signal in (Scores(), Probabilities(), Embeddings()):
            mine = OfMember(signal, number).read(model, items, THREE)
            assert torch.equal(mine, signal.read(model.members[number], items, THREE))  # type: ignore[arg-type]
    samples = Samples().read(model, items, THREE)
    assert isinstance(samples, torch.Tensor)
    assert torch.allclose(OfMember(Probabilities(), 1).rows(model.outputs(items), THREE), samples[:, 1])  # type: ignore[arg-type]


def test_picks_of_one_learner_are_those_of_a_study_of_its_own() -> None:
    other = Linear(ridge=1.0)
    through = run(Through("margin", other), QUICK)
    alone = run("margin", other)
    assert asked(through) == asked(alone)
    assert all(row.ok for row in through.audit())
    fitted = [line.body for line in through.lines() if line.kind == "fitted"]
    assert all("parameters" in body["facts"] for body in fitted)  # the study's own is the network


def test_what_asks_by_a_searched_architecture_trains_a_fixed_one() -> None:
    study = run(Through("bald", Searched(replace(QUICK, steps=4), folds=2)), Linear(ridge=1.0))
    through = Through("bald", Searched(replace(QUICK, steps=4), folds=2))
    (by,) = {signal.of for signal in signals_of(through)}
    assert isinstance(by, Bootstrapped) and isinstance(by.learner, Searched)  # as bald equips what it asks by
    assert through.equip(Linear()) == Linear() and not through.needs_model()
    body = [line.body for line in study.lines() if line.kind == "fitted"][-1]
    (companion,) = body["companions"].values()
    assert companion["facts"]["architecture"]["trainings"] > 0 and "ridge" in body["facts"]


@pytest.mark.parametrize("promise", strategy_promises(), ids=str)
def test_asking_by_another_model_keeps_the_contract_of_strategies(promise: Any) -> None:
    if str(promise) != "passes equip on":  # the strategy equips the learner that it asks by, which is the point
        promise.check(Through("margin", Linear(ridge=1.0)), Linear(ridge=1.0))


def test_both_survive_the_journal() -> None:
    for part in (Averaged(LeastConfidence(), members=3), Through("margin", Linear(ridge=1.0))):
        again = build(describe(part))
        assert again == part and describe(again) == describe(part)
        assert list(signals_of(again)) == list(signals_of(part))

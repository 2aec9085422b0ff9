"""Strategies that read what was trained beside the network, or what training changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, tensor

import askance
from askance import BadInput, Known, Labels, Pool, Strategy, Study, Targets
from askance.describe import build, describe
from askance.errors import MissingSignal
from askance.given import view
from askance.learners.heads import LossPrediction, Wasserstein
from askance.learners.many import Bootstrapped
from askance.learners.networks import Mlp
from askance.learners.terms import Dependency
from askance.learners.torch import Torch
from askance.look import check_needs
from askance.meta.control import Equipped
from askance.meta.dependency import Dmle
from askance.meta.schedule import Until
from askance.selection.top import StochasticTop
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Probabilities
from askance.strategies.disagreement import Bald
from askance.strategies.random import Random
from askance.strategies.trained import Lpl, Tod, Waal
from askance.strategies.uncertainty import Entropy, Margin
from askance.task import Classes
from askance.testing import check_strategy
from askance.testing.checking import check
from askance.testing.worlds import TRAINED, small_study, small_world
from askance.view import View
from tests.pins import pins

SMALL = Lpl(head=LossPrediction(width=4))
CRITIC = Waal(critic=Wasserstein(hidden=8))


def shown(believed: Tensor, **extras: Tensor) -> View:
    """Items of which a model believes something, and its parts say something."""
    return given(believed, {Extra(name): array for name, array in extras.items()})


def given(believed: Tensor, more: Mapping[Signal, Tensor]) -> View:
    """Items of which a model believes something, and other signals."""
    rows: dict[Signal, Tensor] = {Probabilities(): believed, **more}
    return replace(view(probabilities=believed), read=lambda signal: rows[signal])


@pins("lpl", "definition", "the order of the predicted loss", "argmax of the predicted loss")
def test_the_largest_predicted_loss_is_asked_first() -> None:
    paper = shown(torch.full((4, 2), 0.5), predicted_loss=tensor([0.1, -3.0, 7.0, 0.2]))
    assert Lpl().query(paper, 3).ids == [2, 3, 0]


@pins(
    "waal",
    "definition",
    "rows by hand, and of equal beliefs the higher critic first",
    "argmin 0.5 |log p|_2 + 0.5 sum_c -log p_c - 10 D(h)",
)
def test_the_rule_of_waal_by_hand() -> None:
    believed = tensor([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    critic = tensor([0.0, 0.3, 0.1, 0.0], dtype=torch.float64)
    found = Waal().utility(shown(believed, critic=critic))
    for row, p in enumerate(believed[:3]):
        logs = p.log()
        rule = 0.5 * logs.square().sum().sqrt() + 0.5 * (-logs).sum() - 10 * critic[row]
        assert float(found[row]) == pytest.approx(-float(rule))
    assert bool(torch.isfinite(found).all())
    assert Waal().query(shown(believed, critic=critic), 4).ids == [
        1,
        2,
        0,
        3,
    ]  # the critic outweighs it


def clouds() -> tuple[Pool, dict[int, str]]:
    """Two clouds; the labels of both go by the same axis."""
    noise = torch.randn(120, 3, generator=torch.Generator().manual_seed(1))
    items = noise + 4.0 * (torch.arange(120) >= 60).unsqueeze(1) * tensor([1.0, 0.0, 0.0])
    return Pool.from_arrays(items), {row: "ab"[int(noise[row, 2] > 0)] for row in range(120)}


@pins("waal", "law", "Labels come from one of two clouds: most of what is asked next comes from the other.")
def test_waal_asks_far_from_what_is_labeled() -> None:
    pool, labels = clouds()
    strategy = Waal(critic=Wasserstein(hidden=32, rate=3e-3))
    learner = Torch(Mlp((16,), dropout=0.0), steps=80, batch=16)
    study = Study(pool, classes=["a", "b"], strategy=strategy, learner=learner, start=None)
    study.tell({row: labels[row] for row in range(30)})
    assert sum(row >= 60 for row in study.ask(10).ids) >= 9


@pins(
    "tod",
    "definition",
    "distances by hand; where nothing was learned before, entropy",
    "argmax |f_t(x) - f_(t-1)(x)|_2",
)
def test_the_largest_change_is_asked_first_and_without_an_earlier_model_the_highest_entropy() -> None:
    now = tensor([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]])
    before = tensor([[0.1, 0.9], [0.6, 0.4], [0.7, 0.3]])
    paper = given(now, {Probabilities(age=1): before})
    assert Tod().query(paper, 3).ids == [0, 2, 1]
    assert Tod().utility(paper).tolist() == pytest.approx([0.8 * 2**0.5, 0.0, 0.2 * 2**0.5])
    nothing = torch.full((3, 2), 0.5)
    blank = given(now, {Probabilities(age=1): nothing})
    assert Tod().query(blank, 3).ids == [2, 1, 0]
    numbers = replace(blank, task=Targets(2))
    assert not Tod().utility(numbers).any()
    labels = replace(numbers, task=Labels(("x", "y")))
    assert Tod().query(labels, 1).ids == [2]


@pins("tod", "brute force", "In a study, the distance of the study's last two models, item by item.")
def test_a_study_remembers_what_its_model_said() -> None:
    features, truth = load_digits(return_X_y=True)
    pool, oracle = Pool.from_arrays(features[:150] / 16), Known(dict(enumerate(truth[:150])))
    study = Study(pool, classes=range(10), strategy="tod", learner="linear", start=None)
    study.tell(oracle.of([*range(20)]))
    first = study.ask(10)
    other = Study(pool, classes=range(10), strategy="entropy", learner="linear", start=None)
    other.tell(oracle.of([*range(20)]))
    assert first.ids == other.ask(10).ids  # there is no earlier model yet
    before = study.predict(pool.items)
    study.tell(oracle.of(first.ids))
    second = study.ask(10)
    moved = (study.predict(pool.items) - before).norm(dim=1)
    moved[torch.tensor([*range(20), *first.ids])] = -1
    assert second.ids == moved.topk(10).indices.tolist()


def test_before_the_first_label_all_are_as_wanted() -> None:
    for strategy in (SMALL, CRITIC):
        found = strategy.utility(small_world(labeled=0, aside=0).view(strategy, TRAINED))
        assert found is not None and bool((found == found[0]).all())
        assert strategy.needs_model()


@pytest.mark.parametrize(
    "strategy",
    [
        Dmle(Margin(select=StochasticTop("power")), 2.0, "margin", "power"),
        Until(15, SMALL, Equipped("margin", by=CRITIC)),
    ],
    ids=["dmle", "until"],
)
def test_the_contract_is_kept(strategy: Strategy) -> None:
    check_strategy(strategy)


def test_the_contract_finds_a_learner_for_what_is_trained_beside_a_network() -> None:
    rows = list(check("askance.meta.control:Equipped"))
    assert len(rows) > 20 and all(row.ok for row in rows), [row for row in rows if not row.ok]


# Who trains what


@pytest.mark.parametrize("name", ["lpl", "waal", Equipped(), Dmle()])
def test_a_learner_without_a_training_loop_is_refused_before_anything_is_trained(name: Any) -> None:
    pool = Pool.from_arrays([[0.0], [1.0]])
    with pytest.raises(MissingSignal, match=r"Linear trains nothing beside its own loss.*such as Torch\(Mlp\(\)\)"):
        Study(pool, classes=["a", "b"], strategy=name, learner="linear")


@pytest.mark.parametrize("name", ["lpl", "waal"])
def test_arrays_are_no_place_for_what_is_trained(name: str) -> None:
    with pytest.raises(MissingSignal, match=rf"{name} reads (predicted_loss|critic), which is no array.*Use a study"):
        askance.select(name, 1, probabilities=[[0.5, 0.5]], embeddings=[[1.0]])


def test_the_control_picks_what_its_strategy_picks_on_the_training_of_the_other() -> None:
    control = Equipped(Margin(), by=SMALL)
    assert control.equip(TRAINED) == SMALL.equip(TRAINED)
    world = small_world()
    by_other = world.view(SMALL, TRAINED)
    assert control.query(world.view(control, TRAINED), 5).ids == Margin().query(by_other, 5).ids
    chance = Equipped(by=SMALL)
    assert small_study(chance, learner=TRAINED).ask(5).ids == small_study("random", learner=TRAINED).ask(5).ids
    assert not chance.needs_model() and control.needs_model()
    assert chance.said(Classes((0, 1))) == "random on the training of lpl"
    assert build(describe(control)) == control
    both = Equipped(Bald(), by=SMALL).equip(TRAINED)
    assert isinstance(both, Bootstrapped) and both.learner == SMALL.equip(TRAINED)


def test_a_wrapper_serves_what_both_serve() -> None:
    numbers, classes = Targets(), Classes((0, 1))
    assert Equipped(Random(), by=Lpl()).serves(numbers) and not Equipped(Random(), by=Waal()).serves(numbers)
    assert not Equipped(Margin(), by=Lpl()).serves(numbers)
    assert Dmle("random").serves(classes) and not Dmle("random").serves(numbers)


def test_dmle_asks_like_its_strategy_and_trains_by_the_term() -> None:
    strategy = Dmle(Entropy(), 0.5, "margin", "power")
    assert strategy.equip(TRAINED) == TRAINED.beside(Dependency(0.5, "margin", "power"))
    world = small_world()
    shown = world.view(strategy, TRAINED)
    assert strategy.query(shown, 5).ids == Entropy().query(shown, 5).ids
    plain = Entropy().query(world.view(Entropy(), TRAINED), 5)
    assert [note["utility"] for note in plain.notes] != [n["utility"] for n in strategy.query(shown, 5).notes]
    with pytest.raises(BadInput, match="The rank of an item has no gradient"):
        Dmle(kind="soft-rank")


@pytest.mark.parametrize("strategy", [SMALL, CRITIC, Dmle()], ids=["lpl", "waal", "dmle"])
def test_a_study_trains_as_many_steps_as_with_random(strategy: Strategy) -> None:
    check_needs(strategy, strategy.equip(TRAINED))
    found = []
    for asking in (strategy, Random()):
        study = small_study(asking, learner=TRAINED)
        study.ask(2)
        facts = study.model().facts
        found.append((facts["steps"], facts["epochs"], facts["parameters"]))
    assert found[0] == found[1]

"""Which strategy serves which task, and what is said where one does not."""

from __future__ import annotations

import pytest
import torch

import askance
from askance import BadInput, Classes, Labels, Pool, Study, Targets, Until
from askance.pool import LABELED, PENDING, UNLABELED
from askance.selection.greedy import farthest_product
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Scores
from askance.strategies import catalogue
from askance.strategies.regression import GreedyDistance
from askance.testing.worlds import LEARNER, World, small_pool, small_world
from tests.pins import pins

POOL = Pool.from_arrays([[float(row)] for row in range(20)])


def test_every_task_has_strategies_and_a_default_that_serves_it() -> None:
    classes, labels, numbers = Classes(("a", "b")), Labels(("a", "b")), Targets()
    assert {"margin", "badge"} <= set(catalogue.serving(classes)) and "mean-margin" not in catalogue.serving(classes)
    assert "mean-margin" in catalogue.serving(labels) and "margin" not in catalogue.serving(labels)
    assert "greedy-distance" in catalogue.serving(numbers) and "entropy" not in catalogue.serving(numbers)
    for task in (classes, labels, numbers):
        assert {"random", "k-center", "typiclust"} <= set(catalogue.serving(task))
        assert catalogue.default(task).serves(task)


@pytest.mark.parametrize(
    ("task", "strategy", "message"),
    [
        (Labels(("a", "b")), "margin", "margin means nothing for Labels.*mean-margin"),
        (Targets(), "badge", "badge means nothing for Targets.*greedy-distance"),
        (Classes(("a", "b")), "greedy-distance", "means nothing for Classes.*entropy"),
        (Targets(), Until(5, "random", "margin"), "Until means nothing for Targets"),
    ],
)
def test_a_strategy_that_does_not_fit_is_refused_by_name_before_anything_is_trained(
    task: askance.Targets, strategy: object, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        Study(POOL, task=task, strategy=strategy)


def test_labeled_items_that_are_handed_in_as_arrays_end_the_early_strategy() -> None:
    later = Until(4, "k-center", "margin")
    beliefs, features = [[0.9, 0.1], [0.5, 0.5], [0.8, 0.2]], [[9.0], [0.0], [1.0]]
    beside = {"labeled_embeddings": [[0.0]] * 4}
    for more in ({}, {"labels": [0, 1, 0, 1]}):
        picked = askance.select(later, 1, probabilities=beliefs, embeddings=features, **beside, **more)
        assert picked.tolist() == [1]
    beside = {"labeled_embeddings": [[0.0]] * 3}
    assert askance.select(later, 1, probabilities=beliefs, embeddings=features, **beside).tolist() == [0]


def test_a_strategy_that_is_not_for_classes_cannot_be_asked_about_arrays() -> None:
    with pytest.raises(BadInput, match=r"mean-margin is not for classes.*Study\(pool"):
        askance.select("mean-margin", 1, probabilities=[[0.5, 0.5]])


@pins(
    "greedy-distance", "brute force", "ten picks, by inputs, outputs and both", "argmax_u min_k |x_u - x_k| |y_u - y_k|"
)
@pytest.mark.parametrize("distance", ["both", "inputs", "outputs"])
@pytest.mark.parametrize("known", [0, 7])
def test_greedy_distance_is_its_definition(distance: str, known: int) -> None:
    dice = torch.Generator().manual_seed(3)
    x = torch.randn(80, 4, generator=dice, dtype=torch.float64)
    y = torch.randn(80, 2, generator=dice, dtype=torch.float64)
    spaces = {"both": [x, y], "inputs": [x], "outputs": [y]}[distance]
    rows, _ = farthest_product(
        x,
        y,
        10,
        candidates=torch.arange(known, 80),
        known=torch.arange(known),
        noise=torch.rand(80),
        inputs=x is spaces[0],
        outputs=y is spaces[-1],
    )
    picked, left = list(range(known)), list(range(known, 80))
    for row in rows:
        if not picked:
            middle = x[left].mean(0)
            best = min(left, key=lambda item: float((x[item] - middle).norm()))
        else:
            best = max(left, key=lambda item: min(_apart(spaces, item, other) for other in picked))
        assert row == best
        picked.append(row)
        left.remove(row)


def _apart(spaces: list[torch.Tensor], one: int, two: int) -> float:
    product = 1.0
    for space in spaces:
        product *= float((space[one] - space[two]).norm())
    return product


def test_features_decide_where_the_model_tells_nothing_apart() -> None:
    line = torch.tensor([[0.0], [1.0], [5.0], [9.0]])
    same = torch.zeros(4, 1)
    rows, _ = farthest_product(line, same, 2, candidates=torch.arange(1, 4), known=torch.arange(1), noise=torch.rand(4))
    assert rows == [3, 2]


def test_known_numbers_are_the_told_ones_and_those_of_open_questions_are_the_models() -> None:
    sides = torch.tensor([LABELED] * 9 + [PENDING] * 4 + [UNLABELED] * 27, dtype=torch.int8)
    view = World(small_pool(), sides, Targets(n=1)).view(GreedyDistance(), LEARNER)
    numbers = view[Scores()].clone()
    assert not torch.equal(numbers[:9].double(), view.targets)
    numbers[:9] = view.targets.float()
    left = range(13, 40)
    best = max(left, key=lambda item: min(_apart([view[Embeddings()], numbers], item, other) for other in range(13)))
    assert GreedyDistance().query(view, 1).rows.tolist() == [best]


def test_numbers_of_other_units_are_asked_for_alike() -> None:
    dice = torch.Generator().manual_seed(1)
    x, y = torch.randn(40, 3, generator=dice), torch.randn(40, 2, generator=dice)
    here, there = (
        GreedyDistance().query(askance.testing.view(embeddings=x, logits=y * torch.tensor(units), labeled=[0]), 5)
        for units in ([1.0, 1.0], [1.0, 4096.0])
    )
    assert here.ids == there.ids


@pins("mean-margin", "definition", "rows by hand", "-mean over labels of |2 p_l - 1|")
def test_mean_margin_by_hand() -> None:
    paper = askance.testing.view(
        logits=[[9.0, -9.0], [0.0, 9.0], [0.0, 0.0], [0.5, 0.0]], task=Labels(("urgent", "billing"))
    )
    assert catalogue.strategy("mean-margin").query(paper, 4).ids == [2, 3, 1, 0]


@pytest.mark.parametrize("name", ["mean-margin", "greedy-distance", "margin"])
def test_the_contract_shows_a_strategy_what_it_serves(name: str) -> None:
    strategy = catalogue.strategy(name)
    for task in (Classes((0, 1)), Labels(("a", "b")), Targets(n=2)):
        shown = small_world(task=task).view(strategy, LEARNER)
        assert strategy.serves(shown.task) and shown.task.width == 2
        assert shown.targets.shape == (9, 2)


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(BadInput, match="Did you mean 'inputs'"):
        GreedyDistance(distance="input")

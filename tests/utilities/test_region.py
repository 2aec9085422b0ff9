from __future__ import annotations

import pytest
import torch

from askance.errors import BadInput
from askance.utilities import region
from askance.utilities.fake_points import Logistic, Ridge, fake_bounds
from askance.utilities.lookahead import lifted, solver

BOUNDS = torch.tensor([[-0.6, 0.6], [-0.15, 0.15], [-0.1, 0.3], [0.05, 0.15], [0.3, 0.9]])
LOWER, UPPER = BOUNDS.T


def some(items: int = 12, width: int = 2) -> torch.Tensor:
    return torch.randn(items, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_an_item_of_which_nothing_is_known_is_asked_and_not_abstained_from() -> None:
    assert region.disputed(LOWER, UPPER).tolist() == [True, True, True, False, False]
    assert region.abstained(LOWER, UPPER, gamma=0.1).tolist() == [False, True, False, True, False]
    assert region.wanted(LOWER, UPPER, gamma=0.1).tolist() == [True, False, True, False, False]


def test_slack_widens_an_interval_of_a_probability_and_so_twice_that_of_the_gap() -> None:
    assert region.disputed(LOWER, UPPER, slack=0.02).tolist()[3] is False
    assert region.disputed(LOWER, UPPER, slack=0.03).tolist()[3] is True
    assert region.abstained(LOWER, UPPER, gamma=0.1, slack=0.03).tolist()[1] is False


def test_without_gamma_no_item_is_abstained_from_but_a_known_coin() -> None:
    assert region.abstained(LOWER, UPPER, gamma=0.0).tolist() == [False] * 5
    assert region.abstained(torch.zeros(1), torch.zeros(1), gamma=0.0).tolist() == [True]


@pytest.mark.parametrize(("gamma", "slack"), [(-0.1, 0.0), (0.6, 0.0), (0.1, -1.0)])
def test_what_is_no_gamma_or_slack_is_refused(gamma: float, slack: float) -> None:
    with pytest.raises(BadInput, match="Use"):
        region.abstained(LOWER, UPPER, gamma, slack)


def test_stopping_is_said_in_words_and_a_region_of_abstention_that_covers_everything_is_named() -> None:
    assert region.stops(LOWER, UPPER, gamma=0.1) == ""
    assert "the class of 1 is settled, and 2 are" in region.stops(LOWER[[1, 3, 4]], UPPER[[1, 3, 4]], gamma=0.1)
    assert region.stops(LOWER[3:4], UPPER[3:4], gamma=0.0) == "its class is settled"
    assert region.stops(LOWER[1:2], UPPER[1:2], gamma=0.1).startswith("the only item is known to be a toss-up within")
    assert region.stops(LOWER, UPPER, gamma=0.5).startswith("all 5 items are known to be toss-ups within gamma 0.5")


def test_the_bounds_of_odds_are_those_of_the_probability_of_two_classes() -> None:
    scores = torch.tensor([0.4, 2.0], dtype=torch.float64)
    p = torch.stack([scores.sigmoid(), 1 - scores.sigmoid()], 1)
    gap = region.of_odds(p, torch.tensor([0.5, 3.0]))
    assert gap.value.tolist() == pytest.approx((2 * scores.sigmoid() - 1).tolist())
    assert gap.lower.tolist() == pytest.approx([2 * float(torch.tensor(z).sigmoid()) - 1 for z in (-0.1, -1.0)])
    assert gap.upper.tolist() == pytest.approx([2 * float(torch.tensor(z).sigmoid()) - 1 for z in (0.9, 5.0)])


def test_a_class_without_probability_changes_no_bound() -> None:
    two = torch.tensor([[0.7, 0.3]], dtype=torch.float64)
    three = torch.tensor([[0.3, 0.0, 0.7]], dtype=torch.float64)
    reach = torch.tensor([1.0])
    assert torch.stack(region.of_odds(two, reach)).tolist() == torch.stack(region.of_odds(three, reach)).tolist()


@pytest.mark.parametrize("classes", [0, 1])
def test_with_one_class_everything_is_settled(classes: int) -> None:
    shares = torch.ones(3, classes)
    found = [region.of_odds(shares, torch.ones(3)), region.of_numbers(shares, torch.ones(3))]
    for gap in [*found, region.of_members(shares, shares.unsqueeze(1), 0.1)]:
        assert not region.wanted(gap.lower, gap.upper, 0.5).any()


def test_a_width_is_the_root_of_the_quadratic_form() -> None:
    features, weights = some(), torch.linspace(0.1, 1.0, 12, dtype=torch.float64)
    known = lifted(features)
    inverse = torch.linalg.inv(0.3 * torch.eye(3, dtype=torch.float64) + (known.T * weights) @ known)
    points = lifted(some(4) * 2)
    expected = [float(point @ inverse @ point) ** 0.5 for point in points]
    assert region.widths(solver(known, weights, 0.3), points[:, :-1]).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("weights", [torch.ones(12), torch.linspace(0.2, 2.0, 12)], ids=["alike", "weighted"])
def test_refits_with_a_fake_point_give_the_closed_form_of_ridge_regression(weights: torch.Tensor) -> None:
    features, weights = lifted(some()), weights.double()
    targets = (features[:, 0] > 0).double()
    points, excess, ridge = lifted(some(5) / 2), 0.05, Ridge(0.7)
    low, high = fake_bounds(ridge, features, targets, weights, points, excess)
    middle = points @ ridge.fit(features, targets, weights)
    reach = excess**0.5 * region.widths(solver(features, weights, 0.7), points[:, :-1])
    assert low.tolist() == pytest.approx((middle - reach).clamp(min=0).tolist(), abs=1e-4)
    assert high.tolist() == pytest.approx((middle + reach).clamp(max=1).tolist(), abs=1e-4)


def test_an_excess_that_is_never_reached_leaves_the_bound_at_the_target() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    low, high = fake_bounds(Ridge(1e-6), one, one[0] / 2, one[0], one, 100.0)
    assert [float(low), float(high)] == pytest.approx([0.0, 1.0], abs=1e-6)


def test_the_closed_form_of_the_logistic_head_is_near_the_bounds_by_refits_where_these_are_narrow() -> None:
    features = some(60)
    targets = (features[:, 0] + 0.8 * some(60, 1)[:, 0].flip(0) > 0).double()
    weights, points, ridge, excess = torch.ones(60, dtype=torch.float64), some(5) / 2, 2.0, 0.1
    head = Logistic(ridge).fit(features, targets, weights)
    shares = torch.sigmoid(features @ head[:-1] + head[-1])
    low, high = fake_bounds(Logistic(ridge), features, targets, weights, points, excess)
    score = points @ head[:-1] + head[-1]
    curve = solver(lifted(features), 2 * shares * (1 - shares), ridge)
    reach = (2 * excess) ** 0.5 * 2**0.5 * region.widths(curve, points)  # the loss is half of the quadratic form
    assert low.tolist() == pytest.approx(torch.sigmoid(score - reach).tolist(), abs=0.02)
    assert high.tolist() == pytest.approx(torch.sigmoid(score + reach).tolist(), abs=0.02)
    assert float((high - low).min()) > 0.05


def test_no_excess_is_refused() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    with pytest.raises(BadInput, match="above 0"):
        fake_bounds(Ridge(), one, one[0], one[0], one, 0.0)


def test_members_out_of_the_share_do_not_count() -> None:
    ahead = torch.linspace(0, 1, 11, dtype=torch.float64)
    members = torch.stack([ahead, 1 - ahead], 1).unsqueeze(0)  # gaps from -1 to 1 in steps of 0.2
    whole = torch.tensor([[0.6, 0.4]])
    assert [float(bound) for bound in region.of_members(whole, members, 0.1)] == pytest.approx([0.2, -0.8, 0.8])
    assert [float(bound) for bound in region.of_members(whole, members, 0.19)] == pytest.approx([0.2, -0.8, 0.8])
    assert [float(bound) for bound in region.of_members(whole.flip(1), members, 0.0)] == pytest.approx([0.2, -1, 1])

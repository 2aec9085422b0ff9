"""One item per cluster: nearest to the center, or most typical."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.base import Picked, Selector
from askance.selection.clusters import DensestPerCluster, KMeans, TypicalPerCluster, turns
from askance.selection.space import Features, Product

# Three groups on a line, far apart, of 7, 6 and 3 items; each with one item in its middle.
LINE = torch.tensor([0.0, 0.7, 0.9, 1.0, 1.1, 1.3, 2.0, 100.0, 100.8, 101.0, 101.15, 101.9, 102.2, 300.0, 301.0, 302.1])


def pick(selector: Selector, n: int, known: list[int], features: Tensor = LINE[:, None]) -> Picked:
    candidates = torch.tensor([row for row in range(len(features)) if row not in known])
    keys, rows = torch.arange(len(features)), torch.tensor(known, dtype=torch.int64)
    return selector.pick(n, candidates=candidates, known=rows, keys=keys, dice=Dice(0, "ask"), space=Features(features))


def test_k_means_picks_the_middle_of_each_group_and_the_largest_group_first() -> None:
    picked = pick(KMeans(), 3, [])
    assert picked.rows.tolist() == [3, 10, 14]  # means 1.0, 101.175 and 301.03
    assert picked.utility is not None
    assert picked.utility.tolist() == [7.0, 6.0, 3.0]


def test_k_means_fills_up_with_what_is_farthest_from_its_center() -> None:
    features = torch.tensor([[0.0], [0.0], [0.0], [5.0], [5.0]])
    picked = pick(KMeans(), 4, [], features)
    assert {float(features[row]) for row in picked.rows[:2]} == {0.0, 5.0}
    assert picked.utility is not None
    assert picked.utility.tolist() == [3.0, 2.0, 0.0, 0.0]


def test_the_most_typical_item_of_the_largest_group_comes_first() -> None:
    picked = pick(TypicalPerCluster(neighbors=2), 2, [8])  # three clusters: one known item and two asked for
    assert picked.rows.tolist() == [3, 9]  # the group of three waits, so the group with the known item is next
    assert picked.utility is not None
    assert picked.utility.tolist() == pytest.approx([2 / (0.1 + 0.1), 2 / (0.15 + 0.2)], rel=1e-3)


def test_a_known_point_outside_of_the_pool_claims_its_group() -> None:
    rows = torch.arange(len(LINE))
    space = Features(LINE[:, None], outside=torch.tensor([[1.0]]))
    picked = TypicalPerCluster(clusters_at_most=3, neighbors=2).pick(
        2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=space
    )
    assert picked.rows.tolist() == [9, 3]  # the largest group comes last now


def test_small_groups_wait_only_while_others_have_candidates() -> None:
    assert pick(TypicalPerCluster(clusters_at_most=3, neighbors=2), 3, []).rows.tolist() == [3, 9, 4]
    assert set(pick(TypicalPerCluster(clusters_at_most=3), 16, []).rows.tolist()[13:]) == {13, 14, 15}
    rows = pick(TypicalPerCluster(neighbors=2, smallest=1), 3, []).rows.tolist()
    assert rows[:2] == [3, 9]
    assert rows[2] in (13, 14)  # each other's one neighbor


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=8), st.integers(0, 40))
def test_turns_use_up_every_candidate_once(sides: list[tuple[int, int]], n: int) -> None:
    candidates, known = [list(side) for side in zip(*sides, strict=True)]
    visits = turns(n, candidates, known, smallest=3)
    assert len(visits) == min(n, sum(candidates))
    assert all(visits.count(cluster) <= candidates[cluster] for cluster in range(len(sides)))


def test_turns_by_hand() -> None:
    sides = {"candidates": [4, 2, 1, 9], "known": [0, 0, 0, 1]}
    assert turns(7, **sides, smallest=1) == [0, 1, 2, 3, 0, 1, 3]
    assert turns(9, **sides, smallest=3) == [0, 3, 0, 3, 0, 3, 0, 3, 3]
    assert turns(16, **sides, smallest=3)[-3:] == [1, 2, 1]


def test_a_space_without_points_is_refused() -> None:
    rows = torch.arange(3)
    space = Product(torch.zeros(3, 2), torch.zeros(3, 2))
    with pytest.raises(BadInput, match="given a Product"):
        KMeans().pick(1, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=space)


def test_in_a_large_cluster_typicality_is_looked_for_among_a_part_and_the_picks_are_among_the_most_typical() -> None:
    points = torch.randn(1500, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = points.new_zeros(len(points), 4) + points / 1000  # one cluster, wherever its center is
    exact = pick(TypicalPerCluster(members=10_000, clusters_at_most=1), 1500, [], one)
    part = TypicalPerCluster(members=300, clusters_at_most=1)
    place = {row: number for number, row in enumerate(exact.rows.tolist())}
    found = pick(part, 5, [], one).rows.tolist()
    assert len(set(found)) == 5 and all(place[row] < 150 for row in found)
    assert sorted(pick(part, 1500, [], one).rows.tolist()) == list(range(1500))


def test_the_densest_item_of_each_group_is_picked_and_the_largest_group_first() -> None:
    picked = pick(DensestPerCluster(neighbors=2), 3, [])
    assert picked.rows.tolist() == [3, 9, 14]  # 0.1 + 0.1; 0.15 + 0.2; 1.0 + 1.1, of a group of three
    assert picked.utility is not None
    assert picked.utility.tolist() == pytest.approx([-0.2, -0.35, -2.1], rel=1e-3)


def test_groups_smaller_than_the_neighborhood_have_fewer_neighbors() -> None:
    features = torch.tensor([[0.0], [1.0], [3.0], [50.0], [90.0], [90.0]])
    picked = pick(DensestPerCluster(), 3, [], features)  # 20 neighbors are nowhere
    assert picked.rows[0] == 1 and set(picked.rows.tolist()[1:]) & {4, 5}
    assert sorted(pick(DensestPerCluster(), 6, [], features).rows.tolist()) == list(range(6))
    assert sorted(pick(DensestPerCluster(), 4, [], torch.zeros(4, 2)).rows.tolist()) == [0, 1, 2, 3]


def test_density_is_that_of_a_plain_reference() -> None:
    torch.manual_seed(0)
    features = torch.randn(60, 3)
    found = pick(DensestPerCluster(neighbors=5), 1, [], features)
    gaps = torch.cdist(features, features).sort(1).values[:, 1:6].sum(1)
    assert found.rows.tolist() == [int(gaps.argmin())]


def test_a_neighborhood_of_nobody_is_refused() -> None:
    with pytest.raises(BadInput, match="looks at nothing"):
        DensestPerCluster(neighbors=0)

"""Dice know their name and the item, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from askance.seeds import Dice, item_keys

KEYS = torch.arange(20_000)


def test_noise_is_uniform_exponential_and_gumbel() -> None:
    dice = Dice(0, "ask")
    assert kstest(dice.uniform(KEYS).numpy(), "uniform").pvalue > 1e-3
    assert kstest(dice.exponential(KEYS).numpy(), "expon").pvalue > 1e-3
    assert kstest(dice.gumbel(KEYS).numpy(), "gumbel_r").pvalue > 1e-3


@given(st.permutations(list(range(12))), st.integers(0, 5))
def test_an_items_noise_does_not_depend_on_its_neighbors(order: list[int], cut: int) -> None:
    noise = Dice(3, "ask").uniform(torch.arange(12))
    assert torch.equal(Dice(3, "ask").uniform(torch.tensor(order[cut:])), noise[order[cut:]])


def test_every_part_of_a_name_gives_other_numbers_that_are_not_related() -> None:
    streams = [Dice(0, "ask"), Dice(1, "ask"), Dice(0, "fit"), Dice(0, "ask", 1), Dice(0, "ask").of("late")]
    noise = torch.stack([dice.uniform(KEYS) for dice in streams])
    correlation = torch.corrcoef(noise) - torch.eye(5, dtype=torch.float64)
    assert float(correlation.abs().max()) < 5 / len(KEYS) ** 0.5
    assert len({dice.key for dice in streams}) == 5


def test_a_path_of_parts_is_one_name() -> None:
    assert Dice(0, "ask").of("late").of("select") == Dice(0, "ask", part="late.select")


def test_seeds_deal_first_places_evenly() -> None:
    first = [int(Dice(seed, "ask").uniform(torch.arange(10)).argmin()) for seed in range(2000)]
    assert chisquare(np.bincount(first, minlength=10)).pvalue > 1e-3


def test_numbers_stay_inside_of_zero_and_one_for_any_key() -> None:
    extreme = torch.tensor([0, -1, 1, 2**63 - 1, -(2**63)])
    noise = Dice(0, "ask").uniform(extreme)
    assert bool(((noise > 0) & (noise < 1)).all())
    assert len(set(noise.tolist())) == 5


def test_generators_repeat_and_leave_global_dice_alone() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    for _ in range(2):
        assert Dice(7, "fit").generator().integers(1000) == Dice(7, "fit").generator().integers(1000)
        one, two = (torch.rand(3, generator=Dice(7, "fit").torch_generator()) for _ in range(2))
        assert torch.equal(one, two)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


def test_dice_are_the_same_on_every_machine() -> None:
    """Numbers written down once: whoever changes them breaks every journal there is."""
    assert Dice(0, "ask").key == 17270366205112710923
    assert Dice(0, "ask").uniform(torch.tensor([0, 1])).tolist() == [0.18438666942774468, 0.993754742125105]


def test_per_item_noise_is_two_rounds_of_splitmix() -> None:
    """Whole numbers of Python, which never wrap, against the wrapping ones of torch."""
    mask = 2**64 - 1

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    dice = Dice(5, "ask", 2, "late")
    items = [0, 1, -7, 2**62, -(2**63)]
    expected = [
        ((mix(mix(item & mask ^ dice.key) + 0x9E3779B97F4A7C15 & mask) >> 11) + 0.5) * 2.0**-53 for item in items
    ]
    assert dice.uniform(torch.tensor(items)).tolist() == expected


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint16])
def test_whole_numbers_of_any_type_are_their_own_keys(kind: type) -> None:
    assert item_keys(np.array([3, 5], dtype=kind)).tolist() == [3, 5]


def test_strings_are_hashed() -> None:
    keys = item_keys(np.array(["a", "b", "1"], dtype=object))
    assert keys.dtype == torch.int64
    assert len(set(keys.tolist())) == 3
    assert torch.equal(item_keys(np.array(["a", "b", "1"])), keys)

"""Compiled scores against their plain twins and float64, at the edges of float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from askance.kernels.largest import at_least, threshold
from askance.kernels.scores import Compiled, Plain, unlike_shares
from tests.pins import pins


def shares(*shape: int, seed: int = 0, spread: float = 3.0) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(*shape, generator=dice, dtype=torch.float64)).softmax(-1).float()


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 17, 1000, 5000])
@pytest.mark.parametrize("score", ["least_confidence", "margin", "entropy"])
def test_a_compiled_score_is_the_plain_one(score: str, classes: int) -> None:
    if score == "margin" and classes == 1:
        return  # the utility settles it
    rows = shares(67, classes)
    exact = getattr(Plain, score)(rows.double())
    torch.testing.assert_close(getattr(Compiled, score)(rows).double(), exact, rtol=1e-6, atol=1e-7)
    strided = torch.cat([rows, rows], 1)[:, :classes]
    assert torch.equal(getattr(Compiled, score)(strided), getattr(Compiled, score)(rows))


@pins("entropy", "defect", "DeepAL+ has NaN where a class has probability 0; here 0 log 0 is 0, and NaN stays NaN")
def test_the_logarithm_is_exact_to_a_millionth_at_every_scale() -> None:
    values = np.concatenate([np.exp(np.linspace(-103, 0, 20_001)), [1 - 2**-24, 2**-126, 2**-149, 0.5, 0.70710678]])
    x = torch.from_numpy(values.astype(np.float32)).unsqueeze(1)
    exact = torch.special.entr(x.double()).squeeze(1)
    found = Compiled.entropy(x).double()
    normal = (x > 2.0**-100).squeeze(1)  # below, the product itself has no more digits
    assert float(((found - exact).abs() / exact.clamp_min(1e-45))[normal & (exact > 0)].max()) < 1e-6
    assert float((found - exact).abs()[~normal].max()) < 1e-35
    edges = torch.tensor([[0.0, 1.0], [1.0, 0.0], [float("nan"), 0.5], [0.5, float("nan")]])
    assert Compiled.entropy(edges).tolist()[:2] == [0.0, 0.0]
    assert Compiled.entropy(edges).isnan().tolist() == [False, False, True, True]


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 3000])
@pytest.mark.parametrize("members", [1, 2, 20])
def test_compiled_bald_is_the_plain_one_in_either_order_of_memory(classes: int, members: int) -> None:
    passes = shares(members, 45, classes)
    exact = Plain.bald(passes.transpose(0, 1).double())
    found = Compiled.bald(passes.transpose(0, 1))
    torch.testing.assert_close(found.double(), exact, rtol=2e-6, atol=1e-9)
    assert torch.equal(Compiled.bald(passes.transpose(0, 1).contiguous()), found)
    assert torch.equal(Compiled.bald(passes.transpose(0, 1)[5:20]), found[5:20])  # no contiguous memory either way


def test_the_same_row_has_the_same_score_wherever_it_lies() -> None:
    for classes in (3, 10, 17):
        row = shares(1, 5, classes)  # one item, five samples
        samples = row.expand(301, -1, -1).transpose(0, 1).contiguous().transpose(0, 1)
        assert len(Compiled.bald(samples).unique()) == 1
        assert len(Compiled.entropy(samples[:, 0].contiguous()).unique()) == 1


@pytest.mark.parametrize("twin", [Plain, Compiled])
def test_bald_of_small_differences_is_no_rounding_noise(twin: type[Plain]) -> None:
    half = torch.tensor([[0.5, 0.5]])
    gaps = torch.tensor([1e-4, 2e-4, 4e-4]).unsqueeze(1) * torch.tensor([[1.0, -1.0]])
    found = twin.bald(torch.stack([half + gaps, half - gaps], 1))
    torch.testing.assert_close(found, 2 * gaps[:, 0] ** 2, rtol=1e-3, atol=0)  # a difference of entropies gives 0


def test_bald_at_the_edges() -> None:
    hard = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], [[float("nan"), 0.5], [0.5, 0.5]]])
    for twin in (Plain, Compiled):
        found = twin.bald(hard)
        assert found[:2].tolist() == pytest.approx([np.log(2), 0.0]) and found[2].isnan()


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_rows_are_checked_in_one_pass(kind: torch.dtype) -> None:
    rows = shares(50, 7).to(kind)
    assert not unlike_shares(rows, 1e-3)
    for row, column, value in ((49, 6, float("nan")), (3, 0, float("inf")), (0, 2, -0.1), (20, 1, 5.0)):
        bad = rows.clone()
        bad[row, column] = value
        assert unlike_shares(bad, 1e-3)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 7, 100, 900])
def test_the_largest_are_found_in_one_pass(n: int, kind: torch.dtype) -> None:
    dice = torch.Generator().manual_seed(n)
    values = torch.randint(-50, 50, (1000,), generator=dice).to(kind)
    values[values < -40] = -torch.inf
    rows = torch.randperm(1000, generator=dice)[:900].sort().values
    for order in (values, values.sort().values, values.sort(descending=True).values):
        least = threshold(order, rows, n)
        assert least == float(order[rows].topk(n).values[-1])
        assert torch.equal(at_least(order, rows, least), rows[order[rows] >= least])
    values[rows[-1]] = float("nan")
    assert np.isnan(threshold(values, rows, n))

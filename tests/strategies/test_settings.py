"""A kernel's settings chosen by labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.kernel import Straight, Wide
from askance.strategies.settings import SCORES, SETTINGS, EvGpMs
from askance.strategies.tangents import EvGp
from askance.task import Targets
from askance.testing import view
from askance.view import View
from tests.pins import pins

POINTS = torch.randn(120, 3, generator=torch.Generator().manual_seed(0))


def told(numbers: Tensor, labels: int = 60) -> View:
    """A pool whose first items have numbers for labels."""
    return view(
        embeddings=POINTS, logits=numbers.unsqueeze(1), labeled=list(range(labels)),
        labels=numbers[:labels, None].tolist(), task=Targets(),
    )  # fmt: skip


@pins(
    "ev-gp-ms",
    "law",
    "a linear model is chosen for labels that are linear, a deep one for labels that bend, by each score of labels",
    equation="min over networks of mean over tenths of squared error + tradeoff variance; then EV-GP with its kernel",
)
@pytest.mark.parametrize("by", ["held-out", "left-out", "complexity"])
def test_the_setting_fits_the_labels(by: str) -> None:
    strategy = EvGpMs(settings=(Wide(depth=1), Wide(depth=3)), by=by)
    straight = POINTS @ torch.tensor([1.0, -2.0, 0.5])
    bent = (4 * POINTS[:, 0]).sin() + POINTS.norm(dim=1)
    assert strategy.chosen(told(straight)) == Wide(depth=1)
    assert strategy.chosen(told(bent)) == Wide(depth=3)


def test_the_spread_reads_no_label() -> None:
    numbers, strategy = POINTS[:, 0], EvGpMs(by="spread")
    assert strategy.scores(told(numbers)) == strategy.scores(told(numbers.flip(0)))
    flat = EvGpMs(by="spread", settings=(Wide(depth=1), Wide(depth=5)))
    assert flat.scores(told(numbers))[0] < flat.scores(told(numbers))[1]  # four numbers to fit, and ever more


@pins("ev-gp-ms", "equivalence", "with one setting it is EV-GP with that kernel")
def test_with_one_setting_it_is_ev_gp() -> None:
    shown = told(POINTS[:, 0])
    for shape in (Wide(depth=2), Straight(1.0)):
        assert EvGpMs(settings=(shape,)).query(shown, 5).ids == EvGp(kernel=shape).query(shown, 5).ids


def test_with_few_labels_or_one_class_nothing_is_chosen() -> None:
    assert EvGpMs(settings=(Wide(depth=1),)).chosen(told(POINTS[:, 0], labels=9)) == Wide()
    assert EvGpMs(settings=(Wide(depth=1),)).chosen(told(torch.ones(120))) == Wide()


def test_numbers_in_other_units_choose_the_same() -> None:
    bent = (2 * POINTS[:, 0]).sin()
    for by in SCORES:
        found = [EvGpMs(by=by).scores(told(size * bent + 3)) for size in (1.0, 1000.0)]
        assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_bad_options_are_refused() -> None:
    assert len(SETTINGS) == 8
    with pytest.raises(BadInput, match="left-out"):
        EvGpMs(by="validation")
    with pytest.raises(BadInput, match="cannot choose"):
        EvGpMs(settings=())

"""Pairs of largest and smallest cosine against all pairs."""

from __future__ import annotations

import pytest
import torch

from askance.utilities import relations
from askance.utilities.relations import extreme_pairs, most_like

FEATURES = torch.randn(40, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("piece", [1 << 18, 100])
def test_the_strongest_pairs_are_those_of_all(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "_PIECE", piece)
    unit = torch.nn.functional.normalize(FEATURES)
    cosines = unit @ unit.T
    every = sorted((float(cosines[a, b]), a, b) for a in range(40) for b in range(a + 1, 40))
    alike, against = extreme_pairs(FEATURES, 7)
    assert list(zip(alike.ones.tolist(), alike.others.tolist(), strict=True)) == [(a, b) for _, a, b in every[:-8:-1]]
    assert list(zip(against.ones.tolist(), against.others.tolist(), strict=True)) == [(a, b) for _, a, b in every[:7]]
    assert against.similarity.tolist() == pytest.approx([value for value, *_ in every[:7]])


def test_pairs_of_the_other_sign_are_not_named() -> None:
    alike, against = extreme_pairs(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), 10)
    assert len(alike.ones) == 1 and len(against.ones) == 0


def test_each_item_is_compared_with_the_others_of_each_label() -> None:
    labels = torch.arange(40) % 3
    own, other, best = most_like(FEATURES, labels)
    unit = torch.nn.functional.normalize(FEATURES)
    for row in range(40):
        means = []
        for label in range(3):
            inside = [x for x in range(40) if x != row and int(labels[x]) == label]
            means.append(float((unit[inside] @ unit[row]).mean()))
        rest = {label: mean for label, mean in enumerate(means) if label != int(labels[row])}
        assert float(own[row]) == pytest.approx(means[int(labels[row])])
        assert float(other[row]) == pytest.approx(max(rest.values())) and rest[int(best[row])] == max(rest.values())

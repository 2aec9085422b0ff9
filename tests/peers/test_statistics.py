"""The lab's statistics beside those of other packages, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from askance.lab.ranks import average_ranks, critical_difference, friedman, wilcoxon_pairs


def table(seed: int, sets: int = 15, methods: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).random((sets, methods)) + np.linspace(0, 0.4, methods)


def test_pairs_are_those_of_scikit_posthocs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    for seed in range(3):
        means = table(seed)
        melted = [list(column) for column in means.T]
        theirs = posthocs.posthoc_wilcoxon(melted, p_adjust="holm").to_numpy()
        ours = wilcoxon_pairs(means)
        off = ~np.eye(len(ours), dtype=bool)
        assert ours[off] == pytest.approx(theirs[off])


def test_ranks_and_the_critical_difference_are_those_of_autorank() -> None:
    autorank = pytest.importorskip("autorank")
    pandas = pytest.importorskip("pandas")
    means = table(4, sets=20)
    found = autorank.autorank(pandas.DataFrame(means, columns=list("abcde")), force_mode="nonparametric")
    ours = dict(zip("abcde", average_ranks(means), strict=True))
    for name, row in found.rankdf.iterrows():
        assert ours[name] == pytest.approx(row["meanrank"])
    assert found.cd == pytest.approx(critical_difference(5, 20), rel=1e-3)
    assert found.pvalue == pytest.approx(friedman(means).p)

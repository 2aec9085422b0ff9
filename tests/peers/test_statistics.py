"""Other packages find the same numbers: scipy always, the others where they are installed; they never are in ours.

In an environment of theirs: ``PYTHONPATH=src:. python -m pytest tests/peers/test_statistics.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from askance.lab import bayes
from askance.lab.pairs import pairwise, sign_test
from askance.lab.ranks import friedman, nemenyi, rank
from askance.lab.signed import signed_ranks

pytestmark = pytest.mark.filterwarnings("ignore")  # what other packages warn of is not ours to mend

DICE = np.random.default_rng(5)
TABLE = DICE.uniform(0.5, 0.9, (16, 1)) + DICE.normal(np.linspace(0, 0.06, 5), 0.02, (16, 5))  # (data sets, methods)
NAMES = list("abcde")
ABOVE = np.triu_indices(5, 1)


def test_scipy_finds_the_same_p_values() -> None:
    theirs = stats.friedmanchisquare(*TABLE.T)
    found = friedman(TABLE)
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    for other in range(1, 5):
        gains = TABLE[:, other] - TABLE[:, 0]
        assert signed_ranks(gains) == pytest.approx(stats.wilcoxon(gains, method="exact").pvalue)
        assert sign_test(gains).p == pytest.approx(stats.binomtest(int((gains > 0).sum()), 16).pvalue)
        assert pairwise(TABLE.T).p[0, other] == pytest.approx(stats.ttest_rel(TABLE[:, 0], TABLE[:, other]).pvalue)
    assert nemenyi(5, 16) == pytest.approx(stats.studentized_range.isf(0.05, 5, np.inf) * np.sqrt(30 / 96 / 2))


def test_scipy_resamples_and_permutes_to_the_same_p_value() -> None:
    gains = np.round(TABLE[:10, 1] - TABLE[:10, 0], 2)  # ties, and zeros

    def ranked(values: np.ndarray, axis: int = -1) -> Any:
        place = np.where(values == 0, 0, stats.rankdata(np.abs(values), axis=axis))
        return (np.sign(values) * place).sum(axis)

    theirs = stats.permutation_test((gains,), ranked, permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert signed_ranks(gains) == pytest.approx(theirs.pvalue)


def test_scikit_posthocs_finds_the_same_pairs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    pandas = pytest.importorskip("pandas")
    found = rank(TABLE, NAMES)
    melted = pandas.DataFrame({"value": TABLE.T.ravel(), "method": np.repeat(NAMES, 16)})
    theirs = posthocs.posthoc_wilcoxon(
        melted, val_col="value", group_col="method", zero_method="pratt", method="exact", p_adjust="holm"
    ).to_numpy()
    assert found.p_holm[ABOVE] == pytest.approx(theirs[ABOVE])
    nemenyis = posthocs.posthoc_nemenyi_friedman(TABLE).to_numpy()
    gaps = np.abs(np.subtract.outer(found.average, found.average))
    assert ((gaps >= found.critical) == (nemenyis < 0.05))[ABOVE].all()
    assert 0 < (nemenyis < 0.05)[ABOVE].sum() < 10


def test_autorank_finds_the_same_ranks_and_critical_difference() -> None:
    autorank = pytest.importorskip("autorank")
    pandas = pytest.importorskip("pandas")
    theirs = autorank.autorank(pandas.DataFrame(TABLE, columns=NAMES), force_mode="nonparametric")
    found = rank(TABLE, NAMES)
    assert found.critical == pytest.approx(theirs.cd, rel=2e-3)  # theirs is a table of three digits
    assert found.average == pytest.approx(theirs.rankdf.loc[NAMES, "meanrank"].to_numpy())
    assert found.friedman.p == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("rope", [0.005, 0.02])
def test_baycomp_finds_the_same_probabilities(rope: float) -> None:
    baycomp = pytest.importorskip("baycomp")
    for other in (1, 2):
        theirs = baycomp.SignedRankTest.probs(TABLE[:, 0], TABLE[:, other], rope=rope, prior=0.6, random_state=0)
        found = bayes.signed_ranks(TABLE[:, other] - TABLE[:, 0], rope=rope)
        assert (found.left, found.rope, found.right) == pytest.approx(tuple(theirs), abs=0.01)


def test_baycomp_finds_the_same_law_of_a_mean() -> None:
    baycomp = pytest.importorskip("baycomp")
    theirs = baycomp.CorrelatedTTest.probs(TABLE[:, 0], TABLE[:, 1], rope=0.01, runs=1)
    gains = TABLE[:, 1] - TABLE[:, 0]
    # Theirs takes the runs for folds: the standard error has 1/n and 1/(n - 1) in place of 1/n.
    stretched = gains.mean() + (gains - gains.mean()) * np.sqrt(1 + 16 / 15)
    found = bayes.paired(stretched, rope=0.01)
    assert (found.left, found.rope, found.right) == pytest.approx(tuple(theirs))

"""Other packages pick the same, where they are installed; they never are in ours.

In an environment of theirs: ``PYTHONPATH=src:. python -m pytest tests/peers``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from askance import select
from tests.pins import pins

DICE = np.random.default_rng(5)
POINTS = DICE.standard_normal((300, 12)).astype(np.float32)
KNOWN = DICE.standard_normal((20, 12)).astype(np.float32)
SHARES = DICE.dirichlet(np.ones(5), 300)
PASSES = DICE.dirichlet(np.ones(4), (8, 40))  # (samples, items, classes)


def bmdal(method: str, n: int, **options: Any) -> list[int]:
    """What a method of bmdal-reg picks with linear features."""
    pytest.importorskip("bmdal_reg")
    if not hasattr(np, "Inf"):
        np.Inf = np.inf  # type: ignore[attr-defined]
    from bmdal_reg.bmdal import selection
    from bmdal_reg.bmdal.feature_data import TensorFeatureData
    from bmdal_reg.bmdal.feature_maps import IdentityFeatureMap
    from bmdal_reg.bmdal.features import Features

    pool, train = (
        Features(IdentityFeatureMap(12), TensorFeatureData(torch.from_numpy(rows).double())) for rows in (POINTS, KNOWN)
    )
    made = getattr(selection, method)(pool.precompute(), train.precompute(), verbosity=0, **options)
    picked: list[int] = made.select(n).tolist()
    return picked


@pins("k-center", "peer", "the same 40 picks as bmdal-reg's MaxDist")
def test_k_center() -> None:
    ours = select("k-center", 40, embeddings=POINTS, labeled_embeddings=KNOWN).tolist()
    assert ours == bmdal("MaxDistSelectionMethod", 40, sel_with_train=True)


@pins("entropy,margin,least-confidence", "peer", "the same 40 picks as scikit-activeml's UncertaintySampling")
@pytest.mark.parametrize(
    ("name", "theirs"),
    [("entropy", "entropy"), ("margin", "margin_sampling"), ("least-confidence", "least_confident")],
)
def test_uncertainty(name: str, theirs: str) -> None:
    scores = pytest.importorskip("skactiveml.pool").uncertainty_scores(SHARES, method=theirs)
    assert select(name, 40, probabilities=SHARES).tolist() == np.argsort(-scores, kind="stable")[:40].tolist()


@pins("badge", "peer", "squared distances of factors equal those of bmdal-reg's product kernel")
def test_badge_distances() -> None:
    pytest.importorskip("bmdal_reg")
    from bmdal_reg.bmdal.feature_data import ListFeatureData, TensorFeatureData
    from bmdal_reg.bmdal.feature_maps import IdentityFeatureMap, ProductFeatureMap
    from bmdal_reg.bmdal.features import Features

    from askance.selection.space import Product

    residual = torch.from_numpy(SHARES - np.eye(5)[SHARES.argmax(1)])
    right = torch.from_numpy(POINTS).double()
    kernel = ProductFeatureMap([IdentityFeatureMap(5), IdentityFeatureMap(12)])
    theirs = Features(kernel, ListFeatureData([TensorFeatureData(residual), TensorFeatureData(right)])).precompute()
    ours = Product(residual, right).distances(7)
    one = torch.tensor([7])
    expected = theirs.get_sq_dists(theirs[one]).squeeze() if hasattr(theirs, "get_sq_dists") else None
    if expected is None:
        gram = theirs.get_kernel_matrix(theirs[one]).squeeze()
        diagonal = theirs.get_kernel_matrix_diag()
        expected = diagonal + diagonal[7] - 2 * gram
    assert torch.allclose(ours, expected, atol=1e-9)


@pins("lcmd", "peer", "the same 30 picks as bmdal-reg's LargestClusterMaxDist")
def test_lcmd() -> None:
    ours = select("lcmd", 30, embeddings=POINTS, labeled_embeddings=KNOWN).tolist()
    assert ours == bmdal("LargestClusterMaxDistSelectionMethod", 30, sel_with_train=True)


@pins("frank-wolfe", "peer", "the same 20 picks as bmdal-reg's FrankWolfe")
def test_frank_wolfe() -> None:
    ours = select("frank-wolfe", 20, embeddings=POINTS).tolist()
    assert ours == bmdal("FrankWolfeSelectionMethod", 20, sel_with_train=False)


@pins("bald,batch-bald", "peer", "scores as in batchbald-redux, and the same first picks")
def test_bald_and_batch_bald() -> None:
    redux = pytest.importorskip("batchbald_redux.batchbald")
    log_shares = torch.from_numpy(np.log(PASSES.transpose(1, 0, 2)))
    theirs = redux.get_bald_batch(log_shares, 40, dtype=torch.double, device="cpu")
    found = select("bald", 40, mc_probabilities=PASSES, explain=True)
    assert found.positions.tolist() == list(theirs.indices)
    assert found.utilities == pytest.approx(list(theirs.scores), abs=1e-6)
    joint = redux.get_batchbald_batch(log_shares, 4, 100_000, dtype=torch.double, device="cpu")
    assert select("batch-bald", 4, mc_probabilities=PASSES).tolist() == list(joint.indices)

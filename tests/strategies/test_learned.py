"""LAL: what candidates look like, and what the stored trees say of it. VAAL: that it asks what is new, anywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp

from askance import Labels, Targets, select
from askance.learners.vaal import VariationalDiscriminator
from askance.signals.probabilities import Scores
from askance.strategies.learned import Vaal
from askance.testing import check_strategy, view
from askance.testing.worlds import THREE
from askance.utilities import learned
from benchmarks.lal import lessons
from tests.pins import pins


@pins("lal", "definition", "descriptions of two candidates by hand", "argmax_x E[fall of the error | description of x]")
def test_a_candidate_is_described_by_what_trees_think_of_its_two_likeliest_classes() -> None:
    trees = torch.tensor([[[0.8, 0.2, 0.0], [0.4, 0.4, 0.2]], [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]])
    labels = torch.eye(3)[[0, 0, 0, 1, 2]]
    found = learned.describe(trees, labels, torch.tensor([0, 1]))
    assert found[0].tolist() == pytest.approx([0.65, 0.15, 0.25, 0.075, np.log(5)], abs=1e-6)
    assert found[1, :2].tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


@pins("lal", "brute force", "the stored trees walked one by one")
def test_the_stored_trees_are_walked_to_their_leaves() -> None:
    dice = np.random.default_rng(0)
    rows = np.column_stack([dice.uniform(0.5, 1, 50), dice.uniform(0, 0.5, (50, 3)), dice.uniform(0, 5, 50)])
    stored = learned._trees()
    expected = []
    for row in rows.astype(np.float32):
        leaves = []
        for start in stored["start"]:
            node = 0
            while stored["left"][start + node] >= 0:
                low = row[stored["feature"][start + node]] <= stored["threshold"][start + node]
                node = stored["left" if low else "right"][start + node]
            leaves.append(stored["value"][start + node])
        expected.append(np.mean(leaves))
    assert learned.error_reduction(torch.from_numpy(rows)).tolist() == pytest.approx(expected)


@pytest.mark.slow
@pins(
    "lal",
    "law",
    "on tasks it never saw, its first choice lowers the error more than the average one",
)
def test_what_was_learned_holds_on_tasks_it_never_saw() -> None:
    better = []
    for described, gains in lessons(np.random.default_rng(7), 120):
        wanted = learned.error_reduction(torch.from_numpy(described)).argmax()
        better.append(gains[wanted] - gains.mean())
    assert ttest_1samp(better, 0.0, alternative="greater").pvalue < 0.05


def test_vaal_asks_what_is_like_nothing_labeled() -> None:
    dice = np.random.default_rng(0)
    items = dice.standard_normal((60, 4)).astype(np.float32)
    items[40:] += 4.0
    paper = view(embeddings=items, labeled=range(20))
    asking = Vaal(critic=Scores(of=VariationalDiscriminator(steps=40, batch=32)))
    assert all(row >= 40 for row in asking.query(paper, 10).ids)
    picks = select(asking, 10, embeddings=items[20:], labeled_embeddings=items[:20], labels=[0, 1] * 10)
    assert (picks >= 20).all()


def test_vaal_serves_every_task_and_needs_no_model() -> None:
    assert all(Vaal().serves(task) for task in (THREE, Labels(("a", "b")), Targets()))
    assert not Vaal().needs_model()


def test_vaal_keeps_the_contract() -> None:
    check_strategy(Vaal(critic=Scores(of=VariationalDiscriminator(steps=2))))

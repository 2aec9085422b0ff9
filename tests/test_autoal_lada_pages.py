"""The runs behind docs/papers/autoal.md and docs/papers/lada.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from askance.meta.search import SearchNet
from askance.strategies.catalogue import strategy
from askance.testing.worlds import small_world
from benchmarks import autoal, autoal_page, lada, lada_page


def test_what_the_page_of_lada_compares_is_run() -> None:
    known = lada.ARMS.keys()
    assert lada_page.SAID.keys() == known
    assert {one for pair in lada_page.PAIRS for one in pair} <= known
    assert all((one, other) in lada_page.PAIRS for _, one, other, _, _ in lada_page.EXPECTED)


def test_arms_of_lada_differ_in_what_their_names_say() -> None:
    alone, both = lada.ARMS["score alone"], lada.ARMS["both, fixed"]
    world, learner = small_world(), lada.Linear(ridge=1.0)
    assert alone.query(world.view(alone, learner), 6).ids == both.query(world.view(both, learner), 6).ids
    assert alone.equip(learner) == learner != both.equip(learner)


def test_the_worlds_have_what_is_planted() -> None:
    for name, regime in autoal.REGIMES.items():
        features, labels = regime.make(np.random.default_rng(0), 1_500)
        assert len(features) == len(labels) == 1_500
        assert regime.best in ("", *autoal.CANDIDATES), name
    features, labels = autoal.band(np.random.default_rng(0), 20_000)
    middle = np.linalg.norm(features, axis=1) < 3  # the cloud whose labels are thrown
    counts = np.bincount(labels[middle][: -autoal.TEST], minlength=10)
    assert counts.min() > 0.8 * counts.mean()


def test_controls_listen_to_all_alike_or_to_anybody() -> None:
    lesson = small_world(labeled=20).lesson()
    even, unlearned, learned = (
        kind(("margin", "k-center"), least=8, steps=30).fit(lesson).outputs(lesson.items).extras["mixture"]
        for kind in (autoal.Even, autoal.Unlearned, SearchNet)
    )
    assert torch.allclose(even, torch.full_like(even, 0.5))
    assert float(unlearned.std(0).min()) > 0.05
    assert not torch.allclose(unlearned, learned)


def test_wins_count_seeds_where_the_planted_one_has_the_largest_weight() -> None:
    one = {"best": "k-center", "rows": {"autoal": {"weights": [[0.2, 0.5, 0.3], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1]]}}}
    assert autoal_page.wins(one) == 2


def test_arms_of_autoal_are_named_on_its_page() -> None:
    names = autoal.arms().keys()
    assert autoal_page.SAID.keys() <= names
    assert all(strategy(name) for name in names - autoal_page.SAID.keys())


def test_a_run_keeps_what_the_page_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    small = autoal.Regime(autoal.boundary, "margin", items=80, initial=30, batch=10, budget=50)
    monkeypatch.setitem(autoal.REGIMES, "boundary", small)
    found = autoal.run("boundary", "autoal", 0)
    assert 0.5 < found["area"] <= 1
    assert len(found["weights"]) >= 2  # a search for every ask
    assert min(found["gradients"]) > 1e-6

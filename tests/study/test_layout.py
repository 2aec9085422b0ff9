"""The map of a pool: where its points lie, and that nothing moves them."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from torch import Tensor
from worlds import World, blobs

from askance import BadInput, Pool, Study
from askance.learners.base import Learner
from askance.study import layout as module
from askance.study.layout import Layout, layout


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "slow" not in request.keywords:
        monkeypatch.setattr(module, "STEPS", 300)  # of which 250 draw together what is near


def groups(items: int = 240, features: int = 20, count: int = 8, seed: int = 0) -> Tensor:
    """Clouds that two directions cannot hold apart."""
    dice = np.random.default_rng(seed)
    centers = 4 * dice.normal(size=(count, features))
    return torch.tensor(centers[np.arange(items) % count] + dice.normal(size=(items, features)), dtype=torch.float32)


def study_of(items: Any, **options: Any) -> Study:
    return Study(Pool.from_arrays(items), classes=["a", "b"], **options)


def places(shown: Layout) -> dict[Any, tuple[float, float]]:
    told = shown.as_json()
    return dict(zip(told["ids"], zip(told["x"], told["y"], strict=True), strict=True))


def gaps(points: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.linalg.norm(points[:, None] - points[None], axis=2)
    return found


def test_a_plane_is_shown_as_it_is_turned_and_scaled_alike_on_both_axes() -> None:
    items = np.random.default_rng(0).normal(size=(60, 2)) * [5.0, 1.0] @ [[0.6, 0.8], [-0.8, 0.6]] + 100
    for fast in (True, False):
        shown = layout(study_of(items), fast=fast)
        assert shown.method == "pca" and len(shown) == 60
        inside = (shown.x > 0) & (shown.x < 1) & (shown.y > 0) & (shown.y < 1)
        assert inside.sum() >= 56  # what lies beyond the edge is put on it
        seen = np.stack([shown.x, shown.y], axis=1)[inside]
        ratio = gaps(seen)[0, 1:] / gaps(items[inside])[0, 1:]
        assert ratio == pytest.approx(np.full(len(ratio), ratio[0]), rel=1e-4)
        assert np.ptp(shown.x) > 0.9 > 0.5 > np.ptp(shown.y)


def test_neighbors_are_kept_where_two_directions_cannot_and_twice_the_same() -> None:
    items = groups(count=20)
    shown, again = layout(study_of(items)), layout(study_of(items))
    assert shown.method == "tsne" and places(shown) == places(again)
    assert shown.chart is not None and shown.chart.trusted is not None
    before, after = shown.chart.trusted
    fast = layout(study_of(items), fast=True)

    was, now = (
        float(trustworthiness(items.numpy(), np.stack([one.x, one.y], axis=1), n_neighbors=10)) for one in (fast, shown)
    )
    assert fast.method == "pca" and now > was + 0.03
    assert after > before + 0.02  # on items that are no landmarks


def test_where_there_is_nothing_to_keep_two_directions_are_as_good_and_stay() -> None:
    noise = torch.tensor(np.random.default_rng(0).normal(size=(300, 30)), dtype=torch.float32)
    shown = layout(study_of(noise))
    assert shown.method == "pca" and shown.chart is not None and shown.chart.trusted is not None
    assert places(shown) == places(layout(study_of(noise), fast=True))


def test_another_seed_is_another_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANDMARKS", 200)
    items = groups()
    assert places(layout(study_of(items))) != places(layout(study_of(items, seed=1)))


def test_no_label_moves_a_point_and_all_that_is_asked_or_labeled_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANDMARKS", 150)
    world = World(Pool.from_arrays(groups()), ["a", "b"], {row: "ab"[row % 2] for row in range(240)})
    study = world.study(control=0.2)
    before = layout(study, 100)
    study.tell({row: world.truth[row] for row in range(40)})
    asked = study.ask(10).ids
    study.tell({asked[0]: None}, kind="unsure")
    after = layout(study, 100)
    assert len(before) == len(after) == 100 and {*range(40), *asked} <= set(after.ids)
    both = set(before.ids) & set(after.ids)
    old, new = places(before), places(after)
    assert len(both) > 30 and all(old[id] == new[id] for id in both)
    everything = places(layout(study))
    assert len(everything) == 240 and all(everything[id] == new[id] for id in new)


def test_a_sample_is_uniform_and_does_not_hang_on_the_order_of_the_pool() -> None:
    pool = Pool.from_arrays(groups(300), [f"id {row}" for row in range(300)])
    order = np.random.default_rng(0).permutation(300).tolist()
    shown, turned = (layout(Study(p, classes=["a"]), 60, fast=True) for p in (pool, pool.arranged(order)))
    assert set(shown.ids) == set(turned.ids) and len(set(shown.ids)) == 60
    rows = np.array([int(id.split()[1]) for id in shown.ids])
    assert 110 < rows.mean() < 190 and list(rows) == sorted(rows)


def test_a_map_of_fewer_points_than_are_labeled_shows_some_of_those() -> None:
    study = study_of(groups(60))
    study.tell(dict.fromkeys(range(20, 40), "a"))
    shown = layout(study, 12)
    assert len(shown) == 12 and set(shown.ids) <= set(range(20, 40))


def test_new_items_come_between_the_old_ones_which_stay(tmp_path: Any) -> None:
    items, storage = groups(400), tmp_path / "study.db"
    old = layout(study_of(items[:200], storage=storage))
    grown = layout(study_of(items, storage=storage))
    assert old.method == grown.method == "tsne" and len(grown) == 400
    assert all(places(grown)[id] == place for id, place in places(old).items())
    by_group = {one: np.array([places(grown)[id] for id in range(200) if id % 8 == one]) for one in range(8)}
    hits = 0
    for id in range(200, 400):  # each comes to lie in its group
        nearest = min(by_group, key=lambda one: float(np.linalg.norm(by_group[one] - places(grown)[id], axis=1).min()))
        hits += nearest == id % 8
    assert hits >= 190


def test_a_pool_that_has_outgrown_its_map_is_drawn_anew(tmp_path: Any) -> None:
    items, storage = groups(500), tmp_path / "study.db"
    few = layout(study_of(items[:40], storage=storage), fast=True)
    more = layout(study_of(items[:160], storage=storage), fast=True)
    many = layout(study_of(items, storage=storage), fast=True)
    assert all(places(more)[id] == place for id, place in places(few).items())
    assert places(many) == places(layout(study_of(items), fast=True)) and places(many)[0] != places(more)[0]


def test_what_a_map_rests_on_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    items = groups()
    study = study_of(items)
    first = layout(study, 200)

    def never(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "_components", never)
    again = layout(study, 300, before=first)
    assert again.chart is first.chart and all(places(again)[id] == place for id, place in places(first).items())
    with pytest.raises(AssertionError, match="computed again"):
        layout(study_of(items + 1), before=first)  # other features
    with pytest.raises(AssertionError, match="computed again"):
        layout(study, fast=True, before=first)


DICE = np.random.default_rng(0)
ODD = {
    "one item": np.ones((1, 5)),
    "two twins": np.ones((2, 5)),
    "all the same": np.ones((150, 5)),
    "one feature": np.arange(40.0)[:, None],
    "no feature": np.zeros((40, 0)),
    "two places": np.arange(450.0).reshape(150, 3) // 7 % 2,
    "copies": np.repeat(DICE.normal(size=(5, 6)), 30, axis=0),
    "tiny": 1e-25 * DICE.normal(size=(130, 6)),
    "huge": 1e15 * DICE.normal(size=(130, 6)),
    "whole numbers": DICE.integers(0, 9, (130, 4)),
    "pictures": DICE.normal(size=(40, 3, 6, 6)),
    "large pictures": DICE.normal(size=(40, 3, 40, 40)),
    "wide": DICE.normal(size=(60, 1600)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pools_have_a_map_too(name: str) -> None:
    items = ODD[name]
    shown = layout(study_of(items))
    told = json.loads(json.dumps(shown.as_json(), allow_nan=False))
    assert len(told["ids"]) == len(told["x"]) == len(told["y"]) == len(items) == told["items"]
    assert all(0 <= value <= 1 and round(value, 4) == value for value in told["x"] + told["y"])
    assert told["method"] in ("pca", "tsne")
    if len(np.unique(items, axis=0)) == 1:
        assert set(zip(told["x"], told["y"], strict=True)) == {(0.5, 0.5)}


def test_one_outlier_does_not_squeeze_the_rest() -> None:
    items = np.random.default_rng(0).normal(size=(2000, 2))
    items[7] = 1e6
    shown = layout(study_of(items), fast=True)
    assert np.ptp(shown.y) > 0.5 and (shown.x[7], shown.y[7]).count(1.0) + (shown.x[7], shown.y[7]).count(0.0) >= 1


def test_texts_have_no_map() -> None:
    study = Study(
        Pool.from_arrays(["one", "two"]), classes=["a", "b"], strategy="random", start=None, learner=Learner()
    )
    assert layout(study).as_json() == {"method": "none", "ids": [], "x": [], "y": [], "items": 2, "trust": None}


def test_a_map_without_points_is_refused() -> None:
    with pytest.raises(BadInput, match="shows nothing"):
        layout(blobs().study(), 0)


@pytest.mark.slow
def test_ten_thousand_points_are_laid_out_in_a_background_process_s_time() -> None:
    study = study_of(groups(10_000, 256, 20))
    begun = time.process_time()
    shown = layout(study, 10_000)
    assert time.process_time() - begun < 30 and shown.method == "tsne" and len(shown) == 10_000
    begun = time.process_time()
    layout(study, 10_000, before=shown)
    assert time.process_time() - begun < 3

"""`askance.select` over plain arrays: what it takes, what it refuses, and whether it picks what the papers say."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from askance import BadInput, select
from askance.errors import MissingSignal, UnknownName
from askance.given import Explained, view
from askance.learners.linear import Linear
from askance.look import usable
from askance.signals.base import signals_of
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies import catalogue
from askance.task import Classes, Labels, Targets
from tests.pins import pins

LEFT_OUT = ("tod", "vaal")  # reads an earlier model; trains two networks, and has tests of its own
ALL = [name for name in usable(Classes((0, 1)), Linear()) if name not in LEFT_OUT]  # arrays are of classes
MAY_STOP = {
    "galaxy",
    "neural-cal",
    "neural-cal-plus-plus",
    "i-neural",
    "neuronal-stream",
    "neural-ntk",
}  # where all is clear, or each answer counts
BY_VALUE = ["least-confidence", "margin", "entropy"]  # a number per item decides, not dice


def arrays(items: int = 60, features: int = 5, classes: int = 4, seed: int = 0) -> dict[str, Any]:
    """One of everything, float64, without ties."""
    rng = np.random.default_rng(seed)
    samples = rng.dirichlet(np.ones(classes), (3, items))
    return {
        "probabilities": samples.mean(0),
        "mc_probabilities": samples,
        "votes": samples.argmax(2),
        "embeddings": rng.standard_normal((items, features)),
        "labeled_embeddings": rng.standard_normal((4, features)),
        "labels": np.arange(4) % classes,
        "labeled_probabilities": rng.dirichlet(np.ones(classes), 4),
        "weights": rng.standard_normal((classes, features)),
        "gradients": rng.standard_normal((items, 3)),
    }


def fitting(strategy: str, pool: dict[str, Any]) -> dict[str, Any]:
    """The arrays as this strategy wants them: with logits instead of probabilities where it reads those."""
    if not any(isinstance(signal, Scores) for signal in signals_of(catalogue.strategy(strategy))):
        return pool
    scores = 2 * np.log(np.asarray(pool["probabilities"], dtype=np.float64) + 1e-30)  # once: all of the same energy
    given = {**pool, "logits": scores}
    given["logits"] = given["logits"].astype(np.asarray(pool["probabilities"]).dtype)
    del given["probabilities"]
    return given


def gradients_of(probabilities: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """BADGE's vectors, built in full: (p - onehot(argmax p)) x h, class by class."""
    guess = np.eye(probabilities.shape[1])[probabilities.argmax(1)]
    return np.stack([np.outer(r, h).ravel() for r, h in zip(probabilities - guess, embeddings, strict=True)])


# How many, and which


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    """Small pools on a coarse grid, so that duplicates, ties, zeros and certain rows are common."""
    items, features, classes = (draw(st.integers(1, most)) for most in (25, 4, 4))
    kind, order = draw(st.sampled_from(["float16", "float32", "float64"])), draw(st.sampled_from("CF"))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    known = int(rng.integers(0, 4))
    cast: Callable[[np.ndarray], np.ndarray] = lambda array: np.asarray(array, kind, order=order)  # noqa: E731

    def shares(*shape: int) -> np.ndarray:
        counts = rng.integers(0, 3, (*shape, classes)) + np.eye(classes)[rng.integers(0, classes, shape)]
        return cast(counts / counts.sum(-1, keepdims=True))

    return {
        "probabilities": shares(items),
        "mc_probabilities": shares(3, items),
        "votes": rng.integers(0, classes, (3, items)),
        "embeddings": cast(rng.integers(-2, 3, (items, features))),
        "labeled_embeddings": cast(rng.integers(-2, 3, (known, features))),
        "labels": rng.integers(0, classes, known),
        "labeled_probabilities": shares(known),
        "weights": cast(rng.integers(-2, 3, (classes, features))),
        "gradients": cast(rng.integers(-2, 3, (items, 3))),
        "mask": rng.random(items) < draw(st.sampled_from([0.0, 0.5, 1.0])),
        "seed": draw(st.integers(0, 3)),
    }


@pytest.mark.parametrize("strategy", ALL)
@settings(deadline=None, max_examples=15)
@given(pool=pools(), n=st.integers(0, 30))
def test_always_exactly_as_many_distinct_candidates_as_asked_for_or_there_are(
    strategy: str, pool: dict[str, Any], n: int
) -> None:
    pool = fitting(strategy, pool)
    picks = select(strategy, n, **pool)
    assert isinstance(picks, np.ndarray)
    assert picks.dtype == np.int64
    due = min(n, pool["mask"].sum())
    assert picks.ndim == 1 and (len(picks) == due or (strategy in MAY_STOP and len(picks) < due))
    assert len(set(picks.tolist())) == len(picks)
    assert pool["mask"][picks].all()
    assert select(strategy, n, **pool).tolist() == picks.tolist()  # the same seed, the same picks


@pytest.mark.parametrize("strategy", ALL)
def test_more_than_there_are_gives_all_and_none_gives_none(strategy: str) -> None:
    pool = fitting(strategy, arrays(items=12))
    picks = select(strategy, 99, **pool).tolist()
    assert sorted(picks) == list(range(12)) or (strategy in MAY_STOP and set(picks) < set(range(12)))
    nothing = select(strategy, 0, **pool)
    assert (nothing.dtype, nothing.shape) == (np.int64, (0,))


@pytest.mark.parametrize("strategy", ALL)
def test_a_pool_of_no_items_and_a_mask_of_no_candidates_give_nothing(strategy: str) -> None:
    empty = select(strategy, 3, **fitting(strategy, arrays(items=0)))
    assert (empty.dtype, empty.shape) == (np.int64, (0,))
    assert len(select(strategy, 3, **fitting(strategy, arrays(items=9)), mask=np.zeros(9, bool))) == 0


EDGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "two classes": lambda pool: arrays(classes=2),
    "a thousand classes": lambda pool: arrays(items=4, classes=1000),
    "duplicates": lambda pool: {
        name: array[:, [0] * 60] if name in ("mc_probabilities", "votes") else array[[0] * len(array)]
        for name, array in pool.items()
    },
    "zero vectors": lambda pool: {
        name: array * 0 if name in ("embeddings", "labeled_embeddings", "gradients", "weights") else array
        for name, array in pool.items()
    },
    "some zero vectors": lambda pool: {**pool, "embeddings": pool["embeddings"] * (np.arange(60) % 2)[:, None]},
    "constant probabilities": lambda pool: {**pool, "probabilities": np.full((60, 4), 0.25)},
    "certain probabilities": lambda pool: {
        **pool,
        "probabilities": np.eye(4)[np.arange(60) % 4],
        "mc_probabilities": np.stack([np.eye(4)[np.arange(60) % 4]] * 3),
    },
    "one labeled class": lambda pool: {**pool, "labels": np.ones(4, int)},
    "one labeled item": lambda pool: {**pool, **{name: pool[name][:1] for name in LABELED}},
    "no labeled item": lambda pool: {name: array for name, array in pool.items() if name not in LABELED},
    "an empty labeled set": lambda pool: {**pool, **{name: pool[name][:0] for name in LABELED}},
    "one feature": lambda pool: arrays(features=1),
    "one item": lambda pool: arrays(items=1),
    "far away": lambda pool: {
        name: array + 1e3 if name in ("embeddings", "labeled_embeddings") else array for name, array in pool.items()
    },
}
LABELED = ("labeled_embeddings", "labels", "labeled_probabilities")


# Half a minute: a piece is padded to 1,024 rows, each with the gradients of a thousand places of the item, or a
# thousand scores are looked ahead of.
LONG = {("i-neural", "a thousand classes"), ("mlmoc", "a thousand classes")}


@pytest.mark.parametrize(
    ("strategy", "edge"),
    [
        pytest.param(strategy, edge, marks=[pytest.mark.slow] if (strategy, edge) in LONG else [])
        for strategy in ALL
        for edge in EDGES
    ],
)
def test_odd_pools_give_full_batches(strategy: str, edge: str) -> None:
    pool = fitting(strategy, EDGES[edge](arrays()))
    items = len(pool["embeddings"])
    for n in (1, 7, items):
        found = select(strategy, n, **pool, explain=True)
        assert sorted(set(found.positions.tolist())) == sorted(found.positions.tolist())
        assert len(found.positions) == min(n, items) or (strategy in MAY_STOP and found.reason)
        assert not np.isinf(found.utilities).any()


@pytest.mark.parametrize("strategy", ["random", *BY_VALUE])
def test_a_short_batch_is_the_beginning_of_a_longer_one(strategy: str) -> None:
    pool = arrays()
    assert select(strategy, 60, **pool)[:7].tolist() == select(strategy, 7, **pool).tolist()


def test_explain_tells_what_made_each_pick_wanted() -> None:
    told = select("margin", 2, probabilities=[[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.5, 0.5, 0.0]], explain=True)
    assert isinstance(told, Explained)
    assert told.positions.tolist() == [2, 0]
    assert told.utilities.tolist() == [0.0, -0.25]
    assert np.isnan(select("random", 2, embeddings=np.zeros((3, 1)), explain=True).utilities).all()


# Whether the picks are what the definitions say


@pins("margin", "definition", "four rows by hand", "p(1) - p(2), the likeliest two; the least is wanted most")
@pins("least-confidence", "definition", "four rows by hand", "1 - max_c p_c")
@pins("entropy", "definition", "four rows by hand", "-sum_c p_c log p_c, with 0 log 0 = 0")
def test_uncertainty_by_hand() -> None:
    shares = [[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.6, 0.2, 0.2]]
    # gaps 0, .1, .8, .4 | likeliest .5, .4, .9, .6 | entropies .693, 1.089, .325, .950
    assert select("margin", 4, probabilities=shares).tolist() == [0, 1, 3, 2]
    assert select("least-confidence", 4, probabilities=shares).tolist() == [1, 0, 3, 2]
    assert select("entropy", 4, probabilities=shares).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("strategy", BY_VALUE)
def test_logits_pick_what_their_softmax_picks(strategy: str) -> None:
    shares = arrays()["probabilities"]
    picks = select(strategy, 20, probabilities=shares).tolist()
    assert select(strategy, 20, logits=np.log(shares) + 7).tolist() == picks


def test_without_probabilities_the_mean_of_the_passes_counts() -> None:
    passes = arrays()["mc_probabilities"]
    alone = select("entropy", 20, mc_probabilities=passes)
    assert alone.tolist() == select("entropy", 20, probabilities=passes.mean(0)).tolist()


@pins("k-center", "brute force", "all picks and radii on grids full of ties", "argmax_u min_{c in L + S} |h_u - h_c|")
@settings(deadline=None, max_examples=50)
@given(items=st.integers(1, 30), features=st.integers(1, 6), labeled=st.integers(1, 5), seed=st.integers(0, 1000))
def test_k_center_is_its_naive_definition(items: int, features: int, labeled: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-3, 4, (items + labeled, features)).astype(float)  # ties on purpose: the lower row wins
    squared = ((points[:, None] - points[None]) ** 2).sum(2)
    centers, free, radii = list(range(items, items + labeled)), list(range(items)), []
    while free:
        gaps = [squared[row, centers].min() for row in free]
        radii.append(max(gaps))
        centers.append(free.pop(int(np.argmax(gaps))))
    found = select("k-center", items, embeddings=points[:items], labeled_embeddings=points[items:], explain=True)
    assert found.positions.tolist() == centers[labeled:]
    assert found.utilities.tolist() == radii


def test_labeled_embeddings_repel_like_picks() -> None:
    line = np.array([[0.0], [4.0], [10.0]])
    assert select("k-center", 2, embeddings=line, labeled_embeddings=[[10.0]]).tolist() == [0, 1]
    assert select("k-center", 2, embeddings=line, labeled_embeddings=[[0.0], [9.0]]).tolist() == [1, 2]


@pins(
    "badge",
    "brute force",
    "distances of factors equal those of vectors built in full",
    "g = (p - e_guess) x h; P(next) ~ min_s |g - g_s|^2",
)
def test_badge_starts_at_the_longest_gradient_and_its_distances_are_those_of_the_vectors() -> None:
    pool = arrays(items=40)
    vectors = gradients_of(pool["probabilities"], pool["embeddings"])
    found = select("badge", 15, probabilities=pool["probabilities"], embeddings=pool["embeddings"], explain=True)
    rows = found.positions
    assert rows[0] == (vectors**2).sum(1).argmax()
    expected = [(vectors[rows[0]] ** 2).sum()]
    expected += [((vectors[rows[:i]] - vectors[rows[i]]) ** 2).sum(1).min() for i in range(1, 15)]
    assert found.utilities == pytest.approx(expected)


@pins("badge", "law", "3,000 second picks against the squared distances, chi-square")
def test_badge_draws_its_second_pick_in_proportion_to_the_squared_distance() -> None:
    pool = arrays(items=8, seed=3)
    shares, points = pool["probabilities"], pool["embeddings"]
    vectors = gradients_of(shares, points)
    first = (vectors**2).sum(1).argmax()
    weights = ((vectors - vectors[first]) ** 2).sum(1)
    draws = 3000
    seconds = [select("badge", 2, probabilities=shares, embeddings=points, seed=seed)[1] for seed in range(draws)]
    counts, others = np.bincount(seconds, minlength=8), np.arange(8) != first
    assert counts[first] == 0
    expected = draws * weights[others] / weights.sum()
    assert expected.min() > 5  # or the test below means nothing
    assert chisquare(counts[others], expected).pvalue > 0.001


@pins(
    "typiclust",
    "definition",
    "two clusters on a circle by hand",
    "1 / mean distance to the k nearest; clusters with fewest labels, then largest, take turns",
)
def test_typiclust_by_hand() -> None:
    # Four neighbors count in clusters of 8 and 9. At 20 degrees they lie 1, 1, 2 and 2 away, nowhere else nearer.
    few, many = [0, 18, 19, 20, 21, 22, 40, 41], [0, 15, 18, 19, 20, 21, 22, 40, 41]
    degrees = np.deg2rad([*few, *(180 + angle for angle in many)])
    points = np.stack([np.cos(degrees), np.sin(degrees)], 1) * np.linspace(1, 5, 17)[:, None]  # lengths do not count
    assert select("typiclust", 2, embeddings=points).tolist() == [12, 3]  # the largest cluster first
    assert select("typiclust", 1, embeddings=points, labeled_embeddings=points[[16]]).tolist() == [3]


@pins(
    "k-means",
    "definition",
    "two clusters on a line by hand",
    "argmin_u |h_u - center_k| for each of n clusters",
)
def test_k_means_takes_the_item_nearest_to_each_center() -> None:
    line = np.array([[0.0], [1.0], [2.0], [100.0], [103.0], [104.0], [109.0]])  # centers 1 and 104
    assert select("k-means", 2, embeddings=line).tolist() == [5, 1]  # the largest cluster first


def test_random_is_uniform() -> None:
    firsts = [select("random", 1, embeddings=np.zeros((5, 1)), seed=seed)[0] for seed in range(2000)]
    assert chisquare(np.bincount(firsts, minlength=5)).pvalue > 0.001


def test_equal_utilities_are_ordered_by_the_seed_and_nearest_to_chance() -> None:
    level = np.full((4, 2), 0.5)
    firsts = [select("entropy", 1, probabilities=level, seed=seed)[0] for seed in range(2000)]
    assert chisquare(np.bincount(firsts, minlength=4)).pvalue > 0.001


def test_equal_distances_go_by_position() -> None:
    square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    for seed in range(5):
        assert select("k-center", 1, embeddings=square, labeled_embeddings=[[0.0, 0.0]], seed=seed).tolist() == [0]


# The same numbers in other clothes


@pytest.mark.parametrize("strategy", ALL)
def test_numpy_torch_and_other_frameworks_pick_alike(strategy: str) -> None:
    pool = {name: pool for name, pool in fitting(strategy, arrays()).items() if name != "labels"}
    labels = arrays()["labels"]
    picks = select(strategy, 15, **pool, labels=labels).tolist()
    for clothes in (torch.from_numpy, _Array, _Capsule, lambda array: array.tolist()):
        dressed = {name: clothes(array) for name, array in pool.items()}
        assert select(strategy, 15, **dressed, labels=labels).tolist() == picks


@pytest.mark.parametrize("strategy", ALL)
def test_order_of_memory_byte_order_strides_and_read_only_make_no_difference(strategy: str, tmp_path: Path) -> None:
    pool = fitting(strategy, arrays())
    picks = select(strategy, 15, **pool).tolist()
    for clothes in (np.asfortranarray, _foreign_bytes, _every_second, _backward, _frozen, _on_disk(tmp_path)):
        assert select(strategy, 15, **{name: clothes(array) for name, array in pool.items()}).tolist() == picks


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_half_and_single_precision_pick_what_the_same_numbers_in_double_pick(strategy: str, kind: str) -> None:
    pool = fitting(strategy, arrays())
    rounded = {name: array.astype(kind) if array.dtype.kind == "f" else array for name, array in pool.items()}
    if kind == "float16":  # rounded values tie now and then, and ties in double are other ties
        for name in rounded.keys() & {"probabilities", "logits", "mc_probabilities"}:
            rounded[name] = pool[name].astype("float32")
    double = {name: array.astype("float64") if array.dtype.kind == "f" else array for name, array in rounded.items()}
    assert select(strategy, 15, **rounded).tolist() == select(strategy, 15, **double).tolist()


def test_bfloat16_of_torch_is_taken() -> None:
    pool = arrays()
    given = torch.from_numpy(pool["embeddings"]).bfloat16()
    assert select("k-center", 9, embeddings=given).tolist() == select("k-center", 9, embeddings=given.double()).tolist()
    shares = torch.from_numpy(pool["probabilities"]).bfloat16()  # sums are off by up to 1e-2
    assert len(select("margin", 9, probabilities=shares)) == 9


def test_a_tensor_that_wants_a_gradient_is_taken() -> None:
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert select("k-center", 4, embeddings=points).tolist() == select("k-center", 4, embeddings=points.data).tolist()
    assert points.grad is None


@pytest.mark.parametrize("strategy", [*BY_VALUE, "k-center"])
def test_a_pool_in_another_order_gives_the_same_items_where_no_noise_decides(strategy: str) -> None:
    pool = {name: pool for name, pool in arrays().items() if name in ("probabilities", "embeddings")}
    known, order = arrays()["labeled_embeddings"], np.random.default_rng(1).permutation(60)
    picks = select(strategy, 20, **pool, labeled_embeddings=known)
    moved = select(strategy, 20, **{name: array[order] for name, array in pool.items()}, labeled_embeddings=known)
    assert order[moved].tolist() == picks.tolist()


def test_noise_belongs_to_positions_as_arrays_have_no_ids() -> None:
    pool, order = arrays(), np.random.default_rng(1).permutation(60)
    points, shares = pool["embeddings"], pool["probabilities"]
    picks = select("random", 60, embeddings=points)
    assert select("random", 60, embeddings=points[order]).tolist() == picks.tolist()
    first, moved = (
        select("badge", 1, embeddings=h, probabilities=p)[0]
        for h, p in ((points, shares), (points[order], shares[order]))
    )
    assert order[moved] == first  # the longest gradient is the longest one anywhere


# What it leaves alone


@pytest.mark.parametrize("strategy", ALL)
def test_arrays_and_global_generators_are_left_as_they_were(strategy: str) -> None:
    pool = {**fitting(strategy, arrays()), "mask": np.arange(60) % 3 > 0}
    before = {name: array.copy() for name, array in pool.items()}
    numpy_dice, torch_dice, python_dice = np.random.get_state(), torch.get_rng_state(), random.getstate()
    select(strategy, 15, **pool)
    assert all(np.array_equal(array, before[name]) for name, array in pool.items())
    assert all(np.array_equal(one, other) for one, other in zip(np.random.get_state(), numpy_dice, strict=True))
    assert torch.equal(torch.get_rng_state(), torch_dice)
    assert random.getstate() == python_dice


# What it refuses


def broken(name: str, place: tuple[int, ...], value: float) -> dict[str, Any]:
    pool = arrays()
    pool[name][place] = value
    return pool


def with_(**changed: Any) -> dict[str, Any]:
    return {**arrays(), **changed}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": (broken("embeddings", (7, 2), np.nan), "embeddings holds nan at row 7, column 2"),
    "infinity": (broken("gradients", (59, 0), -np.inf), "gradients holds -inf at row 59, column 0"),
    "a NaN among the labeled": (broken("labeled_embeddings", (3, 1), np.nan), "labeled_embeddings .* row 3, column 1"),
    "a NaN pass": (broken("mc_probabilities", (1, 5, 0), np.nan), "mc_probabilities holds nan at row 1.*5"),
    "a wrong sum": (broken("probabilities", (31, 0), 0.9), "probabilities row 31 sums to 1.*logits="),
    "a negative share": (with_(probabilities=np.tile([1.5, -0.5], (60, 1))), "probabilities row 0 .*nothing negative"),
    "a pass that does not sum": (broken("mc_probabilities", (2, 8, 1), 9.0), "mc_probabilities row 8 of sample 2"),
    "labeled shares off": (broken("labeled_probabilities", (2, 0), 3.0), "labeled_probabilities row 2 sums to"),
    "logits beside probabilities": (with_(logits=np.zeros((60, 4))), "probabilities= and logits="),
    "one axis": (with_(embeddings=np.zeros(60)), r"embeddings has 1 axes, shape \(60,\)"),
    "fewer items": (with_(probabilities=np.full((59, 4), 0.25)), "embeddings has 60 items and probabilities has 59"),
    "fewer gradients": (with_(gradients=np.zeros((61, 2))), "gradients has 61 items"),
    "other features": (with_(labeled_embeddings=np.zeros((4, 6))), "6 features and embeddings have 5"),
    "fewer labels": (with_(labels=np.zeros(3, int)), r"labels have shape \(3,\).*4"),
    "fewer labeled shares": (
        with_(labeled_probabilities=np.full((5, 4), 0.25)),
        "5 rows and labeled_embeddings have 4",
    ),
    "labeled shares of other classes": (with_(labeled_probabilities=np.full((4, 2), 0.5)), "have 2 columns.* 4"),
    "passes of other classes": (with_(mc_probabilities=np.full((3, 60, 2), 0.5)), "have 2 columns.* 4"),
    "weights of other features": (with_(weights=np.zeros((4, 9))), "weights have 9 columns"),
    "weights of other classes": (with_(weights=np.zeros((7, 5))), "weights have 7 rows.* 4"),
    "votes that are no numbers of classes": (with_(votes=np.full((3, 60), 0.5)), "votes must be whole class numbers"),
    "a negative vote": (with_(votes=np.full((3, 60), -1)), "votes must be whole class numbers"),
    "a mask of numbers": (with_(mask=np.ones(60, int)), "mask must be bool of shape"),
    "a short mask": (with_(mask=np.ones(59, bool)), r"mask must be bool of shape \(60,\)"),
    "texts": (with_(embeddings=np.full((60, 5), "x")), "embeddings holds <U1 values"),
    "a ragged list": (with_(embeddings=[[1.0], [1.0, 2.0]]), "embeddings has rows of different lengths"),
    "a sparse array": (with_(embeddings=torch.zeros(60, 5).to_sparse()), "embeddings is .*to_dense"),
    "no classes": (with_(probabilities=np.zeros((60, 0))), r"probabilities has the shape \(60, 0\)"),
    "no passes": (with_(mc_probabilities=np.zeros((0, 60, 4))), r"mc_probabilities has the shape \(0, 60, 4\)"),
    "labels in halves": (with_(labels=np.full(4, 0.5)), "labels are torch.float64"),
    "complex numbers": (with_(embeddings=torch.zeros(60, 5, dtype=torch.complex64)), "embeddings is torch.complex64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str) -> None:
    pool, message = REFUSED[name]
    with pytest.raises(BadInput, match=message):
        select("badge", 3, **pool)


@pytest.mark.parametrize(
    ("strategy", "missing"),
    [("margin", "probabilities= or logits="), ("k-center", "embeddings= "), ("badge", "probabilities= or logits=")],
)
def test_a_missing_array_is_named(strategy: str, missing: str) -> None:
    others = {"embeddings": np.zeros((3, 1))} if "probabilities" in missing else {"probabilities": np.full((3, 2), 0.5)}
    with pytest.raises(MissingSignal, match=f"{strategy} needs {missing}"):
        select(strategy, 1, **others)
    with pytest.raises(BadInput, match="No array was handed in"):
        select(strategy, 1)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'k-center'"):
        select("kcenter", 1, embeddings=np.zeros((2, 1)))


@pytest.mark.parametrize("n", [-1, 2.5, "3"])
def test_a_number_of_picks_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(BadInput, match="n="):
        select("random", n, embeddings=np.zeros((2, 1)))


def test_a_seed_must_be_a_whole_number() -> None:
    with pytest.raises(BadInput, match="seed=None"):
        select("random", 1, embeddings=np.zeros((2, 1)), seed=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint64", "int32", "bool", "longdouble"])
def test_other_types_of_numbers_are_taken(kind: str) -> None:
    line = np.array([[1], [0], [0]]).astype(kind)
    votes = np.zeros((2, 3), kind if kind != "longdouble" else "int64")
    assert select("k-center", 1, embeddings=line, labeled_embeddings=[[0.0]], votes=votes).tolist() == [0]


def test_a_number_of_picks_may_be_a_numpy_number() -> None:
    assert len(select("random", np.int32(2), embeddings=np.zeros((4, 1)))) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "off"), [("float32", 9e-4), ("float64", 9e-4), ("float16", 8e-3)])
def test_sums_may_be_off_by_rounding(kind: str, off: float) -> None:
    assert len(select("margin", 1, probabilities=np.array([[0.5 + off, 0.5]], kind))) == 1
    with pytest.raises(BadInput, match="row 0 sums to"):
        select("margin", 1, probabilities=np.array([[0.5 + 3 * off, 0.5]], kind))


def test_values_whose_sum_overflows_are_finite_all_the_same() -> None:
    huge = np.full((40, 3), 3e38, "float32")
    assert len(select("entropy", 5, logits=huge)) == 5
    huge[[3, 30], 1] = np.inf, -np.inf  # whose sum is no number
    with pytest.raises(BadInput, match="logits holds inf at row 3, column 1"):
        select("entropy", 5, logits=huge)


class _Array:
    """An array that knows only ``__array__``."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._array


class _Capsule:
    """An array that knows only DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self._tensor = torch.from_numpy(array)

    def __dlpack__(self, **options: Any) -> Any:
        return self._tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._tensor.__dlpack_device__()


def _foreign_bytes(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder())


def _every_second(array: np.ndarray) -> np.ndarray:
    return np.repeat(array, 2, axis=-1)[..., ::2]


def _backward(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array[::-1])[::-1]


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def _on_disk(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    def save(array: np.ndarray) -> np.ndarray:
        path = folder / f"{len(list(folder.iterdir()))}.npy"
        np.save(path, array)
        loaded: np.ndarray = np.load(path, mmap_mode="r")
        return loaded

    return save


def test_a_view_of_labels_or_numbers_reads_logits_by_their_task() -> None:
    paper = view(logits=[[0.0, 0.0], [9.0, -9.0]], task=Labels(("a", "b")), labeled=[1])
    assert paper[Probabilities()][0].tolist() == [0.5, 0.5] and paper.targets.shape == (1, 2)
    assert view(logits=[[3.0], [7.0]], task=Targets())[Probabilities()].tolist() == [[3.0], [7.0]]
    with pytest.raises(BadInput, match="has 2 columns, and the arrays have 3"):
        view(logits=[[0.0, 0.0, 0.0]], task=Labels(("a", "b")))

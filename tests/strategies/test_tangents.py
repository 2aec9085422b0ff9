"""Strategies of very wide networks against full solves, label by label."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import askance
from askance.errors import BadInput, MissingSignal
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.wrappers import Untrained
from askance.selection.constrained import constrained_clusters
from askance.selection.kernel import Kernel, Straight, Wide
from askance.selection.process import Process
from askance.selection.volume import LeastVariance
from askance.signals.embeddings import Embeddings
from askance.signals.tangents import TangentFeatures
from askance.strategies.information import Bait
from askance.strategies.tangents import EvGp, Mlmoc, NtkCpl
from askance.task import Targets
from askance.testing import check_strategy, view
from askance.testing.worlds import LEARNER, TRAINED, small_study, small_world
from askance.utilities.lookahead import LookAhead, coverage, flips, moved
from tests.pins import pins

POINTS = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
NOISE = 0.1
DRAWN = EvGp(  # the kernel of the paper: a new network in each round, one score
    features=TangentFeatures(of=Untrained(Torch(Mlp((16,), dropout=0.0), steps=3)), cotangent="one"), kernel=Straight()
)


def solved(kernel: Kernel, known: list[int], targets: Tensor, noise: float) -> Tensor:
    """Predictions at all rows by one full solve."""
    everything = torch.arange(len(kernel))
    gram = kernel.between(everything, everything)
    inner = gram[known][:, known] + noise * torch.eye(len(known))
    return gram[:, known] @ torch.linalg.solve(inner, targets.double())


def test_the_step_is_the_solve_with_one_label_more_again_and_again() -> None:
    kernel, known = Wide().over(POINTS), torch.arange(5)
    rows, others = torch.arange(5, 15), torch.arange(12, 30)
    targets = torch.randn(30, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    process = Process(kernel, known, NOISE, rows)
    ahead = LookAhead(
        process.covariance(rows, others),
        process.covariance(rows, rows),
        process.variance,
        process.mean(rows, targets[known]),
        process.mean(others, targets[known]),
    )
    chosen = known.tolist()
    for place in (3, 0, 7):
        after = moved(ahead.scores, ahead.pull(), targets[rows] - ahead.own)
        for candidate in range(10):
            row = int(rows[candidate])
            if row not in chosen:
                again = solved(kernel, [*chosen, row], targets[[*chosen, row]], process.variance)
                torch.testing.assert_close(after[candidate], again[others])
        chosen.append(int(rows[place]))
        ahead.take(place, targets[rows[place]])
        torch.testing.assert_close(ahead.own, solved(kernel, chosen, targets[chosen], process.variance)[rows])


def paper(labeled: int, labels: list[int]) -> tuple[askance.View, Tensor]:
    """A pool whose model is a linear head, and what the model believes."""
    weights = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    scores = POINTS @ weights[:, :4].T + weights[:, 4]
    shown = view(embeddings=POINTS, logits=scores, weights=weights, labeled=list(range(labeled)), labels=labels)
    return shown, scores.double().softmax(1)


@pins(
    "mlmoc",
    "brute force",
    "every value against full solves with the guess of each candidate as one label more; both kinds of change",
    equation="argmax_x mean_u |f_{L + (x, argmax f(x))}(u) - f_L(u)|, f the tangent model trained to the end",
)
@pytest.mark.parametrize("change", ["outputs", "guesses"])
def test_the_most_change_is_found_by_full_solves(change: str) -> None:
    labels = [0, 2, 1, 1]
    shown, beliefs = paper(4, labels)
    strategy = Mlmoc(change=change, noise=NOISE)
    batch = strategy.query(shown, 3)
    kernel = Straight(1.0).over(POINTS)  # the tangent kernel of a linear head, exactly
    noise = NOISE**2 * float(kernel.norms()[:4].mean())
    chosen = list(range(4))
    targets = torch.eye(3, dtype=torch.float64)[labels]
    for row, note in zip(batch.rows.tolist(), batch.notes, strict=True):
        before = beliefs + solved(kernel, chosen, targets - beliefs[chosen], noise)
        values = {}
        for x in range(4, 30):
            if x in chosen:
                continue
            guess = torch.eye(3, dtype=torch.float64)[before[x].argmax()]
            more = torch.cat([targets, guess[None]])
            after = beliefs + solved(kernel, [*chosen, x], more - beliefs[[*chosen, x]], noise)
            length = float((after - before)[4:].norm(dim=1).mean())
            flipped = float((after.argmax(1) != before.argmax(1))[4:].double().mean())
            values[x] = length if change == "outputs" else flipped + 1e-6 * length
        assert note["utility"] == pytest.approx(max(values.values()), rel=1e-3)
        assert values[row] == pytest.approx(max(values.values()), rel=1e-3)
        targets = torch.cat([targets, torch.eye(3, dtype=torch.float64)[before[row].argmax()][None]])
        chosen.append(row)


def test_the_top_is_that_of_the_first_look() -> None:
    shown, _ = paper(4, [0, 2, 1, 1])
    greedy, top = Mlmoc().query(shown, 5), Mlmoc(batch="top").query(shown, 5)
    assert greedy.rows[0] == top.rows[0] and greedy.ids != top.ids
    values = [note["utility"] for note in top.notes]
    assert values == sorted(values, reverse=True)


def test_what_is_pending_counts_as_labeled_with_its_guess() -> None:
    labels = [0, 2, 1, 1]
    shown, _ = paper(4, labels)
    first = Mlmoc(noise=NOISE).query(shown, 2)
    weights = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    scores = POINTS @ weights[:, :4].T + weights[:, 4]
    waiting = view(
        embeddings=POINTS, logits=scores, weights=weights, labeled=[0, 1, 2, 3], labels=labels,
        pending=first.rows[:1].tolist(),
    )  # fmt: skip
    assert Mlmoc(noise=NOISE).query(waiting, 1).ids == first.ids[1:]
    assert (
        Mlmoc(batch="top", noise=NOISE).query(shown, 2).ids[1:] != first.ids[1:]
    )  # which it would be if nothing were pending


@pins(
    "ntk-cpl",
    "brute force",
    "the first pick covers most of the pool by its own cluster, against full solves with each candidate's cluster",
    equation="argmax_x #{u: argmax f_{S + x}(u) = cluster(u)}, f the kernel's regression on clusters",
)
def test_the_first_pick_covers_most() -> None:
    labels = [0, 1, 2, 1]
    shown, _ = paper(4, labels)
    strategy = NtkCpl(noise=NOISE)
    batch = strategy.query(shown, 1)
    own, known = constrained_clusters(
        POINTS, 5, POINTS[:4], torch.tensor(labels), keys=shown.keys, dice=shown.dice.of("clusters")
    )
    targets = torch.nn.functional.one_hot(own).double()
    assert torch.equal(own[:4], known)
    kernel = Wide().over(POINTS)
    noise = NOISE**2 * float(kernel.norms()[:4].mean())
    covered = {}
    for x in range(4, 30):
        after = solved(kernel, [0, 1, 2, 3, x], targets[[0, 1, 2, 3, x]], noise)[4:]
        covered[x] = int((after.argmax(1) == own[4:]).sum())
    assert covered[int(batch.rows[0])] == max(covered.values())
    assert int(batch.notes[0]["utility"] * 26 + 0.03) == max(covered.values())


def test_labels_part_clusters_that_the_pool_would_not() -> None:
    line = [[0.0], [0.1], [0.2], [0.3], [0.4], [0.5]]
    one = view(embeddings=line, labeled=[0, 5], labels=[0, 0])
    two = view(embeddings=line, labeled=[0, 5], labels=[0, 1])
    picks = [NtkCpl(clusters_at_most=1).query(shown, 1) for shown in (one, two)]
    assert picks[0].notes[0]["utility"] > picks[1].notes[0]["utility"]  # one cluster is covered, two are not quite


def test_gaps_and_flips_are_counted() -> None:
    before = torch.tensor([[0.6, 0.4], [0.1, 0.9]])
    after = torch.tensor([[[0.4, 0.6], [0.1, 0.9]], [[0.7, 0.3], [0.2, 0.8]]])
    assert flips(before)(after).tolist() == [0.5, 0.0]
    assert coverage(torch.tensor([1, 1]))(after).tolist() == pytest.approx([1 + 5e-4, 0.5 + 1e-4])


def test_new_weights_are_drawn_for_each_round_of_the_papers_kernel() -> None:
    study = small_study(DRAWN)
    study.ask(3)
    first = study.pending
    study.tell({name: 0 for name in first})
    study.ask(3)
    assert len(study.pending) == 3 and not set(first) & set(study.pending)
    assert all(row.ok for row in study.audit(refit=True))
    seeds = [DRAWN.query(small_world().view(DRAWN, LEARNER, seed), 3).ids for seed in range(4)]
    assert len({tuple(ids) for ids in seeds}) > 1  # other weights, other picks
    wide = [EvGp().query(small_world().view(EvGp(), LEARNER, seed), 3).ids for seed in range(4)]
    assert len({tuple(ids) for ids in wide}) == 1  # an infinitely wide network draws nothing


def test_it_asks_for_numbers_as_bait_does() -> None:
    shown = view(embeddings=POINTS, logits=POINTS[:, :1], labeled=[0, 1, 2], task=Targets())
    flat = EvGp(kernel=Straight())
    assert flat.query(shown, 4).ids == Bait(select=LeastVariance(bias=False, backward=False)).query(shown, 4).ids


@pytest.mark.parametrize("name", ["ev-gp", "mlmoc", "ntk-cpl"])
def test_on_arrays_they_take_labeled_items_from_outside(name: str) -> None:
    weights = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    scores = POINTS @ weights[:, :4].T + weights[:, 4]
    arrays = {
        "embeddings": POINTS, "logits": scores, "weights": weights,
        "labeled_embeddings": POINTS[:6] + 0.01, "labels": [0, 1, 2, 0, 1, 2],
    }  # fmt: skip
    used = {"ev-gp": ["embeddings", "labeled_embeddings"],
            "ntk-cpl": ["embeddings", "labeled_embeddings", "labels"]}.get(name, list(arrays))  # fmt: skip
    found = askance.select(name, 4, **{key: arrays[key] for key in used})
    assert len(set(found.tolist())) == 4
    alone = askance.select(name, 4, **{key: arrays[key] for key in used if not key.startswith("label")})
    assert found.tolist() != alone.tolist()


def test_a_singular_kernel_is_said_in_the_notes() -> None:
    doubled = torch.cat([POINTS[:4], POINTS[:4], POINTS])
    shown = view(embeddings=doubled, labeled=list(range(8)), labels=[0, 1, 2, 0] * 2)
    batch = NtkCpl(noise=0.0).query(shown, 2)
    assert 0 < batch.notes[0]["jitter"] <= 1e-9
    assert "jitter" not in NtkCpl().query(shown, 2).notes[0]


def test_without_noise_a_singular_kernel_says_what_a_little_noise_does() -> None:
    beliefs = torch.randn(30, 3, generator=torch.Generator().manual_seed(3)).softmax(1)
    shown = view(embeddings=POINTS, probabilities=beliefs, labeled=list(range(10)), labels=[0, 1, 2, 0, 1] * 2)
    without, little = (
        Mlmoc(features=Embeddings(), kernel=Straight(), noise=noise, batch="top").query(shown, 20)
        for noise in (0.0, 1e-5)
    )
    assert without.notes[0]["jitter"] > 0 and without.ids == little.ids
    assert [note["utility"] for note in without.notes] == pytest.approx(
        [note["utility"] for note in little.notes], 1e-2
    )


def test_labeled_items_without_their_labels_are_refused_by_name() -> None:
    beliefs = torch.randn(30, 3, generator=torch.Generator().manual_seed(3)).softmax(1)
    with pytest.raises(MissingSignal, match="mlmoc needs labels="):
        askance.select(
            "mlmoc", 1, embeddings=POINTS, probabilities=beliefs, weights=torch.ones(3, 5),
            labeled_embeddings=POINTS[:2],
        )  # fmt: skip


def test_bad_options_are_refused() -> None:
    for wrong in ({"change": "scores"}, {"batch": "all"}, {"noise": -1.0}, {"candidates": 0}):
        with pytest.raises(BadInput):
            Mlmoc(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        NtkCpl(clusters_at_most=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [EvGp(features=TangentFeatures(), kernel=Straight()), Mlmoc(), NtkCpl(), DRAWN],
    ids=["ev-gp", "mlmoc", "ntk-cpl", "drawn"],
)
def test_networks_that_are_trained_keep_the_contract(strategy: askance.Strategy) -> None:
    check_strategy(strategy, TRAINED)

"""What the presets on embeddings of unequal quality say: verdicts on planted results, and a page of what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from askance.reports.condensed import Condensed, Condition, Strategy
from benchmarks.claims import Claim
from benchmarks.no_free_lunch import by_set, claims, digits_claims, halved, interaction, lift, places, rank_table
from benchmarks.no_free_lunch_page import page

NAMES = ("random", "margin", "entropy", "badge", "typiclust", "drop-query", "bait")
QUALITY = {"minilm-l6": 0.8, "svd-64": 0.6, "svd-8": 0.4}
GOOD = {"margin": 0.06, "entropy": -0.05, "badge": 0.05, "typiclust": 0.01, "drop-query": 0.04, "bait": 0.02}
POOR = {"margin": 0.0, "entropy": -0.05, "badge": 0.03, "typiclust": 0.05, "drop-query": 0.01, "bait": 0.01}
Gains = Callable[[str, str], float]  # of a reader and a strategy


def gains(reader: str, strategy: str) -> float:
    return (POOR if reader == "svd-8" else GOOD).get(strategy, 0.0)


def condition(
    dataset: str, encoder: str, start: str, level: float, gain: Callable[[str], float], seeds: int, lifted: float = 0.0
) -> Condition:
    dice = np.random.default_rng(abs(hash((len(dataset), len(encoder), len(start)))))
    shared = dice.normal(0, 0.02, seeds)
    parts = {}
    for name in NAMES:
        own = level + gain(name) + shared + dice.normal(0, 0.005, seeds)
        parts[name] = Strategy(
            areas=own.round(5).tolist(),
            final=level,
            curve=[level],
            low=[level],
            high=[level],
            seconds=1.0,
            others={"balanced_accuracy": level - 0.1},
            early=(own - 0.2 + lifted).round(5).tolist(),
        )
    return Condition(
        name=f"{dataset}, {encoder}, start {start}",
        dataset=dataset,
        domain="texts",
        items=4500,
        classes=8,
        encoder=encoder,
        learner="linear",
        start=start,
        initial=10,
        batch=10,
        budget=210,
        test=1000,
        seeds=list(range(seeds)),
        labels=[10.0],
        strategies=parts,
    )


def condensed(conditions: list[Condition], done: int = 10) -> Condensed:
    return Condensed("no-free-lunch", "No free lunch", "2026-11-30", "random", done, done, {}, conditions)


def texts(seeds: int = 12, gain: Gains = gains, lifted: float = 0.05) -> Condensed:
    return condensed(
        [
            condition(
                dataset,
                reader,
                start,
                QUALITY[reader],
                lambda name, reader=reader: gain(reader, name),  # type: ignore[misc]
                seeds,
                lifted * (start != "random") * (reader != "svd-8"),
            )
            for dataset in ("r8", "sentiment")
            for reader in ("svd-8", "minilm-l6", "svd-64")
            for start in ("random", "centroid")
        ]
    )


def verdicts(found: list[Claim]) -> list[str]:
    return [claim.verdict for claim in found]


def test_readers_are_ordered_by_what_random_picks_reach_with_them() -> None:
    sets = by_set(places(texts()))
    assert list(sets) == ["r8", "sentiment"]
    assert [place.reader for place in sets["r8"]] == ["minilm-l6", "svd-64", "svd-8"]
    assert float(lift(sets["r8"][0], "centroid").mean()) == pytest.approx(0.05, abs=0.03)


def test_planted_effects_are_found() -> None:
    found = claims(texts())
    assert verdicts(found) == [*["holds"] * 6, "not testable here"]
    assert "r8: margin with minilm-l6, typiclust with svd-8, margin over typiclust: " in found[2].numbers[0]
    assert "First of 6 sets and readers: margin 4, typiclust 2." in found[3].numbers[0]
    assert found[3].numbers[1] == "Never below the first: none."
    assert found[4].numbers[0].startswith("Worst regret over 6 sets and readers, in points: badge ")
    assert found[5].numbers[0] == "Below random at 6 of 6, above at 0."


def test_what_is_said_of_first_labels_comes_in_the_order_of_the_grid() -> None:
    found = texts()
    starts = ("centroid", "typiclust", "diverse-dense", "k-means", "k-center", "badge", "margin")
    more = [replace(one, start=start) for start in starts for one in found.conditions if one.start == "centroid"]
    told = claims(replace(found, conditions=[*(one for one in found.conditions if one.start == "random"), *more]))[0]
    assert [line.partition(",")[0] for line in told.numbers if "mean over sets" in line] == list(starts)


def test_what_is_not_there_is_not_found() -> None:
    alike = claims(texts(gain=lambda reader, name: 0.0, lifted=0.0))
    assert verdicts(alike)[:3] == ["does not hold"] * 3 and alike[5].verdict == "does not hold"


def test_one_seed_tests_nothing_and_the_page_still_stands() -> None:
    found = claims(texts(seeds=1))
    assert verdicts(found)[:4] == ["not tested yet"] * 4 and found[5].verdict == "not tested yet"
    text = page(texts(seeds=1), None)
    assert "1 paired seeds" in text and "Not run yet: `askance lab run no-free-lunch-digits`" in text
    assert "nan" not in text


def test_a_grid_that_is_half_done_is_read_as_far_as_it_goes() -> None:
    whole = texts()
    first = whole.conditions[0]
    fewer = replace(
        first,
        seeds=first.seeds[:7],
        strategies={
            name: replace(part, areas=[*part.areas[:6], None], early=[*part.early[:6], None])
            for name, part in first.strategies.items()
            if name != "bait"
        },
    )
    found = condensed([fewer, *whole.conditions[1:-1]])
    text = page(found, None)
    assert "7 to 12 paired seeds" in text and "| – |" in text and "nan" not in text
    assert claims(found)[1].verdict == "holds"


def test_no_interaction_is_like_chance_and_a_planted_one_is_not() -> None:
    dice = np.random.default_rng(1)
    chance = [interaction(dice.random((20, 3, 5)).argsort(2).argsort(2) + 1.0, 99) for _ in range(40)]
    assert 0.2 < float(np.mean(chance)) < 0.8 and sum(p < 0.05 for p in chance) <= 6
    planted = dice.random((20, 3, 5))
    planted[:, 0, 0] += 1
    assert interaction(planted.argsort(2).argsort(2) + 1.0, 99) == 0.01
    assert np.isnan(interaction(np.ones((1, 3, 5))))


def test_ranks_count_the_larger_areas_and_share_ties() -> None:
    place = places(texts(seeds=2))[0]
    tied = {name: replace(part, areas=[0.5, 0.5]) for name, part in place.starts["random"].strategies.items()}
    tied["margin"] = replace(tied["margin"], areas=[0.6, 0.4])
    own = replace(place, starts={"random": replace(place.starts["random"], strategies=tied)})
    assert rank_table([own])[:, 0].tolist() == [[4.5, 1.0, *[4.5] * 5], [3.5, 7.0, *[3.5] * 5]]


def test_no_seed_that_chose_a_winner_tests_it_whichever_cell_failed() -> None:
    (one, *_) = texts(seeds=8).conditions
    parts = {name: replace(part, areas=[0.0] * 8) for name, part in one.strategies.items()}
    parts["margin"] = replace(parts["margin"], areas=[seed / 10 for seed in range(8)])  # the gap is the seed
    parts["badge"] = replace(parts["badge"], areas=[0.0, None, *[0.0] * 6])
    (place,) = places(condensed([replace(one, strategies=parts)]))
    assert halved(place, "margin", "random", 0) == pytest.approx([0.0, 0.2, 0.4, 0.6])  # these choose
    assert halved(place, "margin", "badge", 1) == pytest.approx([0.3, 0.5, 0.7])  # and these test


def test_bold_and_ranks_are_over_shared_seeds() -> None:
    (one, *_) = texts(seeds=4).conditions
    areas = {"random": [0.5] * 4, "margin": [0.9, 0.5, 0.5, 0.5], "entropy": [None, 0.55, 0.55, 0.55]}
    areas |= {"bait": [0.95, None, None, None]}
    parts = {name: replace(one.strategies[name], areas=own) for name, own in areas.items()}
    text = page(condensed([replace(one, strategies=parts)]), None)
    (row,) = [line for line in text.splitlines() if line.startswith("| svd-8 | random |")]
    assert "| **0.550** ±0.000 (3) |" in row and "| 0.950 (1) |" in row and row.count("**") == 2
    (row,) = [line for line in text.splitlines() if line.startswith("| svd-8 | 1 |")]
    assert "(1.0)" in row.split("|")[5] and row.split("|")[6].strip() == "–"


def test_digits_are_sets_of_their_own_quality() -> None:
    levels = {"good": 0.8, "noisy": 0.6, "poor": 0.5}
    leads = {"drop-query": 0.08, "typiclust": 0.06, "entropy": -0.03}
    found = condensed(
        [
            condition(f"digits, {reader}", "default", start, level, lambda name: leads.get(name, 0.0), 12, lifted)
            for reader, level in levels.items()
            for start, lifted in (("random", 0.0), ("centroid", 0.05))
        ]
    )
    sets = by_set(places(found))
    assert [place.reader for place in sets["digits"]] == ["good", "noisy", "poor"]
    first, interacts, lead, entropy = digits_claims(found)
    assert first.verdict == lead.verdict == entropy.verdict == "holds" and interacts.verdict == "does not hold"
    assert "drop-query over margin: +8." in " ".join(lead.numbers)

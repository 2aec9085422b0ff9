"""What "No Free Lunch in Active Learning" claims, tested on what its presets left.

    askance lab run no-free-lunch --size paper --out FOLDER     hours; goes on where it stopped
    python -m benchmarks.published no-free-lunch FOLDER --size paper [--keep | --restore]
    askance lab run no-free-lunch-digits --out OTHER            minutes, nothing to fetch
    python -m benchmarks.published no-free-lunch-digits OTHER

Rules were written down before the runs that are reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askance.lab.statistics import holm, interval, paired_t
from askance.reports import words
from askance.reports.condensed import Condensed, Condition
from askance.reports.results import Estimate
from benchmarks.claims import Claim, Verdict, told

Array = NDArray[np.float64]

LEVEL = 0.05
PERMUTATIONS = 999
RANDOM = "random"


@dataclass(frozen=True)
class Place:
    """What one reader makes of one data set, with all ways to pick first labels.

    Args:
        set: The data set.
        reader: The encoder; of spoiled digits, how they are spoiled.
        starts: The condition of each way to pick first labels.
    """

    set: str
    reader: str
    starts: Mapping[str, Condition]

    @property
    def strategies(self) -> list[str]:
        """Those that every condition has."""
        first, *others = self.starts.values()
        return [name for name in first.strategies if all(name in one.strategies for one in others)]

    def areas(self, strategy: str, start: str | None = None, what: str = "areas") -> dict[int, float]:
        """The area of each seed; without a start the mean over those that there are, for seeds that all of them have.

        Args:
            strategy: Whose.
            start: How its first labels are picked.
            what: ``areas``, or ``early`` for the first three rounds.
        """
        parts = [_by_seed(one, strategy, what) for name, one in self.starts.items() if start in (None, name)]
        seeds = sorted(set.intersection(*map(set, parts))) if parts else []
        return {seed: float(np.mean([part[seed] for part in parts])) for seed in seeds}


def places(found: Condensed) -> list[Place]:
    """All pairs of a data set and a reader, in the order of the grid."""
    held: dict[tuple[str, str], dict[str, Condition]] = defaultdict(dict)
    for one in found.conditions:
        name, _, spoiled = one.dataset.partition(", ")
        held[name, spoiled or one.encoder][one.start] = one
    return [Place(name, reader, starts) for (name, reader), starts in held.items()]


def by_set(there: Sequence[Place]) -> dict[str, list[Place]]:
    """The places of each data set, the best reader first: by the area of random picks after random first labels."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in there:
        if RANDOM in place.starts and RANDOM in place.strategies and place.areas(RANDOM, RANDOM):
            found[place.set].append(place)
    return {name: sorted(own, key=lambda place: -_mean(place.areas(RANDOM, RANDOM))) for name, own in found.items()}


def claims(found: Condensed) -> list[Claim]:
    """The claims of the paper, in its order."""
    sets = by_set(places(found))
    return [
        _first_labels(sets),
        _interaction(sets),
        _winners(sets),
        _nobody(sets),
        _badge(sets),
        _entropy(sets),
        Claim(
            "Encoders that lead a leaderboard may have seen its data sets (a caveat: it would make embeddings look "
            "better than they are).",
            "Nothing here can tell: what the weights of WordLlama and MiniLM saw is not on record text by text.",
            "not testable here",
            ("TF-IDF, the knob of this comparison, has seen the pool and nothing else.",),
        ),
    ]


def digits_claims(found: Condensed) -> list[Claim]:
    """What an earlier experiment of ours found on spoiled digits, with 8 seeds of another code."""
    sets = by_set(places(found))
    return [_first_labels(sets), _interaction(sets), _leaders(sets), _entropy(sets)]


def _first_labels(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "First labels that are spread over good embeddings lift the early rounds."
    rule = (
        "Holds if, with the best reader of a set, first labels by clusters are above random ones in the area of the "
        "first three rounds, averaged over strategies, on most sets (paired by seed, Holm over all such tests, p < "
        ".05); in part if on one. How good a reader is: the area of random picks."
    )
    lifts = {
        (name, start): lift(own[0], start) for name, own in sets.items() for start in own[0].starts if start != RANDOM
    }
    adjusted = dict(zip(lifts, holm([paired_t(gaps) for gaps in lifts.values()]), strict=True))
    tested = [key for key, p in adjusted.items() if np.isfinite(p)]
    above = {name for name, start in tested if adjusted[name, start] < LEVEL and lifts[name, start].mean() > 0}
    numbers = [
        f"{name}, by {sets[name][0].reader}: {start} {told(interval(lifts[name, start]))} points over random, p "
        f"{words.p_value(adjusted[name, start])}."
        for name, start in lifts
        if (name, start) in tested
    ]
    for start in dict.fromkeys(start for _, start in tested):
        ends = [(lift(own[0], start), lift(own[-1], start)) for own in sets.values() if len(own) > 1]
        best, poorest = (float(np.mean([_mean_of(pair[side]) for pair in ends])) for side in (0, 1))
        numbers.append(
            f"{start}, mean over sets: {words.signed(100 * best, 1)} points with the best reader, "
            f"{words.signed(100 * poorest, 1)} with the poorest."
        )
    return Claim(text, rule, _share(len(above), len({name for name, _ in tested})), tuple(numbers))


def lift(place: Place, start: str) -> Array:
    """What first labels by a rule have over random ones in the first three rounds, mean of strategies, (seeds,)."""
    gaps = []
    for name in place.strategies:
        ours, theirs = (place.areas(name, which, "early") if which in place.starts else {} for which in (start, RANDOM))
        gaps.append({seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()})
    seeds = sorted(set.intersection(*map(set, gaps))) if gaps else []
    return np.array([np.mean([gap[seed] for gap in gaps]) for seed in seeds], dtype=np.float64)


def _interaction(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "Which strategies do well depends on the quality of the embedding."
    rule = (
        "Holds if average ranks of strategies differ more between readers than when readers are exchanged at random "
        f"within each seed ({PERMUTATIONS} permutations, Holm over sets, p < .05) on most sets; in part if on one."
    )
    found = {name: interaction(rank_table(own)) for name, own in sets.items() if len(own) > 1}
    adjusted = dict(zip(found, holm(list(found.values())), strict=True))
    tested = {name: p for name, p in adjusted.items() if np.isfinite(p)}
    numbers = []
    for name, p in tested.items():
        table, names = rank_table(sets[name]).mean(0), shared(sets[name])
        ends = [
            f"{place.reader}: {', '.join(f'{names[n]} {ranks[n]:.1f}' for n in ranks.argsort(kind='stable')[:3])}"
            for place, ranks in ((sets[name][0], table[0]), (sets[name][-1], table[-1]))
        ]
        numbers.append(f"{name}: p {words.p_value(p)}. Best ranks with {'; with '.join(ends)}.")
    return Claim(text, rule, _share(sum(p < LEVEL for p in tested.values()), len(tested)), tuple(numbers))


def shared(own: Sequence[Place]) -> list[str]:
    """Strategies that all places have."""
    return [name for name in own[0].strategies if all(name in place.strategies for place in own)]


def rank_table(own: Sequence[Place]) -> Array:
    """The rank of each strategy's area, 1 is best, by seeds that all readers have; (seeds, readers, strategies)."""
    names = shared(own)
    parts = [[place.areas(name) for name in names] for place in own]
    seeds = sorted(set.intersection(*(set(areas) for rows in parts for areas in rows)))
    table = np.array([[[areas[seed] for areas in rows] for rows in parts] for seed in seeds], dtype=np.float64)
    table = table.reshape(len(seeds), len(own), len(names))
    larger = (table[..., None, :] > table[..., :, None]).sum(-1)
    same = (table[..., None, :] == table[..., :, None]).sum(-1)
    return np.asarray(larger + (same + 1) / 2, dtype=np.float64)


def interaction(ranks: Array, permutations: int = PERMUTATIONS) -> float:
    """How likely average ranks would differ so much between readers if it did not matter who read; NaN below 2 seeds.

    The variance of a strategy's average ranks over readers, summed over strategies, beside the same after the readers
    of each seed were put in a random order.

    Args:
        ranks: (seeds, readers, strategies).
        permutations: How many.
    """
    if len(ranks) < 2 or ranks.shape[1] < 2:
        return float("nan")
    turns = np.random.default_rng(0).random((permutations, *ranks.shape[:2])).argsort(2)
    rows = np.arange(len(ranks))[:, None]
    tables = np.concatenate([ranks[None], ranks[rows, turns]])  # what was found, then each permutation
    spread = tables.mean(1).var(1).sum(1)
    return float((spread >= spread[0] * (1 - 1e-9)).mean())


def _winners(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "The best strategy of a good embedding is another than that of a poor one."
    rule = (
        "Holds if, on most sets, the winner with the best reader and that with the poorest differ and each is above "
        "the other with its own reader (paired, p < .05); in part if on one. Every other seed chooses winners, the "
        "rest test them."
    )
    flips, tested, numbers = 0, 0, []
    for name, own in sets.items():
        ends = (own[0], own[-1])
        first, second = (_winner(place) for place in ends)
        if len(own) < 2 or not first or not second:
            continue
        tested += 1
        gaps = [halved(place, first, second, 1) for place in ends]
        p = [paired_t(gap) for gap in gaps]
        flip = first != second and gaps[0].mean() > 0 > gaps[1].mean() and max(p) < LEVEL
        flips += flip
        beside = f", {first} over {second}: {told(interval(gaps[0]))}, then {told(interval(gaps[1]))} points"
        numbers.append(
            f"{name}: {first} with {own[0].reader}, {second} with {own[-1].reader}{beside if first != second else ''}."
        )
    return Claim(text, rule, _share(flips, tested), tuple(numbers))


def _nobody(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "No strategy wins everywhere; margin, the cheap one, leads on some sets."
    rule = (
        "Holds if every strategy is below the first of some set and reader (paired, Holm over its rivals, p < .05), "
        "and margin has the largest mean area at one or more; in part if one of the two."
    )
    firsts: dict[str, int] = defaultdict(int)
    beaten: set[str] = set()
    there = [place for own in sets.values() for place in own if _means(place)]
    for place in there:
        means = _means(place)
        best = max(means, key=lambda name: means[name])
        firsts[best] += 1
        others = [name for name in means if name != best]
        adjusted = holm([paired_t(halved(place, best, name, None)) for name in others])
        beaten |= {name for name, p in zip(others, adjusted, strict=True) if p < LEVEL}
    if not there or not any(len(place.areas(RANDOM)) > 1 for place in there):
        return Claim(text, rule, "not tested yet")
    names = shared(there)
    parts = [set(names) <= beaten, firsts["margin"] > 0]
    verdict: Verdict = "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"
    order = sorted(firsts, key=lambda name: -firsts[name])
    never = [name for name in names if name not in beaten]
    numbers = [f"First of {len(there)} sets and readers: {', '.join(f'{n} {firsts[n]}' for n in order if firsts[n])}."]
    numbers.append(f"Never below the first: {', '.join(never) or 'none'}.")
    return Claim(text, rule, verdict, tuple(numbers))


def _badge(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "BADGE is the most robust across tasks, and gains with better embeddings."
    rule = (
        "Holds if its worst regret over sets and readers (how far its mean area is below the best one) is the least of "
        "all, and its gain over random is larger with the best reader than with the poorest, on the mean over sets; in "
        "part if one of the two."
    )
    rows = [means for own in sets.values() for place in own if "badge" in (means := _means(place))]
    if not rows:
        return Claim(text, rule, "not tested yet")
    worst = regret(rows)
    ranks = mean_ranks(rows)
    order = sorted(worst, key=lambda name: worst[name])
    ends = [[_gain(place, "badge") for place in (own[0], own[-1])] for own in sets.values() if len(own) > 1]
    best, poorest = np.mean(ends, axis=0) if ends else (np.nan, np.nan)
    parts = [order[0] == "badge", bool(best > poorest)]
    verdict: Verdict = "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"
    listed = ", ".join(f"{name} {100 * worst[name]:.1f}" for name in order)
    ranked = ", ".join(f"{name} {ranks[name]:.1f}" for name in sorted(ranks, key=lambda name: ranks[name]))
    return Claim(
        text,
        rule,
        verdict,
        (
            f"Worst regret over {len(rows)} sets and readers, in points: {listed}.",
            f"Average ranks: {ranked}.",
            f"BADGE over random: {words.signed(100 * best, 1)} points with the best reader, "
            f"{words.signed(100 * poorest, 1)} with the poorest.",
        ),
    )


def regret(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """How far each strategy is below the best one, where it is farthest.

    >>> regret([{"a": 0.9, "b": 0.8}, {"a": 0.5, "b": 0.75}])
    {'a': 0.25, 'b': 0.1}
    """
    return {name: round(max(max(row.values()) - row[name] for row in rows), 10) for name in _common(rows)}


def mean_ranks(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The average rank of each strategy; 1 is best.

    >>> mean_ranks([{"a": 0.9, "b": 0.8}, {"a": 0.5, "b": 0.75}])
    {'a': 1.5, 'b': 1.5}
    """
    return {
        name: float(np.mean([1 + sum(v > row[name] for v in row.values()) for row in rows])) for name in _common(rows)
    }


def _common(rows: Sequence[Mapping[str, float]]) -> list[str]:
    return [name for name in rows[0] if all(name in row for row in rows)]


def _entropy(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "Entropy is below random with few labels (seen on digits; not the paper's)."
    rule = (
        "Holds if entropy is below random after random first labels at most sets and readers (paired, Holm over them, "
        "p < .05); in part if at one."
    )
    gaps = {
        f"{place.set} by {place.reader}": halved(place, "entropy", RANDOM, None, RANDOM)
        for own in sets.values()
        for place in own
        if "entropy" in place.strategies
    }
    adjusted = dict(zip(gaps, holm([paired_t(values) for values in gaps.values()]), strict=True))
    tested = {name: p for name, p in adjusted.items() if np.isfinite(p)}
    below = [name for name, p in tested.items() if p < LEVEL and gaps[name].mean() < 0]
    above = [name for name, p in tested.items() if p < LEVEL and gaps[name].mean() > 0]
    numbers = [f"Below random at {len(below)} of {len(tested)}, above at {len(above)}."] if tested else []
    numbers += [f"{name}: {told(interval(gaps[name]))} points, p {words.p_value(tested[name])}." for name in tested]
    return Claim(text, rule, _share(len(below), len(tested)), tuple(numbers))


def _leaders(sets: Mapping[str, Sequence[Place]]) -> Claim:
    text = "With noisy embeddings DropQuery and TypiClust lead."
    rule = (
        "Holds if the larger mean area of the two is above every other strategy's on noisy digits (paired, Holm, p < "
        ".05), and the other of them comes second; in part if one of the two."
    )
    pair = ("drop-query", "typiclust")
    place = next((one for own in sets.values() for one in own if one.reader == "noisy"), None)
    means = _means(place) if place is not None else {}
    if place is None or not set(pair) <= means.keys() or len(place.areas(RANDOM)) < 2:
        return Claim(text, rule, "not tested yet")
    order = sorted(means, key=lambda name: -means[name])
    best = max(pair, key=lambda name: means[name])
    others = [name for name in means if name not in pair]
    gaps = {name: halved(place, best, name, None) for name in others}
    adjusted = holm([paired_t(values) for values in gaps.values()])
    parts = [
        all(p < LEVEL and gaps[name].mean() > 0 for name, p in zip(others, adjusted, strict=True)),
        set(order[:2]) == set(pair),
    ]
    verdict: Verdict = "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"
    numbers = [f"Areas on noisy digits: {', '.join(f'{name} {means[name]:.3f}' for name in order)}."]
    numbers += [f"{best} over {name}: {told(interval(gaps[name]))} points." for name in others]
    return Claim(text, rule, verdict, tuple(numbers))


def _share(found: int, tested: int) -> Verdict:
    """What a rule says that wants most of the sets."""
    if not tested:
        return "not tested yet"
    return "holds" if found > tested / 2 else "holds in part" if found else "does not hold"


def _by_seed(one: Condition, strategy: str, what: str) -> dict[int, float]:
    values = getattr(one.strategies[strategy], what) if strategy in one.strategies else []
    return {seed: value for seed, value in zip(one.seeds, values, strict=False) if value is not None}


def halved(place: Place, one: str, other: str, half: int | None, start: str | None = None) -> Array:
    """What one strategy has over another for even seeds, for odd ones (``half`` is 0 or 1), or for all, (seeds,).

    Seeds are told apart by themselves and not by their places among those that are shared: which these are differs from
    pair to pair, and a winner would be tested on seeds that it was chosen by.
    """
    ours, theirs = place.areas(one, start), place.areas(other, start)
    seeds = sorted(seed for seed in ours.keys() & theirs.keys() if half is None or seed % 2 == half)
    return np.array([ours[seed] - theirs[seed] for seed in seeds], dtype=np.float64)


def _winner(place: Place) -> str:
    """Whose gain over random is largest by even seeds, so that odd ones can test it; nothing with fewer than four."""
    if len(place.areas(RANDOM)) < 4:
        return ""
    gains = {name: _mean_of(halved(place, name, RANDOM, 0)) for name in place.strategies}
    return max((name for name in gains if np.isfinite(gains[name])), key=lambda name: gains[name], default="")


def _means(place: Place) -> dict[str, float]:
    """The mean area of each strategy over the seeds that all have; empty without one."""
    parts = {name: place.areas(name) for name in place.strategies}
    seeds = set.intersection(*map(set, parts.values())) if parts else set()
    return {name: float(np.mean([areas[seed] for seed in seeds])) for name, areas in parts.items()} if seeds else {}


def _gain(place: Place, name: str) -> float:
    return _mean_of(halved(place, name, RANDOM, None))


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _mean_of(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def estimate(place: Place, strategy: str, start: str) -> Estimate:
    """The mean area over seeds, with its interval."""
    return interval(list(place.areas(strategy, start).values()))

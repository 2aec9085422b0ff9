"""What docs/papers/no-free-lunch.md says, from what is kept of the presets no-free-lunch and no-free-lunch-digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from askance.reports import words
from askance.reports.condensed import Condensed
from askance.reports.results import Estimate
from benchmarks.claims import Claim, summary
from benchmarks.no_free_lunch import Place, claims, digits_claims, estimate, mean_ranks, places
from benchmarks.paired import table, tidy
from benchmarks.published import published, remark

TEXTS, DIGITS = "no-free-lunch", "no-free-lunch-digits"

_CLAIMED = """# No free lunch

*No Free Lunch in Active Learning: LLM Embedding Quality Dictates Query Strategy Success* (Rauch et al. 2025): what it
claims, what askance ran, and what came out.

## What the paper claims

It freezes the embeddings of five language models that lead a leaderboard, and of two baselines, puts a linear head on
them, and runs seven strategies after two ways to pick the first labels on ten sets of texts. It says that
first labels by diversity go well with good embeddings and lift the early rounds; that the best strategy depends on the
quality of the embedding; that margin, which is cheap, is far ahead on some sets; that BADGE is the most robust and
gains with better embeddings; and that nothing wins everywhere. Its tables could not be read.

## What askance ran

`askance lab run no-free-lunch`: 20-newsgroups, Reuters R8 and R52, SpamAssassin and sentences of film reviews, 4,500
items of each drawn by a hash, of which 1,000 are held out. Five readers of unequal quality: MiniLM-L6, WordLlama, and
TF-IDF folded into 256, 64 or 8 dimensions, the knob. First labels at random, by `centroid` or by `typiclust`: 10, then
20 rounds of 10. Split, first labels and dice of a seed are the same for all strategies.

- **Head**: softmax with a ridge, solved to the end, its strength chosen by cross-validation on the labels. The
  benchmarks train 200 epochs of SGD instead, which on ten labels measures the optimizer.
- **Scaling**: rows of all five readers have length one, and the head, BADGE, BAIT and DropQuery's dropout see them so.
  Digits are centered pixels as they are. k-means (DropQuery, TypiClust, first labels) sees rows of length one.
- **DropQuery**: three passes with 0.75 of the features dropped, more than one change of class, or at least one where
  that gives fewer than 25 candidates for each pick; then k-means.
- **TypiClust** is the benchmark's: k-means with labels + 10 clusters, those without a label first, the largest first,
  of any size. The first labels by `typiclust` are by its own paper, which leaves clusters of up to five for the end.
- **BADGE** starts at the longest gradient; its distances come from two factors, which are never multiplied out.
- **BAIT** takes the Fisher information with its first factor as a multiple of the unit matrix, exact for two classes.
- **First labels**: `centroid` takes the item nearest to each center, `typiclust` the most typical one of each cluster.
  `diverse-dense` (the densest place of each cluster) is there too, and was not run: it is nearly `typiclust`.
"""
_KNOB = """
## The knob on digits

`askance lab run no-free-lunch-digits` needs nothing from the network: *good* is centered pixels, *noisy* has normal
noise of 0.35 added, *poor* is 12 random projections cut off at zero. 20 first labels, 12 rounds of 10.
"""
_DIFFERS = """
## What differs, and why

- Models of billions of weights cannot be had here. MiniLM, six layers, is the largest of five readers, and the knob
  makes worse ones.
- The sets are others than the paper's; two are very unequal, so that balanced accuracy stands beside accuracy.
- The pool is 3,500 items of each set. A smaller pool has fewer items worth a label, so that gains are of this size of
  pool; `items` in a grid changes it.
- The full TypiClust was run in batches of 10. How it fares in batches of 100 is told by
  [CDALBench](../lab/claims.md).
"""


def no_free_lunch_page() -> str:
    """The page."""
    kept = published()
    return page(kept.get(TEXTS), kept.get(DIGITS))


def page(texts: Condensed | None, digits: Condensed | None) -> str:
    """The page of any results, finished or not.

    Args:
        texts: What is kept of the preset on texts, if anything is.
        digits: And of the one on digits.
    """
    return tidy(
        _CLAIMED
        + _KNOB
        + _results(digits, DIGITS, digits_claims)
        + "\n## On texts\n"
        + _results(texts, TEXTS, claims)
        + _DIFFERS
        + _again()
    )


def _results(found: Condensed | None, preset: str, claimed: Callable[[Condensed], list[Claim]]) -> str:
    if found is None:
        return f"\nNot run yet: `askance lab run {preset}`.\n"
    there = places(found)
    seeds = sorted({len(one.seeds) for one in found.conditions})
    many = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    told = claimed(found)
    return "".join(
        [
            f"\n{found.title}: {found.done:,} of {found.cells:,} runs, {many} paired seeds, read on {found.date}.\n",
            f"\n{remark(found, '../default-head.md')}",
            *(f"\n{text}\n" for text in found.said if text.startswith("Left out")),
            "\nMean accuracy over the labels bought, and half of its 95% interval; bold is the largest of a row over "
            "the seeds that its strategies share.\n",
            *(_areas(name, [place for place in there if place.set == name]) for name in _sets(there)),
            _balanced(there),
            f"\n### The claims, one by one\n\nOf {len(told)}: {summary(told)}.\n\n",
            *(claim.lines() for claim in told),
        ]
    )


def _areas(name: str, own: Sequence[Place]) -> str:
    """A table of areas of one set: a row for each reader and way to pick first labels."""
    names = list(dict.fromkeys(n for place in own for one in place.starts.values() for n in one.strategies))
    lines = []
    for place in own:
        for start in place.starts:
            found = {n: estimate(place, n, start) for n in names}
            shared = place.starts[start].shared()
            best, most = max(shared.values(), default=np.nan), max(e.count for e in found.values())
            cells = (_cell(e, most, shared.get(n) == best) for n, e in found.items())
            lines.append([place.reader, start, *cells])
    return f"\n### {name}\n" + table(["Reader", "First labels", *(f"`{n}`" for n in names)], lines, left=2)


def _cell(found: Estimate, most: int, best: bool) -> str:
    if not found.count:
        return "–"
    text = f"**{words.score(found.mean)}**" if best else words.score(found.mean)
    text += f" ±{found.high - found.mean:.3f}" if np.isfinite(found.high) else ""
    return text if found.count == most else f"{text} ({found.count})"


def _balanced(there: Sequence[Place]) -> str:
    """Balanced accuracy, averaged over sets and ways to pick first labels, and average ranks, for each reader."""
    readers = list(dict.fromkeys(place.reader for place in there))
    every = list(dict.fromkeys(name for place in there for one in place.starts.values() for name in one.strategies))
    lines = []
    for reader in readers:
        own = [one for place in there if place.reader == reader for one in place.starts.values()]
        shared = [one.shared() for one in own]
        names = [name for name in own[0].strategies if all(name in areas for areas in shared)]
        fair = {
            name: np.mean([one.strategies[name].others.get("balanced_accuracy", np.nan) for one in own])
            for name in names
        }
        ranks = mean_ranks([{name: areas[name] for name in names} for areas in shared])
        told = {name: f"{fair[name]:.3f} ({ranks[name]:.1f})" for name in names}
        lines.append([reader, str(len(own)), *(told.get(name, "–") for name in every)])
    heads = ["Reader", "Conditions", *(f"`{name}`" for name in every)]
    return (
        "\n### By reader\n\nBalanced accuracy over the labels bought, the mean over conditions, and in parentheses the "
        "average rank by accuracy.\n" + table(heads, lines, left=1)
    )


def _sets(there: Sequence[Place]) -> list[str]:
    return list(dict.fromkeys(place.set for place in there))


def _again() -> str:
    return (
        "\n`askance lab run no-free-lunch --size paper --out FOLDER` goes on where it stopped, and "
        "`python -m benchmarks.published no-free-lunch FOLDER --size paper` reads what is there.\n"
    )

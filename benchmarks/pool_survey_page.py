"""What docs/papers/pool-survey.md says, from what is kept of the preset, as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from askance.lab.bounds import BEAM
from askance.lab.presets.pool_survey import MATCHED, MISMATCHED, STRATEGIES
from askance.reports import words
from askance.reports.condensed import Condensed, Condition
from benchmarks.claims import summary
from benchmarks.paired import table, tidy
from benchmarks.pool_survey import PUBLISHED, Published, claims, means_on_seeds_of_the_oracle
from benchmarks.published import published


def pool_survey_page() -> str:
    """The page."""
    return page(published().get("pool-survey"))


def page(found: Condensed | None) -> str:
    """The page of any results, finished or not.

    Args:
        found: What is kept of the preset; None: nothing.
    """
    return tidy(_CLAIMED + _RAN + (_ours(found) if found else _MISSING) + _DIFFERS)


_CLAIMED = """# The pool-based survey, and its rerun

*A Comparative Survey: Benchmarking for Pool-based Active Learning* (Zhan et al. 2021) compares 17 methods of three
libraries on 35 small sets with a support vector machine as task model. *Re-Benchmarking Pool-Based Active Learning for
Binary Classification* (Lu et al. 2023) ran its 26 two-class sets again and came to other numbers: the survey's queries
come from other models than its task model, some of its random baselines are far too low, and its oracle is lower than
one that ranks by accuracy. The rerun's advice is plain: uncertainty, by the very model that is to be good, is the
baseline to beat.

"""
_RAN = f"""## What askance ran

`askance lab run pool-survey`: 40% of the items are the test, 20 labels come first, labels are bought one by one up to
200 or to the whole pool. The task model is `svc`: an RBF support vector machine with C = 1 and gamma = 1 / d on
features that are standardized over the pool, without its labels and without the test. Split, first labels and dice of a
seed are the same for all. `{MATCHED}` asks by the machine's own decision values; `{MISMATCHED}` by a logistic model
with C = 0.1 beside it. `expected-error-reduction` looks ahead with that logistic model, by one Newton step of its last
layer; `quire`, `hint-svm` and `dwus` bring models of their own; the committee of `qbc` sits around the machine. The
beam oracle keeps five sequences and ranks all children by test accuracy; its machines go on from their parents'
solutions, and what it finds is played back with `svc` itself.

"""
_MISSING = "No result is committed yet.\n"
_DIFFERS = """
## What differs, and why

- Sets: sonar, ionosphere, wdbc, diabetes, spambase, iris, wine, glass and vehicle are the published ones. Checkerboard,
  wave (for ex8a), disk (ex8b), both clouds and banana are made here [by laws that are written
  down](../datasets.md#laws-of-generated-sets): their numbers are to be compared in kind. Spam and banana are cut to
  2,000 items. The others of the 26 were found in no package.
- Every table of the lab is standardized over all of its items, without labels. The machine standardizes again over the
  pool, which comes to the same as over the pool alone; the logistic model does not.
- Both papers go on until the pool is empty. Here 200 labels are the end, so areas of sets with larger pools are lower
  than published, and only differences compare.
- The papers draw 20 first labels at random until there are two of each class. Here 20 are drawn at random of two
  classes, and equally many of each class of more.
- Of more than two classes the class is that of the clearest votes of all pairs of machines (scikit-learn's `ovr`
  values), and the margin is one of these votes.
- One Newton step of a last layer stands in for retraining in expected error reduction, on 200 candidates; HintSVM has
  100 hints at most; hierarchical sampling cuts its tree anew by all labels. BMDR, SPAL, ALBL and variance reduction are
  in the catalogue and were left out for their time.
- Areas are of accuracy; the survey's AUC and F1 come from hard labels and are not compared.

Run it: `askance lab run pool-survey --size paper --out FOLDER`, then `python -m benchmarks.published pool-survey FOLDER
--size paper --keep` and `make docs`.
"""


def _ours(found: Condensed) -> str:
    told_claims = claims(found)
    counts = sorted({part.count for one in found.conditions for part in one.strategies.values()})
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    few = " Of one seed nothing is tested, and no order means anything." if counts[-1] < 2 else ""
    return (
        f"{found.title}: {found.done:,} of {found.cells:,} runs are in these tables, {many} paired "
        f"seed{'s' if counts[-1] != 1 else ''}, {found.date}, with askance {found.versions.get('askance', '?')} "
        f"and scikit-learn "
        f"{found.versions.get('scikit-learn', '?')}.{few}\n"
        + _beside(found.conditions)
        + _gains(found.conditions)
        + f"\n## The claims, one by one\n\nOf {len(told_claims)}: {summary(told_claims)}. A rule says when a claim "
        "holds; it was written before the runs.\n\n" + "".join(claim.lines() for claim in told_claims)
    )


def _beside(conditions: Sequence[Condition]) -> str:
    by_set = {one.dataset: one for one in conditions}
    lines = []
    for name, row in PUBLISHED.items():
        if row.ours in by_set:
            lines.append(
                [f"{name}{' (ours in its style)' if row.style else ''}", *_published(row), *_own(by_set[row.ours])]
            )
    gone = [name for name, row in PUBLISHED.items() if not row.ours]
    if not lines:
        return ""
    return (
        "\n## Published numbers beside ours\n\n"
        "Areas of accuracy. *Survey* and *rerun* are over the whole pool; ours are over the labels in the table, as "
        "means over seeds, the oracle's gap on its own seeds alone. The gap is what the oracle has more than random.\n"
        + table(
            ["Set", "Random, survey", "Random, rerun", "Matching, rerun", "Oracle, survey", "Oracle, rerun",
             "Gap, rerun", "Labels", "Random, ours", "Matching, ours", "Oracle, ours", "Gap, ours"],
            lines,
        )
        + f"Published and not here, for want of the data: {words.listing(gone)}.\n"
    )  # fmt: skip


def _published(row: Published) -> list[str]:
    original = row.original or (None, None, None, None)
    again = row.again or (None, None, None)
    between = again[2] - again[0] if again[2] is not None and again[0] is not None else None
    numbers = (original[0], again[0], again[1], original[1], again[2])
    return [*(_score(value) for value in numbers), _score(between)]


def _own(one: Condition) -> list[str]:
    means = means_on_seeds_of_the_oracle(one)
    above = means[BEAM] - means["random"] if means else None
    areas = [one.strategies[name].area if name in one.strategies else None for name in ("random", MATCHED)]
    return [str(one.budget), *map(_score, areas), _score(means.get(BEAM)), _score(above)]


def _gains(conditions: Sequence[Condition]) -> str:
    names = [name for name in _order(conditions) if name != "random"]
    lines = []
    for one in conditions:
        cells = [_gain(one, name) for name in names]
        lines.append(
            [one.dataset, f"{one.strategies['random'].area:.3f}" if "random" in one.strategies else "–", *cells]
        )
    return (
        "\n## Every strategy against random\n\n"
        "Points of area, mean over paired seeds; bold is above and italic below by a paired t-test at 0.05, adjusted "
        "by Holm for the strategies of the set.\n" + table(["Set", "Random", *(f"`{name}`" for name in names)], lines)
    )


def _order(conditions: Sequence[Condition]) -> list[str]:
    known = [part if isinstance(part, str) else str(part["name"]) for part in STRATEGIES]
    there = dict.fromkeys(name for one in conditions for name in one.strategies)
    return [*(name for name in known if name in there), *(name for name in there if name not in known)]


def _gain(one: Condition, name: str) -> str:
    part = one.strategies.get(name)
    if part is None or part.gain is None:
        return "–"
    text = words.signed(100 * part.gain, 1)
    return {"above": f"**{text}**", "below": f"*{text}*"}.get(str(part.verdict), text)


def _score(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else words.score(value)

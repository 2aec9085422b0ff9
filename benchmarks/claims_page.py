"""docs/lab/claims.md and docs/lab/index.html: what papers claim, and all results behind it on one page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from askance.reports.condensed import Condensed
from askance.reports.page import write_published_page
from benchmarks import cdalbench, no_free_lunch, pool_survey
from benchmarks.claims import Claim, summary
from benchmarks.published import changed, published, remark

ABOUT = (
    "The field's published benchmarks, rerun on data that can be had by package. Every number is over paired seeds; "
    "losses to random are shown as plainly as gains."
)
HEAD = "../default-head.md"
PAPERS: dict[str, tuple[str, Callable[[Condensed], list[Claim]]]] = {
    "cdalbench": ("CDALBench", cdalbench.claims),
    "no-free-lunch": ("No free lunch", no_free_lunch.claims),
    "no-free-lunch-digits": ("No free lunch, on digits", no_free_lunch.digits_claims),
    "pool-survey": ("The pool-based survey, and its rerun", pool_survey.claims),
}


def claims_page() -> str:
    """Every claim, and whether it holds here."""
    kept = published()
    lines = [
        "# Claims, one by one\n\n",
        "What the papers of three benchmarks say, and what came of it on the data, models and encoders that can be had "
        "here. A rule says when a claim holds; it was written before the runs. Areas are mean accuracy over the "
        "learning curve, in points of a hundred where they are differences, with 95% intervals over paired seeds. All "
        "curves: [index.html](index.html).\n",
    ]
    for name, (title, claims) in PAPERS.items():
        if name not in kept:
            lines.append(f"\n## {title}\n\nNot run yet: `askance lab run {name}`.\n")
            continue
        found = kept[name]
        told = claims(found)
        seeds = sorted({len(one.seeds) for one in found.conditions})
        many = " or ".join(map(str, seeds))
        lines.append(
            f"\n## {title}\n\n{found.title}: {found.done:,} of {found.cells:,} runs, {len(found.conditions)} "
            f"conditions, {many} paired seeds, {found.date}. Of {len(told)} claims: {summary(told)}.\n\n"
        )
        lines.append(remark(found, HEAD))
        lines += [claim.lines() for claim in told]
        lines += [f"\n{text}\n" for text in found.said if text.startswith("Left out")]
    return "".join(lines)


def public_page() -> str:
    """The lab's page over all that is kept."""
    kept = list(published().values())
    old = [found.title for found in kept if changed(found)]
    before = f" To be run again, as what learned has changed since: {'; '.join(old)}." if old else ""
    with tempfile.TemporaryDirectory() as place:
        page = write_published_page(kept, Path(place) / "index.html", ABOUT + before)
        return page.read_text("utf-8")

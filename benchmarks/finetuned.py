"""A small text encoder, fine-tuned in every round, beside the same encoder left as it is: r8, cut to 2,000 texts.

askance datasets fetch r8 && askance encoders fetch minilm-l6
python -m benchmarks.finetuned                run what is missing, and write docs/results/finetuned.json
python -m benchmarks.finetuned --seeds 100-100 --steps 50   try settings; nothing is written
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from askance.encoders.weights import MINILM, fetched
from askance.lab.datasets import as_texts
from askance.lab.grids import Grid
from askance.lab.sets import load, texts
from askance.learners.huggingface import HuggingFace
from askance.reports import words
from benchmarks.measure import ROOT, machine
from benchmarks.paired import gaps, measure, points, rows, score, table

RESULTS = ROOT / "docs" / "results" / "finetuned.json"
STRATEGIES = ("random", "margin", "badge")
SEEDS = (0, 1, 2)
ITEMS, TEST, FIRST, BATCH, BUDGET = 2_000, 600, 50, 50, 200
STEPS, LENGTH, TEXTS = 100, 48, 8  # of a training, tokens of a text, texts in a step


def grids(seeds: tuple[int, ...] = SEEDS, steps: int = STEPS) -> dict[str, Grid]:
    """The grid of each learner, on the same texts."""
    common: dict[str, Any] = {
        "strategies": STRATEGIES,
        "initial": (FIRST,),
        "batch": (BATCH,),
        "budget": BUDGET,
        "test": TEST,
        "seeds": seeds,
    }
    drawn = as_texts(load("r8"), texts("r8")).sample(ITEMS)
    tuned = HuggingFace(str(fetched(MINILM)), steps=steps, batch=TEXTS, length=LENGTH)
    return {
        "fine-tuned": Grid((drawn,), learners=({"learner": tuned, "name": "fine-tuned"},), **common),
        "as it is": Grid(({"name": "r8", "items": ITEMS},), encoders=("minilm-l6",), **common),
    }


def section() -> str:
    """What docs/papers/deepal.md says of it; nothing where it was not run."""
    if not RESULTS.exists():
        return ""
    kept = json.loads(RESULTS.read_text("utf-8"))
    lines = []
    for name, found in kept["rows"].items():
        against = {gap.one: gap for gap in gaps(found, [(one, "random") for one in STRATEGIES if one != "random"])}
        for strategy in STRATEGIES:
            own = found[strategy]
            seconds = sum(own["seconds"].values())
            gap = points(against[strategy]) if strategy in against else words.NONE
            cells = (score(own), score(own, "final"), gap, f"{seconds:,.0f}")
            lines.append((f"{name}: {strategy}", *cells))
    return (
        f"\n## A fine-tuned encoder\n\n{ITEMS:,} texts of r8, {TEST} of them held out, {kept['seeds']} seeds: MiniLM "
        f"(6 layers, 384 wide) with a linear head, all of it trained anew in every round for {kept['steps']} steps of "
        f"{TEXTS} texts of up to {LENGTH} tokens, beside the same encoder left as it is under `linear`. {FIRST} labels "
        f"at random, then {BATCH} a round up to {BUDGET}.\n"
        + table(("Learner and strategy", "Area", "In the end", "Area against random", "Seconds a run"), lines)
        + f"{kept['seeds']} seeds show that it runs, and no more than large differences. `askance run --dataset r8 "
        f"--items {ITEMS} --learner FOLDER` does it with any Hugging Face folder; `python -m benchmarks.finetuned` "
        f"runs this again ({kept['date']}, one thread of a shared {kept['machine']['processor']}).\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="", metavar="A-B", help="other seeds; nothing is written")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = tuple(range(int(first), int(last) + 1)) if options.seeds else SEEDS
    found = {}
    for name, grid in grids(seeds, options.steps).items():
        (results,) = measure(grid, f"finetuned-{name.replace(' ', '-')}", workers=options.workers)
        found[name] = rows(results)
    if seeds != SEEDS or options.steps != STEPS:
        print(json.dumps(found, indent=1))
        return
    told = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "seeds": len(SEEDS), "steps": STEPS, "rows": found}
    RESULTS.write_text(json.dumps(told, separators=(",", ":")) + "\n", "utf-8")
    print(f"{RESULTS.relative_to(ROOT)} is written; now write the page: make docs")


if __name__ == "__main__":
    main()

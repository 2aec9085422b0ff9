"""The runs behind docs/papers/ntk.md, and what the page makes of any number of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.lab.datasets import digits
from askance.strategies.settings import SCORES, SETTINGS
from benchmarks import ntk, ntk_page
from benchmarks.ntk_page import EXPECTED


def row(seeds: int, gain: float) -> dict[str, Any]:
    dice = np.random.default_rng(0)
    area = [round(float(value), 5) for value in dice.normal(0.7, 0.05, seeds) + gain + dice.normal(0, 0.001, seeds)]
    return {"seeds": list(range(seeds)), "area": area, "final": area, "seconds": {"signals": 1.0, "selection": 2.0}}


def result(seeds: int) -> dict[str, Any]:
    """What the script would write."""

    def rows(grid: tuple[Any, ...]) -> dict[str, Any]:
        names = [one if isinstance(one, str) else one["name"] for one in grid]
        return {name: row(seeds, 0.02 if name == "ev-gp" else 0.0) for name in names}

    def condition(batch: int, grid: tuple[Any, ...]) -> dict[str, Any]:
        told = {"initial": 20, "batch": batch, "budget": 100, "test": 500, "items": 1797}
        return {**told, "rows": rows(grid)}

    keys = {
        "tracked": [f"{what}, subsets of {size} size" for what in ("variance between trainings", "test error")
                    for size in ("any", "one")],
        "chose": [f"{n}: {key}" for n in (20, 50, 100) for key in (
            "best setting", "mean setting", *(f"{s}, {w}" for s in SCORES for w in ("ranks", "chosen")))],
        "sketched": [*(f"error of cosines, {dim}" for dim in (128, 512, 2048)),
                     *(f"same guesses, width {width}" for width in (16, 64, 256))],
        "slipped": [f"{kind}: {key}" for kind in ("head", "network") for key in (
            "wrong labels among the oddest", "contradictions with a wrong label",
            "wrong labels among the least believed")],
    }  # fmt: skip
    looks = {name: {str(seed): dict.fromkeys(of, 0.5) for seed in range(seeds)} for name, of in keys.items()}
    return {
        "date": "2026-01-01", "machine": {"processor": "a processor"}, "versions": {"askance": "0", "torch": "0"},
        "looks": looks,
        "head": {f"digits, batches of {b}": condition(b, ntk.HEAD) for b in (ntk.SMALL, ntk.LARGE)},
        "network": {"digits, batches of 20": condition(20, ntk.NETWORK)},
    }  # fmt: skip


@pytest.mark.parametrize("seeds", [1, 2, 12])
def test_the_page_is_written_for_any_number_of_seeds(
    seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ntk.json"
    file.write_text(json.dumps(result(seeds), allow_nan=False), "utf-8")
    monkeypatch.setattr(ntk_page, "FILE", file)
    page = ntk_page.ntk_page()
    assert "nan" not in page and f"{seeds} seed" in page
    first = next(line for line in page.splitlines() if line.startswith("- `ev-gp` above random"))
    assert ("seeds so far" in page) == (seeds < 20)
    assert first.endswith("not tested yet." if seeds == 1 else "held in 3 of 3." if seeds == 12 else first[-1])


def test_what_the_page_expects_is_run() -> None:
    names = {kind: {one if isinstance(one, str) else one["name"] for one in grid}
             for kind, grid in (("head", ntk.HEAD), ("network", ntk.NETWORK))}  # fmt: skip
    names |= {"large": names["head"], "all": names["head"] | names["network"]}
    assert all({one, other} <= names[where] for _, where, one, other, _ in EXPECTED)


def test_the_regression_of_a_setting_beats_chance_and_scores_are_ranked() -> None:
    found = ntk.chose(digits(), 100)
    assert found["100: best setting"] <= found["100: left-out, chosen"] <= 0.3
    assert all(-1 <= found[f"20: {score}, ranks"] <= 1 for score in SCORES) and len(SETTINGS) == 8


def test_cosines_and_ranks() -> None:
    assert ntk._cosines(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert ntk._rank([1.0, 2.0, 3.0], [1.0, 5.0, 6.0]) == pytest.approx(1.0) and ntk._rank([1.0, 1.0], [1.0, 2.0]) == 0

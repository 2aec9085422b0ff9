"""The gates of this version, small: that each can be run and holds, and that their records are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gates, workload
from benchmarks.browser import PROGRAM
from benchmarks.kills import Ledger
from benchmarks.selection import quality

IN_A_BROWSER = ("desk-first", "desk-keys", "desk-hostile", "desk-disk")


@pytest.mark.slow
@pytest.mark.parametrize(
    "gate",
    [name for name in gates.GATES if name not in ("digits", "startup", "demo", "project")],
)
def test_a_small_version_of_the_gate_passes(gate: str) -> None:
    if gate in IN_A_BROWSER and PROGRAM is None:
        pytest.skip("no Chromium on the PATH: install chromium to test the page")
    figures = gates.GATES[gate](True)
    assert figures["passed"], json.dumps(figures, indent=2)


@pytest.mark.slow
def test_ten_seeds_of_digits_tell_margin_from_random() -> None:
    figures = gates.digits(small=True)
    assert figures["seeds"] == 10
    assert figures["held"]["margin - random above 0"], json.dumps(figures, indent=2)
    assert figures["held"]["ridge 1: entropy under random"], json.dumps(figures, indent=2)


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["startup", "demo", "project"])  # how long they take is judged by the full gates alone
def test_a_small_version_of_a_timed_gate_ends(gate: str) -> None:
    assert {"limit", "limits"} & gates.GATES[gate](True).keys()


def test_a_gate_that_passed_is_skipped_at_the_same_commit_and_only_there(tmp_path: Path) -> None:
    gates.record("memory", {"most": 5, "passed": False}, "abc", tmp_path)
    assert not gates.passed_before("memory", "abc", tmp_path)
    line = gates.record("memory", {"most": 3, "passed": True}, "abc", tmp_path)
    assert gates.passed_before("memory", "abc", tmp_path)
    assert not gates.passed_before("memory", "abd", tmp_path)
    assert not gates.passed_before("digits", "abc", tmp_path)
    assert [json.loads(text) for text in (tmp_path / "memory.jsonl").read_text().splitlines()][1] == line
    assert set(line) == {"date", "commit", "machine", "figures", "passed"}
    gates.record("memory", {"passed": True}, "abc+", tmp_path)  # files were changed since
    assert not gates.passed_before("memory", "abc+", tmp_path)


def test_the_killer_notices_what_is_lost() -> None:
    ledger = Ledger()
    ledger.hear(("asked", {"0.0": [4, 5]}))
    ledger.hear(("told", {4: "a"}))
    ledger.hear(("found", ({4: "a"}, [[4, 5]], {"0.0": [4, 5]})))
    assert ledger.problems == []
    ledger.hear(("found", ({4: "b"}, [[4, 5]], {})))
    assert "1 acknowledged answers are gone" in ledger.problems[-1]
    ledger.hear(("found", ({4: "a"}, [[5, 4]], {})))
    assert "1 acknowledged batches are gone" in ledger.problems[-1]
    ledger.hear(("found", ({4: "a"}, [[4, 5]], {"0.0": [6, 7]})))
    assert "1 acknowledged batches are gone" in ledger.problems[-1]
    ledger.hear(("found", ({4: "a"}, [[4, 5], [5]], {})))
    assert "1 items were asked twice" in ledger.problems[-1]
    assert len(ledger.problems) == 4


def test_quality_is_what_explicit_distances_and_gradients_say() -> None:
    pool = workload.make(workload.Size(items=300, features=7, classes=3, labeled=20))
    picks = np.array([3, 50, 299])
    points, shares = pool.embeddings.astype(float), pool.probabilities.astype(float)
    centers = np.concatenate([pool.labeled, picks])
    gaps = np.sqrt(((points[:, None] - points[centers]) ** 2).sum(2).min(1))
    vectors = ((shares - np.eye(3)[shares.argmax(1)])[:, :, None] * points[:, None]).reshape(300, -1)
    found = quality(pool, picks)
    assert found["radius"] == pytest.approx(gaps.max(), rel=1e-4)
    assert found["mean_distance"] == pytest.approx(gaps.mean(), rel=1e-4)
    potential = ((vectors[:, None] - vectors[picks]) ** 2).sum(2).min(1).sum()
    assert found["badge_potential"] == pytest.approx(potential, rel=1e-4)
    entropies = -(shares[picks] * np.log(shares[picks])).sum(1)
    assert found["mean_entropy"] == pytest.approx(entropies.mean(), rel=1e-4)


def test_a_workload_follows_from_its_size_and_has_the_shape_it_says() -> None:
    size = workload.Size(items=5000, features=16, classes=4, labeled=60)
    pool, again = workload.make(size), workload.make(size)
    assert np.array_equal(pool.embeddings, again.embeddings)
    assert np.array_equal(pool.probabilities, again.probabilities)
    assert pool.embeddings.shape == (5000, 16)
    assert pool.open.sum() == 5000 - 60
    assert pool.probabilities.sum(1) == pytest.approx(np.ones(5000), abs=1e-5)
    right = (pool.probabilities.argmax(1) == pool.classes).mean()
    assert right > 0.5 > np.bincount(pool.classes).max() / 5000  # the head has learned something

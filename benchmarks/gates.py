"""The numbers this version promises, measured in full; each gate adds a line to docs/gates.

    python -m benchmarks.gates --list
    python -m benchmarks.gates --only memory,digits

A gate that passed at this commit, with nothing changed since, is not run again, so a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ONE_THREAD, ROOT, fresh, machine

Figures = dict[str, Any]

FOLDER = ROOT / "docs" / "gates"
MEMORY = 300_000_000  # bytes that anonymous memory may grow by
MAPPED = 1_000_000_000  # bytes, of ten million items on disk
LINEAR = (
    *("margin", "k-center", "badge", "random", "least-confidence", "entropy", "k-means-plus-plus"),
    *("egl", "grad-norm", "information-density", "lcmd", "max-det"),
)
DEMO = 180.0  # seconds
HELP = 0.5  # seconds
FIFTY = 3.0  # seconds that fifty seeds of twenty rounds may take
LOOPS = 2.5  # times as long as that takes scikit-learn
FIRST, LATER = 60.0, 5.0  # seconds, of a project's batches
PROJECT_MEMORY = 3_000  # MiB
READING = 100  # MiB that reading may grow by
FIRST_ITEM, COLD_START = 2.0, 30.0  # seconds from the command, of ten thousand texts
SCORING = 1_500_000_000  # bytes that scoring ten million items may hold, and choosing from them
NEXT_ITEM = 100.0  # milliseconds from a key, of 95 % of keys


def memory(small: bool = False) -> Figures:
    """Selections from a million items take little beside the arrays."""
    items = 100_000 if small else 1_000_000
    found = {
        name: fresh("benchmarks.memory:grown", strategy, items, 64, 10, 100, labeled)
        for name, strategy, labeled in (
            ("k-center", "k-center", 0),
            ("k-center from 1,000 labeled", "k-center", 1000),
            ("badge", "badge", 0),
        )
    }
    most = max(growth["both"] for growth in found.values())
    return {"items": items, "limit": MEMORY, "most": most, "bytes": found, "passed": most <= MEMORY}


def mapped(small: bool = False) -> Figures:
    """Ten million items on disk are selected from in a gigabyte, by every method that is linear in them."""
    from benchmarks.memory import map_arrays

    items, features, classes = (100_000 if small else 10_000_000), (16 if small else 128), 10
    map_arrays(items, features, classes)
    names = LINEAR[:3] if small else LINEAR
    found = {name: fresh("benchmarks.memory:mapped", name, items, features, classes, 100) for name in names}
    most = max(row["bytes"] for row in found.values())
    return {"items": items, "limit": MAPPED, "most": most, "strategies": found, "passed": most < MAPPED}


def score_pool(small: bool = False) -> Figures:
    """Ten million items in a Parquet file are scored in bounded memory, killed, gone on with, and chosen from."""
    from benchmarks.scoring import walk

    found = walk(200_000 if small else 10_000_000)
    held = {**found.pop("held"), "memory": max(found["most bytes"].values()) < SCORING}
    return {**found, "limit": SCORING, "held": held, "passed": all(held.values())}


def digits(small: bool = False) -> Figures:
    """On handwritten digits margin beats BADGE beats random, and entropy does not without the right ridge."""
    from askance.learners.linear import Linear

    seeds = 10 if small else 50
    chosen = _areas(("random", "margin", "badge", "entropy"), seeds, Linear())
    fixed = _areas(("random", "entropy"), seeds, Linear(ridge=1.0))
    margin, badge, entropy = (_gain(chosen[name], chosen["random"]) for name in ("margin", "badge", "entropy"))
    under = _gain(fixed["entropy"], fixed["random"])
    means = {name: float(np.mean(areas)) for name, areas in chosen.items()}
    held = {
        "margin > badge > random": means["margin"] > means["badge"] > means["random"],
        "margin - random above 0": margin["low"] > 0,
        "badge - random above 0": badge["low"] > 0,
        "ridge 1: entropy under random": under["mean"] < 0,
        "ridge by cross-validation: entropy level": entropy["low"] <= 0 <= entropy["high"]
        or abs(entropy["mean"]) < 0.01,
    }
    return {
        "seeds": seeds,
        "areas": means,
        "to random": {"margin": margin, "badge": badge, "entropy": entropy, "entropy, ridge 1": under},
        "held": held,
        "passed": all(held.values()),
    }


def demo(small: bool = False) -> Figures:
    """The demo ends within three minutes on two cores."""
    seeds = ["--seeds", "1"] if small else []
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _run("demo", "--out", folder, *seeds, cores=set(cores))
        took = time.perf_counter() - start
        kilobytes = (Path(folder) / "report.html").stat().st_size / 1000
    return {"seconds": took, "limit": DEMO, "cores": len(cores), "page_kB": kilobytes, "passed": took < DEMO}


def kills(small: bool = False) -> Figures:
    """Nothing that was acknowledged is lost when processes are killed."""
    from benchmarks.kills import torment

    with tempfile.TemporaryDirectory() as folder:
        found = torment(Path(folder) / "study.db", 9 if small else 100)
    heard = found["acknowledged_answers"] > 0 and found["audited"] > 0
    return {**found, "passed": heard and not found["problems"]}


def selection(small: bool = False) -> Figures:
    """Every strategy ends, and k-center is exact; seconds and memory are recorded and judged by nobody."""
    from benchmarks import floors
    from benchmarks.selection import GOALS, measure

    size = "tiny" if small else "medium"
    bounds = floors.of(size)
    names = ("margin", "k-center") if small else ("random", *GOALS)
    rows = {name: measure(name, size, 100, bounds, repeats=1 if small else 3) for name in names}
    slack = fresh("benchmarks.exact:k_center", size, 1000 if small else 10_000, 100)
    return {"size": size, "k_center_slack": slack, "strategies": rows, "passed": slack < 1e-5}


def lockstep(small: bool = False) -> Figures:
    """Fifty seeds of twenty rounds take three seconds on one thread; a scikit-learn loop takes 2.5 times as long."""
    found = fresh("benchmarks.lockstep:compare", *((4, "tiny", 3, 300) if small else ()))
    held = {
        "seconds": found["together"]["wall"] <= FIFTY,
        "times the loop": found["times the loop"] >= LOOPS,
        "same areas": found["converged"]["apart at most"] < 0.001,
        "few swaps": found["swaps"]["swapped"] < 0.01 * found["swaps"]["picks"],
        "near swaps": found["swaps"]["widest"] < 1e-5,
    }
    judged = ("same areas", "few swaps", "near swaps") if small else held
    limits = {"seconds": FIFTY, "times the loop": LOOPS}
    return {**found, "limits": limits, "held": held, "passed": all(held[name] for name in judged)}


def startup(small: bool = False) -> Figures:
    """The command line answers at once."""
    repeats = 1 if small else 7
    shown = _median(repeats, [sys.executable, "-m", "askance.cli", "--help"])
    bare = _median(repeats, [sys.executable, "-c", "pass"])
    imported = _median(repeats, [sys.executable, "-c", "import askance"])
    ready = _median(repeats, [sys.executable, "-c", "from askance import Study, select"])
    figures = {"help": shown, "python": bare, "import": imported - bare, "study and select": ready - bare}
    return {"seconds": figures, "limit": HELP, "passed": shown < HELP}


def project(small: bool = False) -> Figures:
    """Fifty thousand texts of one's own: the first batch within a minute, any other one in seconds, little memory."""
    from benchmarks.own_data import newsgroups, walk

    found = walk(3_000 if small else 50_000)
    posts = None if small else newsgroups()
    later = max(found["seconds"]["asks"][1:])
    held = {
        "first batch": found["seconds to the first batch"] < FIRST,
        "later batches": later < LATER,
        "memory": found["most MiB"] < PROJECT_MEMORY,
    }
    limits = {"first batch": FIRST, "later batches": LATER, "MiB": PROJECT_MEMORY}
    return {"tickets": found, "20-newsgroups": posts, "limits": limits, "held": held, "passed": all(held.values())}


def sources(small: bool = False) -> Figures:
    """A million rows of each kind of file are read in memory that does not grow with them."""
    items = 50_000 if small else 1_000_000
    found = {kind: fresh("benchmarks.reading:grown", kind, items) for kind in ("csv", "jsonl", "parquet")}
    most = max(growth["MiB"] for growth in found.values())
    return {"items": items, "limit MiB": READING, "read": found, "passed": most < READING}


def folder(small: bool = False) -> Figures:
    """Ten thousand image files, a hundred of them broken, huge or no images: those are named, the rest is encoded."""
    found: Figures = fresh("benchmarks.reading:images", 300 if small else 10_000, 30 if small else 100)
    return {**found, "passed": found["named"] == found["odd"] and found["encoded"] == found["good"]}


def desk_load(small: bool = False) -> Figures:
    """Twenty people label at once while a model trains behind them, and neither waits nor loses anything."""
    from benchmarks.desk import CLAIM, SUBMIT, load

    with tempfile.TemporaryDirectory() as folder:
        found = load(Path(folder), *((8.0, 4, 500) if small else (300.0, 20, 10_000)))
    held = {
        "nothing lost": not found["problems"],
        "a model trained": found["fits"] > 0,
        "claims": found["claim"]["95"] < CLAIM,
        "submits": found["submit"]["95"] < SUBMIT,
    }
    judged = ("nothing lost", "a model trained") if small else held
    limits = {"claim": CLAIM, "submit": SUBMIT}
    return {**found, "limits": limits, "held": held, "passed": all(held[name] for name in judged)}


def desk_kills(small: bool = False) -> Figures:
    """Server, dealer and clients are killed again and again: nothing acknowledged is lost, nothing is doubled."""
    from benchmarks.desk import torment

    with tempfile.TemporaryDirectory() as folder:
        found = torment(Path(folder), *((300, 6) if small else (20_000, 200)))
    return {**found, "passed": not found["problems"]}


def desk_first(small: bool = False) -> Figures:
    """From `askance label FILE` to the first item in a browser, and to the first one that a strategy chose."""
    from benchmarks.page import first

    found = first(300 if small else 10_000)
    held = {"first item": found["first item"] < FIRST_ITEM, "cold start": found["cold start"] < COLD_START}
    limits = {"first item": FIRST_ITEM, "cold start": COLD_START}
    return {**found, "limits": limits, "held": held, "passed": small or all(held.values())}


def desk_keys(small: bool = False) -> Figures:
    """From a key to the next item, while a model trains: texts, pictures, tables."""
    from benchmarks.page import keys

    found = keys(8 if small else 100)
    held = {kind: one["95"] < NEXT_ITEM for kind, one in found.items()}
    trained = small or all(one["fits"] for one in found.values())
    passed = trained and (small or all(held.values()))
    return {**found, "limit": NEXT_ITEM, "held": held, "passed": passed}


def desk_hostile(small: bool = False) -> Figures:
    """Mails and markup that would run scripts are shown in a browser, and are only texts."""
    from benchmarks.page import hostile

    found = hostile(40 if small else None)
    return {**found, "passed": not found["problems"] and (small or found["mails"] > 0)}


def desk_disk(small: bool = False) -> Figures:
    """A disk that is full, and one that takes nothing: it is said, nothing is lost, and it goes on."""
    from benchmarks.page import disk

    found = disk(10 if small else 100)
    return {**found, "passed": not found["problems"] and (small or found["mounted"])}


GATES: dict[str, Callable[[bool], Figures]] = {
    "startup": startup,
    "memory": memory,
    "mapped": mapped,
    "score-pool": score_pool,
    "selection": selection,
    "lockstep": lockstep,
    "kills": kills,
    "desk-load": desk_load,
    "desk-kills": desk_kills,
    "desk-first": desk_first,
    "desk-keys": desk_keys,
    "desk-hostile": desk_hostile,
    "desk-disk": desk_disk,
    "demo": demo,
    "digits": digits,
    "project": project,
    "sources": sources,
    "folder": folder,
}


def _areas(strategies: tuple[str, ...], seeds: int, learner: Any) -> dict[str, list[float]]:
    """Area under the learning curve of each seed, by strategy, with the demo's settings."""
    from askance.executors.local import cores
    from askance.lab.curves import area
    from askance.lab.datasets import digits
    from askance.lab.grid import run
    from askance.lab.plan import Plan

    plan = Plan(strategies=strategies, seeds=tuple(range(seeds)), test=539, learner=learner)
    runs = run(digits(), plan, workers=cores()).runs
    by_seed = {(run.strategy, run.seed): area(run.labels, run.scores) for run in runs}
    return {name: [by_seed[name, seed] for seed in plan.seeds] for name in strategies}


def _gain(one: list[float], other: list[float]) -> dict[str, float]:
    """The paired difference of the areas, with its 95% interval."""
    from askance.lab.statistics import interval

    found = interval(np.subtract(one, other))
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _median(repeats: int, command: list[str]) -> float:
    walls = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - start)
    return statistics.median(walls)


def _run(*arguments: str, cores: set[int]) -> None:
    """The command line in a process of its own, on some cores."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {cores}); {_CLI}", *arguments],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"askance {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}")


_CLI = "import sys; from askance.cli import main; sys.exit(main(sys.argv[1:]))"


# Running them, and writing down what came out


def commit() -> str:
    """The commit, with a ``+`` when files were changed since; the gates' own records do not count."""
    head = _git("rev-parse", "--short=12", "HEAD") or "none"
    return head + ("+" if _git("status", "--porcelain", "--", ".", ":!docs/gates", ":!docs/results") else "")


def passed_before(gate: str, now: str, folder: Path = FOLDER) -> bool:
    """Whether this gate passed at this commit, unchanged."""
    path = folder / f"{gate}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return not now.endswith("+") and any(line["passed"] and line["commit"] == now for line in lines)


def record(gate: str, figures: Figures, now: str, folder: Path = FOLDER) -> Figures:
    """Add a line to the gate's file."""
    figures = dict(figures)
    passed = bool(figures.pop("passed"))
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = {"date": date, "commit": now, "machine": machine(), "figures": figures, "passed": passed}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{gate}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    return line


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="say what the gates are, and run none")
    parser.add_argument("--only", default="", metavar="NAMES", help="these gates, comma-separated, passed or not")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:10} {gate.__doc__}" for name, gate in GATES.items()))
        return 0
    wanted = [name for name in options.only.split(",") if name]
    wrong = [name for name in wanted if name not in GATES]
    if wrong:
        parser.error(f"there is no gate {wrong[0]!r}; known: {', '.join(GATES)}")
    now, failed = commit(), 0
    for name in wanted or GATES:
        if not wanted and passed_before(name, now):
            print(f"{name}: passed before at {now}")
            continue
        line = record(name, GATES[name](False), now)
        print(
            f"{name}: {'passed' if line['passed'] else 'FAILED'}\n{json.dumps(line['figures'], indent=2)}", flush=True
        )
        failed += not line["passed"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

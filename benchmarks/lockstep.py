"""Fifty seeds of twenty rounds: as one problem, run by run, and as a plain scikit-learn loop, in one process.

    python -m benchmarks.lockstep
    python -m benchmarks.lockstep --activeml PYTHON --keep   into docs/lab/cost.json, with scikit-activeml beside it

The data are the small workload, 10,000 x 128 and 10 classes; the head has ridge 1, that is C = 1. All three ask by
margin, with the same splits, first labels and batches, on one thread; ours also on two. The loop's tolerance is that
at which its accuracy is the solution's; with its own it is timed, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import workload
from benchmarks.measure import ONE_THREAD, ROOT, fresh, machine

COST = ROOT / "docs" / "lab" / "cost.json"

SEEDS, ROUNDS, BATCH, INITIAL, TEST = 50, 20, 10, 20, 1_000
ALL = 100  # first labels among which there is one of each class
TOLERANCE = 1e-6  # of the loop: with scikit-learn's own, 1e-4, its accuracy is not that of the solution


def compare(seeds: int = SEEDS, size: str = "small", rounds: int = ROUNDS, test: int = TEST) -> dict[str, Any]:
    """Seconds, areas and picks of each way; to be run in a fresh process with one BLAS thread."""
    import torch

    from askance.lab.block import run_seeds
    from askance.lab.cell import run_cell
    from askance.lab.curves import area
    from askance.lab.lockstep import run_together
    from askance.lab.plan import Plan
    from askance.learners.linear import Linear

    torch.set_num_threads(1)
    data = _data(size)
    plan = Plan(
        ("margin",),
        tuple(range(seeds)),
        initial=INITIAL,
        batch=BATCH,
        budget=INITIAL + rounds * BATCH,
        test=test,
        learner=Linear(ridge=1.0),
    )
    run_seeds((data, plan), ("margin", [1000]))  # imports and kernels
    run_cell((data, plan), ("margin", 1000))
    names = list(range(seeds))
    ours, together = _timed(lambda: run_together(data, plan, "margin", names))
    _, two = _timed(lambda: run_together(data, plan, "margin", names, threads=2))
    few = names[: max(2, seeds // 5)]
    singly, alone = _timed(lambda: [run_cell((data, plan), ("margin", seed)) for seed in few])
    _loop(data, plan, 1000)
    theirs, loop = _timed(lambda: [_loop(data, plan, seed, tolerance=TOLERANCE) for seed in names])
    _, hasty = _timed(lambda: [_loop(data, plan, seed) for seed in names])
    scale = seeds / len(few)
    return {
        "seeds": seeds,
        "rounds": rounds,
        "items": len(data.pool),
        "together": together,
        "together, two threads": two,
        "run by run": {name: value * scale for name, value in alone.items()},
        "scikit-learn loop": loop,
        "scikit-learn loop at its own tolerance": hasty,
        "times the loop": loop["wall"] / together["wall"],
        "times the loop at its own tolerance": hasty["wall"] / together["wall"],
        "times the loop, two threads": loop["wall"] / two["wall"],
        "times run by run": alone["wall"] * scale / together["wall"],
        "area": float(np.mean([area(run.labels, run.scores) for run in ours])),
        "area of the loop": float(np.mean(theirs)),
        "swaps": _swaps(data, plan, singly, ours),
        "converged": _converged(data, plan, few),
    }


def _data(size: str, exact: bool = False) -> Any:
    """A workload as a data set: float32, or float64 for exact comparisons."""
    from askance.lab.datasets import Dataset
    from askance.pool import Pool

    pool = workload.load(size)
    features = np.array(pool.embeddings, dtype="float64" if exact else "float32")
    return Dataset(size, Pool.from_arrays(features), tuple(int(c) for c in pool.classes))


def _converged(data: Any, plan: Any, seeds: list[int]) -> dict[str, float]:
    """The largest difference of areas to the loop's where both solve the same problem, and solve it.

    With too few first labels a class is missing, which scikit-learn leaves out of its model and we do not; and away
    from the solution every solver has margins of its own, so that one tie asks for another item and later ones for all
    others.
    """
    from dataclasses import replace

    from askance.lab.curves import area
    from askance.lab.lockstep import run_together
    from askance.learners.linear import Linear

    exact = _data(data.name, exact=True)
    same = replace(plan, initial=ALL, budget=ALL + plan.budget - plan.initial, learner=Linear(1.0, tolerance=1e-9))
    ours = [area(run.labels, run.scores) for run in run_together(data, same, "margin", seeds)]
    theirs = [_loop(exact, same, seed, tolerance=1e-10, most=20_000) for seed in seeds]
    return {"area": float(np.mean(ours)), "apart at most": float(np.abs(np.subtract(ours, theirs)).max())}


def _swaps(data: Any, plan: Any, singly: list[Any], together: list[Any]) -> dict[str, float]:
    """Picks of single runs that came in another order, or not at all, when run together, and how near they were.

    Nearness is the gap of two margins, of the model in double precision, in units of the largest margin of the round.
    After the first other item a run has other labels, so it is compared up to that round.
    """
    import torch

    from askance.lab.cell import first_rows
    from askance.learners.base import Lesson
    from askance.seeds import Dice
    from askance.task import Classes

    compared, gaps = 0, []
    for one, other in zip(singly, together, strict=False):
        rows, _ = data.split(one.seed, plan.test)
        pool = data.pool.arranged(rows.tolist())
        known = first_rows(data, plan, lambda pool=pool: pool, pool.keys, one.seed)  # type: ignore[misc]
        answers = np.array([data.classes.index(data.labels[row]) for row in rows.tolist()])
        for ours, theirs in _rounds(one, other):
            compared += len(ours)
            if ours != theirs:
                labeled = np.sort(known)
                lesson = Lesson(
                    items=pool.items,
                    keys=pool.keys,
                    task=Classes(data.classes),
                    labeled=torch.from_numpy(labeled),
                    targets=torch.from_numpy(np.eye(len(data.classes))[answers[labeled]]),
                    weights=torch.ones(len(labeled), dtype=torch.float64),
                    unlabeled=torch.zeros(0, dtype=torch.int64),
                    dice=Dice(one.seed, "fit"),
                )
                scores = plan.learner.fit(lesson).outputs(pool.items.double()).scores
                likeliest = scores.softmax(1).topk(2).values
                margins = (likeliest[:, 0] - likeliest[:, 1]).numpy()
                for mine, its in zip(pool.rows(ours), pool.rows(theirs), strict=True):
                    if mine != its:
                        gaps.append(abs(margins[mine] - margins[its]) / margins.max())
            if set(ours) != set(theirs):
                break
            known = [*known, *pool.rows(ours)]
    return {"picks": compared, "swapped": len(gaps), "widest": float(max(gaps, default=0.0))}


def second_core(seeds: int = 50) -> dict[str, float]:
    """How much faster two threads fit than one, by the heads' size: what a second core is worth, in wall seconds."""
    from concurrent.futures import ThreadPoolExecutor

    from askance.kernels.softmax_head import solve_softmax_head

    dice = np.random.default_rng(0)
    found = {}
    for labels in (50, 200, 800):
        features = dice.standard_normal((seeds, labels, 128))
        targets = np.eye(10)[dice.integers(0, 10, (seeds, labels))]
        weights, ridge = np.ones((seeds, labels)), np.ones(seeds)

        def part(some: slice, x: Any = features, y: Any = targets, w: Any = weights, r: Any = ridge) -> None:
            solve_softmax_head(x[some], y[some], w[some], r[some])

        part(slice(0, 2))
        began = time.perf_counter()
        part(slice(None))
        one = time.perf_counter() - began
        with ThreadPoolExecutor(2) as pool:
            halves = [slice(0, seeds // 2), slice(seeds // 2, None)]
            began = time.perf_counter()
            list(pool.map(part, halves))
            two = time.perf_counter() - began
        found[f"{labels} labels"] = one / two
    return found


def _loop(data: Any, plan: Any, seed: int, tolerance: float = 1e-4, most: int = 200) -> float:
    """What a careful person writes with scikit-learn: fit, probabilities, margins, the ten least."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    from askance.lab.cell import first_rows
    from askance.lab.curves import area

    rows, test = data.split(seed, plan.test)
    features, labels = data.pool.items.numpy(), np.array(data.labels)
    pool, held_out = features[rows.numpy()], features[test.numpy()]
    answers, truth = labels[rows.numpy()], labels[test.numpy()]
    first = first_rows(data, plan, lambda: data.pool, data.pool.keys[rows], seed)
    known = np.zeros(len(pool), dtype=bool)
    known[first] = True
    counts, scores = [], []
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=1.0, max_iter=most, tol=tolerance).fit(pool[known], answers[known])
        counts.append(int(known.sum()))
        scores.append(float((model.predict(held_out) == truth).mean()))
        if known.sum() >= plan.budget:
            return area(counts, scores)
        open_ = np.flatnonzero(~known)
        shares = np.partition(model.predict_proba(pool[open_]), -2, axis=1)
        gap = shares[:, -1] - shares[:, -2]
        known[open_[np.argpartition(gap, plan.batch)[: plan.batch]]] = True


def activeml(python: str, seeds: int = 3, size: str = "small") -> dict[str, Any]:
    """The same protocol as scikit-activeml has it, in its own environment: seconds of a seed, and the mean area."""
    import torch

    from askance.lab.cell import first_rows
    from askance.lab.plan import Plan

    pool, data = workload.load(size), _data(size)
    plan = Plan(("margin",), (), initial=INITIAL, batch=BATCH, budget=INITIAL + ROUNDS * BATCH, test=TEST)
    arrays: dict[str, Any] = {
        "features": pool.embeddings,
        "classes": pool.classes,
        "budget": plan.budget,
        "batch": BATCH,
    }
    for seed in range(seeds):
        rows, test = data.split(seed, TEST)
        first = first_rows(data, plan, lambda: data.pool, data.pool.keys[rows], seed)
        arrays |= {f"rows{seed}": rows.numpy(), f"test{seed}": test.numpy(), f"first{seed}": rows[torch.tensor(first)]}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "given.npz", seeds=seeds, **arrays)
        done = subprocess.run(
            [python, "-c", _ACTIVEML, str(Path(folder) / "given.npz")],
            capture_output=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


_ACTIVEML = """
import json, sys, time, warnings
import numpy as np
import skactiveml, sklearn
from sklearn.linear_model import LogisticRegression
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import UncertaintySampling
warnings.simplefilter("ignore")
given = np.load(sys.argv[1])
features, classes, areas, took = given["features"], given["classes"], [], []
for seed in range(int(given["seeds"])):
    rows, test, first = (given[f"{name}{seed}"] for name in ("rows", "test", "first"))
    begun = time.process_time()
    answers = np.full(len(rows), np.nan)
    known = np.isin(rows, first)
    answers[known] = classes[rows][known]
    ask = UncertaintySampling(method="margin_sampling", random_state=seed)
    scores = []
    while True:
        model = SklearnClassifier(LogisticRegression(C=1.0, max_iter=200), classes=np.arange(10))
        model.fit(features[rows], answers)
        scores.append(float((model.predict(features[test]) == classes[test]).mean()))
        if (~np.isnan(answers)).sum() >= int(given["budget"]):
            break
        picks = ask.query(features[rows], answers, model, fit_clf=False, batch_size=int(given["batch"]))
        answers[picks] = classes[rows][picks]
    took.append(time.process_time() - begun)
    areas.append((np.sum(scores) - (scores[0] + scores[-1]) / 2) / (len(scores) - 1))
told = {"seeds": len(took), "version": skactiveml.__version__, "scikit-learn": sklearn.__version__}
print(json.dumps({**told, "cpu seconds of a seed": float(np.mean(took)), "area": float(np.mean(areas))}))
"""


def _rounds(one: Any, other: Any) -> list[tuple[list[Any], list[Any]]]:
    return list(zip(one.picks, other.picks, strict=True))


def _timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activeml", metavar="PYTHON", help="also as scikit-activeml has it, in this environment")
    parser.add_argument("--keep", action="store_true", help="put it into docs/lab/cost.json, for the page")
    options = parser.parse_args()
    if options.keep and not options.activeml:
        parser.error("--keep takes all in one run, so it needs --activeml, too")
    told = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), **fresh("benchmarks.lockstep:compare")}
    told["two threads over one"] = fresh("benchmarks.lockstep:second_core")
    if options.activeml:
        told["scikit-activeml"] = activeml(options.activeml)
    print(json.dumps(told, indent=2))
    if options.keep:
        COST.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

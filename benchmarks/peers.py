"""Seconds, memory and quality of other packages' selections, on the pools that ours are timed on.

    python -m benchmarks.peers --python PEERS/bin/python --size medium --out docs/results/peers.json

PEERS is an environment of its own where the packages are installed; each figure comes from a new process there, with
one thread. Arrays are given, and what feeds them to a package is made before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import workload
from benchmarks.measure import ONE_THREAD, ROOT, machine

Select = Callable[[], Any]
PATIENCE = 150  # seconds for one selection
PEERS: dict[str, tuple[str, Callable[..., Select]]] = {}  # peer: the strategy of ours, and what builds a selection
EXAMPLES = 20  # of the pool's distances, for the radius of ProbCover


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="the interpreter of the peers' environment")
    parser.add_argument("--size", default="medium", help="workloads, comma-separated (default: %(default)s)")
    parser.add_argument("--peer", default="", help="names, comma-separated (default: all)")
    parser.add_argument("--n", type=int, default=100, help="picks (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "peers.json", help="the JSON file")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(timed(options.one, options.size, options.n)))
        return
    found: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "n": options.n, "sizes": {}}
    for size in options.size.split(","):
        found["sizes"][size] = {}
        for peer in [name for name in options.peer.split(",") if name] or PEERS:
            row = _asked(options.python, peer, size, options.n)
            found["sizes"][size][peer] = {"strategy": PEERS[peer][0], **row}
            print(size, peer, row, flush=True)
    options.out.write_text(json.dumps(found, indent=2) + "\n")


def _asked(python: str, peer: str, size: str, n: int) -> dict[str, Any]:
    """The figures of one peer, or why there are none."""
    from benchmarks.selection import quality

    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [python, "-m", "benchmarks.peers", "--python", python, "--one", peer, "--size", size, "--n", str(n)]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {PATIENCE} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["killed"])[-1][:200]}
    row = dict(json.loads(done.stdout.splitlines()[-1]))
    picks = np.array(row.pop("picks"), dtype=np.int64)
    return {**row, "distinct": len(set(picks.tolist())), "quality": quality(workload.load(size), np.unique(picks))}


def timed(peer: str, size: str, n: int) -> dict[str, Any]:
    """CPU seconds of one selection in this process, and how far memory rose."""
    warnings.filterwarnings("ignore")
    pool = workload.load(size)
    go = PEERS[peer][1](pool, n, size)
    before, wall, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
    picks = np.asarray(go()).ravel()
    walls, cpus = [time.perf_counter() - wall], [time.process_time() - cpu]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    while sum(walls) < 5 and len(walls) < 3:
        wall, cpu = time.perf_counter(), time.process_time()
        go()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "seconds": statistics.median(walls),
        "cpu_seconds": statistics.median(cpus),
        "extra_mib": grown,
        "picks": picks.tolist(),
    }


def peer(name: str, strategy: str) -> Callable[[Callable[..., Select]], Callable[..., Select]]:
    """Enter what builds a selection of a peer: from a pool, a number of picks and the pool's name."""

    def enter(build: Callable[..., Select]) -> Callable[..., Select]:
        PEERS[name] = (strategy, build)
        return build

    return enter


# scikit-activeml


def _activeml(strategy: str, name: str, wants: str = "", /, **options: Any) -> None:
    def build(pool: workload.Workload, n: int, size: str) -> Select:
        import skactiveml.pool as methods

        made = getattr(methods, name)(random_state=0, **_told(options, pool))
        labels = np.full(len(pool.embeddings), np.nan)
        labels[pool.labeled] = pool.classes[pool.labeled]
        more: dict[str, Any] = {wants: False} if wants.startswith("fit_") else {}
        model = [_given(pool, size)] if more else [_logistic()] if wants == "discriminator" else []
        return lambda: made.query(pool.embeddings, labels, *model, batch_size=n, **more)

    PEERS[f"scikit-activeml {name} {options.get('method', '')}".strip()] = (strategy, build)


def _told(options: dict[str, Any], pool: workload.Workload) -> dict[str, Any]:
    told = dict(options)
    if "deltas" in told:
        told |= {"deltas": [_radius(pool)], "n_classes": pool.probabilities.shape[1]}
    return told


def _radius(pool: workload.Workload) -> float:
    """The 0.5 % quantile of distances between rows."""
    one, two = np.random.default_rng(0).integers(0, len(pool.embeddings), (2, 20_000))
    apart = np.linalg.norm(pool.embeddings[one] - pool.embeddings[two], axis=1)
    return float(np.quantile(apart[one != two], 0.005))


def _logistic() -> Any:
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    return SklearnClassifier(LogisticRegression(), classes=[0, 1])


def _given(pool: workload.Workload, size: str) -> Any:
    """A classifier of theirs that knows the answers already, so that no model is part of the time."""
    from skactiveml.base import SkactivemlClassifier

    class Given(SkactivemlClassifier):  # type: ignore[misc]
        def __init__(self, classes: Any = None, missing_label: float = np.nan, cost_matrix: Any = None) -> None:
            super().__init__(classes=classes, missing_label=missing_label, cost_matrix=cost_matrix)

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            return self

        def predict_proba(self, X: Any) -> Any:
            if len(X) == int(pool.open.sum()):
                return pool.probabilities[pool.open]
            if len(X) == len(pool.embeddings):
                return pool.probabilities
            out = np.empty((len(X), len(pool.layer)), dtype=np.float32)
            workload._shares(np.asarray(X, dtype=np.float32), pool.layer, out)
            return out

        def predict(self, X: Any) -> Any:
            return self.predict_proba(X).argmax(1)

        def sample_members(self, X: Any) -> Any:
            return np.ascontiguousarray(workload.passes(size)[:, pool.open])

    made = Given(classes=np.arange(len(pool.layer)))
    made.classes_ = np.arange(len(pool.layer))
    return made


for _method, _name in (("entropy", "entropy"), ("margin_sampling", "margin"), ("least_confident", "least-confidence")):
    _activeml(_name, "UncertaintySampling", "fit_clf", method=_method)
_activeml("k-center", "CoreSet")
_activeml("badge", "Badge", "fit_clf")
_activeml("typiclust", "TypiClust")
_activeml("prob-cover", "ProbCover", deltas=True)
_activeml("max-herding", "MaxHerding")
_activeml("contrastive-al", "ContrastiveAL", "fit_clf", nearest_neighbors_dict={"n_neighbors": 10})
_activeml("falcun", "Falcun", "fit_clf")
_activeml("drop-query", "DropQuery", "fit_clf")
_activeml("clue", "Clue", "fit_estimator")
_activeml("discriminative-al", "DiscriminativeAL", "discriminator", greedy_selection=True)
_SAMPLED = {"sample_predictions_method_name": "sample_members", "sample_predictions_dict": {}}
_activeml("bald", "GreedyBALD", "fit_ensemble", **_SAMPLED)
_activeml("batch-bald", "BatchBALD", "fit_ensemble", n_MC_samples=1000, **_SAMPLED)


# bmdal-reg


def _bmdal(strategy: str, method: str, factors: bool = False, **options: Any) -> None:
    def build(pool: workload.Workload, n: int, size: str) -> Select:
        if not hasattr(np, "Inf"):
            np.Inf = np.inf  # type: ignore[attr-defined]  # its release uses a name that numpy 2 took away
        import torch
        from bmdal_reg.bmdal import selection
        from bmdal_reg.bmdal.feature_data import ListFeatureData, TensorFeatureData
        from bmdal_reg.bmdal.feature_maps import IdentityFeatureMap, ProductFeatureMap
        from bmdal_reg.bmdal.features import Features

        def features(rows: Any) -> Any:
            points = torch.from_numpy(np.ascontiguousarray(pool.embeddings[rows]))
            right = IdentityFeatureMap(points.shape[1])
            if not factors:
                return Features(right, TensorFeatureData(points)).precompute()
            residual = pool.probabilities[rows].copy()
            residual[np.arange(len(residual)), residual.argmax(1)] -= 1
            left = torch.from_numpy(residual)
            both = ListFeatureData([TensorFeatureData(left), TensorFeatureData(points)])
            return Features(ProductFeatureMap([IdentityFeatureMap(left.shape[1]), right]), both).precompute()

        rows, train = np.flatnonzero(pool.open), features(pool.labeled)
        shown = features(rows)
        made = getattr(selection, method)
        return lambda: rows[made(shown, train, verbosity=0, **options).select(n).numpy()]

    PEERS[f"bmdal-reg {method.removesuffix('SelectionMethod')}{' factors' if factors else ''}"] = (strategy, build)


_bmdal("k-center", "MaxDistSelectionMethod", sel_with_train=True)
_bmdal("k-means-plus-plus", "KmeansppSelectionMethod", sel_with_train=True)
_bmdal("badge", "KmeansppSelectionMethod", factors=True, sel_with_train=False)
_bmdal("lcmd", "LargestClusterMaxDistSelectionMethod", sel_with_train=True)
_bmdal("max-det", "MaxDetSelectionMethod", sel_with_train=False, noise_sigma=1.0)
_bmdal("bait", "BaitFeatureSpaceSelectionMethod", sel_with_train=False, noise_sigma=1.0)
_bmdal("frank-wolfe", "FrankWolfeSelectionMethod", sel_with_train=True)


# one each


@peer("small-text BALD", "bald")
def _small_text_bald(pool: workload.Workload, n: int, size: str) -> Select:
    import small_text.query_strategies as methods

    passes = np.ascontiguousarray(workload.passes(size).transpose(1, 0, 2))
    given = types.SimpleNamespace(predict_proba=lambda dataset, dropout_sampling=None: passes)
    rows = np.flatnonzero(pool.open)
    asked = methods.BALD(passes.shape[1])
    return lambda: asked.query(given, pool.embeddings, rows, pool.labeled, pool.classes[pool.labeled], n=n)


@peer("baal Entropy", "entropy")
def _baal_entropy(pool: workload.Workload, n: int, size: str) -> Select:
    import baal.active.heuristics as heuristics

    rows, shares = np.flatnonzero(pool.open), pool.probabilities[pool.open][:, :, None]
    return lambda: rows[np.asarray(heuristics.Entropy()(shares))[:n]]


@peer("batchbald-redux", "batch-bald")
def _redux(pool: workload.Workload, n: int, size: str) -> Select:
    import torch
    from batchbald_redux.batchbald import get_batchbald_batch

    rows = np.flatnonzero(pool.open)
    passes = torch.from_numpy(np.log(workload.passes(size)[:, rows].transpose(1, 0, 2))).double()
    torch.manual_seed(0)
    return lambda: rows[np.asarray(get_batchbald_batch(passes, n, 1000, dtype=torch.double, device="cpu").indices)]


@peer("DPPy k-DPP", "k-dpp")
def _dppy(pool: workload.Workload, n: int, size: str) -> Select:
    from dppy.finite_dpps import FiniteDPP

    rows = np.flatnonzero(pool.open)
    factor = np.ascontiguousarray(pool.embeddings[rows].T.astype(np.float64))
    dice = np.random.RandomState(0)

    def go() -> Any:
        drawn = FiniteDPP("likelihood", L_gram_factor=factor)
        drawn.sample_exact_k_dpp(n, random_state=dice)
        return rows[np.asarray(drawn.list_of_samples[-1])]

    return go


@peer("scikit-learn MiniBatchKMeans", "k-means")
def _mini_batch(pool: workload.Workload, n: int, size: str) -> Select:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import pairwise_distances_argmin

    rows = np.flatnonzero(pool.open)
    points = pool.embeddings[rows]

    def go() -> Any:
        centers = MiniBatchKMeans(n, random_state=0, n_init=1).fit(points).cluster_centers_
        return rows[np.unique(pairwise_distances_argmin(centers, points))]

    return go


@peer("apricot FacilityLocation", "facility-location")
def _apricot(pool: workload.Workload, n: int, size: str) -> Select:
    from apricot import FacilityLocationSelection

    rows = np.flatnonzero(pool.open)
    points = pool.embeddings[rows]
    made = FacilityLocationSelection(n, metric="cosine", optimizer="lazy", verbose=False)
    return lambda: rows[made.fit(points).ranking]


if __name__ == "__main__":
    main()

"""The runs behind docs/papers/dpp.md, and the page: do determinantal batches stay apart, and does it help?

``python -m benchmarks.dpp_page`` runs them again, a few minutes on one core, and writes docs/results/dpp.json.
`dpp_page` writes the page from that file.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from askance.lab import grid
from askance.lab.curves import area
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan
from askance.lab.statistics import interval
from askance.learners.linear import Linear
from askance.learners.many import Committee
from askance.learners.sklearn import Sklearn
from askance.pool import Pool
from askance.reports import words
from askance.reports.results import Run
from askance.selection.base import Selector
from askance.selection.determinantal import KDpp
from askance.strategies.determinantal import MultipleCriteriaDpp

FILE = Path(__file__).resolve().parent.parent / "docs" / "results" / "dpp.json"
SEEDS = 20
COPIES = 10
JITTER = 0.01  # standard deviations of a feature
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Likeliest(MultipleCriteriaDpp):
    """The likeliest batch instead of a draw. [zhan2021multiple]"""

    select: Selector = KDpp(most_likely=True)


@dataclass(frozen=True)
class Unconditional(MultipleCriteriaDpp):
    """The likeliest batch, known items not looked at. [zhan2021multiple]"""

    select: Selector = KDpp(most_likely=True)
    conditional: bool = False


DRAW, LIKELIEST, FREE = (
    "multi-criteria-dpp",
    f"{Path(__file__).resolve()}:Likeliest",
    f"{Path(__file__).resolve()}:Unconditional",
)
STRATEGIES = {
    "random": "random",
    "entropy": "entropy",
    "drawn": DRAW,
    "likeliest": LIKELIEST,
    "likeliest, unconditional": FREE,
}


@dataclass(frozen=True, eq=False)
class Copied(Dataset):
    """Every item of the pool several times, with jitter; the test set is of the items themselves, each once.

    Args:
        copies: How often each item is there; copies lie ``len / copies`` rows apart, the items themselves first.
    """

    copies: int = field(default=1)

    def split(self, seed: int, test: int) -> tuple[Tensor, Tensor]:
        """No copy of a test item is in the pool."""
        items = len(self.pool) // self.copies
        own = Dataset(self.name, self.pool.arranged(range(items)), self.labels[:items])
        rows, held = own.split(seed, test)
        return torch.cat([rows + items * copy for copy in range(self.copies)]), held


def sets() -> dict[str, tuple[Array, Array]]:
    """Standardized features and labels."""
    digits, numbers = load_digits(return_X_y=True)
    two = np.isin(numbers, (3, 8))
    found = {
        "breast cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "digits, 3 against 8": (digits[two], numbers[two]),
    }
    return {name: (_standardized(features), labels) for name, (features, labels) in found.items()}


def copied(name: str, features: Array, labels: Array, copies: int) -> Copied:
    """The items, then their copies."""
    dice = np.random.default_rng(0)
    rows = [features, *(features + JITTER * dice.standard_normal(features.shape) for _ in range(copies - 1))]
    pool = Pool.from_arrays(np.concatenate(rows).astype(np.float32))
    return Copied(name, pool, tuple(int(label) for label in labels) * copies, copies=copies)


def run(seeds: int) -> dict[str, Any]:
    """All runs: for each set, with copies or without, and each strategy, one row of numbers per seed."""
    learner = Committee((Linear(ridge=1.0), Sklearn(GaussianNB()), Sklearn(KNeighborsClassifier(n_neighbors=5))))
    kept: dict[str, Any] = {
        "seeds": seeds, "copies": COPIES, "jitter": JITTER, "initial": 10, "batch": 10, "budget": 60, "sets": {},
    }  # fmt: skip
    for name, (features, labels) in sets().items():
        kept["sets"][name] = {"items": len(features), "test": len(features) // 3}
        for copies in (1, COPIES):
            data = copied(name, features, labels, copies)
            plan = Plan(
                strategies=tuple(STRATEGIES.values()),
                seeds=tuple(range(seeds)),
                initial=kept["initial"],
                batch=kept["batch"],
                budget=kept["budget"],
                test=len(features) // 3,
                learner=learner,
            )
            begun = time.process_time()
            # The split of copies holds out single items, so what grid calls the pool is larger; it is not shown here.
            runs = grid.run(data, plan).runs
            width = _width(features)
            rows = {
                own: [_measured(run, data.pool.items, width) for run in runs if run.strategy == called]
                for own, called in STRATEGIES.items()
            }
            kept["sets"][name]["copies" if copies > 1 else "single"] = rows
            print(f"{name} x {copies}: {time.process_time() - begun:.0f} s of CPU", flush=True)
    return kept


def _measured(run: Run, items: Tensor, width: float) -> list[float]:
    """Mean accuracy over the labels bought; per round log det and mean distance of the batch, averaged."""
    logs, gaps = [], []
    for batch in run.picks:
        points = items[torch.tensor(batch)].double()
        apart = torch.cdist(points, points)
        alike = (apart.square() / (-2 * width**2)).exp() + 1e-6 * torch.eye(len(points), dtype=torch.float64)
        logs.append(float(torch.linalg.slogdet(alike).logabsdet))
        gaps.append(float(apart.sum()) / (len(points) * (len(points) - 1)))
    return [round(value, 6) for value in (area(run.labels, run.scores), float(np.mean(logs)), float(np.mean(gaps)))]


def _standardized(features: Array) -> Array:
    spread = features.std(0)
    whole: Array = (features - features.mean(0)) / np.where(spread > 0, spread, 1)
    return whole


def _width(features: Array) -> float:
    apart = torch.pdist(torch.from_numpy(features))
    return float(apart.median())


def dpp_page() -> str:
    """The page, in tables and in words, from the committed results."""
    kept = json.loads(FILE.read_text("utf-8"))
    return (
        "# Determinantal batches of several criteria\n\n"
        "`multi-criteria-dpp` is a reconstruction: of *Multiple-criteria Based Active Learning with Fixed-size "
        "Determinantal Point Processes* (Zhan, Li and Chan 2021) only the abstract could be read, and no code is "
        "public. These runs ask whether it does what such a method should.\n\n"
        f"{len(kept['sets'])} small tables of scikit-learn, features standardized, a third held out, {kept['seeds']} "
        f"paired seeds, {kept['initial']} labels drawn at random and then {kept['batch']} at a time up to "
        f"{kept['budget']}. Each is run as it is, and with every item of the pool there {kept['copies']} times with "
        f"noise of {kept['jitter']} standard deviations; no copy of a test item is in the pool. The committee is a "
        "softmax head, naive Bayes and five nearest neighbors; accuracy is the softmax head's, averaged over the "
        "labels bought. *Log det* is that of a batch's Gaussian similarities, *distance* the mean between two of a "
        "batch. Brackets are 95% intervals. Seeds 0 to "
        f"{kept['seeds'] - 1} were run once, and no setting was chosen by them.\n\n"
        + "\n".join(_section(name, found) for name, found in kept["sets"].items())
        + "\n## What was expected, and what came out\n\n"
        + "".join(f"- {line}\n" for line in _verdicts(kept["sets"]))
        + "\n*No clear difference* is an interval that holds 0; on so few seeds it is no proof of equality. The SD is "
        "over seeds, so the splits are in it, and clusters are drawn for likeliest batches too.\n"
        + "\n`python -m benchmarks.dpp_page` runs this again.\n"
    )


_WAYS = {"single": "Items as they are", "copies": "Ten near copies of each"}


def _section(name: str, found: dict[str, Any]) -> str:
    lines = [
        f"## {name[0].upper()}{name[1:]}: {found['items']} items\n\n",
        "| Pool | Strategy | Accuracy | SD | Against entropy | Log det | Distance |\n",
        "| --- | --- | --: | --: | --: | --: | --: |\n",
    ]
    for way, said in _WAYS.items():
        for own, rows in found[way].items():
            scores, logs, gaps = np.array(rows).T
            gap = interval(scores - _column(found, way, "entropy", 0))
            against = f"{words.signed(gap.mean, 3)} {words.span(gap, 3)}" if own != "entropy" else words.NONE
            cells = [said, own, words.score(scores.mean()), f"{scores.std(ddof=1):.3f}", against]
            lines.append(f"| {' | '.join(cells)} | {logs.mean():.1f} | {gaps.mean():.2f} |\n")
    return "".join(lines)


def _column(found: dict[str, Any], way: str, own: str, place: int) -> Array:
    return np.array(found[way][own])[:, place]


def _verdicts(sets_: dict[str, Any]) -> list[str]:
    """Each expectation, with where it held and where not."""
    lines = []
    for what, place in (("determinant", 1), ("mean distance", 2)):
        for own in ("drawn", "likeliest"):
            lines.append(
                _said(
                    f"A larger {what} than the top of entropy ({own})",
                    {
                        f"{name}, {way}": _verdict(
                            _column(found, way, own, place) - _column(found, way, "entropy", place)
                        )
                        for name, found in sets_.items()
                        for way in _WAYS
                    },
                    "more",
                )
            )
    for way, wanted in (("copies", "more"), ("single", "equal")):
        for own in ("drawn", "likeliest"):
            lines.append(
                _said(
                    f"Accuracy {'above' if wanted == 'more' else 'about that of'} entropy "
                    f"{'with' if way == 'copies' else 'without'} copies ({own})",
                    {
                        name: _verdict(_column(found, way, own, 0) - _column(found, way, "entropy", 0))
                        for name, found in sets_.items()
                    },
                    wanted,
                )
            )
    lines.append(
        _said(
            "Accuracy above that of unconditional batches (likeliest)",
            {
                f"{name}, {way}": _verdict(
                    _column(found, way, "likeliest", 0) - _column(found, way, "likeliest, unconditional", 0)
                )
                for name, found in sets_.items()
                for way in _WAYS
            },
            "more",
        )
    )
    steadier = {
        f"{name}, {way}": "less"
        if _column(found, way, "likeliest", 0).std(ddof=1) < _column(found, way, "drawn", 0).std(ddof=1)
        else "more"
        for name, found in sets_.items()
        for way in _WAYS
    }
    lines.append(_said("A smaller SD over seeds of likeliest batches than of drawn ones", steadier, "less"))
    return lines


def _verdict(differences: Array) -> str:
    found = interval(differences)
    return "more" if found.low > 0 else "less" if found.high < 0 else "equal"


def _said(expected: str, found: dict[str, str], wanted: str) -> str:
    held = [name for name, word in found.items() if word == wanted]
    other = {name: word for name, word in found.items() if word != wanted}
    names = {"more": "more", "less": "less", "equal": "no clear difference"}
    rest = "; ".join(f"{names[word]} on {name.replace('single', 'as is')}" for name, word in other.items())
    return f"{expected}: held in {len(held)} of {len(found)}" + (f" ({rest})." if rest else ".")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the comparisons behind docs/papers/dpp.md.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    kept = run(parser.parse_args().seeds)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

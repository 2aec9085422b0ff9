"""The runs behind docs/papers/ntk.md: strategies of tangent kernels, what they are said to track, and what labels say.

    python -m benchmarks.ntk                  runs what is not done yet of 20 seeds, about two hours of one core
    python -m benchmarks.ntk --seeds 3        of three seeds
    python -m benchmarks.ntk --until 17:30    begins nothing that would end later

What is done is kept in .cache/lab/papers/ntk-*, so that sessions add up, and docs/results/ntk.json holds all of it. The
noise of `Mlmoc` was chosen on seeds 100 to 103 of digits and letter with the head; nothing else was.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from askance.arrays import take
from askance.given import view
from askance.lab.datasets import Dataset, digits
from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.lab.running import deadline
from askance.learners.base import Lesson
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.wrappers import Untrained
from askance.look import threads
from askance.selection.kernel import Straight, Wide
from askance.selection.process import Process
from askance.signals.embeddings import Embeddings
from askance.signals.tangents import TangentFeatures, tangents
from askance.strategies.settings import SCORES, SETTINGS, EvGpMs
from askance.strategies.tangents import EvGp, Mlmoc, NtkCpl
from askance.study.relations import relations
from askance.study.study import Study
from benchmarks.measure import ROOT, machine
from benchmarks.paired import lesson_of, measure, rows

FILE = ROOT / "docs" / "results" / "ntk.json"
LOOKS = ROOT / ".cache" / "lab" / "papers" / "ntk-looks.json"
SEEDS = 20
LEARNER = Torch(Mlp((128,)), steps=100, rate=3e-3)  # that of benchmarks/dmle.py
PIXELS = Embeddings(of=Untrained(Linear(ridge=1.0)))  # the items as they are, whoever learns
SMALL, LARGE = 20, 50  # labels in a batch
SUBSETS, SIZE, TRAININGS = 12, 50, 4
WRONG, TOLD = 10, 200

HEAD: tuple[Any, ...] = (
    *("random", "margin", "badge", "typiclust", "bait", "ev-gp", "ev-gp-ms", "ntk-cpl"),
    {"strategy": Mlmoc(), "name": "mlmoc"},
    {"strategy": Mlmoc(change="guesses"), "name": "mlmoc, guesses"},
    {"strategy": Mlmoc(batch="top"), "name": "mlmoc, top"},
)
NETWORK: tuple[Any, ...] = (
    *("random", "margin", "badge", "typiclust"),
    {"strategy": EvGp(features=PIXELS), "name": "ev-gp"},
    {
        "strategy": EvGp(features=TangentFeatures(of=Untrained(LEARNER), cotangent="one"), kernel=Straight()),
        "name": "ev-gp, drawn",
    },
    {"strategy": NtkCpl(features=PIXELS, places=PIXELS), "name": "ntk-cpl"},
    {"strategy": Mlmoc(), "name": "mlmoc"},
    {"strategy": Mlmoc(change="guesses"), "name": "mlmoc, guesses"},
)


def head(seeds: tuple[int, ...]) -> Grid:
    """A softmax head, in small and in large batches."""
    return Grid(
        datasets=("digits", {"name": "letter", "items": 1_800}),
        strategies=HEAD,
        learners=({"learner": Linear(ridge=1.0), "name": "head"},),
        initial=(SMALL,),
        batch=(SMALL,),
        budget=100,
        test=500,
        seeds=seeds,
        more=(
            Grid(
                datasets=("digits", {"name": "letter", "items": 1_800}),
                strategies=HEAD,
                learners=({"learner": Linear(ridge=1.0), "name": "head"},),
                initial=(SMALL,),
                batch=(LARGE,),
                budget=120,
                test=500,
                seeds=seeds,
            ),
        ),
    )


def network(seeds: tuple[int, ...]) -> Grid:
    """A network, whose own tangent kernel changes as it is trained."""
    return Grid(
        datasets=("digits", {"name": "letter", "items": 1_800}),
        strategies=NETWORK,
        learners=({"learner": LEARNER, "name": "network"},),
        initial=(SMALL,),
        batch=(SMALL,),
        budget=100,
        test=500,
        seeds=seeds,
    )


def tracked(data: Dataset, seed: int) -> dict[str, float]:
    """Whether the expected variance of EV-GP says which labels make networks agree, and be right.

    Subsets of 20 to 80 labels are drawn, and again all of one size: with more labels all three fall, whatever the
    criterion knows.
    """
    kept, test = data.split(seed, 500)
    items, dice = data.pool.items, np.random.default_rng(seed)
    truth = torch.tensor(data.labels)
    found: dict[str, float] = {}
    for name in ("of any size", "of one size"):
        variance, spread, error = [], [], []
        for _ in range(SUBSETS):
            size = SIZE if name == "of one size" else int(dice.integers(20, 81))
            chosen = kept[torch.from_numpy(dice.permutation(len(kept))[:size])]
            process = Process(Wide().over(items), chosen, 1e-3, kept)
            variance.append(float(process.variances(test).mean()))
            said = torch.stack([_trained(data, chosen, number)(items[test]) for number in range(TRAININGS)])
            spread.append(float(said.var(0).sum(1).mean()))
            error.append(float((said.argmax(2) != truth[test]).double().mean()))
        found[f"variance between trainings, subsets {name}"] = _rank(variance, spread)
        found[f"test error, subsets {name}"] = _rank(variance, error)
    return found


def _trained(data: Dataset, chosen: Tensor, number: int) -> Callable[[Tensor], Tensor]:
    """A network trained on some rows, from the weights of a number, as a function to probabilities."""
    study = Study(data.pool, learner=LEARNER, strategy="random", classes=data.classes, seed=number, start=None)
    names = data.pool.names(chosen)
    study.tell({name: data.labels[row] for name, row in zip(names, chosen.tolist(), strict=True)})
    lesson = study.lesson()
    study.close()
    assert lesson is not None
    model = LEARNER.fit(lesson)

    def said(items: Tensor) -> Tensor:
        scores = model.outputs(items).scores
        assert scores is not None
        return scores.double().softmax(1)

    return said


def chose(data: Dataset, seed: int) -> dict[str, float]:
    """How the scores of settings rank beside the test error of the kernel's regression, for few labels and more."""
    found: dict[str, float] = {}
    for labels in (20, 50, 100):
        lesson = lesson_of(data, Linear(ridge=1.0), seed, labels)
        _, test = data.split(seed, 500)
        truth = torch.tensor([data.labels[row] for row in test.tolist()])
        errors = [_wrong(data, lesson, shape, test, truth) for shape in SETTINGS]
        found[f"{labels}: best setting"] = min(errors)
        found[f"{labels}: mean setting"] = float(np.mean(errors))
        for score in SCORES:
            strategy = EvGpMs(by=score)
            shown = view(
                embeddings=lesson.items,
                labeled=lesson.labeled.tolist(),
                labels=lesson.targets.argmax(1).tolist(),
                seed=seed,
            )
            values = strategy.scores(shown)
            found[f"{labels}: {score}, ranks"] = _rank(values, errors)
            found[f"{labels}: {score}, chosen"] = errors[int(np.argmin(values))]
    return found


def _wrong(data: Dataset, lesson: Lesson, shape: Any, test: Tensor, truth: Tensor) -> float:
    """The test error of a kernel's regression on what is labeled."""
    both = torch.cat([take(lesson.items, lesson.labeled), data.pool.items[test]])
    known = torch.arange(len(lesson.labeled))
    process = Process(shape.over(both), known, 0.1, known)
    scores = process.mean(torch.arange(len(known), len(both)), lesson.targets - lesson.targets.mean(0))
    return float((scores.argmax(1) != truth).double().mean())


def sketched(data: Dataset, seed: int) -> dict[str, float]:
    """How far the sketched kernel of a network is from the exact one, and how far the pseudo-kernel from the full one.

    The first is a root mean squared error of cosines; the second compares the regressions of both kernels.
    """
    lesson = lesson_of(data, LEARNER, seed, 60)
    whole = LEARNER.fit(lesson).differentiable()
    items, classes = lesson.items[:150], lesson.task.width
    ones = torch.full((len(items), classes), classes**-0.5)
    with torch.no_grad():
        exact = _cosines(tangents(whole, items, ones, dim=1 << 20))
        found = {
            f"error of cosines, {dim}": float(
                (_cosines(tangents(whole, items, ones, dim=dim, shared=ones[0])) - exact).square().mean().sqrt()
            )
            for dim in (128, 512, 2048)
        }
    return found | _pseudo(data, seed)


def _pseudo(data: Dataset, seed: int) -> dict[str, float]:
    """How often the pseudo-kernel's regression guesses as that of the full kernel, for new weights of three widths."""
    found = {}
    kept, _ = data.split(seed, 500)
    items = data.pool.items[kept[:120]]
    known, rest, classes = torch.arange(60), torch.arange(60, 120), len(data.classes)
    targets = torch.nn.functional.one_hot(torch.tensor([data.labels[r] for r in kept[:60].tolist()]), classes).double()
    for width in (16, 64, 256):
        learner = Torch(Mlp((width,), dropout=0.0))
        blank = Untrained(learner).fit(lesson_of(data, Linear(ridge=1.0), seed, 20))
        whole = blank.differentiable()
        assert whole.bare is not None
        with torch.no_grad():
            single = [
                tangents(whole, items, torch.eye(classes)[c].expand(len(items), -1), dim=1 << 20).double()
                for c in range(classes)
            ]
            ones = torch.full((len(items), classes), classes**-0.5)
            pseudo = tangents(whole, items, ones, dim=1 << 20).double()
            before = whole.bare(whole.weights, items).double()
        full = torch.stack([torch.stack([a @ b.T for b in single], 2) for a in single], 1)  # (items, C, items, C)
        full = full.reshape(len(items), classes, len(items), classes)
        inner = full[known][:, :, known].reshape(60 * classes, -1)
        inner.diagonal().add_(1e-3 * inner.diagonal().mean())
        aims = (targets - before[known]).reshape(-1)
        said = before[rest] + (
            full[rest][:, :, known].reshape(60 * classes, -1) @ torch.linalg.solve(inner, aims)
        ).reshape(60, classes)
        gram = pseudo @ pseudo.T
        small = gram[known][:, known] + 1e-3 * gram.diagonal()[known].mean() * torch.eye(60)
        other = before[rest] + gram[rest][:, known] @ torch.linalg.solve(small, targets - before[known])
        found[f"same guesses, width {width}"] = float((said.argmax(1) == other.argmax(1)).double().mean())
    return found


def slipped(data: Dataset, seed: int) -> dict[str, float]:
    """How many of some wrong labels are among as many of the oddest items, and in pairs that contradict each other."""
    found: dict[str, float] = {}
    dice = np.random.default_rng(seed)
    chosen = dice.permutation(len(data.pool))[:TOLD].tolist()
    classes = list(data.classes)
    told = {data.pool.names([row])[0]: data.labels[row] for row in chosen}
    bad = set(data.pool.names(chosen[:WRONG]))
    for name in bad:
        told[name] = classes[(classes.index(told[name]) + int(dice.integers(1, len(classes)))) % len(classes)]
    for kind, learner in (("head", Linear(ridge=1.0)), ("network", replace(LEARNER, steps=400))):
        study = Study(data.pool, learner=learner, strategy="random", classes=classes, seed=seed, start=None)
        study.tell(told)
        report = relations(study, most=WRONG)
        found[f"{kind}: wrong labels among the oddest"] = len({odd.id for odd in report.odd} & bad) / WRONG
        named = sum(bool(set(pair.ids) & bad) for pair in report.contradicting)
        found[f"{kind}: contradictions with a wrong label"] = named / WRONG
        beliefs = study.predict()[torch.tensor(chosen)]  # in the order that they were told
        own = beliefs[torch.arange(TOLD), torch.tensor([classes.index(label) for label in told.values()])]
        doubted = {list(told)[place] for place in own.argsort()[:WRONG].tolist()}
        found[f"{kind}: wrong labels among the least believed"] = len(doubted & bad) / WRONG
        study.close()
    return found


LOOK: dict[str, Callable[[Dataset, int], dict[str, float]]] = {
    "tracked": tracked,
    "chose": chose,
    "sketched": sketched,
    "slipped": slipped,
}


def looks(seeds: int, until: float | None) -> dict[str, dict[str, dict[str, float]]]:
    """What is looked at beside the runs, by name and seed; each is kept as soon as it is done."""
    kept: dict[str, dict[str, dict[str, float]]] = json.loads(LOOKS.read_text("utf-8")) if LOOKS.exists() else {}
    data = digits()
    for seed in range(seeds):
        for name, look in LOOK.items():
            if str(seed) in kept.get(name, {}) or (until is not None and time.time() > until - 60):
                continue
            with threads(1):
                found = look(data, seed)
            kept.setdefault(name, {})[str(seed)] = {key: round(value, 5) for key, value in found.items()}
            LOOKS.parent.mkdir(parents=True, exist_ok=True)
            LOOKS.write_text(json.dumps(kept), "utf-8")
            print(f"{time.strftime('%H:%M:%S')} {name}, seed {seed}", flush=True)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--until", metavar="HH:MM")
    options = parser.parse_args()
    until = deadline(options.until) if options.until else None
    seeds = tuple(range(options.seeds))
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "looks": looks(options.seeds, until),
    }
    for name, grid in (("head", head(seeds)), ("network", network(seeds))):
        found[name] = {}
        for results in measure(grid, f"ntk-{name}", until):
            if not results.runs:
                continue
            settings = {key: results.settings[key] for key in ("initial", "batch", "budget", "test")}
            title = f"{results.dataset['name']}, batches of {settings['batch']}"
            found[name][title] = {**settings, "items": results.dataset["items"], "rows": rows(results)}
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


def _rank(one: list[float], other: list[float]) -> float:
    """Spearman's correlation; 0 where one of both is the same everywhere."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return 0.0
    return float(spearmanr(one, other).statistic)


def _cosines(features: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize(features.double())
    return unit @ unit.T


if __name__ == "__main__":
    main()

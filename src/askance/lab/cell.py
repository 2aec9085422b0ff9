"""One strategy with one seed: a study with a known oracle, from the first labels to the last score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from askance.arrays import take
from askance.errors import AskanceError
from askance.lab.datasets import Dataset
from askance.lab.plan import PER_CLASS, Plan
from askance.metrics import measures
from askance.oracles.known import Known
from askance.pool import Pool
from askance.reports.results import Run
from askance.seeds import Dice
from askance.study.study import Study


def run_cell(shared: tuple[Dataset, Plan], cell: tuple[str, int]) -> Run:
    """One strategy with one seed."""
    (dataset, plan), (name, seed) = shared, cell
    strategy = plan.strategy(name)
    rows, test = dataset.split(seed, plan.test)
    pool = dataset.pool.arranged(rows.tolist())
    oracle = Known({pool.names([i])[0]: dataset.labels[row] for i, row in enumerate(rows.tolist())})
    column = {label: number for number, label in enumerate(dataset.classes)}
    truth = torch.tensor([column[dataset.labels[row]] for row in test.tolist()])
    held_out = take(dataset.pool.items, test)

    study = Study(pool, learner=plan.learner, strategy=strategy, classes=dataset.classes, seed=seed, start=None)
    study.tell(oracle.of(pool.names(first_rows(dataset, plan, lambda: pool, pool.keys, seed))))
    labels, measured = [plan.initial], [_measured(study, held_out, truth)]
    while labels[-1] < plan.budget and not study.state.stopped:
        study.run(oracle, min(plan.budget, labels[-1] + plan.batch), plan.batch)
        labels.append(study.progress.labeled)
        measured.append(_measured(study, held_out, truth))

    picks, reasons = _rounds(study, len(labels) - 1)
    return Run(
        strategy=name,
        seed=seed,
        labels=labels,
        scores=[one["accuracy"] for one in measured],
        picks=picks,
        classes=[_counts([column[label] for label in oracle.of(ids).values()], len(column)) for ids in picks],
        reasons=reasons,
        seconds=_seconds(study),
        notes={**told_utility(_utilities(study, len(picks))), **_diverged(study), **_chosen(study)},
        measures=by_name(measured),
    )


def first_rows(dataset: Dataset, plan: Plan, pool: Callable[[], Pool], keys: torch.Tensor, seed: int) -> list[int]:
    """Rows of the first labels of a seed, the same for every strategy.

    Args:
        dataset: The data set.
        plan: What picks them, and how many.
        pool: Makes the pool of this seed, where what picks them looks at items.
        keys: The keys of its items.
        seed: The seed.
    """
    order: list[int] = Dice(seed, "initial").uniform(keys).argsort().tolist()
    if plan.start == "random":
        return order[: plan.initial]
    if plan.start == PER_CLASS:
        return _of_each(order, [dataset.labels[place] for place in dataset.split(seed, plan.test)[0].tolist()], plan)
    made = pool()
    opening = Study(
        made, learner=plan.learner, strategy=plan.start, classes=dataset.classes, seed=seed, start=plan.start
    )
    return made.rows(opening.ask(plan.initial).ids)


def _of_each(order: Sequence[int], labels: Sequence[Any], plan: Plan) -> list[int]:
    """The first rows of an order, equally many of each class as far as it has them, and what is left of any."""
    share = plan.initial // len(set(labels))
    count: Counter[Any] = Counter()
    found: list[int] = []
    others: list[int] = []
    for row in order:
        count[labels[row]] += 1
        (found if count[labels[row]] <= share else others).append(row)
    return [*found, *others][: plan.initial]


def by_name(measured: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Every measure but the accuracy, over the rounds, to six digits."""
    return {name: [round(one[name], 6) for one in measured] for name in measured[0] if name != "accuracy"}


def mean_utility(notes: Iterable[Mapping[str, Any]]) -> float | None:
    """How much a strategy wanted what it picked, on average, as it measures that itself; None where it does not say."""
    values = [float(note["utility"]) for note in notes if "utility" in note]
    found = sum(values) / len(values) if values else math.nan
    return float(f"{found:.4g}") if math.isfinite(found) else None


def told_utility(rounds: Sequence[float | None]) -> dict[str, Any]:
    """The mean utility of each round as a note of a run; nothing where no round has one."""
    return {"utility": list(rounds)} if any(value is not None for value in rounds) else {}


def _utilities(study: Study, count: int) -> list[float | None]:
    """The mean utility of the picks of each round."""
    notes: list[list[Mapping[str, Any]]] = [[] for _ in range(count)]
    for asked in study.history.asked:
        notes[min(asked.round, count - 1)] += asked.notes
    return [mean_utility(one) for one in notes]


def _measured(study: Study, items: Any, truth: torch.Tensor) -> dict[str, float]:
    said = study.predict(items)
    if not bool(torch.isfinite(said).all()):
        raise AskanceError("The model's predictions are NaN or infinite: it diverged. Check the learner's settings.")
    return measures(said, truth)


def _rounds(study: Study, count: int) -> tuple[list[list[Any]], list[str]]:
    """Ids and reasons of each round; a round may have been asked in several batches."""
    picks: list[list[Any]] = [[] for _ in range(count)]
    reasons = [""] * count
    for asked in study.history.asked:
        place = min(asked.round, count - 1)
        picks[place] += study.pool.names(list(asked.rows))
        reasons[place] = asked.reason
    return picks, reasons


def _diverged(study: Study) -> dict[str, Any]:
    """Which fits diverged, and why the first did, if one did."""
    failed = [fit for fit in study.state.fits if fit.diverged]
    return {"diverged": [fit.number for fit in failed], "why": failed[0].diverged} if failed else {}


def _chosen(study: Study) -> dict[str, Any]:
    """The architecture of each fit and what the search for it cost, where the learner, or who asks, chooses one."""
    found = []
    for line in study.lines():
        if line.kind == "fitted":
            facts = [line.body["facts"], *(one["facts"] for one in line.body["companions"].values())]
            told = next((one["architecture"] for one in facts if "architecture" in one), None)
            if told is not None:
                costs = [int(told.get(name, 0)) for name in ("trainings", "search_steps")]
                found.append([told["blocks"], told["stacks"], *costs])
    return {"architectures": found} if found else {}


def _counts(columns: Sequence[int], width: int) -> list[int]:
    found = Counter(columns)
    return [found[column] for column in range(width)]


def _seconds(study: Study) -> dict[str, list[float]]:
    """Where the time went, from the journal: of each fit, and of each round, which may have been asked in parts."""
    lines = study.lines()
    asked: dict[str, dict[int, float]] = {"signals": {}, "selection": {}}
    for line in lines:
        if line.kind == "asked":
            for step, rounds in asked.items():
                rounds[line.body["round"]] = rounds.get(line.body["round"], 0.0) + line.body["seconds"][step]
    return {
        "training": [line.body["seconds"] for line in lines if line.kind == "fitted"],
        **{step: list(rounds.values()) for step, rounds in asked.items()},
    }

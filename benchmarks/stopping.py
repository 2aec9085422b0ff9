"""Where criteria for stopping stop, and what was lost there, simulated on data sets whose labels are known.

python -m benchmarks.stopping             seeds 0 to 19, and data sets that no setting was chosen on
python -m benchmarks.stopping --choose    seeds 100 to 119, which settings were chosen on

Both add what is missing to docs/results/stopping.json; delete it to begin anew. `stopping_measured` makes the tables of
docs/stopping.md of it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.lab import sets
from askance.lab.datasets import Dataset, features_of
from askance.lab.identity import identity
from askance.lab.statistics import interval
from askance.learners.linear import Linear
from askance.look import predict
from askance.metrics import Z95
from askance.oracles.known import Known
from askance.pool import Pool
from askance.reports import words
from askance.study.looks import STOP_SET, Evidence, kappa
from askance.study.stopping import (
    DEFAULT,
    NET,
    OLDEST,
    RATE,
    SPREAD,
    WANDER,
    Foreseen,
    Gain,
    Stable,
    forecast,
)
from askance.study.study import Study
from benchmarks.default_head import is_of_today, remark
from benchmarks.measure import ROOT

RESULTS = ROOT / "docs" / "results" / "stopping.json"
AHEAD = 3  # lost is what the accuracy at so many times the labels has more, or at the end of the run
TOLERATED = 0.01  # more is too early
CONTROL = 0.1
BATCHES = ((200, 25), (600, 50), (10_000, 100))  # up to so many labels, rounds of so many
FROM = 75  # labels from which forecasts are looked at
Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A data set, cut for the simulation.

    Args:
        test: Items held out.
        budget: Labels of a whole run.
        items: How many are drawn from the set; None: all.
    """

    test: int
    budget: int
    items: int | None = None


WORLDS = {
    "digits": World(500, 1200),
    "spam": World(2000, 1500),
    "letter": World(15_000, 1500),
    "20-newsgroups": World(12_000, 1500),
    "fashion-mnist": World(15_000, 1500, 20_000),
    "r8": World(2500, 1500),
    "animal-silhouettes": World(5000, 1500),
}
CHOSEN = ("digits", "spam", "letter", "20-newsgroups", "fashion-mnist")


@dataclass(frozen=True)
class Group:
    """Runs that are told of together.

    Args:
        title: The heading of their table.
        names: Data sets.
        seeds: Of each.
        strategy: Who asks.
    """

    title: str
    names: tuple[str, ...]
    seeds: range
    strategy: str = "margin"


CHOICE = {"choice": Group("The seeds that settings were chosen on", CHOSEN, range(100, 120))}
REPORT = {
    "report": Group("Fresh seeds", CHOSEN, range(20)),
    "unseen": Group("Data sets that took no part in choosing", ("r8", "animal-silhouettes"), range(10)),
    "random": Group("Asked at random", ("digits", "spam", "letter"), range(10), "random"),
}

DEFAULT_NAME = "`DEFAULT`"
CRITERIA = {
    DEFAULT_NAME: DEFAULT,
    "`Gain()`": Gain(),
    "`Gain(times=2)`": Gain(times=2),
    "`Gain(0.5, times=None)`": Gain(0.5, times=None),
    "`Stable(0.98)`": Stable(0.98),
    "`Stable()`": Stable(),
    "`Stable(certain=True)`": Stable(certain=True),
    "`Foreseen()`": Foreseen(),
    "`Foreseen(0.8)`": Foreseen(0.8),
}
SUCCESSIVE = "kappa of successive models"  # as published: the mean of three rounds from 0.99 on
CONFIDENT = "mean confidence from 0.95 on"
NAMES = (*CRITERIA, SUCCESSIVE, CONFIDENT)


def load(name: str) -> Dataset:
    """A data set as features; pictures of 28 x 28 pixels with the mean of each four."""
    found = sets.load(name)
    items = WORLDS[name].items
    if items is not None:
        found = found.sample(items)
    features = features_of(found).float()
    if features.shape[1] == 28 * 28:
        features = features.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(len(features), -1)
    return replace(found, pool=Pool.from_arrays(features, found.pool.ids.tolist()))


def schedule(budget: int) -> list[int]:
    """Labels after each round.

    >>> schedule(300)
    [25, 50, 75, 100, 125, 150, 175, 200, 250, 300]
    """
    labels = [0]
    while labels[-1] < budget:
        step = next(step for until, step in BATCHES if labels[-1] < until)
        labels.append(min(budget, labels[-1] + step))
    return labels[1:]


def simulate(data: Dataset, seed: int, strategy: str) -> dict[str, Any]:
    """One whole run: its accuracies, how many answers changed, and after which round each criterion would have stopped.

    Returns:
        ``scores`` and ``changed`` (items of the stop set, -1 where there is nothing to compare) for each round,
        ``before`` (labels of the older model), ``looked`` (items of the stop set) and ``stops`` (rounds, or None).
    """
    world = WORLDS[data.name]
    rows, held = data.split(seed, world.test)
    pool = data.pool.arranged(rows.tolist())
    truth = dict(zip(pool.names(range(len(pool))), (data.labels[row] for row in rows.tolist()), strict=True))
    column = {label: number for number, label in enumerate(data.classes)}
    told = torch.tensor([column[data.labels[row]] for row in held.tolist()])
    test = data.pool.items[held]
    study = Study(pool, classes=data.classes, seed=seed, strategy=strategy, control=CONTROL)
    stops: dict[str, int | None] = dict.fromkeys(NAMES)
    kept: dict[str, Any] = {"seed": seed, "scores": [], "changed": [], "before": [], "looked": 0, "stops": stops}
    agreed: list[float] = []
    last: torch.Tensor | None = None
    for number, labels in enumerate(schedule(world.budget)):
        study.run(Known(truth), labels, labels)
        kept["scores"].append(round(float((study.predict(test).argmax(1) == told).double().mean()), 5))
        seen = Evidence(study)
        says = {name: criterion.read(seen).met for name, criterion in CRITERIA.items()}
        new, old = seen.looks[0], seen.looks[-1]
        comparable = old.labels < new.labels and not seen.unclear
        kept["changed"].append(round(seen.changed(new, old) * len(seen.rows)) if comparable else -1)
        kept["before"].append(old.labels)
        kept["looked"] = len(seen.rows)
        agreed += [kappa(new.answers[:, 0], last[:, 0])[0]] if last is not None else []
        last = new.answers
        says[SUCCESSIVE] = len(agreed) >= 3 and sum(agreed[-3:]) / 3 >= 0.99
        belief = predict(study.model(), pool.items[seen.rows], study.task, study.state.piece)
        says[CONFIDENT] = float(belief.max(1).values.mean()) >= 0.95
        for name in NAMES:
            if says[name] and stops[name] is None:
                stops[name] = number
    return kept


def run(groups: dict[str, Group]) -> None:
    """Simulate what is not there yet, or was with an earlier head, and write it down after each data set."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"groups": {}}
    for key, group in groups.items():
        for name in group.names:
            own = kept["groups"].setdefault(key, {}).get(name, {})
            if not is_of_today(own.get("learner")):
                own = kept["groups"][key][name] = {"learner": identity(Linear()), "seconds": 0.0, "runs": []}
            there = {one["seed"] for one in own["runs"]}
            missing = [seed for seed in group.seeds if seed not in there]
            if not missing:
                continue
            data, begun = load(name), time.process_time()
            own["runs"] += [simulate(data, seed, group.strategy) for seed in missing]
            own["seconds"] = round(own["seconds"] + time.process_time() - begun, 1)
            own["pool"] = len(data.pool) - WORLDS[name].test
            kept["date"] = time.strftime("%Y-%m-%d")
            RESULTS.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")
            print(f"{key}: {name}, {len(own['runs'])} runs, {own['seconds']:.0f} s of CPU", flush=True)


@dataclass(frozen=True)
class Ended:
    """Where one run was stopped: after how many labels, and how much accuracy that lost."""

    stopped: bool
    labels: int
    lost: float

    @property
    def early(self) -> bool:
        """Whether more was lost than is tolerated."""
        return self.lost > TOLERATED


def ended(labels: list[int], scores: list[float], stop: int | None) -> Ended:
    """What a stop lost against the accuracy at three times the labels, or at the end.

    >>> ended([25, 50, 75, 100], [0.5, 0.6, 0.7, 0.75], 0).lost == 0.7 - 0.5
    True
    """
    place = len(labels) - 1 if stop is None else stop
    later = min(int(np.searchsorted(labels, AHEAD * labels[place])), len(labels) - 1)
    return Ended(place < len(labels) - 1, labels[place], scores[later] - scores[place])


def hindsight(labels: list[int], scores: list[float]) -> int:
    """The first round after which so many times the labels bring no more than is tolerated."""
    return next(number for number in range(len(labels)) if not ended(labels, scores, number).early)


def ends(name: str, own: dict[str, Any], criterion: str) -> list[Ended]:
    """Where each run of a data set ends by a criterion."""
    labels = schedule(WORLDS[name].budget)
    return [
        ended(labels, one["scores"], hindsight(labels, one["scores"]) if criterion == "" else one["stops"][criterion])
        for one in own["runs"]
    ]


@dataclass(frozen=True)
class Ahead:
    """A forecast beside what came.

    Args:
        way: The stretch ahead over the stretch behind, as `forecast` measures both.
        share: Of answers that changed, with half an item more.
        gain: What came, in accuracy.
        forecast: What was forecast, with its interval.
        noise: The variance that the held-out items bring into what came.
        times: Labels then over labels now.
        more: Labels then less labels now.
    """

    way: float
    share: float
    gain: float
    forecast: tuple[float, float, float]
    noise: float
    times: float
    more: int

    @property
    def held(self) -> bool:
        """Whether what came lies in the interval, made wider by the noise of the held-out items."""
        told, low, _ = self.forecast
        return abs(self.gain - told) <= math.hypot(told - low, Z95 * math.sqrt(self.noise))


def ahead(name: str, own: dict[str, Any]) -> Iterator[Ahead]:
    """Every forecast for up to three times the labels that the run reached."""
    labels = schedule(WORLDS[name].budget)
    for one in own["runs"]:
        for place, now in enumerate(labels):
            before, changed = one["before"][place], one["changed"][place]
            if now < FROM or changed < 0 or not OLDEST * now <= before < now:
                continue
            for later, then in enumerate(labels):
                if now < then <= AHEAD * now:
                    way = (1 - (now / then) ** RATE) / ((before / now) ** -RATE - 1)
                    share = (changed + 0.5) / (one["looked"] + 1)
                    yield Ahead(
                        way,
                        share,
                        one["scores"][later] - one["scores"][place],
                        forecast(changed / one["looked"], one["looked"], before, now, then),
                        share * math.sqrt(way) / WORLDS[name].test,  # about so many answers change on them
                        then / now,
                        then - now,
                    )


def net(found: list[Ahead]) -> float:
    """The share of changed answers that a data set gained, by least squares."""
    stretch = np.array([one.share * one.way for one in found])
    return float((stretch * np.array([one.gain for one in found])).sum() / (stretch**2).sum())


def wander(found: list[Ahead], looked: int) -> float:
    """How far that share strays from stretch to stretch, by moments; the noise of both samples is taken off."""
    share, way = (np.array([getattr(one, name) for one in found]) for name in ("share", "way"))
    mean = net(found) * share * way
    left = (np.array([one.gain for one in found]) - mean) ** 2
    noise = (NET * way) ** 2 * share * (1 - share) / looked + np.array([one.noise for one in found])
    return math.sqrt(max(0.0, float((left - noise).mean() / (share**2 * way).mean())))


def stopping_measured() -> str:
    """What docs/stopping.md says of the simulation, from the committed results."""
    kept = json.loads(RESULTS.read_text("utf-8"))["groups"]
    report = kept["report"]
    minutes = sum(own["seconds"] for group in kept.values() for own in group.values()) / 60
    parts = [remark(of_today(), "default-head.md") + _settings(kept), _summary(report), _found(report)]
    for key, group in REPORT.items():
        parts.append(f"### {group.title}\n\n{_table(kept[key])}")
    parts.append(f"### What was forecast, and what came\n\n{_forecasts(kept)}")
    parts.append(f"### How the default was chosen\n\n{_choice(kept['choice'])}")
    parts.append(
        f"`python -m benchmarks.stopping` runs this again, with `--choose` the seeds 100 to 119; all of it took "
        f"{minutes:.0f} minutes of one core.\n"
    )
    return "\n".join(parts)


def of_today() -> bool:
    """Whether all runs are of the default head as it is now."""
    kept = json.loads(RESULTS.read_text("utf-8"))["groups"]
    return all(is_of_today(own.get("learner")) for group in kept.values() for own in group.values())


def _settings(kept: dict[str, Any]) -> str:
    report = kept["report"]
    sizes = ", ".join(
        f"{name} ({own['pool']:,} items, {WORLDS[name].test:,} held out, {WORLDS[name].budget:,} labels)"
        for name, own in report.items()
    )
    return (
        f"Whole runs with `Linear()`, margin and a control share of {CONTROL:g}, {len(REPORT['report'].seeds)} seeds "
        f"on each of {len(report)} data sets: {sizes}. Rounds have 25 labels up to 200, 50 up to 600, then 100; after "
        f"each, every criterion is asked. *Lost* is the accuracy on the held-out items at {AHEAD} times the labels, or "
        f"at the end of the run if that comes first, less that at the stop, in points, with the 95% interval of its "
        f"mean; *too early* is a run that lost more than {100 * TOLERATED:g} point. The noise of the held-out items is "
        f"in it: on digits a point is {0.01 * WORLDS['digits'].test:g} items. A criterion that never stops loses "
        f"nothing and saves nothing.\n"
    )


def _summary(report: dict[str, Any]) -> str:
    lines = [
        "| Criterion | Stopped | Labels asked, of the whole run | Lost where it stopped | Too early |\n",
        "| --- | --: | --: | --: | --: |\n",
    ]
    for criterion in (*NAMES, ""):
        found = {name: ends(name, own, criterion) for name, own in report.items()}
        runs = [one for some in found.values() for one in some]
        asked = np.mean([one.labels / WORLDS[name].budget for name, some in found.items() for one in some])
        stopped = [one for one in runs if one.stopped]
        lines.append(
            f"| {criterion or '*in hindsight*'} | {len(stopped)} of {len(runs)} | {asked:.0%} | {_lost(stopped)} | "
            f"{sum(one.early for one in runs)} |\n"
        )
    return "".join(lines)


def _lost(stopped: list[Ended]) -> str:
    if not stopped:
        return words.NONE
    found = interval([100 * one.lost for one in stopped])
    return f"{words.signed(found.mean, 2)} {words.span(found, 2)}".strip()


def _found(report: dict[str, Any]) -> str:
    """The findings in words."""

    def counted(criterion: str) -> tuple[int, int]:
        runs = [one for name, own in report.items() for one in ends(name, own, criterion)]
        return sum(one.stopped for one in runs), sum(one.early for one in runs)

    found = {name: ends(name, own, DEFAULT_NAME) for name, own in report.items()}
    runs = sum(map(len, found.values()))
    where = [name for name, some in found.items() if any(one.stopped for one in some)]
    never = [name for name in found if name not in where]
    stopped, early = counted(DEFAULT_NAME)
    told = "; ".join(
        f"on {name} at {np.mean([one.labels for one in found[name]]):.0f} of {WORLDS[name].budget:,} labels, "
        f"{words.signed(100 * float(np.mean([one.lost for one in found[name]])), 1)} points lost (in hindsight "
        f"{np.mean([one.labels for one in ends(name, report[name], '')]):.0f} labels would have done)"
        for name in where
    )
    lines = [f"- `DEFAULT` stopped {stopped} of {runs} runs, {early} of them too early: {told}.\n"]
    if never:
        open_ = "; ".join(
            f"{name} {np.mean([one.labels for one in ends(name, report[name], '')]):.0f} of {WORLDS[name].budget:,}"
            for name in never
        )
        lines.append(
            f"- On {' and '.join([', '.join(never[:-1]), never[-1]] if len(never) > 1 else never)} it never stopped: "
            f"three times the labels kept being worth more than a point, as far as could be told. By the accuracy at "
            f"the end of the run, which no one would know, one could have stopped there after ({open_}) labels.\n"
        )
    for criterion, why in (
        ("`Gain(0.5, times=None)`", "what the next 50 labels bring is little long before the labels after them are"),
        (CONFIDENT, "confidence knows nothing of labels that are to come"),
        (SUCCESSIVE, "it hangs on the size of the rounds"),
        ("`Foreseen()`", "it wants a strategy that asks what is doubtful, and answers that can be foreseen"),
    ):
        its, bad = counted(criterion)
        lines.append(f"- {criterion[0].upper()}{criterion[1:]}: {its} stops, {bad} too early; {why}.\n")
    return "".join(lines)


def _table(group: dict[str, Any]) -> str:
    """Labels, points lost and early stops of each criterion on each data set."""
    lines = [f"| Criterion | {' | '.join(group)} |\n", f"| --- | {' | '.join('--:' for _ in group)} |\n"]
    for criterion in (*NAMES, ""):
        cells = []
        for name, own in group.items():
            found = ends(name, own, criterion)
            stopped = [one for one in found if one.stopped]
            labels = np.mean([one.labels for one in found])
            cells.append(
                f"{labels:.0f}; {_lost(stopped)}; {sum(one.early for one in found)} of {len(stopped)}"
                if stopped
                else words.NONE
            )
        lines.append(f"| {criterion or '*in hindsight*'} | {' | '.join(cells)} |\n")
    return (
        "Labels at the stop (the whole run's where it never stopped); points lost where it stopped; how many of the "
        "stops were too early.\n\n" + "".join(lines)
    )


def _forecasts(kept: dict[str, Any]) -> str:
    lines = [
        "| Data set | Runs | `NET` by itself | 50 labels more: forecast, came, in the interval | "
        f"{AHEAD} times the labels: forecast, came, in the interval |\n",
        "| --- | --- | --: | --: | --: |\n",
    ]
    for key, said in (("choice", "100 to 119"), ("report", "0 to 19"), ("unseen", "unseen"), ("random", "random")):
        for name, own in kept[key].items():
            found = list(ahead(name, own))
            soon = [one for one in found if one.more == 50]
            far = [one for one in found if one.times > 0.9 * AHEAD]
            lines.append(f"| {name} | {said} | {net(found):.2f} | {_held(soon)} | {_held(far)} |\n")
    return (
        f"Every round from {FROM} labels on whose end the run reached; points, means over rounds and seeds. How many "
        f"lie in the interval is counted with the noise of the held-out items added to it, which is most of what moves "
        f"where few are held out (digits, spam). *`NET` by itself* is what a data set alone would have chosen; {NET:g} "
        f"is used for all.\n\n" + "".join(lines)
    )


def _held(found: list[Ahead]) -> str:
    told, came = (100 * float(np.mean([value(one) for one in found])) for value in (_told, _came))
    return f"{words.signed(told, 1)}, {words.signed(came, 1)}, {np.mean([one.held for one in found]):.0%}"


def _told(one: Ahead) -> float:
    return one.forecast[0]


def _came(one: Ahead) -> float:
    return one.gain


def _choice(choice: dict[str, Any]) -> str:
    """What seeds 100 to 119 said."""
    nets = {name: list(ahead(name, own)) for name, own in choice.items()}
    alone = [net(found) for found in nets.values()]
    strays = [wander(found, min(STOP_SET, choice[name]["pool"] // 2)) for name, found in nets.items()]
    return (
        f"On these seeds, `NET` by least squares is {np.mean(alone):.2f} on average over the data sets "
        f"({min(alone):.2f} to {max(alone):.2f}; their spread is {np.std(alone, ddof=1) / np.mean(alone):.2f} of it, "
        f"`SPREAD` is {SPREAD:g}), and it strays by {min(strays):.2f} to {max(strays):.2f} of the answers that change "
        f"(`WANDER` is {WANDER:g}). The default was to join low gain and stability, to stop too early in at most one "
        f"of twenty stops, and otherwise to ask for few labels. Here stability is no more than a second pair of eyes: "
        f"`Gain()` alone did as well.\n\n{_summary(choice)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate where criteria stop, for docs/stopping.md.")
    parser.add_argument("--choose", action="store_true", help="the seeds that settings are chosen on")
    run(CHOICE if parser.parse_args().choose else REPORT)
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

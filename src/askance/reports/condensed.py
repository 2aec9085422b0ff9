"""Results of many conditions with their curves and areas and without their picks: small enough to be kept and shown."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from askance.errors import BadInput
from askance.reports.results import Verdict

SCHEMA = 1
KIND = "askance condensed results"


@dataclass(frozen=True)
class Strategy:
    """One strategy, or one upper bound, under one condition.

    Args:
        areas: The area of each seed over the labels that all strategies cover, in the order of the seeds; None: no run.
            Of a bound that ends before them, over what it covers: such an area is beside no other, see `whole`.
        final: Mean score at the end.
        curve: Mean scores at the condition's labels.
        low: Lower ends of their 95% intervals; None with one seed.
        high: Upper ends.
        seconds: Of a run, on average.
        gain: Mean difference of areas to the baseline, paired; None for the baseline and for bounds.
        gain_low: Lower end of its 95% interval.
        gain_high: Upper end.
        p: Paired t-test adjusted by Holm over the strategies of the condition.
        verdict: What it says at 0.05.
        others: Mean areas of other measures, such as ``balanced_accuracy``.
        early: The area of each seed over its first three rounds; None: no run.
    """

    areas: list[float | None]
    final: float | None
    curve: list[float | None]
    low: list[float | None]
    high: list[float | None]
    seconds: float | None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    p: float | None = None
    verdict: Verdict | str = ""
    others: dict[str, float] = field(default_factory=dict)
    early: list[float | None] = field(default_factory=list)

    @property
    def area(self) -> float:
        """The mean over seeds that ran; NaN without one. `Condition.shared` has means that can be compared."""
        there = [value for value in self.areas if value is not None]
        return sum(there) / len(there) if there else math.nan

    @property
    def whole(self) -> bool:
        """Whether the curve covers all labels of the condition, so that areas can be held against others."""
        return None not in self.curve

    @property
    def count(self) -> int:
        """How many seeds ran."""
        return sum(value is not None for value in self.areas)


@dataclass(frozen=True)
class Condition:
    """What all strategies had in common, and what came of each.

    Args:
        name: As its report has it.
        dataset: Its data set.
        domain: ``tables``, ``pictures``, ``texts``, ``made``, or ``own``.
        items: Of the data set, those held out included.
        classes: How many.
        encoder: What read it.
        learner: What learned.
        start: What picked the first labels.
        initial: How many these were.
        batch: Labels in a round.
        budget: Labels in the end.
        test: Items held out.
        seeds: In the order of all areas.
        labels: Of the curves.
        strategies: By name.
        bounds: Upper bounds by name; they read test data.
        said: What failed or is missing.
        learned_by: What learned, as it was when it ran: its description, and the revision of each class in it.
    """

    name: str
    dataset: str
    domain: str
    items: int
    classes: int
    encoder: str
    learner: str
    start: str
    initial: int
    batch: int
    budget: int
    test: int
    seeds: list[int]
    labels: list[float]
    strategies: dict[str, Strategy]
    bounds: dict[str, Strategy] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    learned_by: dict[str, Any] = field(default_factory=dict)

    def shared(self) -> dict[str, float]:
        """Mean areas over the seeds that all have, of strategies with half as many seeds as the one with the most.

        The others are left out: by their few seeds, all would be judged. Six digits, so that rounding orders nobody.
        """
        kept, places = self._sharing()
        areas = {name: [self.strategies[name].areas[place] for place in places] for name in kept}
        return {name: round(sum(a for a in own if a is not None) / len(own), 6) for name, own in areas.items() if own}

    @property
    def shared_seeds(self) -> int:
        """How many seeds `shared` is over."""
        return len(self._sharing()[1])

    def _sharing(self) -> tuple[list[str], list[int]]:
        """Which strategies have enough seeds, and the places of the seeds that these have in common."""
        least = max(1, max((part.count for part in self.strategies.values()), default=0) / 2)
        kept = [name for name, part in self.strategies.items() if part.count >= least]
        places = range(len(self.seeds)) if kept else range(0)
        return kept, [n for n in places if all(self.strategies[name].areas[n] is not None for name in kept)]


@dataclass(frozen=True)
class Condensed:
    """A grid's results, condensed.

    Args:
        preset: The grid's name.
        title: Its title, which names its size.
        date: Of the writing.
        baseline: What all are compared with.
        cells: Runs that there should be.
        done: Runs that there are.
        versions: Of the packages it ran with.
        conditions: One for each.
        said: What a reader must know of the whole.
    """

    preset: str
    title: str
    date: str
    baseline: str
    cells: int
    done: int
    versions: dict[str, str]
    conditions: list[Condition]
    said: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """As JSON text, a condition a line."""
        own = {name: value for name, value in vars(self).items() if name != "conditions"}
        head = json.dumps({"kind": KIND, "schema": SCHEMA, **own}, ensure_ascii=False)
        lines = [json.dumps(asdict(one), ensure_ascii=False, allow_nan=False) for one in self.conditions]
        return head[:-1] + ', "conditions": [\n' + ",\n".join(lines) + "\n]}\n"

    @staticmethod
    def read(found: Any, who: str) -> Condensed:
        """Read what `to_json` wrote.

        Args:
            found: JSON values.
            who: What an error calls it.

        Raises:
            BadInput: If they are of another kind or schema, or lack a field.
        """
        if not isinstance(found, dict) or found.get("kind") != KIND or found.get("schema") != SCHEMA:
            raise BadInput(f"{who} holds no condensed results that this version reads. Condense the results again.")
        try:
            conditions = [
                Condition(**one | {key: _parts(one.get(key, {})) for key in ("strategies", "bounds")})
                for one in found["conditions"]
            ]
            own = {entry.name: found[entry.name] for entry in fields(Condensed) if entry.name in found}
            return Condensed(**own | {"conditions": conditions})
        except (KeyError, TypeError) as error:
            raise BadInput(
                f"{who} is no whole file of condensed results: {error}. Condense the results again."
            ) from error


def _parts(found: dict[str, Any]) -> dict[str, Strategy]:
    return {name: Strategy(**one) for name, one in found.items()}

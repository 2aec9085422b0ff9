"""What an experiment or a study left behind, as plain values that a page can show."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from askance.errors import BadInput

SCHEMA = 1  # of the JSON text; a reader refuses any other

Verdict = Literal["above", "below", "not different", "not tested", "baseline"]


@dataclass(frozen=True)
class Run:
    """One strategy with one seed on one data set.

    Args:
        strategy: The name shown.
        seed: Runs of several strategies with one seed are paired.
        labels: Labels known when each score was measured; the first is the initial size.
        scores: One more than there are rounds; NaN where nothing could be measured.
        picks: Ids asked in each round.
        classes: How many picks of each class, for each round; empty if the task has no classes.
        reasons: Why each round gave what it gave; an empty string is a full batch.
        seconds: ``training``, ``signals`` and ``selection``, each a list with a number per fit or round.
        notes: Anything else worth keeping, as JSON.
        measures: Other measures by name, each with as many numbers as there are scores.

    Raises:
        BadInput: If the lists do not belong together.
    """

    strategy: str
    seed: int
    labels: list[int]
    scores: list[float]
    picks: list[list[str | int]]
    classes: list[list[int]]
    reasons: list[str]
    seconds: dict[str, list[float]]
    notes: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        who = f"The run of {self.strategy!r} with seed {self.seed}"
        rounds = len(self.picks)
        if not len(self.labels) == len(self.scores) == rounds + 1:
            raise BadInput(
                f"{who} has {len(self.labels)} label counts, {len(self.scores)} scores and {rounds} rounds. "
                f"Give one count and one score before the first round and one after each."
            )
        if any(later < earlier for earlier, later in zip(self.labels, self.labels[1:], strict=False)):
            raise BadInput(f"{who} has label counts that fall: {self.labels}. Give them in the order of the rounds.")
        for name, numbers in self.measures.items():
            if len(numbers) != len(self.scores):
                raise BadInput(f"{who} has {len(numbers)} numbers in {name!r} and {len(self.scores)} scores.")
        for name, values in (("classes", self.classes), ("reasons", self.reasons)):
            if values and len(values) != rounds:
                raise BadInput(f"{who} has {len(values)} entries in {name!r} and {rounds} rounds. Give one per round.")

    def plain(self) -> dict[str, Any]:
        """As JSON values; a score that is not a number becomes None."""
        measures = {name: [_number(value) for value in values] for name, values in self.measures.items()}
        return vars(self) | {"scores": [_number(score) for score in self.scores], "measures": measures}

    @staticmethod
    def read(found: dict[str, Any], who: str = "A run") -> Run:
        """Read what `plain` gave.

        Args:
            found: JSON values.
            who: What an error calls it.

        Raises:
            BadInput: If a field is missing or unknown.
        """
        _check(found, Run, who)
        measures = {name: _numbers(values) for name, values in found.get("measures", {}).items()}
        return Run(**found | {"scores": _numbers(found["scores"]), "measures": measures})


@dataclass(frozen=True)
class Results:
    """All runs of one experiment: one data set, one learner, some strategies, some seeds.

    Args:
        title: The page's title.
        dataset: ``name``, ``items``, ``pool``, ``test``, ``features``, ``classes`` (names) and ``balance`` (the
            pool's items of each class), as far as they are known; other keys are shown as they are.
        settings: ``learner``, ``batch``, ``initial``, ``rounds``, ``seeds``, ``metric`` and the like.
        runs: Any number, in any order; a strategy has a seed once.
        bounds: Runs of upper bounds, which read test data; nothing is chosen or ranked by them.
        versions: Package names and their versions.
        said: Remarks the reader must see, such as what was read off the label column.
    """

    title: str
    dataset: dict[str, Any]
    settings: dict[str, Any]
    runs: list[Run]
    versions: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    bounds: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = Counter((run.strategy, run.seed) for run in [*self.runs, *self.bounds])
        twice = next((pair for pair, count in counts.items() if count > 1), None)
        if twice:
            raise BadInput(f"{twice[0]!r} has {counts[twice]} runs with seed {twice[1]}. Keep one, or change the seed.")

        widths = {len(counts) for run in self.runs for counts in run.classes}
        if len(widths) > 1:
            raise BadInput(
                f"Picks are counted for {sorted(widths)} classes in different rounds. "
                f"Count every class of the task in every round, with a zero where none was picked."
            )

    @property
    def strategies(self) -> list[str]:
        """Names in the order of their first run."""
        return list(dict.fromkeys(run.strategy for run in self.runs))

    @property
    def metric(self) -> str:
        """What the scores measure; more is better."""
        return str(self.settings.get("metric", "accuracy"))

    def to_json(self) -> str:
        """As JSON text; a score that is not a number becomes null.

        Raises:
            BadInput: If a value is none that JSON has a word for.
        """
        plain = vars(self) | {
            "runs": [run.plain() for run in self.runs],
            "bounds": [run.plain() for run in self.bounds],
        }
        if not self.bounds:
            del plain["bounds"]  # earlier versions read what has none
        try:
            return json.dumps({"schema": SCHEMA} | plain, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"The results {self.title!r} hold a value that JSON cannot: {error}. "
                f"Use plain numbers, texts, lists and dicts; arrays have .tolist()."
            ) from error

    @staticmethod
    def from_json(text: str) -> Results:
        """Read what ``to_json`` wrote.

        Raises:
            BadInput: If the text is no JSON, of another schema, or lacks a field.
        """
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise BadInput(f"These results are not JSON: {error}. Write them with Results.to_json.") from error
        return Results.read(found)

    @staticmethod
    def read(found: Any) -> Results:
        """Read the JSON values of what ``to_json`` wrote.

        Raises:
            BadInput: If they are of another schema, or lack a field.
        """
        found = dict(found) if isinstance(found, dict) else {}
        schema = found.pop("schema", None)
        if schema != SCHEMA:
            raise BadInput(
                f"These results have schema {schema!r}, and this version of askance reads {SCHEMA}. "
                f"Read them with the version that wrote them, or run the experiment again."
            )
        _check(found, Results, "The results")
        runs = [Run.read(entry, f"Run {place} of the results") for place, entry in enumerate(found["runs"])]
        bounds = [
            Run.read(entry, f"Bound {place} of the results") for place, entry in enumerate(found.get("bounds", ()))
        ]
        return Results(**found | {"runs": runs, "bounds": bounds})


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95% interval; ``low`` and ``high`` are NaN when there are too few numbers for one."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Saved:
    """How many labels fewer than the baseline at equal score; negative: it costs more labels.

    Minus infinity, in ``labels``, ``low`` or ``high``, is "never reached within the labels that were bought".

    Args:
        where: ``"end"`` or ``"midway"``, the place on the baseline's mean curve that sets the score.
        score: That score.
        baseline: Labels with which the baseline reaches it.
        labels: Labels saved.
        low: The 95% interval's lower end; NaN with a single seed.
        high: Its upper end.
    """

    where: str
    score: float
    baseline: float
    labels: float
    low: float
    high: float

    @property
    def reached(self) -> bool:
        """Whether the strategy's mean curve gets there at all."""
        return self.labels > -math.inf


@dataclass(frozen=True)
class Row:
    """One strategy beside the baseline.

    Args:
        strategy: Its name.
        area: Mean score over the learning curve.
        final: Last score.
        difference: Area minus the baseline's, paired by seed; its count is the number of pairs. None: no baseline.
        p: Paired t-test; NaN where there are fewer than two pairs.
        p_holm: The same, adjusted for all strategies compared.
        p_wilcoxon: Wilcoxon's signed ranks, not adjusted.
        wins: Seeds with a larger area than the baseline.
        losses: Seeds with a smaller one.
        ties: Seeds with the same.
        saved: Labels saved, at the baseline's end and midway; empty without a baseline.
        seconds: Mean over runs of the whole run's ``training``, ``signals`` and ``selection``.
        verdict: What the adjusted test says at 0.05.
    """

    strategy: str
    area: Estimate
    final: Estimate
    difference: Estimate | None
    p: float
    p_holm: float
    p_wilcoxon: float
    wins: int
    losses: int
    ties: int
    saved: list[Saved]
    seconds: dict[str, float]
    verdict: Verdict


@dataclass(frozen=True)
class Curve:
    """A mean over seeds at each number of labels, with its 95% interval (NaN with one seed)."""

    strategy: str
    labels: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]
    count: int


@dataclass(frozen=True)
class Comparison:
    """All strategies of some results beside one of them; rows have the largest area first."""

    baseline: str
    rows: list[Row]
    curves: list[Curve]
    gaps: list[Curve]  # paired differences to the baseline; none for the baseline itself
    said: list[str]  # what was left out, and why
    bounds: list[Curve] = field(default_factory=list)  # of upper bounds, which read test data

    @property
    def has_baseline(self) -> bool:
        """Whether any run of the baseline is there to compare with."""
        return any(row.verdict == "baseline" for row in self.rows)


@dataclass(frozen=True)
class BatchLine:
    """One batch that a study asked: its round, who chose it, how many items, and why if not all."""

    round: int
    strategy: str
    asked: int
    reason: str = ""


@dataclass(frozen=True)
class StudyContent:
    """What the page of one study shows; whatever is empty is left out, and the page says so.

    Args:
        name: The study's name.
        labels: Labels bought so far.
        classes: Labels of each class.
        answers: Time (seconds since 1970) and round of each answer.
        strategies: The strategy of each round, the first round first.
        curve: Labels, score, low and high end of its interval, for each time a score was measured.
        control: Accuracy on the randomly dealt control items.
        seconds: ``training``, ``signals`` and ``selection`` in all.
        batches: What was asked.
        remarks: Sentences the reader must see.
        metric: What the curve measures.
    """

    name: str
    labels: int
    classes: dict[str, int] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)
    strategies: list[str] = field(default_factory=list)
    curve: list[tuple[int, float, float, float]] = field(default_factory=list)
    control: Estimate | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    batches: list[BatchLine] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    metric: str = "accuracy"


def _number(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _numbers(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


_LATER = {"measures", "bounds"}  # fields that earlier versions did not write


def _check(found: dict[str, Any], kind: type[Results] | type[Run], who: str) -> None:
    """Refuse an entry whose keys are not the fields of its class; those that came later may be missing."""
    names = {entry.name for entry in fields(kind)}
    wrong = sorted((names - found.keys() - _LATER) | (found.keys() - names))
    if wrong:
        raise BadInput(
            f"{who} should have the fields {', '.join(sorted(names))}; missing or unknown: {', '.join(wrong)}. "
            f"Write results with Results.to_json."
        )

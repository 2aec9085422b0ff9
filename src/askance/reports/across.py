"""What a grid of comparisons left behind, over all its conditions, as plain values that a page can show."""

from __future__ import annotations

from dataclasses import dataclass, field

from askance.reports.results import Comparison, Estimate, Results


@dataclass(frozen=True)
class Method:
    """One strategy over all conditions.

    Args:
        name: Its name.
        rank: Its average rank; NaN if somewhere it has less than half of the runs that others have.
        area: Its mean area over conditions that it finished.
        gain: Its mean difference to the baseline over data sets, of which conditions are averaged first, with the
            interval of the hierarchical bootstrap; its count is that of data sets. None for the baseline, or where
            nothing is paired.
        above: In how many conditions the adjusted test puts it above the baseline.
        level: In how many it tells neither; a condition with a single pair of seeds is not tested, and not counted.
        below: In how many below.
        conditions: In how many it could be compared, tested or not.
        beliefs: Probabilities of worse, as good in practice, and better than the baseline on data sets like these; None
            as for ``gain``, and with one data set.
        seconds: Of a run, on average.
        parts: The same for ``training``, ``signals`` and ``selection``.
        diverged: Trainings whose loss was no number, over all runs.
        penalty: What it loses to others, the mean of its column of the penalty matrix.
        margin: Overlap of its picks with those of ``margin``, over seeds and conditions; NaN where that was not run.
        random: The same with ``random``.
        evenness: Of the classes of its picks: 1 is an even split.
        wanted: The mean utility of its picks in the first round and in the last, by its own measure; NaN where it does
            not say.
        along: For ``margin`` and ``random``, the overlap of all picks up to each round, over conditions.
    """

    name: str
    rank: float
    area: float
    gain: Estimate | None
    above: int
    level: int
    below: int
    conditions: int
    beliefs: tuple[float, float, float] | None
    seconds: float
    parts: dict[str, float]
    diverged: int
    penalty: float
    margin: float
    random: float
    evenness: float
    wanted: tuple[float, float]
    along: dict[str, list[float]]

    @property
    def tested(self) -> int:
        """In how many conditions there was a test."""
        return self.above + self.level + self.below


@dataclass(frozen=True)
class Trust:
    """How well so many seeds order strategies, against all seeds: wrong pairs, and Kendall's tau."""

    seeds: int
    wrong: float
    tau: float


@dataclass(frozen=True)
class Room:
    """How much an upper bound leaves to gain under one condition, over the seeds that it and all below share.

    Args:
        condition: Its name.
        bound: The upper bound, which reads test data.
        seeds: How many there are.
        area: Its mean area.
        base: The baseline's; NaN where it has not run.
        best: The strategy with the largest area on these seeds; chosen by test data itself, so it flatters.
        best_area: Its mean area.
    """

    condition: str
    bound: str
    seeds: int
    area: Estimate
    base: float
    best: str
    best_area: float


@dataclass(frozen=True)
class Across:
    """All conditions together; methods have the best rank first.

    Args:
        title: The page's title.
        baseline: What all are compared with.
        conditions: Results and comparison of each condition, by name.
        methods: One entry a strategy.
        datasets: Names of the data sets that the conditions are of.
        ranked: How many of them the ranks are over; 0 where there are no two methods to rank.
        friedman_p: Whether ranks differ at all, by the F of Iman and Davenport; NaN with one data set.
        cliques: Names of methods no two of which differ by Wilcoxon's test over data sets with Holm; none where so few
            data sets could not tell any two apart.
        least_p: The least p value that this test could give with so many data sets.
        critical: The critical difference of Nemenyi; NaN with one data set.
        wins: Win rates over paired seeds, row above column.
        penalties: The pairwise penalty matrix, row beats column.
        trust: How well few seeds would have done.
        alarms: The rate at which the test rejects when a method is compared with itself, and its interval.
        enough: For each method the seeds that order it and the baseline rightly with 95 %; None: thousands, or never.
        cells: How many runs there should be.
        done: How many there are.
        said: What a reader must know.
        rooms: What upper bounds leave to gain, condition by condition.
    """

    title: str
    baseline: str
    conditions: dict[str, tuple[Results, Comparison]]
    methods: list[Method]
    datasets: list[str]
    ranked: int
    friedman_p: float
    cliques: list[list[str]]
    least_p: float
    critical: float
    wins: list[list[float]]
    penalties: list[list[float]]
    trust: list[Trust]
    alarms: tuple[float, float, float] | None
    enough: dict[str, int | None]
    cells: int
    done: int
    said: list[str] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of the methods, in their order."""
        return [method.name for method in self.methods]

    @property
    def never(self) -> list[str]:
        """Methods that were tested and are above the baseline nowhere."""
        return [m.name for m in self.methods if m.name != self.baseline and m.tested and not m.above]

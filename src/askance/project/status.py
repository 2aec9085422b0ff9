"""Where a project stands: what is labeled, how good the model is, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from askance.encoders import catalogue as encoders
from askance.errors import BadInput
from askance.history import Answer
from askance.learners.catalogue import LEARNERS
from askance.pool import LABELED
from askance.project.beginning import naming
from askance.project.items import BROKEN, EMPTY, FOLDED
from askance.project.project import Project
from askance.strategies.catalogue import name_of
from askance.study.score import Score
from askance.study.study import Study
from askance.task import Named, Task

ENOUGH = 2  # control items that a score takes


@dataclass(frozen=True)
class Status:
    """A project in numbers.

    Args:
        project: Its name.
        reads: What its items are.
        task: What they are labeled with.
        rows: Rows of its files: ``items``, ``folded`` duplicates, ``empty``, ``broken``, ``gone``.
        unencoded: Items without features, which are not asked about yet.
        labeled: Items with a label.
        pending: Items that were asked and not answered.
        aside: Items that were answered without a label.
        unlabeled: Items nobody asked about.
        people: Answers that stand, by who gave them.
        classes: Labeled items of each class or label.
        disagreed: Items that people give different labels.
        encoder: The encoder's name.
        strategy: What asks.
        learner: What learns.
        fits: Models fitted so far.
        model_labels: Labels that the latest model learned from; None without a model.
        labels_since: Labels that came after it.
        controls: Control items that are labeled.
        score: The accuracy on them, in words; empty without one.
        unscored: Why there is none; empty with one.
        scores: The same as numbers.
        set_aside: Rows that are empty, broken or gone: id, state and why.
        stopped: Why the strategy thinks that nothing is worth a label.
        diverged: Why the latest model knows nothing, if its training failed.
        next: What to do next.
    """

    project: str
    reads: str
    task: str
    rows: Mapping[str, int]
    unencoded: int
    labeled: int
    pending: int
    aside: int
    unlabeled: int
    people: Mapping[str, int]
    classes: Mapping[str, int]
    disagreed: int
    encoder: str
    strategy: str
    learner: str
    fits: int
    model_labels: int | None
    labels_since: int
    controls: int
    score: str
    unscored: str = ""
    scores: Mapping[str, Any] = field(default_factory=dict)
    set_aside: Sequence[Mapping[str, str]] = ()
    stopped: str = ""
    diverged: str = ""
    next: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def status(project: Project) -> Status:
    """Where a project stands. The accuracy is measured again if labels have come since the last time."""
    study = project.study
    progress = study.progress
    rows = project.items.counts()
    learned, since = _age(study)
    controls = sum(int(study.state.sides[row]) == LABELED for row in study.state.controls)
    score, scores, unscored = _score(study, controls)
    answers = [answer for standing in study.history.answers.values() for answer in standing]
    labels = list(study.labels.values()) if isinstance(study.task, Named) else []
    counted = Counter(str(name) for value in labels for name in (value if isinstance(value, list) else [value]))
    names = [str(name) for name in study.task.names] if isinstance(study.task, Named) else []
    unencoded = project.features.missing()
    return Status(
        project=project.name,
        reads=project.how.reads,
        task=project.kind,
        rows=rows,
        unencoded=unencoded,
        labeled=progress.labeled,
        pending=progress.pending,
        aside=progress.aside,
        unlabeled=progress.unlabeled,
        people=dict(Counter(answer.by or "(nobody named)" for answer in answers).most_common()),
        classes={name: counted[name] for name in names},
        disagreed=_disagreed(study),
        encoder=encoders.name_of(project.encoder),
        strategy=study.strategy.said(study.task) or name_of(study.strategy),
        learner=LEARNERS.name_of(study.learner),
        fits=len(study.state.fits),
        model_labels=learned,
        labels_since=since,
        controls=controls,
        score=score,
        unscored=unscored,
        scores=scores,
        set_aside=[
            {"id": row.id, "state": "gone" if row.gone else row.state, "why": row.why}
            for row in project.items.unusable()
        ],
        stopped=progress.stopped,
        diverged=study.state.fits[-1].diverged if study.state.fits else "",
        next=_next(project, study, unencoded),
    )


def as_text(found: Status) -> str:
    """A status for people."""
    rows = found.rows
    aside = ", ".join(
        f"{rows[state]:,} {word}"
        for state, word in ((FOLDED, "duplicates"), (EMPTY, "empty"), (BROKEN, "broken"), ("gone", "gone"))
        if rows[state]
    )
    total = sum(rows[state] for state in ("item", FOLDED, EMPTY, BROKEN))
    lines = [
        f"{found.project}: {total:,} rows of {found.reads}, {rows['item']:,} items{f' ({aside})' if aside else ''}",
        f"labels     {found.labeled:,} labeled, {found.pending:,} asked and open, {found.aside:,} aside, "
        f"{found.unlabeled:,} not asked",
    ]
    if found.unencoded:
        lines.append(f"encoding   {found.unencoded:,} items have no features yet: askance encode")
    if found.classes:
        shown = ", ".join(f"{name} {count:,}" for name, count in found.classes.items())
        lines.append(f"{found.task:10} {shown}")
    if len(found.people) > 1 or found.disagreed:
        said = ", ".join(f"{name} {count:,}" for name, count in found.people.items())
        lines.append(f"people     {said}; {found.disagreed:,} items with different labels")
    if found.model_labels is None:
        lines.append("model      none yet")
    else:
        lines.append(
            f"model      {found.learner} on {found.encoder}, learned from {found.model_labels:,} labels; "
            f"{found.labels_since:,} have come since"
        )
    if found.diverged:
        lines.append(f"           it failed and knows nothing, so random asks: {found.diverged}")
    lines.append(f"asks by    {found.strategy}")
    lines.append(f"accuracy   {found.score or f'unknown: {found.unscored}'}")
    if found.stopped:
        lines.append(f"stopped    {found.stopped}")
    return "\n".join([*lines, f"next       {found.next}"])


def differ(task: Task, answers: Iterable[Answer]) -> bool:
    """Whether people give one item different labels, by today's names."""
    return len({str(task.read(one.value)) for one in answers if one.kind == "label"}) > 1


def _age(study: Study) -> tuple[int | None, int]:
    """How many labels the latest model learned from, and how many came since."""
    if not study.state.fits:
        return None, study.progress.labeled
    through = study.state.fits[-1].through
    learned = len(study.replay(through).labeled)
    return learned, study.progress.labeled - learned


def _score(study: Study, controls: int) -> tuple[str, dict[str, Any], str]:
    """The latest score on control items, measured anew if answers came since; or why there is none."""
    for line in reversed(study.lines()):
        if line.kind == "scored" and line.body["on"] == "control" and line.body["through"] >= study.state.taught:
            return str(Score.read(line.body["scores"], "control")), line.body["scores"], ""
    if controls < ENOUGH:
        return "", {}, f"{controls} control items are labeled, and it takes {ENOUGH}"
    try:
        found = study.score()
    except BadInput as error:  # as of a learner that cannot learn what people say
        return "", {}, str(error)
    return str(found), found.measured(), ""


def _disagreed(study: Study) -> int:
    return sum(differ(study.task, answers) for answers in study.history.answers.values())


def _next(project: Project, study: Study, unencoded: int) -> str:
    progress, where = study.progress, naming(project.folder)
    if progress.pending:
        return (
            f"{progress.pending:,} questions are open. Fill in their labels and run: askance tell FILE{where}. "
            f"To write them to a file again: askance ask --open -o FILE{where}"
        )
    if progress.unlabeled:
        missing = study.state.missing
        what = f" ({missing})" if missing else ""
        return f"askance ask -n 50 -o batch.csv{where}{what}"
    if unencoded:
        return f"askance encode{where}"
    return f"every item was asked; askance predict -o predictions.csv{where}, askance export labels.csv{where}"

"""The page of one study, read off its journal."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from askance.metrics import wilson
from askance.reports.page import write_study_page
from askance.reports.results import BatchLine, Estimate, StudyContent
from askance.study.journal import Line
from askance.study.score import Score
from askance.study.study import Study
from askance.task import Classes, Labels


def report(study: Study, path: str | os.PathLike[str]) -> Path:
    """Write one self-contained HTML page about a study: labels, batches, scores and where the time went.

    Args:
        study: The study.
        path: The HTML file; its folder must exist, a file that is there is replaced.

    Returns:
        The file.

    Raises:
        StorageError: If the page cannot be written.
    """
    study.refresh()
    return write_study_page(content(study), path)


def content(study: Study) -> StudyContent:
    """What the page shows, as plain values."""
    lines = study.lines()
    asked = [line.body for line in lines if line.kind == "asked"]
    scored = [line.body for line in lines if line.kind == "scored" and "accuracy" in line.body["scores"]]
    progress = study.progress
    return StudyContent(
        name=f"{study.name}: {len(study.pool):,} items",
        labels=progress.labeled,
        classes=_classes(study),
        answers=_answers(lines),
        strategies=_strategies(asked),
        curve=[(body["labels"], *_ends(body["scores"])) for body in scored if body["on"] == "held-out"],
        control=_control(scored),
        seconds=_seconds(lines),
        batches=[BatchLine(body["round"] + 1, body["strategy"], len(body["ids"]), body["reason"]) for body in asked],
        remarks=[
            *_remarks(study, asked),
            *_failed(study),
            *_other_scores(lines),
            *_abstaining(scored),
            *_stream(asked),
        ],
    )


def _classes(study: Study) -> dict[str, int]:
    task = study.task
    if not isinstance(task, Classes | Labels):
        return {}
    told = [value if isinstance(value, list) else [value] for value in study.labels.values()]
    counts = Counter(str(name) for names in told for name in names)
    return {str(name): counts[str(name)] for name in task.names}


def _answers(lines: list[Line]) -> list[tuple[float, int]]:
    """When each answer came, and in which round."""
    found, round_ = [], 0
    for line in lines:
        if line.kind == "asked":
            round_ = line.body["round"] + 1
        if line.kind == "told":
            found.append((line.at, round_))
    return found


def _strategies(asked: list[dict[str, Any]]) -> list[str]:
    """The strategy of each round, the first round first."""
    by_round = {body["round"]: body["strategy"] for body in asked}
    return [by_round[number] for number in sorted(by_round)]


def _ends(scores: dict[str, float]) -> tuple[float, float, float]:
    return scores["accuracy"], scores["low"], scores["high"]


def _control(scored: list[dict[str, Any]]) -> Estimate | None:
    """The latest accuracy on control items, with its Wilson interval."""
    found = [body["scores"] for body in scored if body["on"] == "control"]
    if not found:
        return None
    low, high = wilson(round(found[-1]["accuracy"] * found[-1]["items"]), found[-1]["items"])
    return Estimate(found[-1]["accuracy"], low, high, found[-1]["items"])


def _other_scores(lines: list[Line]) -> list[str]:
    """The latest score of a task that has no accuracy, in words."""
    found = [line.body for line in lines if line.kind == "scored" and "accuracy" not in line.body["scores"]]
    return [f"The model's {Score.read(found[-1]['scores'], found[-1]['on'])}."] if found else []


def _abstaining(scored: list[dict[str, Any]]) -> list[str]:
    """What the latest accuracy would be worth if the model might leave items unanswered, in words."""
    if not scored:
        return []
    score = Score.read(scored[-1]["scores"], scored[-1]["on"])
    said = []
    for gamma, error, share in score.abstaining:
        priced = f"If an item without an answer cost {0.5 - gamma:g} and a wrong one 1, the model would"
        every = f"answering all of them costs {1 - score.value:.3f}"
        if share == 0:
            said.append(f"{priced} answer none of {score.items} {score.on} items: it is never sure enough; {every}.")
        else:
            said.append(f"{priced} answer {share:.0%} of {score.items} {score.on} items and cost {error:.3f}; {every}.")
    return said


def _stream(asked: list[dict[str, Any]]) -> list[str]:
    """What went by in a stream, in words."""
    by = sum(len(body.get("considered", ())) for body in asked)
    if not by:
        return []
    left = by - sum(len(body["ids"]) for body in asked if "considered" in body)
    return [f"{left:,} of {by:,} items of a stream went by unasked; the predictions given are in the journal."]


def _failed(study: Study) -> list[str]:
    """Which models could not be trained, in words."""
    failed = [fit for fit in study.state.fits if fit.diverged]
    if not failed:
        return []
    return [
        f"{len(failed)} of {len(study.state.fits)} models failed and knew nothing; random asked their rounds. "
        f"The last one: {failed[-1].diverged}."
    ]


def _seconds(lines: list[Line]) -> dict[str, float]:
    asked = [line.body["seconds"] for line in lines if line.kind == "asked"]
    return {
        "training": sum(line.body["seconds"] for line in lines if line.kind == "fitted"),
        "signals": sum(seconds["signals"] for seconds in asked),
        "selection": sum(seconds["selection"] for seconds in asked),
    }


def _remarks(study: Study, asked: list[dict[str, Any]]) -> list[str]:
    progress = study.progress
    said = [
        *study.pool.said,
        f"The learner is {type(study.learner).__name__}, the strategy {type(study.strategy).__name__}.",
    ]
    said += list(dict.fromkeys(body["said"] for body in asked if body["said"]))[:1]
    if progress.pending:
        said.append(f"{progress.pending} items were asked and are not answered yet.")
    if progress.aside:
        said.append(f"{progress.aside} items were answered without a label of the task; nothing is learned from them.")
    if progress.stopped:
        said.append(f"The strategy stopped: {progress.stopped}.")
    if not study.state.control:
        said.append("No control items: open a study with control=0.1 for an honest accuracy without a test set.")
    return said

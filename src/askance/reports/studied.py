"""The sections of a study's page: what was bought, by whom it was chosen, and how good the model is."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import groupby

from askance.reports import figures, words
from askance.reports.canvas import Frame
from askance.reports.figures import Bar, Line
from askance.reports.markup import bullets, figure, heading, paragraph, section, table
from askance.reports.results import StudyContent

_UNITS = ((86400 * 3, 86400, "days"), (3600 * 3, 3600, "hours"), (180, 60, "minutes"), (0, 1, "seconds"))
_POINTS = 1500  # of the curve of answers; more would only make the file larger
_STEPS = ("training", "signals", "selection")


def study_sections(content: StudyContent) -> str:
    """The page's body as markup; what has no data is named in one sentence."""
    parts = {
        "how good the model is": _accuracy(content),
        "a control sample": _control(content),
        "answers over time": _answers(content),
        "classes": _classes(content),
        "who chose": _strategies(content),
        "time": _time(content),
        "batches": _batches(content),
        "remarks": section("Remarks", bullets(content.remarks)) if content.remarks else "",
    }
    missing = [name for name, markup in parts.items() if not markup]
    note = paragraph(f"Left out, as there is no data yet: {words.listing(missing)}.", "soft") if missing else ""
    return "\n".join([_head(content), *(markup for markup in parts.values() if markup), note])


def _head(content: StudyContent) -> str:
    rounds = len(content.batches) or len(content.strategies)
    bought = f"{content.labels:,} {'label' if content.labels == 1 else 'labels'} bought"
    line = f"{bought} in {rounds:,} {'round' if rounds == 1 else 'rounds'}." if rounds else f"{bought}."
    facts = []
    measured = [point for point in content.curve if math.isfinite(point[1])]
    if measured:
        labels, score, *_ = measured[-1]
        facts.append(f"Last measured {content.metric}: {words.score(score)}, with {labels:,} labels.")
    if content.control:
        facts.append(f"Accuracy on the random control: {words.estimate(content.control)}.")
    return heading(content.name, "A study, as its journal tells it", line, facts)


def _accuracy(content: StudyContent) -> str:
    points = [point for point in content.curve if math.isfinite(point[1])]
    if not points:
        return ""
    x, y, low, high = ([float(value) for value in column] for column in zip(*points, strict=True))
    banded = any(math.isfinite(value) for value in low)
    caption = f"{content.metric.capitalize()} each time it was measured{', with its interval' if banded else ''}."
    line = Line(content.metric, x, y, low, high, 0)
    numbers = table(
        content.metric.capitalize(),
        ["Labels", content.metric, "low", "high"],
        [[f"{point[0]:,}", *map(words.score, point[1:])] for point in points],
    )
    about = f"From {words.score(y[0])} with {x[0]:,.0f} labels to {words.score(y[-1])} with {x[-1]:,.0f}"

    def draw(frame: Frame) -> str:
        return figures.lines(frame, [line], "labels", content.metric)

    return section("How good is the model?", figure("accuracy", "Learning curve", about, caption, draw, numbers))


def _control(content: StudyContent) -> str:
    if not content.control:
        return ""
    count = content.control.count
    items = "one item" if count == 1 else f"{count:,} items"
    return section(
        "The control sample",
        paragraph(
            f"On {items} that were dealt in at random, the model was right with a frequency of "
            f"{words.estimate(content.control)}. These items were drawn blindly, so unlike the others they say "
            f"how the model does on the pool as it is."
        ),
    )


def _answers(content: StudyContent) -> str:
    if not content.answers:
        return ""
    answers = sorted(content.answers)
    first, last = answers[0][0], answers[-1][0]
    size, unit = next((size, unit) for least, size, unit in _UNITS if last - first >= least)
    placed = [((at - first) / size, place, number) for place, (at, number) in enumerate(answers, start=1)]
    shown = [*placed[: -1 : -(-len(placed) // _POINTS)], placed[-1]]
    # A thin thread through the pauses, and each round on top of it.
    drawn = [Line("answers", [at for at, _, _ in shown], [float(place) for _, place, _ in shown])]
    for k, (_, group) in enumerate(groupby(shown, key=lambda point: point[2])):
        points = list(group)
        drawn.append(Line("", [at for at, _, _ in points], [float(place) for _, place, _ in points], color=k % 2))
    began = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = f"{len(answers):,} answers in {(last - first) / size:.1f} {unit} since {began}"
    caption = f"Answers given, added up, since the first one ({began}). The color changes with the round."

    def draw(frame: Frame) -> str:
        return figures.lines(frame, drawn, f"{unit} since the first answer", "answers")

    return section("Answers over time", figure("answers", "Answers over time", about, caption, draw))


def _classes(content: StudyContent) -> str:
    total = sum(content.classes.values())
    if not total:
        return ""
    ranked = sorted(content.classes.items(), key=lambda pair: -pair[1])
    rows = [Bar(name, [count], f"{count:,} ({count / total:.0%})") for name, count in ranked]
    about = "; ".join(f"{row.name} {row.label}" for row in rows)
    caption = "Labels of each class, most frequent first."
    drawing = figure("classes", "Labels of each class", about, caption, lambda frame: figures.bars(frame, rows))
    return section("Which classes came up?", drawing)


def _strategies(content: StudyContent) -> str:
    if not content.strategies:
        return ""
    said = []
    rounds = enumerate(content.strategies, start=1)
    for name, group in groupby(rounds, key=lambda pair: pair[1]):
        numbers = [number for number, _ in group]
        first, last = numbers[0], numbers[-1]
        said.append(f"{name}: round {first}" if first == last else f"{name}: rounds {first} to {last}")
    return section("Who chose?", bullets(said))


def _time(content: StudyContent) -> str:
    total = sum(content.seconds.values())
    if not total > 0:
        return ""
    steps = [*_STEPS, *sorted(content.seconds.keys() - set(_STEPS))]
    rows = [
        Bar(step, [content.seconds[step]], f"{words.seconds(content.seconds[step])} s")
        for step in steps
        if step in content.seconds
    ]
    about = "; ".join(f"{row.name} {row.label}" for row in rows)
    caption = "Seconds in all: fitting models, computing what the strategy looks at, choosing."
    drawing = figure("time", "Time", about, caption, lambda frame: figures.bars(frame, rows))
    return section("Where does the time go?", drawing)


def _batches(content: StudyContent) -> str:
    if not content.batches:
        return ""
    rows = [[f"{line.round}", line.strategy, f"{line.asked:,}", line.reason] for line in content.batches]
    heads = ["Round", "Strategy", "Items asked", "Why not more"]
    return section("Batches", table("What was asked, in order", heads, rows, "rounds"))

"""A card for labels: what was labeled, how items were chosen, who answered, and what that means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from askance.metrics import wilson
from askance.project.exporting import COLUMNS
from askance.project.provenance import Labeled
from askance.study.journal import Line
from askance.study.study import Study
from askance.task import Named

MOST = 50  # classes in a table


def card(name: str, study: Study, labeled: Sequence[Labeled], rows: Mapping[str, int]) -> str:
    """A page in Markdown about the labels of a study; every number is from its journal.

    Args:
        name: What the project is called.
        study: Its study.
        labeled: Its labels.
        rows: Rows by what became of them: items, folded, empty, broken, gone.
    """
    lines = study.lines()
    parts = [
        f"# Labels of {name}\n",
        "\n".join(_what(study, labeled, rows)),
        "## How the items were chosen\n\n" + "\n".join(_chosen(labeled)),
        "\n".join(_classes(study, labeled)),
        "## Who answered\n\n" + "\n".join(_people(labeled)),
        "\n".join(_changes(lines)),
        "## Columns\n\n" + "\n".join(f"- `{column}`: {what}" for column, what in COLUMNS.items()),
        "## Made by\n\n" + "\n".join(_made(study, lines)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for names: how far people agree beyond chance; 1 is always, 0 is by chance.

    Computed from coincidences, as in Krippendorff (2011), "Computing Krippendorff's alpha-reliability".

    Args:
        units: For each item what each person said of it.

    Returns:
        None where no item has two answers, or all answers are the same name.

    >>> round(alpha([["a", "a"], ["b", "b"], ["a", "b"], ["b", "b"]]), 3)
    0.533
    """
    pairs: Counter[tuple[str, str]] = Counter()
    weights: dict[tuple[str, str], float] = {}
    for values in units:
        if len(values) > 1:
            for pair in permutations(values, 2):
                pairs[pair] += 1
                weights[pair] = weights.get(pair, 0.0) + 1 / (len(values) - 1)
    totals: dict[str, float] = {}
    for (one, _), weight in weights.items():
        totals[one] = totals.get(one, 0.0) + weight
    count = sum(totals.values())
    expected = count * count - sum(total * total for total in totals.values())
    if expected == 0:
        return None
    seen = sum(weight for (one, two), weight in weights.items() if one != two)
    return 1 - (count - 1) * seen / expected


def _what(study: Study, labeled: Sequence[Labeled], rows: Mapping[str, int]) -> Iterator[str]:
    progress = study.progress
    kind = {"Classes": "one class each", "Labels": "any number of labels", "Targets": "numbers"}
    yield f"- Task: {kind.get(type(study.task).__name__, type(study.task).__name__)}"
    yield f"- Items: {len(study.pool):,} in the pool, of {sum(v for k, v in rows.items() if k != 'gone'):,} rows"
    away = ", ".join(f"{rows[state]:,} {state}" for state in ("folded", "empty", "broken", "gone") if rows.get(state))
    if away:
        yield f"- Rows that are no items of their own: {away}"
    yield (
        f"- Labeled: {progress.labeled:,}; answered without a label: {progress.aside:,}; asked and open: "
        f"{progress.pending:,}; not asked: {progress.unlabeled:,}"
    )
    yield f"- Rows of this file: every row of {len(labeled):,} answered items"


def _chosen(labeled: Sequence[Labeled]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Labeled]] = {}
    for item in labeled:
        groups.setdefault((item.chosen, item.strategy or "–"), []).append(item)
    yield "| Stream | Strategy | Items | Rounds | Probability of being drawn |"
    yield "| --- | --- | --: | --- | --- |"
    for (stream, strategy), items in sorted(groups.items()):
        rounds = [item.round for item in items if item.round is not None]
        chances = [item.probability for item in items if item.probability is not None]
        span = f"{min(rounds)} to {max(rounds)}" if rounds else "–"
        drawn = f"{min(chances):.3g} to {max(chances):.3g}" if chances else "chosen by a rule" if rounds else "–"
        yield f"| {stream} | {strategy} | {len(items):,} | {span} | {drawn} |"
    if any(item.chosen == "active" for item in labeled):
        yield ""
        yield (
            "Items of the active stream were chosen because they seemed to be worth a label. They are no random "
            "sample: class shares, error rates or averages over them say nothing about all items. Control items were "
            "drawn uniformly from what was not asked yet; use those."
        )


def _classes(study: Study, labeled: Sequence[Labeled]) -> Iterator[str]:
    """Counts of all classes, and their shares in the pool as the control items tell."""
    if not isinstance(study.task, Named):
        return
    controls = [item for item in labeled if item.chosen == "control" and item.label is not None]
    counts, drawn = (Counter(name for item in items for name in _names(item.label)) for items in (labeled, controls))
    yield "## Classes\n"
    yield f"| Class | Labeled | Share of all items, by {len(controls):,} control items [95%] |"
    yield "| --- | --: | --- |"
    for name in [str(name) for name in study.task.names][:MOST]:
        share = "–"
        if controls:
            low, high = wilson(drawn[name], len(controls))
            share = f"{drawn[name] / len(controls):.1%} [{low:.1%}, {high:.1%}]"
        yield f"| {name} | {counts[name]:,} | {share} |"
    if len(study.task.names) > MOST:
        yield f"\nand {len(study.task.names) - MOST} classes more."


def _people(labeled: Sequence[Labeled]) -> Iterator[str]:
    said = Counter(answer.by or "(nobody named)" for item in labeled for answer in item.answers)
    yield from (f"- {who}: {count:,} answers" for who, count in sorted(said.items()))
    units = [[str(one.value) for one in item.answers if one.kind == "label"] for item in labeled]
    shared = [values for values in units if len(values) > 1]
    if not shared:
        yield "- No item was answered by two people, so nothing is known of how far they agree."
        return
    same = sum(len(set(values)) == 1 for values in shared)
    share = f"{same:,} of them ({same / len(shared):.0%})"
    yield f"- {len(shared):,} items were answered by several people; all agree on {share}"
    found = alpha(units)
    if found is not None:
        yield f"- Krippendorff's alpha over these: {found:.2f} (1 is perfect, 0 is chance; names as they were said)"


def _changes(lines: Sequence[Line]) -> Iterator[str]:
    """What became of class names, read off the aliases of the last task."""
    changed = [line.body["new"] for line in lines if line.kind == "changed" and line.body["what"] == "task"]
    aliases = changed[-1].get("aliases") or [] if changed else []
    if aliases:
        yield "## Names that changed\n"
        yield from (f"- `{old}` is `{now}` today" for old, now in aliases)


def _made(study: Study, lines: Sequence[Line]) -> Iterator[str]:
    opened = lines[0].body
    yield f"- Seed {opened['seed']}, control share {opened['control']:g}, {len(lines):,} lines in the journal"
    yield "- " + ", ".join(f"{name} {version}" for name, version in opened.get("versions", {}).items())
    scored = [line.body for line in lines if line.kind == "scored" and line.body["on"] == "control"]
    if scored:
        last = scored[-1]["scores"]
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in last.items() if isinstance(value, int | float))
        yield f"- Last score on control items: {numbers}, at {scored[-1]['labels']:,} labels"


def _names(label: Any) -> list[str]:
    return [] if label is None else [str(name) for name in (label if isinstance(label, list) else [label])]

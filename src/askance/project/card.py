"""A card for labels: what was labeled, how items were chosen, who answered, and what that means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

from askance.metrics import wilson
from askance.project.exporting import COLUMNS
from askance.project.provenance import Labeled, when
from askance.study.journal import Line
from askance.study.score import Score
from askance.study.study import Study
from askance.task import Named, Targets

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
        "\n".join(_controls(study, labeled, lines)),
        "\n".join(_classes(study, labeled)),
        "## Who answered\n\n" + "\n".join(_people(study, labeled)),
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
    weights: dict[tuple[str, str], float] = {}
    for values in units:
        if len(values) > 1:
            for pair in permutations(values, 2):
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
        yield f"| {stream} | {_in_table(strategy)} | {len(items):,} | {span} | {drawn} |"
    if any(item.chosen == "active" for item in labeled):
        yield ""
        yield (
            "Items of the active stream were chosen because they seemed to be worth a label. They are no random "
            "sample: class shares, error rates or averages over them say nothing about all items. An item chosen by a "
            "rule has no probability of being drawn, so no weighting mends that. Control items were drawn uniformly "
            "from what was not asked yet; use those."
        )


def _controls(study: Study, labeled: Sequence[Labeled], lines: Sequence[Line]) -> Iterator[str]:
    """What became of the items that were drawn uniformly, and how well they stand for all."""
    answered = [item for item in labeled if item.chosen == "control"]
    if not study.state.controls and not answered:
        yield "## Control items\n"
        yield "There are none, so nothing here estimates class shares or a model's accuracy without a bias."
        return
    with_label = sum(item.label is not None for item in answered)
    open_ = len(study.state.controls & set(study.pool.rows(study.pending)))
    yield "## Control items\n"
    yield f"- Labeled: {with_label:,}; answered without a label: {len(answered) - with_label:,}; open: {open_:,}"
    reach = _reach(lines) / max(1, len(study.pool))
    yield (
        f"- Each was drawn uniformly from {reach:.1%} of the pool or more; the rest had been asked or answered by "
        f"then, or came later. A share in the pool can differ by as much as that rest, {1 - reach:.1%}, beside its "
        f"interval."
    )
    if len(answered) > with_label or open_:
        yield "- Those without a label are left out of the estimates; if they are of other kinds, these are off."
    scored = [line.body for line in lines if line.kind == "scored" and line.body["on"] == "control"]
    if scored:
        score = Score.read(scored[-1]["scores"], "control")
        yield f"- Last score of the model: {score}, at {scored[-1]['labels']:,} labels"


def _reach(lines: Sequence[Line]) -> int:
    """The fewest items that a control item was drawn from."""
    offered, least = 0, None
    asked: set[Any] = set()
    told: set[Any] = set()
    for line in lines:
        if line.kind == "offered":
            offered += line.body["items"]
        elif line.kind == "asked":
            if "control" in line.body["streams"]:
                left = offered - len(asked | told)
                least = left if least is None else min(left, least)
            asked |= set(line.body["ids"])
        elif line.kind == "released":
            asked -= set(line.body["ids"])
        elif line.kind == "told":
            told.add(line.body["id"])
    return least or 0


def _classes(study: Study, labeled: Sequence[Labeled]) -> Iterator[str]:
    """Counts of all classes, and their shares in the pool as the control items tell."""
    if not isinstance(study.task, Named):
        return
    known = [item for item in labeled if item.label is not None]
    controls = [item for item in known if item.chosen == "control"]
    counts, drawn = (Counter(name for item in items for name in _names(item.label)) for items in (known, controls))
    yield "## Classes\n"
    yield f"| Class | Labeled | Share of the labeled | Share of all items, by {len(controls):,} control items [95%] |"
    yield "| --- | --: | --: | --- |"
    for name in [str(name) for name in study.task.names][:MOST]:
        share = "–"
        if controls:
            low, high = wilson(drawn[name], len(controls))
            share = f"{drawn[name] / len(controls):.1%} [{low:.1%}, {high:.1%}]"
        yield f"| {_in_table(name)} | {counts[name]:,} | {counts[name] / max(1, len(known)):.1%} | {share} |"
    if len(study.task.names) > MOST:
        yield f"\nand {len(study.task.names) - MOST} classes more."


def _people(study: Study, labeled: Sequence[Labeled]) -> Iterator[str]:
    said = Counter(answer.by or "(nobody named)" for item in labeled for answer in item.answers)
    yield from (f"- {who}: {count:,} answers" for who, count in sorted(said.items()))
    values = [[one.value for one in item.answers if one.kind == "label"] for item in labeled]
    shared = [some for some in values if len(some) > 1]
    if not shared:
        yield "- No item was answered by two people, so nothing is known of how far they agree."
        return
    if isinstance(study.task, Targets):
        apart = [sum(abs(a - b) for a, b in zip(*pair, strict=True)) / len(pair[0]) for pair in _pairs(shared)]
        yield (
            f"- {len(shared):,} items were answered by several people; two of them are "
            f"{sum(apart) / len(apart):.3g} apart on average"
        )
        return
    yield from _agreement([[str(value) for value in some] for some in shared], "names as they were said")
    if isinstance(study.task, Named) and study.task.aliases:
        today = [[str(study.task.read(value)) for value in some] for some in shared]
        yield from _agreement(today, "by today's names")


def _agreement(units: Sequence[Sequence[str]], how: str) -> Iterator[str]:
    same = sum(len(set(some)) == 1 for some in units)
    share = f"{same:,} of them ({same / len(units):.0%})"
    yield f"- {len(units):,} items were answered by several people; all agree on {share}, {how}"
    found = alpha(units)
    if found is not None:
        yield f"- Krippendorff's alpha for names over these: {found:.2f} (1 is perfect, 0 is chance), {how}"


def _pairs(units: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
    for some in units:
        yield from combinations(some, 2)


def _changes(lines: Sequence[Line]) -> Iterator[str]:
    """How class names became what they are, change by change."""
    changed = [line for line in lines if line.kind == "changed" and line.body["what"] == "task"]
    steps = [step for line in changed for step in _step(line.body["old"], line.body["new"], when(int(line.at)))]
    if steps:
        yield "## Names that changed\n"
        yield from steps
        aliases = changed[-1].body["new"].get("aliases") or []
        yield from (f"- `{old}` is `{now}` today" for old, now in aliases)


def _step(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[str]:
    """What one change did: a name that is new, has another spelling, or is a part of another now."""
    before, after = old.get("names") or [], new.get("names") or []
    aliases = dict(map(tuple, new.get("aliases") or []))
    lost = [name for name in before if name not in after]
    if len(after) > len(before):
        yield from (f"- {at}: `{name}` came" for name in after if name not in before)
    elif len(after) == len(before):
        yield from (f"- {at}: `{name}` was renamed to `{aliases.get(name)}`" for name in lost)
    else:
        yield from (f"- {at}: `{name}` was merged into `{aliases.get(name)}`" for name in lost)


def _made(study: Study, lines: Sequence[Line]) -> Iterator[str]:
    opened = lines[0].body
    yield f"- Seed {opened['seed']}, control share {opened['control']:g}, {len(lines):,} lines in the journal"
    yield "- " + ", ".join(f"{name} {version}" for name, version in opened.get("versions", {}).items())


def _names(label: Any) -> list[str]:
    return [] if label is None else [str(name) for name in (label if isinstance(label, list) else [label])]


def _in_table(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

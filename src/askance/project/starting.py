"""A new project: read the file, say what is in it, encode it, be ready to ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from askance.describe import describe
from askance.encoders import catalogue as encoders
from askance.errors import BadInput
from askance.files import whole_folder
from askance.project.features import Features, Progress, Raws, root_of
from askance.project.guess import Guess, guess, labels_in
from askance.project.intake import Found, Intake, Reading, sample, take_in
from askance.project.items import BROKEN, EMPTY, FOLDED, ITEM, Items
from askance.project.near import NearDuplicates, NearImages
from askance.project.project import ENDING, TASKS, Project
from askance.project.settling import Settled
from askance.sources.base import Source
from askance.sources.opening import open_source
from askance.task import Named

LOOKED_AT = 2000  # rows that guesses are made from
SHOWN = 5


@dataclass(frozen=True)
class Wishes:
    """What somebody wants a project to be; what is left out is guessed, and said.

    Args:
        text: Columns of prose.
        image: The column of images.
        table: Columns that describe an item.
        ignore: Columns to leave out of a table.
        id: The column of ids.
        label: The column of labels.
        no_label: Whether no column holds labels.
        task: ``classes``, ``labels`` or ``number``.
        classes: Names of classes or labels.
        encoder: A name, a directory, a class.
        strategy: What asks.
        learner: What learns.
        control: The share of items that are drawn uniformly.
        seed: Seed of all dice.
        encoding: How a CSV file is encoded.
        split: Which split of a Hugging Face folder.
        limit: Encode so many items for now.
    """

    text: tuple[str, ...] = ()
    image: str | None = None
    table: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    id: str | None = None
    label: str | None = None
    no_label: bool = False
    task: str | None = None
    classes: tuple[str, ...] = ()
    encoder: str | None = None
    strategy: str | None = None
    learner: str | None = None
    control: float = 0.1
    seed: int = 0
    encoding: str = "utf-8"
    split: str | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Started:
    """What was read, and what comes next.

    Args:
        file: The file.
        project: The project's folder.
        intake: What came of reading it.
        rows: Rows by state.
        how: How a row becomes an item.
        task: What items are labeled with.
        classes: The classes so far.
        said: Every guess.
        settled: What labels were taken.
        encoder: The encoder's name.
        width: Features of an item.
        encoded: Items encoded.
        unencoded: Items that are not.
        seconds: Time to read and to encode.
        next: The next command.
    """

    file: str
    project: str
    intake: Intake
    rows: dict[str, int]
    how: Reading
    task: str
    classes: tuple[str, ...]
    said: tuple[str, ...]
    settled: Settled
    encoder: str
    width: int
    encoded: int
    unencoded: int
    seconds: dict[str, float] = field(default_factory=dict)
    next: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        taken = self.settled.labels
        lines = [f"{self.file}: {self.intake.rows:,} rows read in {self.seconds['read']:.1f} s"]
        lines += [f"  {line}" for line in describe_rows(self.intake, self.rows)]
        lines += [f"  {said}" for said in self.said]
        names = ", ".join(self.classes[:12]) + (f" and {len(self.classes) - 12} more" if len(self.classes) > 12 else "")
        what = {"classes": "one class each", "labels": "any labels", "number": "a number"}[self.task]
        lines.append(f"  task: {what}{f': {names}' if names else ''} (--task, --classes)")
        if self.how.label is not None:
            lines.append(f"  labels that were there: {taken:,} taken{_problems(self.settled)}")
        left = f"; {self.unencoded:,} items wait for: askance encode" if self.unencoded else ""
        lines.append(
            f"  encoder: {self.encoder}, {self.width:,} features; {self.encoded:,} items in "
            f"{self.seconds['encode']:.1f} s{left} (--encoder NAME; askance encoders lists them)"
        )
        return "\n".join([*lines, f"{self.project} is ready. Next: {self.next}"])


def init(
    path: str | Path,
    wishes: Wishes | None = None,
    *,
    folder: str | Path | None = None,
    rows: Callable[[int], None] | None = None,
    items: Progress | None = None,
) -> Started:
    """Make a project of a file or folder.

    Args:
        path: The file or folder.
        wishes: What it should be.
        folder: Where it goes; by default beside this process, called like the file.
        rows: Told how many rows were read, now and then.
        items: Told how far encoding is.

    Returns:
        What was read. The project is opened by `Project(started.project)`.

    Raises:
        BadInput: For a file that cannot be read, a column that it does not have, options that contradict each other.
        StorageError: If the folder cannot be written.
    """
    wishes = wishes or Wishes()
    name = Path(path).name if Path(path).is_dir() else Path(path).name.split(".")[0]
    place = Path(folder) if folder is not None else Path(f"{name or 'items'}{ENDING}")
    if place.exists():
        raise BadInput(
            f"{place} is there already. Go on with it (askance status), take in a newer file (askance add {path}), or "
            f"name another folder: --folder FOLDER"
        )
    begun = time.monotonic()
    watch: Progress = items or (lambda *_: None)
    source = open_source(path, encoding=wishes.encoding, split=wishes.split)
    how, task, said = _understood(source, wishes)
    encoder = encoders.encoder(wishes.encoder, how.reads)
    _checked(wishes, task)
    with whole_folder(place) as made:
        store = Items.create(made / "project.db")
        near = _counter(how.reads)
        with store.write():
            intake = take_in(store, source, how, number=0, each=_counting(near, how), progress=rows)
            intake.near = near.count()
            names = list(wishes.classes) or _names(store, task)
            store.put("how", asdict(how))
            store.put("sources", [{"path": str(Path(path).absolute())}])
            store.put("task", {"kind": task, "names": names})
            store.put("encoder", describe(encoder))
            store.put("seed", wishes.seed)
            store.put("limit", wishes.limit)
            store.put("study", _study(wishes))
        counts = store.counts()
        if not counts[ITEM]:
            raise BadInput(
                f"{path} has {intake.rows:,} rows, and none of them holds an item: {counts[EMPTY]:,} empty, "
                f"{counts[BROKEN]:,} broken ({'; '.join(intake.broken[:SHOWN]) or 'see the columns above'}). Check the "
                f"file, or name its columns: --text, --image or --table."
            )
        read = time.monotonic() - begun
        raws = Raws(store, how, [root_of(source.path)])
        Features(made, store, raws, encoder).fit(watch)  # what it cannot learn from shall leave no project
        store.close()
    project = Project(place)
    encoded = project.encode(wishes.limit, watch)
    settled = project.settle()
    task_now = project.study.task
    started = Started(
        file=str(path),
        project=str(place),
        intake=intake,
        rows=counts,
        how=how,
        task=task,
        classes=tuple(str(one) for one in task_now.names) if isinstance(task_now, Named) else (),
        said=said,
        settled=settled,
        encoder=encoders.name_of(encoder),
        width=project.features.encoding.width,
        encoded=encoded,
        unencoded=project.features.missing(),
        seconds={"read": read, "encode": time.monotonic() - begun - read},
        next="askance ask -n 50 -o batch.csv" if project.study.progress.unlabeled else _all_labeled(path, how),
    )
    project.close()
    return started


def describe_rows(intake: Intake, counts: dict[str, int]) -> Iterator[str]:
    """What rows there are, in words: items, duplicates, empties, broken ones with their names."""
    near = f"; {intake.near:,} of them nearly repeat an earlier one" if intake.near else ""
    yield f"items: {counts[ITEM]:,}{near}"
    if counts[FOLDED]:
        yield f"duplicates: {counts[FOLDED]:,} rows repeat another one; they are asked once, and all get the label"
    if intake.empty:
        yield f"empty: {len(intake.empty):,} rows set aside ({_some(intake.empty)})"
    if intake.broken:
        yield f"broken: {len(intake.broken):,} rows set aside"
        yield from (f"  {why}" for why in intake.broken[:SHOWN])
        if len(intake.broken) > SHOWN:
            yield f"  and {len(intake.broken) - SHOWN:,} more: askance status --json lists them"


def describe_intake(intake: Intake, settled: Settled) -> Iterator[str]:
    """What came of a file that was added, in words."""
    yield f"{intake.rows:,} rows read: {intake.new:,} new, of them {intake.folded:,} duplicates"
    if intake.changed:
        yield f"changed: {len(intake.changed):,} ({_some(intake.changed)}); their labels stay"
    if intake.lost:
        yield f"gone: {len(intake.lost):,} rows are not in the file any more ({_some(intake.lost)}); their labels stay"
    if intake.back:
        yield f"back: {len(intake.back):,} ({_some(intake.back)})"
    if intake.empty:
        yield f"empty: {len(intake.empty):,} set aside ({_some(intake.empty)})"
    yield from (f"broken: {why}" for why in intake.broken[:SHOWN])
    if len(intake.broken) > SHOWN:
        yield f"broken: {len(intake.broken) - SHOWN:,} more"
    if settled.labels or settled.conflicts or settled.unread:
        yield f"labels of the file: {settled.labels:,} taken{_problems(settled)}"


def _understood(source: Source, wishes: Wishes) -> tuple[Reading, str, tuple[str, ...]]:
    """How to read a source: what was wished, and guesses for the rest."""
    shown = sample(source, LOOKED_AT)
    folder = source.path if source.path.is_dir() else source.path.parent
    found = guess(shown, source.columns, reads=source.reads, folder=folder)
    given = [name for name in ("text", "image", "table") if getattr(wishes, name)]
    if len(given) > 1:
        raise BadInput(f"An item is one thing, and --{' and --'.join(given)} are given. Leave all but one out.")
    if wishes.label is not None and wishes.no_label:
        raise BadInput("--label and --no-label contradict each other. Leave one out.")
    label = None if wishes.no_label else wishes.label or found.label
    if given:
        found = _given(given[0], wishes, found)
    others = {label, wishes.id, *wishes.ignore}
    columns = tuple(name for name in found.columns if given or name not in others)
    how = Reading(found.reads, columns, wishes.id, label, found.unlabeled if label == found.label else ())
    how.check(source)
    task = wishes.task or (found.task if label == found.label else _task_of(shown, label))
    overruled = ["ids are"] * (wishes.id is not None) + ["labels:", "every image"] * (label != found.label)
    said = [one for one in found.said if not one.startswith(tuple(overruled))]
    return how, task, (*source.said, *said)


def _given(what: str, wishes: Wishes, found: Guess) -> Guess:
    columns = {"text": wishes.text, "table": wishes.table, "image": (wishes.image or "",)}[what]
    said = tuple(one for one in found.said if not one.startswith(("text:", "table:", "images:")))
    return replace(found, reads=what, columns=columns, said=said)


def _task_of(shown: Sequence[Any], label: str | None) -> str:
    cells = [str(row.get(label, "")).strip() for row in shown] if label is not None else []
    return "labels" if labels_in([cell for cell in cells if cell]) else "classes"


def _names(store: Items, task: str) -> list[str]:
    """The classes that a file's own labels name."""
    from askance.project.answers_file import parse_label

    if task == "number":
        return []
    found: set[str] = set()
    for labels in store.labels().values():
        for text in labels:
            value = parse_label(text, task)
            found |= {value} if isinstance(value, str) else set(value)
    return sorted(found)


def _study(wishes: Wishes) -> dict[str, Any]:
    kept = {"seed": wishes.seed, "control": wishes.control, "strategy": wishes.strategy, "learner": wishes.learner}
    return {name: value for name, value in kept.items() if value is not None}


def _checked(wishes: Wishes, task: str) -> None:
    """Refuse options that would fail after everything was read."""
    from askance.learners import catalogue as learners
    from askance.strategies import catalogue as strategies

    if not 0 <= wishes.control <= 1:
        raise BadInput(f"--control {wishes.control} is no share. Use a number from 0 to 1, such as 0.1.")
    if wishes.strategy is not None:
        strategies.strategy(wishes.strategy)
    if wishes.learner is not None:
        learners.learner(wishes.learner)
    TASKS[task](wishes.classes)


class _Uncounted:
    """Of tables and numbers, nothing is counted."""

    def count(self) -> None:
        """Nothing is known."""


def _counter(reads: str) -> NearDuplicates | NearImages | _Uncounted:
    return NearDuplicates() if reads == "text" else NearImages() if reads == "image" else _Uncounted()


def _counting(near: NearDuplicates | NearImages | _Uncounted, how: Reading) -> Callable[[Found], None]:
    """What shows new items to a counter."""

    def add(found: Found) -> None:
        if isinstance(near, NearDuplicates):
            near.add([how.raw(found.cells, found.data, Path())])
        elif isinstance(near, NearImages) and found.look is not None:
            near.add(found.look)

    return add


def _all_labeled(path: str | Path, how: Reading) -> str:
    """What to do with a file that says what everything is."""
    label = f" --label '{how.label}'" if how.label else ""
    return (
        f"every item is labeled, so there is nothing to ask: askance predict -o predictions.csv. To see what asking "
        f"would have been worth: askance run {path}{label}"
    )


def _problems(settled: Settled) -> str:
    said = ""
    if settled.conflicts:
        said += f"; {len(settled.conflicts):,} items have rows with different ones ({_some(settled.conflicts)})"
    if settled.unread:
        first = next(iter(settled.unread.values()))
        said += f"; {len(settled.unread):,} could not be read ({first})"
    return said


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

"""A new project: read the file, say what is in it, encode it, be ready to ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from askance.describe import build, describe
from askance.encoders import catalogue as encoders
from askance.project.beginning import Begun, begin, naming
from askance.project.beginning import Wishes as Wishes
from askance.project.features import Features, Progress, Raws, root_of
from askance.project.intake import Intake, Reading
from askance.project.items import Items
from askance.project.project import Project
from askance.project.settling import Settled
from askance.project.words import SHOWN, describe_rows, quoted, some, task_words
from askance.sources.opening import is_table
from askance.task import Named


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
        lines.append(f"  task: {task_words(self.task)}{f': {names}' if names else ''} (--task, --classes)")
        if self.how.label is not None:
            lines.append(f"  labels that were there: {taken:,} taken{_problems(self.settled)}")
        left = ""
        if self.unencoded:
            left = f"; {self.unencoded:,} items wait for: askance encode{naming(Path(self.project))}"
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
    started_at = time.monotonic()
    wishes = wishes or Wishes()
    watch: Progress = items or (lambda *_: None)
    begun = begin(
        path,
        wishes,
        folder=folder,
        encoder=lambda reads: describe(encoders.encoder(wishes.encoder, reads)),
        rows=rows,
        last=lambda made, store, how: _fitted(made, store, how, Path(path), watch),
    )
    project = Project(begun.place)
    encoded = project.encode(wishes.limit, watch)
    settled = project.settle()
    task_now = project.study.task
    started = Started(
        file=str(path),
        project=str(begun.place),
        intake=begun.intake,
        rows=begun.rows,
        how=begun.how,
        task=begun.task,
        classes=tuple(str(one) for one in task_now.names) if isinstance(task_now, Named) else (),
        said=begun.said,
        settled=settled,
        encoder=encoders.name_of(project.encoder),
        width=project.features.encoding.width,
        encoded=encoded,
        unencoded=project.features.missing(),
        seconds={"read": begun.seconds, "encode": time.monotonic() - started_at - begun.seconds},
        next=f"askance ask -n 50 -o batch.csv{naming(begun.place)}"
        if project.study.progress.unlabeled
        else _all_labeled(path, begun),
    )
    project.close()
    return started


def _fitted(made: Path, store: Items, how: Reading, path: Path, watch: Progress) -> None:
    """Fit the encoder while the project is not there yet: what it cannot learn from shall leave none."""
    encoder = build(store.fact("encoder"))
    Features(made, store, Raws(store, how, [root_of(path)]), encoder).fit(watch)


def describe_intake(intake: Intake, settled: Settled) -> Iterator[str]:
    """What came of a file that was added, in words."""
    yield f"{intake.rows:,} rows read: {intake.new:,} new, of them {intake.folded:,} duplicates"
    if intake.changed:
        yield f"changed: {len(intake.changed):,} ({some(intake.changed)}); their labels stay"
    if intake.lost:
        yield f"gone: {len(intake.lost):,} rows are not in the file any more ({some(intake.lost)}); their labels stay"
    if intake.back:
        yield f"back: {len(intake.back):,} ({some(intake.back)})"
    if intake.empty:
        yield f"empty: {len(intake.empty):,} set aside ({some(intake.empty)})"
    yield from (f"broken: {why}" for why in intake.broken[:SHOWN])
    if len(intake.broken) > SHOWN:
        yield f"broken: {len(intake.broken) - SHOWN:,} more"
    if settled.labels or settled.conflicts or settled.unread:
        yield f"labels of the file: {settled.labels:,} taken{_problems(settled)}"


def _all_labeled(path: str | Path, begun: Begun) -> str:
    """What to do with a file that says what everything is."""
    how = begun.how
    said = f"every item is labeled, so there is nothing to ask: askance predict -o predictions.csv{naming(begun.place)}"
    reads = how.reads == "table" or (how.reads == "text" and len(how.columns) == 1)
    if not (reads and begun.task == "classes" and is_table(path)):  # askance run has no way to read it
        return said
    text = f" --text {quoted(how.columns[0])}" if how.reads == "text" else ""
    typed = f"askance run {quote(str(path))} --label {quoted(str(how.label))}{text}"
    return f"{said}. To see what asking would have been worth: {typed}"


def _problems(settled: Settled) -> str:
    said = ""
    if settled.conflicts:
        said += f"; {len(settled.conflicts):,} items have rows with different ones ({some(settled.conflicts)})"
    if settled.unread:
        first = next(iter(settled.unread.values()))
        said += f"; {len(settled.unread):,} could not be read ({first})"
    return said

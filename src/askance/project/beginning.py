"""The beginning of a project: its file is read, and nothing is encoded yet. No torch: the first item shows at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from askance.errors import BadInput, unknown
from askance.files import whole_folder
from askance.project.guess import guess, labels_in
from askance.project.intake import Found, Intake, Reading, sample, take_in
from askance.project.items import BROKEN, EMPTY, ITEM, Items
from askance.project.kinds import TASKS
from askance.project.near import NearDuplicates, NearImages
from askance.sources.base import Source
from askance.sources.opening import open_source

ENDING = ".askance"
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
class Begun:
    """A project whose file was read.

    Args:
        place: Its folder.
        intake: What came of reading the file.
        rows: Rows by state.
        how: How a row becomes an item.
        task: What items are labeled with.
        said: Every guess.
        seconds: Time to read.
    """

    place: Path
    intake: Intake
    rows: dict[str, int]
    how: Reading
    task: str
    said: tuple[str, ...]
    seconds: float


def begin(
    path: str | Path,
    wishes: Wishes,
    *,
    folder: str | Path | None = None,
    encoder: Callable[[str], Any] = lambda reads: None,
    rows: Callable[[int], None] | None = None,
    near: bool = True,
    last: Callable[[Path, Items, Reading], None] = lambda made, items, how: None,
) -> Begun:
    """Read a file into a new project.

    Args:
        path: The file or folder.
        wishes: What it should be.
        folder: Where it goes; by default beside this process, called like the file.
        encoder: Says which encoder reads such items: its description, a name, or None for the best at hand; the last
            two are looked up when the project is encoded.
        rows: Told how many rows were read, now and then.
        near: Whether to count items that are nearly the same as others, which takes as long as reading.
        last: What else must succeed before there is a project.

    Raises:
        BadInput: For a file that cannot be read, a column that it does not have, options that contradict each other.
        StorageError: If the folder cannot be written.
    """
    place = Path(folder) if folder is not None else place_of(path)
    if place.exists():
        if not is_project(place):
            raise BadInput(f"{place} is there already, and is no project. Name another folder: --folder FOLDER")
        typed = quote(str(place))
        raise BadInput(
            f"{place} is there already. Go on with it (askance status -p {typed}), take in a newer file (askance add "
            f"{quote(str(path))} -p {typed}), or name another folder: --folder FOLDER"
        )
    begun = time.monotonic()
    source = open_source(path, encoding=wishes.encoding, split=wishes.split)
    how, task, said = _understood(source, wishes)
    described = encoder(how.reads)
    _checked(wishes, task)
    with whole_folder(place) as made:
        store = Items.create(made / "project.db")
        counter = _counter(how.reads) if near else _Uncounted()
        with store.write():
            intake = take_in(store, source, how, number=0, each=_counting(counter, how), progress=rows)
            intake.near = counter.count()
            names = list(wishes.classes) or _names(store, task)
            store.put("how", asdict(how))
            store.put("sources", [{"path": str(Path(path).absolute())}])
            guessed = wishes.task is None and how.label is None and not wishes.classes
            store.put("task", {"kind": task, "names": names, "guessed": guessed})
            store.put("encoder", described)
            store.put("seed", wishes.seed)
            store.put("limit", wishes.limit)
            store.put("study", _study(wishes))
            store.put("wishes", asdict(wishes))
        counts = store.counts()
        if not counts[ITEM]:
            raise BadInput(
                f"{path} has {intake.rows:,} rows, and none of them holds an item: {counts[EMPTY]:,} empty, "
                f"{counts[BROKEN]:,} broken ({'; '.join(intake.broken[:SHOWN]) or 'see the columns above'}). Check the "
                f"file, or name its columns: --text, --image or --table."
            )
        read = time.monotonic() - begun
        last(made, store, how)
        store.close()
    return Begun(place, intake, counts, how, task, said, read)


def place_of(path: str | Path) -> Path:
    """Where the project of a file goes, if nobody says so."""
    place = Path(path)
    packed = place.suffix.lower() == ".gz"  # after the file's own ending
    name = place.name if place.is_dir() else Path(place.stem).stem if packed else place.stem
    return Path(f"{name or 'items'}{ENDING}")


def is_project(place: Path) -> bool:
    """Whether a folder holds a project."""
    return (place / "project.db").is_file()


def unheard(items: Items, wishes: Wishes) -> list[str]:
    """The options that say something else of a project than what it was made with: nothing heeds them any more."""
    asked, kept = json.loads(json.dumps(asdict(wishes))), items.fact("wishes", {})
    usual = asdict(Wishes())
    return [
        f"--{name.replace('_', '-')}"
        for name, value in asked.items()
        if getattr(wishes, name) != usual[name] and value != kept.get(name)
    ]


def find_place(given: str | None, here: Path | None = None) -> Path:
    """The folder of the project that is meant: the one that is named, or the only one in a folder.

    Args:
        given: The project's folder, if somebody named it; its ending may be left out.
        here: Where to look otherwise; by default the current folder.

    Raises:
        BadInput: If none is named, and there is none, or there are several.
    """
    if given is not None:
        place = Path(given)
        if is_project(place) or place.suffix == ENDING or not place.name:
            return place
        ended = place.with_name(place.name + ENDING)
        return place if place.is_dir() and not is_project(ended) else ended  # beside a folder of images of that name
    here = here or Path.cwd()
    if is_project(here):
        return here
    found = sorted(place for place in here.glob(f"*{ENDING}") if is_project(place))
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"There is no project in {here}. Make one with: askance init FILE, or name one with --project.")
    names = ", ".join(place.name for place in found)
    raise BadInput(f"There are {len(found)} projects in {here}: {names}. Say which: --project {quote(found[0].name)}")


def naming(place: Path) -> str:
    """The option that names a project, as it is typed, for advice; empty where commands find it by themselves.

    Args:
        place: Its folder.
    """
    option = f" -p {quote(str(place))}"
    try:
        found = find_place(None)
    except BadInput:
        return option
    return "" if found.resolve() == place.resolve() else option


def _understood(source: Source, wishes: Wishes) -> tuple[Reading, str, tuple[str, ...]]:
    """How to read a source: what was wished, and guesses for the rest."""
    given = _consistent(source, wishes)
    features = _columns(wishes, given)
    shown = sample(source, LOOKED_AT)
    if not shown and next(iter(source), None) is None:
        raise BadInput(f"{source.path} has 0 rows, so that it holds no item. Check the file.")
    folder = source.path if source.path.is_dir() else source.path.parent
    wanted = [name for name in source.columns if name not in wishes.ignore]
    # A label among what an item is made of would give itself away.
    taken = {*features, *([wishes.id] if wishes.id is not None else [])}
    found = guess(shown, wanted, reads=source.reads, folder=folder, taken=taken)
    label = None if wishes.no_label else wishes.label or found.label
    if given:
        said = tuple(one for one in found.said if not one.startswith(("text:", "table:", "images:")))
        found = replace(found, reads=given, columns=features, said=said)
    others = {label, *wishes.ignore, None if found.reads == "image" else wishes.id}  # a path may be an image's id, too
    columns = tuple(name for name in found.columns if name not in others)
    how = Reading(found.reads, columns, wishes.id, label, found.unlabeled if label == found.label else ())
    how.check(source)
    task = wishes.task or (found.task if label == found.label else _task_of(shown, label))
    overruled = ["ids are"] * (wishes.id is not None) + ["labels:", "every image"] * (label != found.label)
    said = tuple(one for one in found.said if not one.startswith(tuple(overruled)))
    return how, task, (*source.said, *said)


def _consistent(source: Source, wishes: Wishes) -> str:
    """Refuse columns that are to be two things, or are not there; what names the items' columns is given back."""
    given = [name for name in ("text", "image", "table") if getattr(wishes, name)]
    if len(given) > 1:
        raise BadInput(f"An item is one thing, and --{' and --'.join(given)} are given. Leave all but one out.")
    if wishes.label is not None and wishes.no_label:
        raise BadInput("--label and --no-label contradict each other. Leave one out.")
    what = given[0] if given else ""
    if what and wishes.ignore:
        raise BadInput(
            f"--{what} names all columns of an item, so that --ignore leaves out nothing. Leave out --ignore, and name "
            f"in --{what} what you want."
        )
    for name in wishes.ignore:
        if name not in source.columns:
            raise unknown(f"column in {source.path}", name, source.columns)
    features = _columns(wishes, what)
    for option, column, other, others in (
        ("label", wishes.label, what, features),
        ("label", wishes.label, "id", (wishes.id,)),
        ("id", wishes.id, what, () if what == "image" else features),
    ):
        if column is not None and column in others:
            raise BadInput(f"Column {column!r} is named in --{option} and in --{other}. Leave it out of one of them.")
    return what


def _columns(wishes: Wishes, what: str) -> tuple[str, ...]:
    """The columns that an option names as an item's."""
    return {"text": wishes.text, "table": wishes.table, "image": (wishes.image or "",), "": ()}[what]


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
    if not 0 <= wishes.control <= 1:
        raise BadInput(f"--control {wishes.control} is no share. Use a number from 0 to 1, such as 0.1.")
    if wishes.strategy is not None:
        from askance.strategies import catalogue as strategies

        strategies.strategy(wishes.strategy)
    if wishes.learner is not None:
        from askance.project.learning import check_learner

        check_learner(wishes.learner, task)
    if task == "number" and wishes.classes:
        which = "--task number has none" if wishes.task else "the labels in the file are numbers"
        raise BadInput(f"--classes names classes, and {which}. Leave out --classes, or say --task classes or labels.")
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

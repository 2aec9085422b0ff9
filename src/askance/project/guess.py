"""What a file holds, guessed from its first rows: every guess is said, with the option that overrules it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from askance.images import ENDINGS
from askance.sources.base import Cell

SURELY = frozenset({"label", "labels", "class", "classes", "category", "categories", "target", "y"})
LABELS = SURELY | frozenset(
    {"tag", "tags", "topic", "topics", "sentiment", "emotion", "kind", "intent", "species", "variety", "rating"}
    | {"stars", "score", "quality", "outcome"}
)
TEXTS = frozenset(
    {"text", "body", "message", "comment", "review", "content", "post", "tweet", "sentence", "utterance", "query"}
    | {"question", "document"}
)
UNLABELED = frozenset({"unlabeled", "unlabelled", "unsorted", "inbox", "new", "todo", "unknown", "none"})
IDS = frozenset({"id", "uuid", "key", "guid", "number", "no", "nr", "ref", "index"})
WORDS = 4  # on average, in a column of prose; one that is called text may have fewer
SHORT = 6  # words, at most, in the name of a class
FEW = 0.5  # of the filled cells may be different values, in a column of classes
SOME = 50  # paths that are looked up
MANY = 20  # different numbers, for a column of numbers rather than of classes

_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")  # written without spaces: two signs count as a word


@dataclass(frozen=True)
class Guess:
    """What a file holds.

    Args:
        reads: ``text``, ``table``, ``image`` or ``array``.
        columns: The columns that hold an item.
        label: The column of labels.
        unlabeled: Cells of that column that mean no label.
        id: A column that could serve as ids; only a hint.
        task: ``classes``, ``labels`` or ``number``.
        said: A sentence for each guess.
    """

    reads: str
    columns: tuple[str, ...]
    label: str | None = None
    unlabeled: tuple[str, ...] = ()
    id: str | None = None
    task: str = "classes"
    said: tuple[str, ...] = field(default_factory=tuple)


def guess(
    rows: Sequence[Mapping[str, Cell]],
    columns: Sequence[str],
    *,
    reads: str = "rows",
    folder: Path | None = None,
    taken: Collection[str] = (),
) -> Guess:
    """Guess from a file's first rows.

    Args:
        rows: Some rows' cells.
        columns: The file's columns, without those that nobody wants.
        reads: What the source is: ``rows``, ``images`` or ``array``.
        folder: Where paths in cells start from.
        taken: Columns that are known to be something else than labels or ids.
    """
    free = [name for name in columns if name not in taken]
    if reads == "array":
        return Guess("array", ("values",), id="id" if "id" in free else None)
    if reads == "images":
        return _folders(rows) if "folder" in free else Guess("image", ("path",))
    texts = {name: [cell for row in rows if isinstance(cell := row.get(name, ""), str)] for name in columns}
    filled = {name: [cell.strip() for cell in cells if cell.strip()] for name, cells in texts.items()}
    image = next((name for name in columns if _holds_images(rows, name, filled[name], folder)), None)
    id = next((name for name in free if _names_rows(name, texts[name], filled[name])), None)
    label, others = _label(free, filled, texts, (image, id))
    left = [name for name in columns if name not in (image, id, label) and filled[name]]
    lost = [name for name in left if _are_paths(filled[name])]
    prose = [name for name in left if name not in lost and _is_prose(name, filled[name], alone=len(left) == 1)]
    said = []
    if image is not None:
        made = Guess("image", (image,))
        said.append(f"images: column {image!r} (another one: --image COLUMN)")
    elif prose:
        short = _title(left, prose)
        made = Guess("text", tuple(name for name in columns if name in {*prose, short}))
        said.append(f"text: {_quoted(made.columns)} (others: --text COLUMNS; a table: --table COLUMNS)")
    else:
        made = Guess("table", tuple(left))
        said.append(f"table: {_quoted(left) or 'no column'} (others: --table COLUMNS, or --ignore COLUMNS)")
    if image is None and lost:
        said.append(f"column {lost[0]!r} names images that are not there; put them beside the file (--image {lost[0]})")
    task = _task(label, filled.get(label or "", []))
    if label is not None:
        said.append(_about(label, task, filled[label], len(texts[label]), others))
    if id is not None:
        said.append(f"ids are made of the content; column {id!r} has one for each row (--id {id})")
    return Guess(made.reads, made.columns, label, (), id, task, tuple(said))


def labels_in(cells: Sequence[str]) -> bool:
    """Whether cells hold several labels each: between semicolons or bars, or as JSON lists.

    >>> labels_in(["urgent; billing", "billing"]), labels_in(["It came late; I want my money back, all of it."])
    (True, False)
    """
    several = sum((cell.startswith("[") and _is_list(cell)) or ";" in cell or "|" in cell for cell in cells)
    if not cells or several < 0.1 * len(cells):
        return False
    parts = [part for cell in cells for part in re.split("[;|]", cell)]
    return sum(map(_words, parts)) < WORDS * len(parts)


def _folders(rows: Sequence[Mapping[str, Cell]]) -> Guess:
    """Sub-folders are labels where some images lie outside of them, or in one called unsorted, inbox and so on."""
    folders = Counter(str(row.get("folder", "")) for row in rows)
    blank = tuple(sorted(name for name in folders if not name or name.lower() in UNLABELED))
    named = [name for name in folders if name not in blank]
    if len(named) >= 2 and blank:
        said = f"labels: the sub-folders {_quoted(named[:5])} (--no-label takes none)"
        return Guess("image", ("path",), "folder", tuple(name for name in blank if name), said=(said,))
    if len(named) >= 2:
        said = "every image lies in a named sub-folder; these are not taken as labels (--label folder takes them)"
        return Guess("image", ("path",), said=(said,))
    return Guess("image", ("path",))


def _holds_images(rows: Sequence[Mapping[str, Cell]], name: str, filled: Sequence[str], folder: Path | None) -> bool:
    cells = [row.get(name, "") for row in rows]
    if any(isinstance(cell, bytes) for cell in cells):
        return True
    if folder is None or not _are_paths(filled):
        return False
    return sum(_is_file(folder / path) for path in filled[:SOME]) >= 0.4 * len(filled[:SOME])


def _are_paths(filled: Sequence[str]) -> bool:
    """Whether nearly all cells end as names of image files do."""
    paths = [cell for cell in filled[:SOME] if Path(cell).suffix.lower() in ENDINGS]
    return bool(paths) and len(paths) >= 0.8 * len(filled[:SOME])


def _names_rows(name: str, cells: Sequence[str], filled: Sequence[str]) -> bool:
    """Whether a column gives each row a name of its own."""
    word = name.strip().lower()
    called = word in IDS or word.endswith(("_id", " id", "-id")) or word.endswith("number")
    distinct = len(filled) == len(cells) == len(set(filled)) and len(cells) > 1
    return called and distinct and all(len(cell) <= 64 and len(cell.split()) <= 2 for cell in filled)


def _is_prose(name: str, filled: Sequence[str], *, alone: bool) -> bool:
    different = len(set(filled)) / len(filled)
    if _numbers(filled) >= 0.5 or different <= 0.1:
        return False
    called = name.strip().lower() in TEXTS
    return sum(map(_words, filled)) >= WORDS * len(filled) or ((called or alone) and different > 0.5)


def _title(left: Sequence[str], prose: Sequence[str]) -> str | None:
    """A column such as a subject, that belongs to the prose although it is short."""
    called = ("subject", "title", "headline", "heading", "summary")
    return next((name for name in left if name.strip().lower() in called and name not in prose), None)


def _label(
    columns: Sequence[str],
    filled: Mapping[str, Sequence[str]],
    texts: Mapping[str, Sequence[str]],
    taken: tuple[str | None, ...],
) -> tuple[str | None, list[str]]:
    """The column of labels, and others that could be it."""
    found = []
    for name in columns:
        word = name.strip().lower()
        called = word in LABELS or word.endswith(("_label", " label", "_class"))
        if called and name not in taken and _holds_labels(filled[name], len(texts[name])):
            found.append(name)
    found.sort(key=lambda name: name.strip().lower() not in SURELY)  # stable: else in the order of the file
    return (found[0], found[1:]) if found else (None, [])


def _holds_labels(filled: Sequence[str], rows: int) -> bool:
    """Whether cells repeat, are numbers or several names each; a few filled ones need only be short."""
    few = len(set(filled)) <= max(2, FEW * len(filled))
    begun = len(filled) < 0.5 * rows and all(_words(cell) <= SHORT for cell in filled)
    return not filled or few or begun or _numbers(filled) == 1 or labels_in(filled)


def _about(label: str, task: str, filled: Sequence[str], rows: int, others: Sequence[str]) -> str:
    share = len(filled) / max(1, rows)
    said = f"labels: column {label!r}, filled in {share:.0%} of the rows read (--label COLUMN, --no-label)"
    if others:
        said += f"; it could be {_quoted(others)}, too"
    what = {"classes": "one of some classes", "labels": "any of some labels", "number": "a number"}[task]
    return f"{said}; each is {what} (--task classes, labels or number)"


def _task(label: str | None, filled: Sequence[str]) -> str:
    word = (label or "").strip().lower()
    if labels_in(filled) or (word in ("tags", "labels", "topics", "categories") and not filled):
        return "labels"
    whole = all(cell.lstrip("-").isdigit() for cell in filled)
    if filled and _numbers(filled) == 1 and (not whole or len(set(filled)) > MANY):
        return "number"
    return "classes"


def _numbers(cells: Sequence[str]) -> float:
    """The share of cells that are numbers."""
    return sum(_is_number(cell) for cell in cells) / max(1, len(cells))


def _words(cell: str) -> int:
    return len(cell.split()) + len(_HAN.findall(cell)) // 2


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long for any file
        return False


def _is_number(cell: str) -> bool:
    try:
        return float(cell) == float(cell)
    except ValueError:
        return False


def _is_list(cell: str) -> bool:
    try:
        return isinstance(json.loads(cell), list)
    except (ValueError, RecursionError):  # ten thousand brackets are no list
        return False


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"

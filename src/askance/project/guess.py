"""What a file holds, guessed from its first rows: every guess is said, with the option that overrules it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from askance.images import ENDINGS
from askance.sources.base import Cell

LABELS = frozenset(
    {"label", "labels", "class", "classes", "category", "categories", "target", "y", "tag", "tags", "topic", "topics"}
    | {"sentiment", "kind", "intent", "species", "rating", "stars", "score"}
)
UNLABELED = frozenset({"unlabeled", "unlabelled", "unsorted", "inbox", "new", "todo", "unknown", "none"})
IDS = frozenset({"id", "uuid", "key", "guid", "number", "no", "nr", "ref", "index"})
WORDS = 4  # on average, in a column of prose
FEW = 0.5  # of the filled cells may be different values, in a column of classes
MANY = 20  # different numbers, for a column of numbers rather than of classes


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
    rows: Sequence[Mapping[str, Cell]], columns: Sequence[str], *, reads: str = "rows", folder: Path | None = None
) -> Guess:
    """Guess from a file's first rows.

    Args:
        rows: Some rows' cells.
        columns: The file's columns.
        reads: What the source is: ``rows``, ``images`` or ``array``.
        folder: Where paths in cells start from.
    """
    if reads == "array":
        return Guess("array", ("values",), id="id" if "id" in columns else None)
    if reads == "images":
        return _folders(rows)
    texts = {name: [cell for row in rows if isinstance(cell := row.get(name, ""), str)] for name in columns}
    filled = {name: [cell.strip() for cell in cells if cell.strip()] for name, cells in texts.items()}
    image = next((name for name in columns if _holds_images(rows, name, filled[name], folder)), None)
    id = next((name for name in columns if _names_rows(name, texts[name], filled[name])), None)
    prose = [name for name in columns if name not in (image, id) and _is_prose(filled[name])]
    label = _label(columns, filled, [*prose, image, id])
    task = _task(label, filled.get(label or "", []))
    said = []
    if image is not None:
        made = Guess("image", (image,))
        said.append(f"images: column {image!r} (another one: --image COLUMN)")
    elif prose:
        names = tuple(name for name in prose if name != label)
        short = _title(columns, filled, {*names, label, id})
        made = Guess("text", tuple(name for name in columns if name in {*names, short}))
        said.append(f"text: {_quoted(made.columns)} (others: --text COLUMNS; a table: --table COLUMNS)")
    else:
        made = Guess("table", tuple(name for name in columns if name not in (label, id) and filled[name]))
        said.append(f"table: {_quoted(made.columns)} (others: --table COLUMNS, or --ignore COLUMNS)")
    if label is not None:
        share = len(filled[label]) / max(1, len(texts[label]))
        said.append(f"labels: column {label!r}, filled in {share:.0%} of the rows read (--label COLUMN, --no-label)")
    if id is not None:
        said.append(f"ids are made of the content; column {id!r} has one for each row (--id {id})")
    return Guess(made.reads, made.columns, label, (), id, task, tuple(said))


def labels_in(cells: Sequence[str]) -> bool:
    """Whether cells hold several labels each: between semicolons or bars, or as JSON lists."""
    several = sum((cell.startswith("[") and _is_list(cell)) or ";" in cell or "|" in cell for cell in cells)
    return bool(cells) and several >= 0.1 * len(cells)


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
    paths = [cell for cell in filled[:50] if Path(cell).suffix.lower() in ENDINGS]
    if folder is None or not paths or len(paths) < 0.8 * len(filled[:50]):
        return False
    return sum((folder / path).is_file() for path in paths) >= 0.5 * len(paths)


def _names_rows(name: str, cells: Sequence[str], filled: Sequence[str]) -> bool:
    """Whether a column gives each row a name of its own."""
    word = name.strip().lower()
    called = word in IDS or word.endswith(("_id", " id", "-id")) or word.endswith("number")
    distinct = len(filled) == len(cells) == len(set(filled)) and len(cells) > 1
    return called and distinct and all(len(cell) <= 64 and len(cell.split()) <= 2 for cell in filled)


def _is_prose(filled: Sequence[str]) -> bool:
    if not filled:
        return False
    words = sum(len(cell.split()) for cell in filled) / len(filled)
    return words >= WORDS and len(set(filled)) > 0.1 * len(filled) and _numbers(filled) < 0.5


def _title(columns: Sequence[str], filled: Mapping[str, Sequence[str]], taken: set[str | None]) -> str | None:
    """A column such as a subject, that belongs to the prose although it is short."""
    called = ("subject", "title", "headline", "heading", "summary")
    return next((name for name in columns if name.lower() in called and name not in taken and filled[name]), None)


def _label(columns: Sequence[str], filled: Mapping[str, Sequence[str]], taken: Sequence[str | None]) -> str | None:
    for name in columns:
        word = name.strip().lower()
        if word not in LABELS or name in taken:
            continue
        cells = filled[name]
        few = len(set(cells)) <= max(2, FEW * len(cells))
        if not cells or few or _numbers(cells) == 1 or labels_in(cells):
            return name
    return None


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


def _is_number(cell: str) -> bool:
    try:
        return float(cell) == float(cell)
    except ValueError:
        return False


def _is_list(cell: str) -> bool:
    try:
        return isinstance(json.loads(cell), list)
    except ValueError:
        return False


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"

"""Which reader a path needs."""

from __future__ import annotations

from pathlib import Path

from askance.errors import BadInput
from askance.images import LIMITS, Limits
from askance.sources.base import Source

KINDS = ".csv, .tsv, .txt, .jsonl, .ndjson (these also as .gz), .parquet, .npy, .npz, or a folder"

TABLES = (".csv", ".tsv", ".txt")
UTF_8 = ("utf-8", "utf8", "utf-8-sig")


def open_source(
    path: str | Path, *, encoding: str = "utf-8", split: str | None = None, limits: Limits = LIMITS
) -> Source:
    """The rows of a file or folder.

    Args:
        path: A table, JSON lines, Parquet, an array; a folder of Parquet files, images, or a Hugging Face data set.
        encoding: How a table is encoded.
        split: Which split of a Hugging Face data set.
        limits: What an image may cost.

    Raises:
        BadInput: If there is nothing there, or it is of another kind, or no such option is for it.
    """
    place = Path(path)
    if not place.exists():
        raise BadInput(f"There is no {path}. Check the path.")
    ending = _ending(place)
    if not is_table(place) and encoding.lower() not in UTF_8:
        raise BadInput(f"{path} is no {', '.join(TABLES)} file and says itself how to read it. Leave out --encoding.")
    if place.is_dir():
        return _folder(place, split, limits)
    if split is not None:
        raise BadInput(f"{path} is a file and has no splits. Leave out --split {split}.")
    if ending in TABLES:
        from askance.sources.csv import CsvSource

        return CsvSource(place, encoding)
    if ending in (".jsonl", ".ndjson"):
        from askance.sources.jsonl import JsonlSource

        return JsonlSource(place)
    if place.suffix.lower() == ".parquet":
        from askance.sources.arrow import ParquetSource

        return ParquetSource(place)
    if place.suffix.lower() in (".npy", ".npz"):
        from askance.sources.arrays import ArraySource

        return ArraySource(place)
    if ending in (".xlsx", ".xls", ".ods"):
        raise BadInput(f"{path} is a spreadsheet's own file. Save it as CSV (UTF-8) first, then read that.")
    raise BadInput(f"{path} is of no kind that is read here. Known: {KINDS}.")


def is_table(path: str | Path) -> bool:
    """Whether a file is a table of text, packed or not.

    >>> is_table("a.csv.gz"), is_table("a.parquet")
    (True, False)
    """
    place = Path(path)
    return _ending(place) in TABLES and not place.is_dir()


def _ending(place: Path) -> str:
    packed = place.suffix.lower() == ".gz"
    return (place.with_suffix("") if packed else place).suffix.lower()


def _folder(place: Path, split: str | None, limits: Limits) -> Source:
    if any((place / name).is_file() for name in ("state.json", "dataset_dict.json")):
        from askance.sources.arrow import HuggingFaceSource

        return HuggingFaceSource(place, split)
    if split is not None:
        raise BadInput(f"{place} is no Hugging Face data set and has no splits. Leave out --split {split}.")
    if any(place.glob("*.parquet")):
        from askance.sources.arrow import ParquetSource

        return ParquetSource(place)
    from askance.sources.images import ImageFolder

    return ImageFolder(place, limits)

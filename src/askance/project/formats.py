"""In which form labels are given away, by what somebody says or by how the file is called."""

from __future__ import annotations

from pathlib import Path

from askance.errors import BadInput, unknown

FORMATS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "parquet": ".parquet",
    "label-studio": ".label-studio.json",
    "coco": ".coco.json",
}
JSON = ("label-studio", "coco")  # a file that just ends in .json can be any of these


def format_of(path: Path, said: str = "") -> str:
    """The form of a file that is to be written.

    Args:
        path: Its name.
        said: The form that somebody wants, one of `FORMATS`; empty leaves it to the ending.

    Raises:
        BadInput: If the name says nothing, or another thing than somebody does.

    >>> format_of(Path("a.csv")), format_of(Path("a.coco.json")), format_of(Path("a.json"), "label-studio")
    ('csv', 'coco', 'label-studio')
    """
    name = path.name.lower()
    ending = next((form for form, ending in FORMATS.items() if name.endswith(ending)), "")
    if not said:
        if ending:
            return ending
        if name.endswith(".json"):
            raise BadInput(f"{path} could be of several kinds. Say which: --format {' or --format '.join(JSON)}")
        raise BadInput(f"{path} ends in none of {', '.join(FORMATS.values())}. Name the file labels.csv, for example.")
    if said not in FORMATS:
        raise unknown("format of labels", said, FORMATS)
    if said != ending and (ending or said not in JSON or not name.endswith(".json")):
        raise BadInput(
            f"{path} is not called as a file of --format {said} is. Name it labels{FORMATS[said]}, or leave out "
            f"--format."
        )
    return said


def beside(path: Path, ending: str) -> Path:
    """A file beside another one, with its name and another ending.

    >>> beside(Path("labels.label-studio.json"), ".card.md").name, beside(Path("my.labels.csv"), ".card.md").name
    ('labels.card.md', 'my.labels.card.md')
    """
    double = next((last for last in FORMATS.values() if path.name.lower().endswith(last)), path.suffix)
    return path.with_name(path.name[: len(path.name) - len(double)] + ending)

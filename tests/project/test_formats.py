"""In which form labels are written: by what somebody says, or by the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.errors import BadInput
from askance.project.formats import FORMATS, beside, format_of


@pytest.mark.parametrize("form", FORMATS)
def test_an_ending_says_the_form_and_may_be_said_again(form: str) -> None:
    path = Path(f"my.Labels{FORMATS[form].upper()}")
    assert format_of(path) == format_of(path, form) == form
    assert beside(path, ".card.md") == Path("my.Labels.card.md")


def test_a_plain_json_file_is_what_somebody_says_and_nothing_without() -> None:
    assert format_of(Path("a.json"), "coco") == "coco"
    assert format_of(Path("a.json"), "label-studio") == "label-studio"
    with pytest.raises(BadInput, match="a.json could be of several kinds.*--format label-studio or --format coco"):
        format_of(Path("a.json"))


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("a.csv", "jsonl", "a.csv is not called as a file of --format jsonl is. Name it labels.jsonl"),
        ("a.json", "csv", "Name it labels.csv"),
        ("a.coco.json", "label-studio", "Name it labels.label-studio.json"),
        ("a.xlsx", "coco", "Name it labels.coco.json"),
        ("a.csv", "voc", "no format of labels named 'voc'.*coco, csv"),
        ("a.xlsx", "", "a.xlsx ends in none of .csv, .jsonl, .parquet, .label-studio.json, .coco.json"),
    ],
)
def test_a_name_that_says_another_thing_is_refused(name: str, said: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        format_of(Path(name), said)

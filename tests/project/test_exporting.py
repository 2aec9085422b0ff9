"""Labels in files of three kinds, and the card that explains them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from small import POOL, pets

from askance import Labels, Pool, Study, Targets
from askance.errors import BadInput, StorageError
from askance.metrics import wilson
from askance.project.answers_file import parse_label
from askance.project.card import alpha, card
from askance.project.exporting import COLUMNS, NOTED, write_labels
from askance.project.provenance import Labeled, Said, provenance

ROWS = {"item": 30, "folded": 2, "empty": 1, "broken": 0, "gone": 0}


def told(task: Any, *answers: Any) -> list[Labeled]:
    study = Study(POOL, task=task)
    study.tell({f"i{row}": answer for row, answer in enumerate(answers)}, by="Ada")
    return provenance(study)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, by somebody else's reader."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_every_kind_of_file_says_the_same(tmp_path: Path, ending: str) -> None:
    study = pets(control=1.0)
    ids = study.ask(2).ids
    study.tell({ids[0]: "cat", "i29" if ids[0] != "i29" else "i28": "dog"}, by="Ada")
    study.tell({ids[0]: "cat"}, by="Ben; Jr.")
    path = tmp_path / f"labels{ending}"
    assert write_labels(path, provenance(study)) == 2
    rows = read(path)
    names = [name for name in COLUMNS if ending != ".csv" or name not in NOTED]
    assert all(list(row) == names for row in rows)
    control = next(row for row in rows if row["chosen"] == "control")
    other = next(row for row in rows if row["chosen"] == "unasked")
    assert (control["id"], control["label"], control["strategy"]) == (ids[0], "cat", "random")
    assert (int(control["people"]), float(control["agreement"]), int(control["rank"])) == (2, 1.0, 1)
    assert float(control["probability"]) == 2 / 30, "all digits"
    assert [other[name] or None for name in ("same_as", "round", "probability", "asked_at", "line")] == [None] * 5
    people, answers = control["by"], control["answers"]
    if ending == ".csv":
        people, answers = json.loads(people), json.loads(answers)
    assert people == ["Ada", "Ben; Jr."]
    assert [(one["by"], one["value"], one["kind"]) for one in answers] == [
        ("Ada", "cat", "label"),
        ("Ben; Jr.", "cat", "label"),
    ]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    study = pets(control=1.0)
    study.tell({study.ask(1).ids[0]: "cat"}, by="Ada")
    write_labels(tmp_path / "a.parquet", provenance(study))
    (row,) = read(tmp_path / "a.parquet")
    assert isinstance(row["asked_at"], datetime) and row["asked_at"].tzinfo is not None
    assert abs((datetime.now(UTC) - row["answered_at"]).total_seconds()) < 600
    assert isinstance(row["probability"], float) and isinstance(row["line"], int) and row["seconds"] is None
    write_labels(tmp_path / "b.parquet", told(Labels((1, 2)), [1, 2], []))
    assert [row["label"] for row in read(tmp_path / "b.parquet")] == [[1, 2], []]
    whole = Study(POOL, classes=range(3))
    whole.tell({"i0": 2, "i1": 0})
    write_labels(tmp_path / "c.parquet", provenance(whole))
    assert [row["label"] for row in read(tmp_path / "c.parquet")] == [2, 0]


@pytest.mark.parametrize("name", ["a", "with; semicolon", "with | bar", '["looks", "like", "JSON"]', "=1+1", "Zoë, \n"])
def test_a_cell_of_labels_is_read_back_by_tell_as_what_it_was(tmp_path: Path, name: str) -> None:
    task = Labels((name.strip(), "b"))
    write_labels(tmp_path / "a.csv", told(task, [name.strip()], [name.strip(), "b"], []))
    cells = [row["label"] for row in read(tmp_path / "a.csv")]
    assert [parse_label(cell, "labels") for cell in cells] == [[name.strip()], [name.strip(), "b"], []]


def test_a_number_has_all_its_digits_and_no_label_is_not_an_empty_list(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.csv", told(Targets(), 123456.789012, [0.1]))
    assert [parse_label(row["label"], "number") for row in read(tmp_path / "a.csv")] == [123456.789012, 0.1]
    study = Study(POOL, task=Labels(("a",)))
    study.tell({"i0": []})
    study.tell({"i1": None}, kind="unsure")
    write_labels(tmp_path / "b.csv", provenance(study))
    assert [(row["label"], row["kind"]) for row in read(tmp_path / "b.csv")] == [("[]", "label"), ("", "unsure")]
    write_labels(tmp_path / "b.jsonl", provenance(study))
    assert [row["label"] for row in read(tmp_path / "b.jsonl")] == [[], None]


def test_json_has_no_word_for_infinity(tmp_path: Path) -> None:
    said = [Said("Ada", "cat", "label", "2026-01-01T00:00:00Z", None)]
    write_labels(tmp_path / "a.jsonl", [Labeled("i0", "cat", said, 1.0, "active", utility=float("inf"))])
    assert "Infinity" not in (tmp_path / "a.jsonl").read_text() and read(tmp_path / "a.jsonl")[0]["utility"] is None


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_folded_rows_have_the_label_and_cells_come_along_when_wanted(tmp_path: Path, ending: str) -> None:
    cells = {"i0": {"text": "=one", "label": "old"}, "row 7": {"text": "=one", "label": "", "note": "n"}}
    path = tmp_path / f"a{ending}"
    found = told(Labels(("a",)), ["a"])
    assert write_labels(path, found, lambda id: [id, "row 7"], raw=cells.__getitem__) == 2
    first, second = read(path)
    assert (first["id"], first["same_as"] or None) == ("i0", None)
    assert (second["id"], second["same_as"], second["label"]) == ("row 7", "i0", first["label"])
    assert (first["text"], first["item.label"], first["note"] or None, second["note"]) == ("=one", "old", None, "n")
    names = [name for name in COLUMNS if ending != ".csv" or name not in NOTED]
    assert list(first) == [*names, "text", "item.label", "note"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_flags_and_comments_are_columns_in_csv_where_there_is_one(tmp_path: Path, ending: str) -> None:
    said = [Said("Ada", "cat", "label", "2026-01-01T00:00:00Z", None)]
    plain, noted = (
        Labeled("i0", "cat", said, 1.0),
        Labeled("i1", "cat", said, 1.0, flagged=True, comment='=1+1, "so"\n'),
    )
    path = tmp_path / f"a{ending}"
    write_labels(path, [plain])
    assert ("flagged" in read(path)[0]) == ("comment" in read(path)[0]) == (ending != ".csv")
    write_labels(path, [plain, noted])
    first, second = read(path)
    assert list(first) == list(COLUMNS)
    yes, no = ("true", "false") if ending == ".csv" else (True, False)
    assert [(row["flagged"], row["comment"]) for row in (first, second)] == [(no, ""), (yes, '=1+1, "so"\n')]


def test_a_file_of_another_kind_is_refused_and_so_is_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"labels.xlsx ends in none of .csv, .jsonl, .parquet. Name the file labels.csv"):
        write_labels(tmp_path / "labels.xlsx", [])
    with pytest.raises(StorageError, match="there is no folder"):
        write_labels(tmp_path / "nowhere" / "labels.csv", told(Targets(), 1))


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    write_labels(path, told(Targets(), 1))
    before = path.read_bytes()

    def rows_of(id: Any) -> list[str]:
        if id == "i5":
            raise RuntimeError("the lights went out")
        return [id]

    with pytest.raises(RuntimeError, match="lights"):
        write_labels(path, told(Targets(), *range(9)), rows_of)
    assert path.read_bytes() == before and [one.name for one in tmp_path.iterdir()] == [path.name]


KILLED = """
import os, signal, sys
import askance.files as files
from pathlib import Path
from small import POOL, pets
from askance.project.exporting import write_labels
from askance.project.provenance import provenance
study = pets()
study.tell({f"i{row}": "cat" for row in range(30)})
files.os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_labels(Path(sys.argv[1]), provenance(study))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
@pytest.mark.parametrize("ending", [".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_a_kill_in_the_middle_leaves_no_half_of_a_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"labels{ending}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL and not path.exists()


def test_alpha_is_one_for_agreement_nothing_for_one_voice_and_below_nothing_for_opposites() -> None:
    assert alpha([["a", "a"], ["b", "b", "b"], ["c"]]) == 1.0
    assert alpha([["a"], ["b"]]) is None and alpha([["a", "a"]]) is None
    # Two people and two items, always opposite: observed 4/4 coincidences, expected 2*2*2/3 of 4.
    assert alpha([["a", "b"], ["b", "a"]]) == pytest.approx(-0.5)


def test_the_card_estimates_shares_from_control_items_beside_the_raw_ones() -> None:
    study = pets(control=0.5)
    batch = study.ask(8)
    study.tell({id: "cat" if s == "control" else "dog" for id, s in zip(batch.ids, batch.streams, strict=True)})
    text = card("pets", study, provenance(study), ROWS)
    low, high = wilson(4, 4)
    assert f"| cat | 4 | 50.0% | 100.0% [{low:.1%}, {high:.1%}] |" in text
    low, high = wilson(0, 4)
    assert f"| dog | 4 | 50.0% | 0.0% [{low:.1%}, {high:.1%}] |" in text
    assert "- Labeled: 4; answered without a label: 0; open: 0" in text
    assert "drawn uniformly from 100.0% of the pool or more" in text
    assert "| control | random | 4 | 1 to 1 | 0.133 to 0.133 |" in text and "chosen by a rule" in text


def test_the_card_says_how_far_control_items_reach_and_what_they_leave_out() -> None:
    study = pets(control=1.0)
    study.tell({f"i{row}": "cat" for row in range(15)}, by="file")
    ids = study.ask(5).ids
    study.tell({ids[0]: "cat", ids[1]: "dog"})
    study.tell({ids[2]: None}, kind="unsure")
    text = card("pets", study, provenance(study), ROWS)
    assert "- Labeled: 2; answered without a label: 1; open: 2" in text
    assert "uniformly from 50.0% of the pool" in text and "as much as that rest, 50.0%" in text
    assert "left out of the estimates" in text
    larger = Study(Pool.from_arrays([[float(row)] for row in range(4)]), classes=["cat", "dog"])
    larger.tell({0: "cat"})
    assert "There are none, so nothing here estimates" in card("pets", larger, provenance(larger), ROWS)


def test_the_card_holds_the_last_score_with_its_interval() -> None:
    study = pets(control=0.5)
    for _ in range(3):
        study.tell({id: "cat" if int(id[1:]) % 2 else "dog" for id in study.ask(6).ids})
    score = study.score()
    assert f"- Last score of the model: {score}, at 18 labels" in card("pets", study, provenance(study), ROWS)


def test_the_card_tells_how_names_changed_and_how_people_agree_by_them() -> None:
    study = pets()
    study.tell({"i0": "cat", "i1": "dog"}, by="Ada")
    study.rename("cat", "feline")
    study.tell({"i0": "feline", "i1": "dog"}, by="Ben")
    study.declare("cow")
    study.merge("cow", "dog")
    text = card("pets", study, provenance(study), ROWS)
    assert "`cat` was renamed to `feline`" in text and "`cow` came" in text and "`cow` was merged into `dog`" in text
    assert "2 items were answered by several people; all agree on 1 of them (50%), names as they were said" in text
    assert "2 items were answered by several people; all agree on 2 of them (100%), by today's names" in text
    assert "- Ada: 2 answers" in text and "- Ben: 2 answers" in text


def test_the_card_of_numbers_says_how_far_people_are_apart_and_names_cannot_break_its_table() -> None:
    numbers = Study(POOL, task=Targets())
    numbers.tell({"i0": 1.0, "i1": 2.0}, by="Ada")
    numbers.tell({"i0": 2.0, "i1": 2.0}, by="Ben")
    text = card("n", numbers, provenance(numbers), ROWS)
    assert "two of them are 0.5 apart on average" in text and "alpha" not in text and "## Classes" not in text
    odd = Study(POOL, classes=["a|b", "c"])
    odd.tell({"i0": "a|b"})
    assert "| a\\|b | 1 | 100.0% | – |" in card("odd", odd, provenance(odd), ROWS)

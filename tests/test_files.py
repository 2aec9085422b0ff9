"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from askance.errors import StorageError
from askance.files import whole, whole_bytes, whole_folder


def test_a_file_is_there_once_the_block_ends(tmp_path: Path) -> None:
    place = tmp_path / "page.txt"
    with whole(place) as file:
        file.write("all of it")
        assert not place.exists()
    assert place.read_text("utf-8") == "all of it"
    assert list(tmp_path.iterdir()) == [place]


def test_what_was_there_stays_when_the_block_fails(tmp_path: Path) -> None:
    place = tmp_path / "page.txt"
    place.write_text("before")
    with pytest.raises(ZeroDivisionError), whole(place) as file:
        file.write(f"half {1 / 0}")
    assert place.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [place]


def test_a_missing_folder_is_named_and_not_the_file_in_passing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no folder .*nowhere\. Make it") as caught, whole(tmp_path / "nowhere/x"):
        pass
    assert ".part" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
@pytest.mark.parametrize(("umask", "file", "folder"), [(0o077, 0o600, 0o700), (0o022, 0o644, 0o755), (0, 0o666, 0o777)])
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path, umask: int, file: int, folder: int) -> None:
    before = os.umask(umask)
    try:
        with whole(tmp_path / "a") as page, whole_bytes(tmp_path / "b") as data, whole_folder(tmp_path / "c"):
            page.write("labels")
            data.write(b"labels")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "abc"] == [file, file, folder]


@pytest.mark.skipif(os.name == "nt", reason="links take rights there")
def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    away = tmp_path / "away"
    (away / "old").mkdir(parents=True)
    (away / "x.csv").write_text("old")
    for name, target in (("a.csv", "away/x.csv"), ("new.csv", "away/y.csv"), ("m", "away/old"), ("two.csv", "a.csv")):
        (tmp_path / name).symlink_to(target)
    for name in ("a.csv", "new.csv"):
        with whole(tmp_path / name) as file:
            file.write("new")
    with whole(tmp_path / "two.csv") as file:
        file.write("newer")
    with whole_folder(tmp_path / "m", there="replace") as made:
        (made / "in").write_text("new")
    assert (away / "x.csv").read_text() == "newer" and (away / "y.csv").read_text() == "new"
    assert (away / "old" / "in").read_text() == "new"
    assert all((tmp_path / name).is_symlink() for name in ("a.csv", "new.csv", "m", "two.csv"))
    assert sorted(path.name for path in away.iterdir()) == ["old", "x.csv", "y.csv"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with whole(tmp_path / "pipe") as file:
        file.write("on its way")
    assert os.read(reader, 99) == b"on its way" and (tmp_path / "pipe").is_fifo()
    os.close(reader)
    code = "import sys; from askance.files import whole\nwith whole('/dev/stdout') as file: file.write('all of it')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"all of it"
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE)
    assert b"StorageError: /dev/stdout is a file that a process writes to already" in done.stderr
    with whole("/dev/null") as file:
        file.write("nowhere")
    assert Path("/dev/null").is_char_device() and Path("/dev/stdout").is_symlink()


def test_a_folder_is_there_once_the_block_ends_and_not_if_it_fails(tmp_path: Path) -> None:
    place = tmp_path / "made"
    with whole_folder(place) as made:
        (made / "a").write_text("all of it")
        assert not place.exists()
    assert (place / "a").read_text() == "all of it" and list(tmp_path.iterdir()) == [place]
    with pytest.raises(ZeroDivisionError), whole_folder(place, there="replace") as made:
        (made / "a").write_text(f"half {1 / 0}")
    assert (place / "a").read_text() == "all of it" and list(tmp_path.iterdir()) == [place]


def test_a_folder_that_is_there_is_refused_kept_or_replaced(tmp_path: Path) -> None:
    place = tmp_path / "made"
    for there, expected in (("refuse", "one"), ("keep", "one"), ("replace", "two")):
        (place).mkdir(exist_ok=True)
        (place / "a").write_text("one")
        try:
            with whole_folder(place, there=there) as made:
                (made / "a").write_text("two")
        except StorageError as error:
            assert there == "refuse" and "is there already" in str(error)
        assert (place / "a").read_text() == expected and list(tmp_path.iterdir()) == [place]
    with pytest.raises(StorageError, match="there is no folder"), whole_folder(tmp_path / "none" / "made"):
        pass


def test_what_the_killed_left_behind_is_swept_once_it_is_old(tmp_path: Path) -> None:
    old, young, only = (tmp_path / f".made.askance-{name}" for name in ("a.part", "b.part", "c.old"))
    for folder in (old, young, only):
        folder.mkdir()
    os.utime(old, (time.time() - 7200,) * 2)
    with whole_folder(tmp_path / "made"):
        pass
    assert not old.exists() and young.exists() and only.exists(), "what stepped aside may be all that is left"
    with whole_folder(tmp_path / "made", there="replace"):
        pass
    assert young.exists() and not only.exists()


@pytest.mark.parametrize("name", ["model", "m[a-z]*"])
def test_folders_of_others_stay_however_they_are_called(tmp_path: Path, name: str) -> None:
    others = [tmp_path / f".{one}" for one in ("model-backup", "model-backup.part", "mode-a", "model.old", f"{name}-x")]
    for folder in others:
        folder.mkdir()
        (folder / "precious").write_text("x")
        os.utime(folder, (time.time() - 7200,) * 2)
    for there in ("refuse", "replace"):
        with whole_folder(tmp_path / name, there=there) as made:
            assert made.name.startswith(f".{name}.askance-") and made.suffix == ".part"
    assert all((folder / "precious").exists() for folder in others)
    assert {*tmp_path.iterdir()} == {*others, tmp_path / name}


def test_a_folder_is_put_back_if_another_cannot_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, rename = tmp_path / "made", os.rename
    place.mkdir()
    (place / "a").write_text("one")

    def full(one: Path, two: Path) -> None:
        if Path(one).suffix == ".part":
            raise OSError("no room")
        rename(one, two)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StorageError, match="no room"), whole_folder(place, there="replace"):
        pass
    assert (place / "a").read_text() == "one" and list(tmp_path.iterdir()) == [place]

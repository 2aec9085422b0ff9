"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from askance.errors import StorageError
from askance.files import whole, whole_folder


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
    old, young = tmp_path / ".made-old", tmp_path / ".made-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (time.time() - 7200,) * 2)
    with whole_folder(tmp_path / "made"):
        pass
    assert not old.exists() and young.exists()

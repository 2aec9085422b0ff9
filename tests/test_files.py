"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.errors import StorageError
from askance.files import whole


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

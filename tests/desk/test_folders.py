"""No name leads out of a folder: not by dots, not by a link, not by a folder that is swapped meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askance.desk.folders import BY_HANDLE, Folder
from askance.errors import BadInput

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="making links takes rights on Windows")


def read(folder: Folder, name: str, limit: int = 100) -> bytes:
    with folder.open(name) as file:
        return file.read(limit)


@pytest.fixture(params=[True, False], ids=["by handle", "by resolved path"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Folder]:
    """A folder of two files beside a secret, with links out of it."""
    inside = tmp_path / "photos"
    (inside / "cats").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (inside / "one").write_bytes(b"one")
    (inside / "cats" / "two").write_bytes(b"two")
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "near").symlink_to("one")
    (inside / "up").symlink_to("..")
    (inside / "far").symlink_to("/etc")
    (inside / "cats" / "circle").symlink_to(".")
    with closing(Folder(inside, by_handle=request.param)) as opened:
        yield opened


def test_this_system_goes_by_handles() -> None:
    assert BY_HANDLE


def test_files_are_found_by_name(folder: Folder) -> None:
    assert read(folder, "one") == b"one" and read(folder, "cats/two") == b"two"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "../secret",
        "cats/../../secret",
        "cats/../one",
        "./one",
        "/etc/passwd",
        "//etc/passwd",
        "one/",
        "cats//two",
        "one\0",
        "one\0.png",
        "../secret\0",
        "..\\secret",
        "%2e%2e/secret",
        "cats/..",
        "~/x",
        "C:/x",
        "\ud800",
        "/proc/self/environ",
        "x" * 5000,
        "/".join("x" * 3000),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(folder: Folder, name: str) -> None:
    with pytest.raises(BadInput):
        read(folder, name)


@pytest.mark.parametrize("name", ["link", "near", "up/secret", "far/passwd", "cats/circle/two", "up", "far"])
def test_a_link_is_refused_wherever_it_leads(folder: Folder, name: str) -> None:
    with pytest.raises(BadInput, match="or it is a link"):
        read(folder, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.lists(st.sampled_from(["..", ".", "", "one", "cats", "two", "up", "far", "link", "secret", "\0"]), max_size=5)
)
def test_whatever_steps_a_name_takes_it_gets_one_of_the_folders_own_files(folder: Folder, parts: list[str]) -> None:
    try:
        found = read(folder, "/".join(parts))
    except BadInput:
        return
    assert ("/".join(parts), found) in {("one", b"one"), ("cats/two", b"two")}


def test_a_path_that_the_projects_own_file_lists_leads_where_it_says(folder: Folder, tmp_path: Path) -> None:
    inside = tmp_path / "photos"
    for path, data in {
        "one": b"one",
        "./cats/../one": b"one",
        "cats//two": b"two",
        str(inside / "cats" / "two"): b"two",
        "../secret": b"secret",
        str(tmp_path / "secret"): b"secret",
    }.items():
        with folder.listed(path) as file:
            assert file.read(100) == data
    for path in ("", "missing", "near", "../photos/link", "../nowhere/one", "up/secret", "one\0", "../secret\0"):
        with pytest.raises(BadInput) as error, folder.listed(path):
            pass
        assert str(tmp_path) not in str(error.value)


def test_what_is_no_plain_file_is_refused_without_waiting(folder: Folder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photos" / "pipe")
    for name in ("pipe", "cats"):
        with pytest.raises(BadInput):
            read(folder, name)


def test_a_file_is_read_no_further_than_the_limit(folder: Folder, tmp_path: Path) -> None:
    with (tmp_path / "photos" / "huge").open("wb") as file:
        file.truncate(10**12)  # a file with a hole
    with pytest.raises(BadInput, match="'huge' has over 1,000 bytes"):
        read(folder, "huge", 1000)
    assert read(folder, "one", 3) == b"one"


def test_errors_do_not_say_where_the_folder_is(folder: Folder, tmp_path: Path) -> None:
    for name in ("link", "../secret", "missing", "cats"):
        with pytest.raises(BadInput) as error:
            read(folder, name)
        assert str(tmp_path) not in str(error.value)


def test_a_folder_that_somebody_puts_in_its_place_is_not_looked_into(tmp_path: Path) -> None:
    inside = tmp_path / "photos"
    inside.mkdir()
    (inside / "one").write_bytes(b"one")
    with closing(Folder(inside)) as opened:
        inside.rename(tmp_path / "old")
        inside.symlink_to("/etc")
        assert read(opened, "one") == b"one"
        with pytest.raises(BadInput):
            read(opened, "passwd")


def test_a_file_that_changed_has_another_mark(folder: Folder, tmp_path: Path) -> None:
    def mark() -> tuple[int, ...]:
        with folder.open("one") as file:
            return file.mark

    first = mark()
    assert mark() == first
    (tmp_path / "photos" / "one").write_bytes(b"longer")
    assert mark() != first


def test_no_handle_is_left_open(folder: Folder) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else pytest.skip("needs /proc")
    for name in ("one", "cats/two", "cats/circle/two", "missing", "cats", "cats/missing"):
        try:
            read(folder, name)
        except BadInput:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no folder"):
        Folder(tmp_path / "nowhere")

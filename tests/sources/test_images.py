"""Folders of images: what is broken is named and set aside, the rest works."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import GOOD, ODD, make_folder, picture, rotated, saved

from askance.errors import BadInput
from askance.images import Head, Limits, decode, head, read, square
from askance.sources.images import check_image
from askance.sources.opening import open_source


def test_every_odd_file_is_named_with_its_reason_and_every_other_one_is_fine(tmp_path: Path) -> None:
    odd = make_folder(tmp_path / "photos", files=120, odd=20)
    rows = list(open_source(tmp_path / "photos"))
    broken = {str(row.cells["path"]): row.broken for row in rows if row.broken}
    assert sorted(broken) == sorted(odd)
    assert all(name in why for name, why in broken.items())
    fine = [row for row in rows if not row.broken]
    assert len(fine) == 120 and len({row.digest for row in fine}) == 120
    assert {row.cells["folder"] for row in fine} == {"cats", "dogs"}
    reasons = {name.partition("-")[2]: why for name, why in broken.items()}
    assert "too many pixels (Image size (400000000 pixels)" in reasons["huge.png"]
    assert "is empty" in reasons["empty.png"]
    assert "is no image" in reasons["text.jpg"] and "is no image" in reasons["notes.txt"]
    assert "is broken" in reasons["cut.jpg"]


@pytest.mark.slow
def test_ten_thousand_files_with_a_hundred_odd_ones(tmp_path: Path) -> None:
    odd = make_folder(tmp_path / "photos", files=10_000, odd=100)
    rows = list(open_source(tmp_path / "photos"))
    assert sorted(str(row.cells["path"]) for row in rows if row.broken) == sorted(odd)
    assert len(rows) == 10_100


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_good_image_becomes_rgb(name: str) -> None:
    image = decode(GOOD[name](7), name)
    assert image.mode == "RGB" and square(GOOD[name](7), 16, name).shape == (16, 16, 3)


@pytest.mark.parametrize("name", ODD)
def test_every_odd_file_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ODD[name](1))
    _, why, look = check_image(tmp_path / name)
    assert look is None
    assert name in why
    with pytest.raises(BadInput, match=name):
        decode(read(tmp_path / name), name)


def test_a_rotated_image_is_turned_upright() -> None:
    upright, turned = decode(rotated(3), "a"), decode(saved(picture(3), "JPEG"), "b")
    assert upright.getpixel((0, 0)) == turned.getpixel((0, turned.height - 1))


def test_the_head_of_an_image_is_read_without_the_rest(tmp_path: Path) -> None:
    whole = saved(picture(1, 64).resize((64, 32)), "PNG")
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    assert head(tmp_path / "a.png", "a.png") == head(whole, "a") == Head(64, 32, "image/png")
    assert head(saved(picture(1), "JPEG"), "b").mime == "image/jpeg"
    with pytest.raises(BadInput, match="notes is no image"):
        head(b"notes", "notes")
    with pytest.raises(BadInput, match="c.png cannot be read: No such file"):
        head(tmp_path / "c.png", "c.png")
    with pytest.raises(BadInput, match=r"huge cannot be read: .*bomb[^.]*\. Check the file"):
        head(ODD["huge.png"](0), "huge")


def test_limits_are_errors_with_the_files_name(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(saved(picture(1), "PNG"))
    with pytest.raises(BadInput, match=r"large.png has [\d,]+ bytes, and the limit is 100"):
        read(file, limits=Limits(bytes=100))
    with pytest.raises(BadInput, match="large.png has 24 x 24 = 576 pixels, and the limit is 500"):
        decode(file.read_bytes(), "large.png", limits=Limits(pixels=500))


def test_links_that_lead_in_circles_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.png").write_bytes(saved(picture(1), "PNG"))
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert [row.cells["path"] for row in open_source(tmp_path)] == ["a/one.png"]

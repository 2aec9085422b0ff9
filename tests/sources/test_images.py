"""Folders of images: what is broken is named and set aside, the rest works."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import GOOD, ODD, make_folder, picture, rotated, saved
from PIL import Image

from askance.desk.pictures import picture as picture_of
from askance.encoders.pixels import Pixels
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


DEEP = np.arange(6, dtype=np.uint16).reshape(2, 3) * 700 + 100  # 100 .. 3600 of 12 bits


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (DEEP, "PNG"),
        (DEEP, "TIFF"),
        (DEEP.astype(">u2"), "TIFF"),
        (DEEP.astype(np.int32) * 1000 - 99, "TIFF"),
        (DEEP.astype(np.float32) / 1e6, "TIFF"),
        (DEEP * np.float32(1e34), "TIFF"),
    ],
    ids=["png", "tiff", "big-endian", "32 bits", "float", "large float"],
)
def test_deep_gray_values_are_stretched_from_the_least_one_to_the_largest(values: Any, kind: str) -> None:
    image = decode(saved(Image.fromarray(values), kind), "deep")
    assert image.mode == "RGB"
    assert np.asarray(image)[..., 0].ravel().tolist() == [0, 51, 102, 153, 204, 255]
    shown = picture_of(saved(Image.fromarray(values), kind))
    assert np.array_equal(np.asarray(decode(shown, "shown")), np.asarray(image))


def test_pictures_of_twelve_bits_differ_as_features() -> None:
    dice = np.random.default_rng(0)
    files = [saved(Image.fromarray(dice.integers(0, 4096, (40, 40), dtype=np.uint16)), "PNG") for _ in range(20)]
    rows = Pixels(side=8).fit(files).encode(files)
    assert len({row.tobytes() for row in rows}) == 20


def test_a_deep_image_of_one_gray_is_a_middle_gray_and_one_with_holes_is_broken() -> None:
    flat = decode(saved(Image.fromarray(np.full((2, 2), 4095, dtype=np.uint16)), "PNG"), "flat")
    assert flat.getpixel((0, 0)) == (128, 128, 128)
    for hole in (np.nan, np.inf, -np.inf):
        data = saved(Image.fromarray(np.array([[0.0, 1.0], [hole, 2.0]], dtype=np.float32)), "TIFF")
        with pytest.raises(BadInput, match="depth.tif holds gray values that are not finite. Fill them in"):
            decode(data, "depth.tif")


def test_what_is_transparent_is_white_for_a_model_and_for_people() -> None:
    color = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    color.putpixel((1, 0), (200, 100, 0, 255))
    color.putpixel((2, 0), (0, 0, 0, 51))  # a fifth of black
    gray = Image.merge("LA", [Image.frombytes("L", (3, 1), b"\0\xc8\0"), Image.frombytes("L", (3, 1), b"\0\xff\x33")])
    palette = Image.frombytes("P", (3, 1), b"\0\1\2")
    palette.putpalette([0, 0, 0, 200, 100, 0, 0, 0, 0])
    found = {
        "RGBA": saved(color, "PNG"),
        "LA": saved(gray, "PNG"),
        "P": saved(palette, "PNG", transparency=b"\x00\xff\x33"),
        "RGB": saved(Image.frombytes("RGB", (3, 1), b"\1\1\1\xc8\x64\0\0\0\0"), "PNG", transparency=(1, 1, 1)),
        "L": saved(Image.frombytes("L", (3, 1), b"\1\xc8\0"), "PNG", transparency=1),
        "I;16": saved(Image.fromarray(np.array([[9, 5, 3]], dtype=np.uint16)), "PNG", transparency=9),
    }
    pixels = {}
    for mode, data in found.items():
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.mode == mode
        pixels[mode] = [decode(data, mode).getpixel((column, 0)) for column in range(3)]
        assert [decode(picture_of(data), mode).getpixel((column, 0)) for column in range(3)] == pixels[mode]
    white, orange, light, black = (255,) * 3, (200, 100, 0), (204,) * 3, (0,) * 3
    assert pixels == {
        "RGBA": [white, orange, light],
        "LA": [white, (200,) * 3, light],
        "P": [white, orange, light],
        "RGB": [white, orange, black],
        "L": [white, (200,) * 3, black],
        "I;16": [white, white, black],
    }


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
def test_an_image_that_lets_nothing_through_keeps_its_pixels(mode: str) -> None:
    image = picture(3).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    assert np.array_equal(np.asarray(decode(saved(image, kind), "a")), np.asarray(image.convert("RGB")))


def test_a_pipe_in_a_folder_is_set_aside_and_waited_for_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(saved(picture(1), "PNG"))
    pipe, image = open_source(tmp_path)
    assert "a.png is no plain file" in pipe.broken and not image.broken


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


def test_links_to_folders_elsewhere_are_said(tmp_path: Path) -> None:
    photos, other = tmp_path / "photos", tmp_path / "other"
    for folder in (photos / "cats", other):
        folder.mkdir(parents=True)
        (folder / "one.png").write_bytes(saved(picture(1), "PNG"))
    (photos / "again").symlink_to(photos / "cats")  # its images are there by another path
    assert open_source(photos).said == ()
    (photos / "cats" / "more").symlink_to(other)
    source = open_source(photos)
    assert [row.cells["path"] for row in source] == ["cats/one.png"]
    assert source.said == ("links to folders elsewhere are not followed: cats/more (put the folders themselves there)",)


def test_a_folder_of_links_alone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "photos" / "cats").symlink_to(tmp_path / "other")
    with pytest.raises(BadInput, match="holds links to folders alone, such as cats, .* or name one of them"):
        list(open_source(tmp_path / "photos"))

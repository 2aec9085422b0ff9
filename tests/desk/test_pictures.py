"""Only pixels get from a file to a browser: bombs, scripts, places and whatever else files hold stay behind."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from askance.desk.folders import Folder
from askance.desk.pictures import KINDS, LIMITS, Pictures, Shown, kind_of, picture
from askance.errors import BadInput
from askance.images import Limits

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SECRET = b"the place where ann lives"


def colors(width: int = 40, height: int = 30, number: int = 0) -> Image.Image:
    """A picture that is red above and blue below, with some noise."""
    pixels = np.random.default_rng(number).integers(0, 30, (height, width, 3), dtype=np.uint8)
    pixels[: height // 2, :, 0] += 200
    pixels[height // 2 :, :, 2] += 200
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def png(*chunks: tuple[bytes, bytes], width: int = 1, height: int = 1) -> bytes:
    """A PNG made by hand."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (height * (width + 1)) if width * height < 10_000 else b"\0")
    made = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b"")):
        made += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_projects_read_is_shown(kind: str) -> None:
    made = picture(saved(colors(), kind))
    assert kind_of(made) == ("image/jpeg" if kind == "JPEG" else "image/png")
    image = opened(made)
    assert (image.format, image.size, image.mode) == ("JPEG" if kind == "JPEG" else "PNG", (40, 30), "RGB")
    red, _, blue = image.getpixel((20, 3))  # type: ignore[misc]
    assert red > 150 > 100 > blue


def test_a_small_picture_keeps_every_pixel() -> None:
    image = colors()
    assert np.array_equal(np.asarray(opened(picture(saved(image, "PNG")))), np.asarray(image))


def test_a_large_picture_comes_out_as_large_as_a_screen() -> None:
    assert opened(picture(saved(colors().resize((4000, 1000)), "JPEG"))).size == (2048, 512)


def test_a_picture_that_is_large_as_a_png_becomes_a_jpeg() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((900, 900), 100) for _ in range(3)])
    made = picture(saved(noise, "PNG", compress_level=1))
    assert kind_of(made) == "image/jpeg" and len(made) < 1_500_000


def test_a_picture_is_turned_upright_and_says_no_more_of_how_it_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image = opened(picture(saved(colors(), "JPEG", exif=exif)))
    red, _, blue = image.getpixel((20, 3))  # type: ignore[misc]
    assert blue > red and not image.getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_no_metadata_gets_through(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = SECRET.decode()
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    options = {"PNG": {"pnginfo": text}, "JPEG": {"comment": SECRET}, "WEBP": {"xmp": SECRET}}.get(kind, {})
    data = saved(colors(), kind, exif=exif, icc_profile=SECRET * 10, **options)
    assert SECRET in data
    made = picture(data)
    assert SECRET not in made and set(opened(made).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_of_an_animation_the_first_frame_is_shown() -> None:
    frames = [colors(number=number).quantize(32) for number in range(5)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        image = opened(picture(saved(frames[0].convert("RGB"), kind, save_all=True, append_images=frames[1:])))
        assert getattr(image, "n_frames", 1) == 1 and image.size == (40, 30)


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b'<?xml version="1.0"?>' + SVG,
        b"\xef\xbb\xbf\n" + SVG,
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        b"\x1f\x8b\x08\0" + b"\0" * 50,
        b"PK\x03\x04" + b"\0" * 50,
        b"GIF89a",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"\0" * 100,
        b"",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"The picture is (no image|broken)"):
        picture(data)


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "EPS", "PDF", "ICNS", "DDS", "SGI", "MSP", "XBM", "PALM"])
def test_kinds_that_nobody_needs_are_not_even_tried(kind: str) -> None:
    image = colors(64, 64).convert("1") if kind in ("MSP", "XBM", "PALM") else colors(64, 64)
    with pytest.raises(BadInput, match="of a kind that is not known here"):
        picture(saved(image, kind))


def appended(kind: str) -> bytes:
    return saved(colors(), kind) + b"<script>alert(1)</script>PK\x03\x04"


POLYGLOTS: dict[str, Callable[[], bytes]] = {
    "a script behind a JPEG": lambda: appended("JPEG"),
    "a script behind a PNG": lambda: appended("PNG"),
    "a script behind a GIF": lambda: appended("GIF"),
    "a script in a JPEG's comment": lambda: saved(colors(), "JPEG", comment=b"*/=alert(1)/*<script>alert(1)</script>"),
    "a script in a PNG's text": lambda: png((b"tEXt", b"Comment\0<script>alert(1)</script>")),
    "a script in a PNG's own chunk": lambda: png((b"abCd", b"<script>alert(1)</script>")),
    "a GIF that is a script": lambda: saved(colors(), "GIF", comment=b"*/=alert(1)/*<script>"),
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_file_that_is_two_things_comes_out_as_a_picture_alone(name: str) -> None:
    data = POLYGLOTS[name]()
    assert b"alert(1)" in data
    made = picture(data)
    assert b"alert" not in made and b"PK\x03\x04" not in made and opened(made).format in ("PNG", "JPEG")


BOMBS: dict[str, Callable[[], bytes]] = {
    "a PNG that unpacks to 400 million pixels": lambda: png(width=20_000, height=20_000),
    "a PNG a little over the limit": lambda: png(width=8001, height=8000),
    "a PNG just over where Pillow warns": lambda: png(width=9500, height=9500),
    "a PNG as wide as can be": lambda: png(width=2**31 - 1, height=2**31 - 1),
    "a GIF of 65,535 x 65,535": lambda: b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b";",
    "a GIF whose frame is larger than itself": lambda: (
        b"GIF89a"
        + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0)
        + b"\0" * 6
        + b","
        + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0)
        + b"\x02\x02\x44\x01\0;"
    ),
    "a BMP of 100,000 x 100,000": lambda: (
        b"BM"
        + struct.pack("<IHHI", 100, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 100_000, 100_000, 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "a PPM of 100,000 x 100,000": lambda: b"P6\n100000 100000\n255\n" + b"\0" * 100,
    "a color profile that unpacks to a gigabyte": lambda: png((b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 10**8, 9))),
    "a text that unpacks to a hundred megabytes": lambda: png((b"zTXt", b"x\0\0" + zlib.compress(b"\0" * 10**8, 9))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(name: str) -> None:
    import tracemalloc

    data = BOMBS[name]()
    assert len(data) < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match=r"limit|too many pixels|broken|no image"):
            picture(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_pillows_warning_of_bombs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.MAX_IMAGE_PIXELS is not None and LIMITS.pixels <= Image.MAX_IMAGE_PIXELS
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadInput, match="unpacks to too many pixels"):
        picture(saved(colors(), "PNG"), Limits(pixels=1000))


def test_a_file_over_the_limit_is_refused_and_so_is_a_broken_one() -> None:
    data = saved(colors(300, 300), "JPEG")
    with pytest.raises(BadInput, match="over 1,000 bytes"):
        picture(data, Limits(bytes=1000))
    with pytest.raises(BadInput, match="90,000 pixels"):
        picture(data, Limits(pixels=1000))
    with pytest.raises(BadInput, match="broken"):
        picture(data[: len(data) // 2])


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_a_file_with_changed_bytes_is_a_picture_or_bad_input(kind: str, data: st.DataObject) -> None:
    file = bytearray(saved(colors(), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        made = picture(bytes(file), Limits(pixels=100_000))
    except BadInput:
        return
    assert opened(made).format in ("PNG", "JPEG")


# Many pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "photos"
    inside.mkdir()
    for number in range(4):
        (inside / f"{number}.png").write_bytes(saved(colors(number=number), "PNG"))
    (inside / "evil.svg").write_bytes(SVG)
    (inside / "link.png").symlink_to(inside / "0.png")
    return inside


@pytest.fixture
def pictures(folder: Path) -> Iterator[Pictures]:
    with closing(Pictures({"photos": folder}, cache_bytes=9000)) as made:
        yield made


def test_a_picture_is_found_by_folder_and_name(pictures: Pictures, folder: Path) -> None:
    shown = asyncio.run(pictures.of_file("photos", "1.png"))
    assert shown.kind == "image/png" and opened(shown.data).size == (40, 30)
    assert asyncio.run(pictures.of_data((folder / "1.png").read_bytes())) == shown
    with closing(Folder(folder)) as handle:
        assert picture((handle, "1.png")) == shown.data


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("photos", "../photos/link.png"),
        ("photos", "../0.png"),
        ("photos", "link.png"),
        ("photos", "evil.svg"),
        ("other", "0.png"),
    ],
)
def test_nothing_else_is_found(pictures: Pictures, root: str, name: str) -> None:
    with pytest.raises(BadInput):
        asyncio.run(pictures.of_file(root, name))


def test_the_latest_pictures_are_kept_and_no_more_than_there_is_room_for(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def watched(data: bytes, name: str, *rest: object) -> bytes:
        drawn.append(name)
        return b"\xff\xd8\xff" + b"x" * 3997

    monkeypatch.setattr("askance.desk.pictures._drawn", watched)
    for name in ("0.png", "1.png", "0.png", "2.png", "0.png", "1.png"):
        assert asyncio.run(pictures.of_file("photos", name)).kind == "image/jpeg"
    assert drawn == ["0.png", "1.png", "2.png", "1.png"]
    assert pictures._size == sum(map(len, pictures._kept.values())) <= 9000


def test_a_file_that_changed_is_drawn_anew(pictures: Pictures, folder: Path) -> None:
    before = asyncio.run(pictures.of_file("photos", "0.png"))
    (folder / "0.png").write_bytes(saved(colors(20, 20), "PNG"))
    assert opened(asyncio.run(pictures.of_file("photos", "0.png")).data).size == (20, 20) != opened(before.data).size


def test_many_at_once_are_drawn_one_after_another_while_the_server_goes_on(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, at_once = Event(), Event(), []

    def slow(data: bytes, name: str, *rest: object) -> bytes:
        at_once.append(name)
        began.set()
        assert go_on.wait(10), "the server stood still"
        at_once.remove(name)
        return b"%d" % len(at_once)

    async def all_at_once() -> list[Shown]:
        asked = asyncio.gather(*(pictures.of_file("photos", f"{number % 4}.png") for number in range(20)))
        while not began.is_set():
            await asyncio.sleep(0.001)
        go_on.set()
        return await asked

    monkeypatch.setattr("askance.desk.pictures._drawn", slow)
    assert {shown.data for shown in asyncio.run(all_at_once())} == {b"0"}


def test_a_folder_that_is_missing_leaves_no_other_open(folder: Path) -> None:
    with pytest.raises(BadInput, match="There is no folder"):
        Pictures({"photos": folder, "gone": folder / "gone"})

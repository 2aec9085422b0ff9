"""The real weights, where they are in the cache: what comes out is what it was when it was checked against others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from askance.encoders.catalogue import encoder
from askance.encoders.weights import ALL, fetched, state
from askance.errors import StorageError

pytestmark = pytest.mark.slow
TEXTS = ["a red fox jumps", "a red fox leaps", "interest rates of the central bank", "\ud800 half a pair", ""]


def need(name: str) -> None:
    if state(ALL[name]) == "not fetched":
        pytest.skip(f"{name} is not in the cache; askance encoders fetch {name}")


@pytest.mark.parametrize("name", ["wordllama", "minilm-l6"])
def test_texts_that_say_the_same_are_near_and_neighbors_do_not_matter(name: str) -> None:
    need(name)
    encoding = encoder(name, "text").fit([])
    found = encoding.encode(TEXTS)
    assert found.shape == (5, ALL[name].width) and np.allclose(np.linalg.norm(found[:4], axis=1), 1, atol=1e-5)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.3
    assert np.allclose(np.concatenate([encoding.encode([text]) for text in TEXTS]), found, atol=1e-5)


def test_images_alone_are_as_among_others() -> None:
    need("efficientnet-lite0")
    files = []
    for color in ((250, 20, 20), (240, 30, 20), (10, 10, 200)):
        file = io.BytesIO()
        picture = Image.new("RGB", (256, 200), color)
        picture.paste((255, 255, 255), (60, 60, 180, 160))
        picture.save(file, "PNG")
        files.append(file.getvalue())
    encoding = encoder("efficientnet-lite0", "image").fit([])
    found = encoding.encode(files)
    assert np.allclose(np.concatenate([encoding.encode([file]) for file in files]), found, atol=1e-4)
    assert np.linalg.norm(found[0] - found[1]) < np.linalg.norm(found[0] - found[2])


@pytest.mark.parametrize("name", list(ALL))
def test_every_byte_of_fetched_weights_is_checked(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(name)
    place = ALL[name].folder
    copy = tmp_path / "encoders" / name / place.name
    for file in place.rglob("*"):
        if file.is_file():
            (copy / file.relative_to(place)).parent.mkdir(parents=True, exist_ok=True)
            (copy / file.relative_to(place)).write_bytes(file.read_bytes())
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path))
    assert fetched(ALL[name]) == copy
    largest = max((file for file in copy.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    changed = bytearray(largest.read_bytes())
    changed[len(changed) // 2] ^= 1
    largest.write_bytes(bytes(changed))
    with pytest.raises(StorageError, match=f"has changed since it was written. Get them again with.*fetch {name}"):
        fetched(ALL[name])

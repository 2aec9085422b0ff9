"""Fitted encoders: an item's features hang on the item alone, and come back from disk as they were."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from askance.encoders.base import Encoder, fingerprint
from askance.encoders.numbers import FAR, AsIs, Standardized
from askance.encoders.numbers import ROWS as PIECE
from askance.encoders.pixels import Pixels
from askance.encoders.saved import load_encoding, save_encoding
from askance.encoders.table import TableColumns
from askance.encoders.text import TfidfSvd
from askance.errors import BadInput, StorageError

WORDS = ["red", "blue", "fox", "hen", "jay", "tit", "lazy", "dog", "jumps", "over"]
DICE = np.random.default_rng(0)
TEXTS = [" ".join(DICE.choice(WORDS, 6)) for _ in range(80)]
TABLE = [
    {"size": str(row % 7), "color": WORDS[row % 3], "note": f"n{row}", "gap": "" if row % 4 else "2"}
    for row in range(40)
]


def image(color: tuple[int, int, int], size: tuple[int, int] = (32, 32)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


IMAGES = [image((row, 255 - row, 7 * row % 255)) for row in range(20)]
ROWS = [row for row in DICE.normal(size=(30, 5)).astype(np.float32)]
SETS: list[tuple[Encoder, list[Any]]] = [
    (TfidfSvd(dimensions=5), TEXTS),
    (TableColumns(), TABLE),
    (Pixels(side=8), IMAGES),
    (Pixels(gray=True), IMAGES),
    (AsIs(), ROWS),
    (Standardized(), ROWS),
]
NAMES = ["text", "table", "pixels", "gray", "rows", "standardized"]


@pytest.mark.parametrize(("encoder", "items"), SETS, ids=NAMES)
def test_an_item_alone_has_the_features_it_has_among_others(encoder: Encoder, items: list[Any]) -> None:
    encoding = encoder.fit(items)
    together = encoding.encode(items)
    assert together.dtype == np.float32 and together.shape == (len(items), encoding.width)
    assert np.array_equal(np.concatenate([encoding.encode([item]) for item in items]), together)
    assert np.array_equal(encoding.encode(items[::-1])[::-1], together)
    assert encoding.encode([]).shape == (0, encoding.width)


@pytest.mark.parametrize(("encoder", "items"), SETS, ids=NAMES)
def test_an_encoding_comes_back_from_disk_to_the_last_bit(tmp_path: Path, encoder: Encoder, items: list[Any]) -> None:
    encoding = encoder.fit(items)
    save_encoding(tmp_path / "encoder", encoder, encoding)
    save_encoding(tmp_path / "encoder", encoder, encoding)  # one that is there is left as it is
    again, found = load_encoding(tmp_path / "encoder")
    assert again == encoder and fingerprint(again, found) == fingerprint(encoder, encoding)
    assert np.array_equal(found.encode(items), encoding.encode(items))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder"]


def test_a_saved_encoding_that_was_changed_is_refused(tmp_path: Path) -> None:
    encoder = TfidfSvd(dimensions=4)
    save_encoding(tmp_path / "e", encoder, encoder.fit(TEXTS))
    file = tmp_path / "e" / "encoding.json"
    said = json.loads(file.read_text())
    for change, message in (
        ({"format": 9}, "of format 9"),
        ({"fingerprint": "0"}, "not what was saved"),
        ({"encoder": {"part": "askance.seeds:Dice", "seed": 0, "use": "x"}}, "which is no encoder"),
        ({"facts": None, "encoder": None}, "no encoder"),
    ):
        file.write_text(json.dumps({**said, **change}))
        with pytest.raises((StorageError, BadInput), match=message):
            load_encoding(tmp_path / "e")
    file.unlink()
    with pytest.raises(StorageError, match="is damaged"):
        load_encoding(tmp_path / "e")


def test_the_order_of_texts_does_not_matter() -> None:
    one, two = TfidfSvd(dimensions=4).fit(TEXTS), TfidfSvd(dimensions=4).fit(TEXTS[::-1])
    assert np.array_equal(one.encode(TEXTS), two.encode(TEXTS))


def test_words_are_learned_from_a_sample_that_is_drawn_by_content() -> None:
    small = TfidfSvd(dimensions=4, sample=30)
    assert fingerprint(small, small.fit(TEXTS)) == fingerprint(small, small.fit(TEXTS[::-1]))
    assert fingerprint(small, small.fit(TEXTS)) != fingerprint(small, TfidfSvd(dimensions=4).fit(TEXTS))
    few = TfidfSvd(words=3).fit(TEXTS)
    assert few.width <= 3


def test_of_words_as_common_as_each_other_the_first_in_the_alphabet_are_kept() -> None:
    words = [f"v{number:03}" for number in range(200)]
    encoding = TfidfSvd(words=100, dimensions=3).fit([" ".join(words)] * 3 + ["zz zz zz zz"])
    assert encoding.words == (*words[:99], "zz")  # zz four times, all others three times


def test_a_text_without_a_known_word_gets_zeros() -> None:
    encoding = TfidfSvd().fit(TEXTS)
    assert not encoding.encode(["", "?!", "unheard of"]).any()


def test_new_levels_words_among_numbers_and_gaps_do_not_stop_a_file_that_grows() -> None:
    encoding = TableColumns().fit(TABLE)
    names = encoding.names
    odd = encoding.encode([{"size": "many", "color": "green", "note": "x", "gap": "nan"}])[0]
    found = dict(zip(names, odd.tolist(), strict=True))
    assert found["size"] == 0.0 and found["gap is missing"] == 1.0
    assert all(found[f"color = {name}"] == 0.0 for name in WORDS[:3])
    rare = TableColumns(levels=2).fit(TABLE)
    assert rare.encode([{**TABLE[0], "color": "green"}])[0][rare.names.index("color = (other)")] == 1.0


@pytest.mark.parametrize(
    ("learned", "later", "expected"),
    [
        (["1", "2"], "1e300", FAR),
        (["1", "2"], "-1e308", -FAR),
        (["1e-300", "2e-300"], "1e10", FAR),
        (["0", ""], "5", 0.0),
        (["5", ""], "1e300", 0.0),
        (["1", "2"], "inf", 0.0),
    ],
)
def test_a_number_far_from_all_others_stays_finite(learned: list[str], later: str, expected: float) -> None:
    encoding = TableColumns().fit([{"size": cell, "color": "red"} for cell in learned])
    found = encoding.encode([{"size": later, "color": "red"}])
    assert found[0, encoding.names.index("size")] == expected and np.isfinite(found).all()


def test_what_a_table_learned_is_strict_json() -> None:
    _, facts = TableColumns().fit([{"size": "5"}, {"size": ""}]).state()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_rows_of_a_table_with_other_columns_are_named() -> None:
    with pytest.raises(BadInput, match="Row 2 lacks the column 'color'"):
        TableColumns().fit([TABLE[0], {"size": "1"}])
    with pytest.raises(BadInput, match="Row 2 has more columns than size"):
        TableColumns().fit([{"size": "1"}, {"size": "2", "color": "red"}])
    with pytest.raises(BadInput, match="Row 2 lacks the column 'color'"):
        TableColumns().fit(TABLE).encode([TABLE[0], {"size": "1", "gap": ""}])
    with pytest.raises(BadInput, match="keeps no level"):
        TableColumns(levels=0)


def test_a_number_that_is_not_finite_is_named_while_learning() -> None:
    with pytest.raises(BadInput, match="Column 'size', row 2: 'inf' is not a finite number"):
        TableColumns().fit([{"size": "1"}, {"size": "inf"}])
    with pytest.raises(BadInput, match="no row to learn from"):
        TableColumns().fit([])


def test_a_whole_image_is_kept_in_the_middle_of_a_black_square() -> None:
    encoding = Pixels(side=4).fit([])
    pixels = encoding.encode([image((255, 0, 0), (40, 20))])[0].reshape(3, 4, 4)
    assert pixels[0, 1:3].min() == 1.0 and pixels[0, 0].max() == 0.0 and not pixels[1:].any()
    assert Pixels(side=4, gray=True).fit([]).encode([image((255, 255, 255))])[0].min() == pytest.approx(1.0)


def test_rows_of_another_width_are_refused() -> None:
    encoding = AsIs().fit(ROWS)
    with pytest.raises(BadInput, match=r"Row 1 has the shape \(2,\)"):
        encoding.encode([ROWS[0], ROWS[0][:2]])


def test_columns_of_numbers_get_mean_zero_and_deviation_one_in_any_number_of_pieces() -> None:
    rows = DICE.normal(size=(2 * PIECE + 7, 4)).astype(np.float32) * [1e-3, 1.0, 1e6, 0.0] + [0.0, 1e4, 0.0, 0.1]
    items = list(rows.astype(np.float32))
    found = Standardized().fit(items).encode(items).astype(np.float64)
    assert np.allclose(found[:, :3].mean(axis=0), 0, atol=1e-5) and np.allclose(found[:, :3].std(axis=0), 1, atol=1e-5)
    assert not found[:, 3].any()


def test_a_row_far_from_all_others_stays_finite_and_gaps_are_named() -> None:
    encoding = Standardized().fit(ROWS)
    largest = np.full(5, np.finfo(np.float32).max, dtype=np.float32)
    assert (encoding.encode([largest, -largest]) == [[FAR], [-FAR]]).all()
    with pytest.raises(BadInput, match="Row 1, column 0 holds nan. Clean that row"):
        encoding.encode([ROWS[0], ROWS[1] * np.float32(np.nan)])
    with pytest.raises(BadInput, match=r"Row 1 has the shape \(2,\)"):
        Standardized().fit([ROWS[0], ROWS[0][:2]])
    with pytest.raises(BadInput, match="There is no row of numbers"):
        Standardized().fit([])

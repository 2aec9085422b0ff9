"""Data sets of grids read by encoders: items are drawn first, and what was encoded comes from the cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.encoders.text import TfidfSvd
from askance.errors import AskanceError, BadInput
from askance.lab import encoded
from askance.lab.encoded import features
from askance.lab.grids import Grid, encoder_of, read_grid
from askance.lab.items import named
from askance.look import threads

WORDS = ["red wine", "blue sea", "green tea", "red tea", "blue wine", "old sea"]
TEXTS = [f"{WORDS[n % 6]} {WORDS[(n // 6) % 6]} {n}" for n in range(60)]


class Lengths(Encoding):
    """How long a text is, and how many texts were read so far."""

    read: ClassVar[list[int]] = []
    fitted: ClassVar[int] = 0
    width = 2  # type: ignore[assignment]

    def encode(self, items: Sequence[Any]) -> NDArray[np.float32]:
        self.read.append(len(items))
        return np.array([[len(item), 1] for item in items], dtype=np.float32)


@dataclass(frozen=True)
class Length(Encoder):
    """A frozen encoder that counts its work."""

    power: int = 1

    def fit(self, items: Iterable[Any], seed: int = 0) -> Lengths:
        Lengths.fitted += 1
        return Lengths()

    def stands_on(self) -> Any:
        return WEIGHTS


WEIGHTS: list[str] = []


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoded, "PIECE", 25)
    Lengths.read.clear()
    Lengths.fitted = 0
    WEIGHTS.clear()
    return tmp_path / "cache" / "features"


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    rows = [f"{text},{'ab'[n % 2]}" for n, text in enumerate(TEXTS)]
    (tmp_path / "texts.csv").write_text("body,kind\n" + "\n".join(rows) + "\n")
    return {"file": str(tmp_path / "texts.csv"), "label": "kind", "text": "body"}


def test_items_are_drawn_first_and_the_encoder_is_fitted_on_them(table: dict[str, Any]) -> None:
    held = named({**table, "items": 20})
    default, read = held.read("default", None), held.read("svd", TfidfSvd(dimensions=4))
    assert read.pool.ids.tolist() == default.pool.ids.tolist() and read.labels == default.labels
    drawn = [TEXTS[id] for id in read.pool.ids.tolist()]
    with threads(1):
        expected = TfidfSvd(dimensions=4).fit(drawn).encode(drawn)
    assert torch.equal(read.pool.items, torch.as_tensor(expected))
    assert "svd" in read.said[0] and "from the ones here" in read.said[0] and "20 of 60 items" in read.said[1]


def test_a_second_look_at_a_grid_encodes_nothing_and_finds_the_same_cells(table: dict[str, Any]) -> None:
    def grid() -> Grid:
        return Grid(datasets=(table,), strategies=("random",), encoders=(Length(),), initial=(4,), budget=8, seeds=(0,))

    first = [cell.key for cell in grid().cells()]
    assert Lengths.read == [25, 25, 10] and Lengths.fitted == 1
    assert [cell.key for cell in grid().cells()] == first
    assert Lengths.read == [25, 25, 10] and Lengths.fitted == 1


def test_other_texts_weights_or_fields_are_encoded_anew() -> None:
    for number, (encoder, texts) in enumerate(
        [(Length(), TEXTS), (Length(), TEXTS[::-1]), (Length(power=2), TEXTS), (Length(), TEXTS[:59])]
    ):
        found = features(encoder, texts)
        assert Lengths.fitted == number + 1 and found[:, 0].tolist() == [len(text) for text in texts]
    WEIGHTS.append("others")
    features(Length(), TEXTS)
    assert Lengths.fitted == 5


def test_what_a_killed_process_kept_is_not_encoded_again_and_damage_is(cache: Path) -> None:
    whole = features(Length(), TEXTS)
    (folder,) = cache.iterdir()
    second = next(path for path in folder.glob("00001-*.json"))
    second.unlink()  # as if it had been killed after the first piece of three, and another process did the last
    assert np.array_equal(features(Length(), TEXTS), whole) and Lengths.read == [25, 25, 10, 25]
    third = next(path for path in folder.glob("00002-*.npy") if ".keys" not in path.name)
    third.write_bytes(third.read_bytes()[:-4] + b"abcd")
    assert np.array_equal(features(Length(), TEXTS), whole) and Lengths.read[4:] == [10]


def test_features_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lengths, "encode", lambda self, items: np.full((len(items), 2), np.nan, dtype=np.float32))
    with pytest.raises(BadInput, match="not finite for 'red wine red wine 0'"):
        features(Length(), TEXTS)
    monkeypatch.setattr(Lengths, "encode", lambda self, items: np.zeros((len(items), 3), dtype=np.float32))
    with pytest.raises(AskanceError, match="of shape"):
        features(Length(), TEXTS)


@pytest.mark.usefixtures("table")
def test_encoders_of_a_grid_have_fields_and_names(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(
        'datasets = [{file = "texts.csv", label = "kind", text = "body", name = "mine", items = 40}]\n'
        'strategies = "random"\nseeds = 1\ninitial = 4\nbudget = 8\n'
        'encoders = ["default", {encoder = "tfidf-svd", dimensions = 3, name = "small"}, '
        '{encoder = "tfidf-svd", dimensions = 5}]\n'
    )
    conditions = read_grid(tmp_path / "grid.toml").conditions
    assert [one.name for one in conditions] == [
        *("mine (40 items), default", "mine (40 items), small"),
        "mine (40 items), tfidf-svd (dimensions 5)",
    ]
    assert [one.dataset.pool.items.shape[1] for one in conditions[1:]] == [3, 5]
    assert len({cell.key for cell in read_grid(tmp_path / "grid.toml").cells()}) == 3


@pytest.mark.usefixtures("table")
def test_an_encoder_of_a_loose_file_is_found_beside_the_grid(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom askance.encoders.text import TfidfSvd\n\n\n"
        "@dataclass(frozen=True)\nclass Mine(TfidfSvd):\n    dimensions: int = 2\n"
    )
    (tmp_path / "grid.toml").write_text(
        'datasets = [{file = "texts.csv", label = "kind", text = "body"}]\nstrategies = "random"\nseeds = 1\n'
        'initial = 4\nbudget = 8\nencoders = ["mine.py:Mine", {encoder = "mine.py:Mine", words = 9, name = "few"}]\n'
    )
    grid = read_grid(tmp_path / "grid.toml")
    assert [one.name for one in grid.conditions] == ["texts, Mine", "texts, few"]
    assert [one.dataset.pool.items.shape[1] for one in grid.conditions] == [2, 2]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"encoder": "tfidf-svd", "rank": 8}, "'tfidf-svd' cannot be made with .*rank.*names of its fields"),
        ({"encoder": "tfidf", "dimensions": 8}, "Did you mean 'tfidf-svd'"),
        ({"encoder": "tfidf-svd", "dimensions": 0}, "dimensions is 0"),
        ({"dimensions": 8}, "does not say which encoder"),
        ("wordlama", "Did you mean 'wordllama'"),
    ],
)
def test_an_encoder_that_cannot_be_made_is_refused(value: Any, said: str) -> None:
    with pytest.raises(AskanceError, match=said):
        encoder_of(value)


def test_features_and_tables_are_read_by_no_encoder(tmp_path: Path, table: dict[str, Any]) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("x,kind\n" + "\n".join(f"{n / 7},{'ab'[n % 2]}" for n in range(30)) + "\n")
    with pytest.raises(BadInput, match=r'without text = "..."'):
        named({"file": str(numbers), "label": "kind"}).read("svd", TfidfSvd())
    done = named(table).read("default", None)
    assert named(done).read("default", None) is done
    with pytest.raises(BadInput, match="texts is features already"):
        named(done).read("svd", TfidfSvd())


def test_pictures_are_read_as_files_and_only_where_there_are_pixels(table: dict[str, Any]) -> None:
    found = named({"name": "digits", "items": 30}).read(
        "pixels", encoder_of({"encoder": "pixels", "side": 8, "gray": True})[1]
    )
    plain = named({"name": "digits", "items": 30}).read("default", None)
    assert found.labels == plain.labels and "Pictures are read by pixels" in found.said[0]
    assert torch.allclose(found.pool.items, plain.pool.items, atol=1 / 255)
    with pytest.raises(BadInput, match="texts holds no pixels"):
        named(table).read("pixels", encoder_of("pixels")[1])

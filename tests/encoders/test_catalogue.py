"""Encoders by name: what a name means when a folder, a module or an object could be meant too."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.encoders import catalogue
from askance.encoders.module import TorchModule
from askance.encoders.pixels import Pixels
from askance.encoders.text import TfidfSvd
from askance.errors import BadInput

MINE = """
from torch import nn
from askance.encoders.text import TfidfSvd

ready = TfidfSvd(dimensions=3)

def make():
    return nn.Linear(3, 2)
"""


def test_a_folder_of_an_encoders_name_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pixels").mkdir()
    assert catalogue.encoder(None, "image") == Pixels()
    with pytest.raises(BadInput, match=r"The folder \./pixels holds no sentence transformer"):
        catalogue.encoder("./pixels", "image")


def test_a_path_that_leads_nowhere_is_no_misspelt_name() -> None:
    with pytest.raises(BadInput, match="There is no folder models/minilm. Check the path"):
        catalogue.encoder("models/minilm", "text")


def test_a_file_may_hold_an_encoder_that_is_made_already(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    assert catalogue.encoder(f"{tmp_path / 'mine.py'}:ready", "text") == TfidfSvd(dimensions=3)
    made = catalogue.encoder(f"{tmp_path / 'mine.py'}:make", "array")
    assert isinstance(made, TorchModule) and made.kind == "array"


def test_what_is_fetched_says_how_wide_it_is_and_whom_to_cite() -> None:
    rows = {row["name"]: row for row in catalogue.listing()}
    assert [rows[name]["features"] for name in ("wordllama", "minilm-l6", "efficientnet-lite0")] == [256, 384, 1280]
    assert all(row["cite"] for row in rows.values() if row["bytes"])

"""What features hang on beside an encoder's fields: other weights or another source are another encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.encoders.catalogue import encoder
from askance.encoders.module import TorchModule
from askance.encoders.sentence import SentenceTransformer
from askance.encoders.text import TfidfSvd
from askance.errors import BadInput

NET = "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x * {}\n"


def test_what_only_learns_from_items_stands_on_nothing() -> None:
    assert TfidfSvd().stands_on() is None


def test_a_file_of_a_sentence_transformer_counts(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = SentenceTransformer(str(tmp_path)).stands_on()
    assert SentenceTransformer(str(tmp_path)).stands_on() == before
    (tmp_path / "model.safetensors").write_bytes(b"others!")
    assert SentenceTransformer(str(tmp_path)).stands_on() != before


def test_the_source_of_a_module_counts(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(NET.format(1))
    before = TorchModule(f"{file}:Net", kind="array").stands_on()
    file.write_text(NET.format(2))
    assert TorchModule(f"{file}:Net", kind="array").stands_on() != before


@pytest.mark.parametrize(
    ("name", "reads"), [("wordllama", "text"), ("minilm-l6", "text"), ("efficientnet-lite0", "image")]
)
def test_weights_that_were_not_fetched_are_named_with_the_command(
    name: str, reads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path))
    with pytest.raises(BadInput, match=f"askance encoders fetch {name}"):
        encoder(name, reads).stands_on()

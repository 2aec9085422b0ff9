"""Torch modules as encoders: what a fingerprint covers, a layer within, and whose fault a failure is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from askance.encoders.module import TorchModule
from askance.errors import BadInput, UnknownName

MINE = """
import torch
from torch import nn

def make():
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 5))

class Wants(nn.Module):
    def __init__(self, size):
        super().__init__()

class Fails(nn.Module):
    def forward(self, rows):
        return rows @ torch.zeros(99, 2)

class Ragged(nn.Module):
    def forward(self, texts):
        return torch.ones(len(texts), max(map(len, texts)))

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = nn.Linear(3, 3)
    def forward(self, rows):
        return self.part(self.part(rows))

number = 5
"""
ROWS = [np.ones(3, np.float32), np.arange(3, dtype=np.float32)]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def test_a_change_of_the_named_file_is_noticed_though_the_class_is_torchs_own(mine: Path) -> None:
    encoder = TorchModule(f"{mine}:make", kind="array")
    arrays, facts = encoder.fit(ROWS).state()
    assert encoder.restore(arrays, facts).width == 5
    mine.write_text(MINE.replace("nn.ReLU()", "nn.Tanh()"))
    with pytest.raises(BadInput, match="are others than the features were made with"):
        encoder.restore(arrays, facts)


def test_a_layer_within_gives_the_features(mine: Path) -> None:
    found = TorchModule(f"{mine}:make", kind="array", layer="1").fit(ROWS).encode(ROWS)
    before = TorchModule(f"{mine}:make", kind="array", layer="0").fit(ROWS).encode(ROWS)
    assert found.shape == (2, 2) and np.array_equal(found, np.maximum(before, 0))
    with pytest.raises(UnknownName, match="no layer of .*make named '7'"):
        TorchModule(f"{mine}:make", kind="array", layer="7").fit(ROWS)
    with pytest.raises(BadInput, match="part of .* is used 2 times, not once"):
        TorchModule(f"{mine}:Twice", kind="array", layer="part").fit(ROWS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Wants", "Wants fails when it is made: TypeError.*Let it need no arguments"),
        ("Fails", r"Fails fails for \(1, 3\): RuntimeError.*Mend its forward"),
        ("number", "number is a int. Name what makes a torch.nn.Module"),
    ],
)
def test_a_module_that_fails_is_named_with_what_to_do(mine: Path, name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        TorchModule(f"{mine}:{name}", kind="array").fit(ROWS)


def test_features_that_get_wider_from_item_to_item_are_refused(mine: Path) -> None:
    encoding = TorchModule(f"{mine}:Ragged", kind="text").fit(["a"])
    with pytest.raises(BadInput, match="gives 3 features now, and gave 1 for the first item"):
        encoding.encode(["abc", "d"])


def test_weights_that_are_no_safetensors_are_refused(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BadInput, match="does not fit .*make: .*Save its state_dict"):
        TorchModule(f"{mine}:make", kind="array", weights=str(tmp_path / "w.safetensors")).fit(ROWS)

"""Weights come back as they were saved, or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, tensor

from askance.errors import BadInput, StorageError
from askance.study.artifacts import Artifacts, FolderArtifacts, MemoryArtifacts, open_artifacts
from askance.study.unfinished import EVERY, Unfinished

FACTS = {"steps": 12, "loss": 0.1, "layers": [3, 4]}


@pytest.fixture(params=["memory", "folder"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    return open_artifacts(None if request.param == "memory" else tmp_path / "x.db")


def weights() -> dict[str, Tensor]:
    return {
        "head.weight": torch.arange(6.0).reshape(2, 3).T,
        "head.bias": tensor([0.1, float("nan")], dtype=torch.bfloat16),
        "steps": tensor(7),
        "mask": tensor([True, False]),
        "none": torch.zeros(0, 3),
    }


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name].nan_to_num(), other[name].nan_to_num())
        for name in one
    )


def test_what_is_saved_comes_back(artifacts: Artifacts) -> None:
    artifacts.save("a1", weights(), FACTS)
    found = artifacts.load("a1")
    assert found is not None
    assert same(found[0], weights())
    assert found[1] == FACTS


def test_a_model_without_weights_has_facts(artifacts: Artifacts) -> None:
    artifacts.save("a1", {}, FACTS)
    assert artifacts.load("a1") == ({}, FACTS)


def test_what_is_not_there_is_none(artifacts: Artifacts) -> None:
    assert artifacts.load("a1") is None
    assert artifacts.keys() == []
    artifacts.discard("a1")


def test_a_key_is_written_once(artifacts: Artifacts) -> None:
    artifacts.save("a1", {"w": tensor([1.0])}, {"first": True})
    artifacts.save("a1", {"w": tensor([2.0])}, {"first": False})
    assert artifacts.load("a1") == ({"w": tensor([1.0])}, {"first": True})


def test_a_discarded_model_is_gone(artifacts: Artifacts) -> None:
    for key in ("b", "a", "c.1"):
        artifacts.save(key, {"w": tensor([1.0])}, {})
    artifacts.discard("b")
    assert artifacts.keys() == ["a", "c.1"]
    assert artifacts.load("b") is None


def test_training_on_in_place_changes_nothing_that_is_kept(artifacts: Artifacts) -> None:
    weight = tensor([1.0], requires_grad=True)
    artifacts.save("a1", {"w": weight}, {})
    weight.data.add_(1)
    for _ in range(2):
        found = artifacts.load("a1")
        assert found is not None
        assert found[0]["w"].item() == 1.0
        found[0]["w"].add_(1)


def test_tied_weights_are_saved_twice(artifacts: Artifacts) -> None:
    tied = torch.arange(4.0)
    artifacts.save("a1", {"in": tied, "out": tied, "part": tied[1:3]}, {})
    found = artifacts.load("a1")
    assert found is not None
    assert same(found[0], {"in": tied, "out": tied, "part": tensor([1.0, 2.0])})


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "a b", "x" * 201])
def test_a_key_that_is_no_file_name_is_refused(artifacts: Artifacts, key: str) -> None:
    with pytest.raises(BadInput, match="is no file name"):
        artifacts.save(key, {}, {})


def test_what_cannot_be_kept_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(BadInput, match="'w' is not dense"):
        artifacts.save("a1", {"w": torch.eye(2).to_sparse()}, {})
    with pytest.raises(BadInput, match="facts cannot be kept"):
        artifacts.save("a1", {}, {"when": object()})
    assert artifacts.keys() == []


@pytest.mark.parametrize("damage", ["cut", "header", "bit", "empty"])
def test_a_damaged_file_is_absent_and_removed(tmp_path: Path, damage: str) -> None:
    artifacts = open_artifacts(tmp_path / "x.db")
    artifacts.save("a1", weights(), FACTS)
    path = tmp_path / "x.db.models" / "a1.safetensors"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    damaged = {"cut": whole[:-3], "header": b"\xff" * 8 + whole[8:], "bit": bytes(flipped), "empty": b""}
    path.write_bytes(damaged[damage])
    assert artifacts.load("a1") is None
    assert not path.exists()
    artifacts.save("a1", weights(), FACTS)
    assert artifacts.load("a1") is not None


def test_a_file_under_the_wrong_key_is_absent(tmp_path: Path) -> None:
    artifacts = open_artifacts(tmp_path / "x.db")
    artifacts.save("a1", weights(), FACTS)
    (tmp_path / "x.db.models" / "a1.safetensors").rename(tmp_path / "x.db.models" / "a2.safetensors")
    assert artifacts.load("a2") is None


def test_the_folder_lies_beside_the_journal(tmp_path: Path) -> None:
    for storage in (tmp_path / "x.db", f"sqlite:///{tmp_path / 'x.db'}"):
        open_artifacts(storage).save("a1", {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["x.db.models"]
    assert [path.name for path in (tmp_path / "x.db.models").iterdir()] == ["a1.safetensors"]
    assert isinstance(open_artifacts("postgresql://host/name"), MemoryArtifacts)


def test_a_disk_that_refuses_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    artifacts = FolderArtifacts(tmp_path / "models")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match=r"a1\.safetensors cannot be written: No space left on device\. Check"):
            artifacts.save("a1", weights(), FACTS)
    assert list((tmp_path / "models").iterdir()) == []
    artifacts.save("a1", weights(), FACTS)
    assert artifacts.keys() == ["a1"]


def test_what_a_killed_writer_left_is_removed_when_nobody_can_be_writing_it(tmp_path: Path) -> None:
    old, young = tmp_path / ".old.tmp", tmp_path / ".young.tmp"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    artifacts = FolderArtifacts(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
    assert artifacts.keys() == []


def test_how_far_a_fit_is_is_replaced_and_forgotten(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    fit = Unfinished(artifacts, "a1")
    assert fit.load() is None and not fit.due()
    now[0] = EVERY
    assert fit.due()
    for step in (1, 2):
        fit.save({"now.weight": tensor([float(step)])}, {"number": step})
    assert not fit.due()
    found = Unfinished(artifacts, "a1").load()
    assert found is not None and found[1] == {"number": 2} and found[0]["now.weight"].tolist() == [2.0]
    artifacts.save("a1", weights(), FACTS)
    artifacts.save("a11", weights(), FACTS)
    member = fit.of("members[1]")
    member.save({"now.weight": tensor([3.0])}, {"number": 3})
    assert member.load() is not None and fit.of("members[2]").load() is None
    fit.done()
    assert member.load() is None
    assert artifacts.keys() == ["a1", "a11"] and fit.load() is None

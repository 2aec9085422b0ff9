"""Features on disk: only what is missing is encoded, whole or not at all, whoever is killed."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from askance.encoders.base import fingerprint
from askance.encoders.numbers import AsIs, AsIsEncoding
from askance.encoders.shards import YOUNG
from askance.encoders.store import FeatureStore
from askance.errors import AskanceError, BadInput, StorageError

ENCODER = AsIs()


@dataclass(frozen=True)
class Counting(AsIsEncoding):
    """Counts what it encodes; has the same features and fingerprint."""

    calls: tuple[list[int], ...] = ()

    def encode(self, items: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        for calls in self.calls:
            calls.append(len(items))
        return super().encode(items)


def keys_of(count: int, first: int = 0) -> NDArray[np.uint8]:
    """Keys that are all different, in no order."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    mixed = (numbers * np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    return np.stack([mixed, numbers], axis=1).view(np.uint8).reshape(count, 16)


def rows_of(count: int, first: int = 0) -> NDArray[np.float32]:
    return np.arange(first * 3, (first + count) * 3, dtype=np.float32).reshape(count, 3)


def test_what_was_encoded_comes_back_in_any_order(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(1000), rows_of(1000), rows=300)
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert again.rows == 1000 and not again.missing(keys_of(1000)).any()
    order = np.random.default_rng(0).permutation(1000)[:777]
    assert np.array_equal(again.gather(keys_of(1000)[order]), rows_of(1000)[order])
    assert again.verify() == []


def test_one_shard_in_order_is_a_map_of_the_file_and_no_copy(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(50), rows_of(50))
    found = store.gather(keys_of(50))
    assert isinstance(found, np.memmap) and not found.flags.writeable
    assert np.array_equal(found, rows_of(50))


def test_only_what_is_missing_is_encoded(tmp_path: Path) -> None:
    calls: list[int] = []
    store = FeatureStore(tmp_path, ENCODER, Counting(3, (calls,)))
    store.add(keys_of(100), rows_of(100))
    lacking = store.missing(keys_of(150))
    assert lacking.sum() == 50 and not lacking[:100].any()
    store.add(keys_of(150)[lacking], rows_of(150)[lacking])
    assert sum(calls) == 150


def test_keys_that_share_their_first_half_are_told_apart(tmp_path: Path) -> None:
    keys = np.zeros((4, 16), np.uint8)
    keys[:, 15] = [3, 1, 2, 0]
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys[:3], rows_of(3))
    assert store.missing(keys).tolist() == [False, False, False, True]
    assert np.array_equal(store.gather(keys[[2, 0, 1]]), rows_of(3)[[2, 0, 1]])


def test_an_item_that_was_encoded_twice_does_no_harm(tmp_path: Path) -> None:
    one, two = (FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)) for _ in range(2))
    one.add(keys_of(5), rows_of(5))
    two.add(keys_of(8), rows_of(8))  # it had looked before the other one was done
    assert np.array_equal(FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).gather(keys_of(8)), rows_of(8))


def test_what_lacks_features_is_said(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert store.missing(keys_of(2)).all()
    with pytest.raises(BadInput, match="2 of 2 items have no features yet. Run: askance encode"):
        store.gather(keys_of(2))


def test_a_broken_item_stops_and_what_was_done_stays(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    rows = rows_of(600)
    rows[590, 1] = np.inf
    with pytest.raises(BadInput, match="a value that is not finite"):
        store.add(keys_of(600), rows)
    assert 256 <= FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).rows < 590
    with pytest.raises(AskanceError, match="2 items came for 3 keys"):
        store.add(keys_of(3, 1000), rows_of(2))


def test_items_without_a_key_do_not_give_later_ones_the_features_of_others(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    with pytest.raises(AskanceError, match="More items came than the 300 keys"):
        store.add(keys_of(300), rows_of(302))
    store.add(keys_of(5, 1000), rows_of(5, 1000))
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert np.array_equal(again.gather(keys_of(5, 1000)), rows_of(5, 1000))
    assert np.array_equal(again.gather(keys_of(256)), rows_of(256)) and again.missing(keys_of(300))[256:].all()


def test_one_of_several_shards_in_order_is_a_map_of_its_file(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(30), rows_of(30), rows=10)
    found = store.gather(keys_of(30)[10:20])
    assert isinstance(found, np.memmap) and np.array_equal(found, rows_of(30)[10:20])
    assert np.array_equal(store.gather(keys_of(30)[19:9:-1]), rows_of(30)[19:9:-1])


def test_no_items_and_items_that_come_twice_are_items_too(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(0), [])
    assert store.rows == 0 and store.gather(keys_of(0)).shape == (0, 3) and store.missing(keys_of(0)).shape == (0,)
    twice = [0, 1, 1, 2, 0]
    store.add(keys_of(3)[twice], rows_of(3)[twice])
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert np.array_equal(again.gather(keys_of(3)[[2, 2, 0, 1]]), rows_of(3)[[2, 2, 0, 1]])


@pytest.mark.parametrize("keys", [np.zeros((3, 8), np.uint8), np.zeros(16, np.uint8), np.zeros((2, 16), np.int64)])
def test_what_is_no_key_is_refused(tmp_path: Path, keys: NDArray[np.uint8]) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    with pytest.raises(BadInput, match=r"Hand in uint8 of shape \(items, 16\)"):
        store.missing(keys)
    with pytest.raises(BadInput, match=r"Hand in uint8 of shape \(items, 16\)"):
        store.add(keys, rows_of(len(keys)))


def test_a_full_disk_leaves_nothing_of_a_shard_and_encoding_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(10), rows_of(10))
    before = sorted(store.folder.iterdir())

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left on device. Free some space"):
            store.add(keys_of(10, 10), rows_of(10, 10))
    assert sorted(store.folder.iterdir()) == before
    store.add(keys_of(10, 10), rows_of(10, 10))
    assert np.array_equal(store.gather(keys_of(20)), rows_of(20))


def test_a_shard_of_a_later_askance_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(4), rows_of(4))
    (manifest,) = store.folder.glob("*.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(StorageError, match="is of format 2, and this askance reads 1. Bring askance up to date, or"):
        FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert manifest.is_file()
    store.folder.rename(tmp_path / "away")
    assert FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).missing(keys_of(4)).all()


def test_a_file_that_went_away_under_an_open_store_is_named_and_encoded_again(tmp_path: Path) -> None:
    FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).add(keys_of(4), rows_of(4))
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    (file,) = (path for path in store.folder.glob("*.npy") if ".keys" not in path.name)
    file.unlink()
    assert store.verify() == [file.stem]
    with pytest.raises(StorageError, match=f"{file.name} cannot be read.*askance encode"):
        store.gather(keys_of(4))
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    again.add(keys_of(4), rows_of(4))
    assert np.array_equal(again.gather(keys_of(4)), rows_of(4))


@pytest.mark.parametrize(
    "change", [{"files": {}}, {"fingerprint": "0"}, {"rows": 9}, {"shape": [10, 4]}, {"rows": "a"}]
)
def test_a_manifest_that_does_not_fit_its_shard_counts_as_damage(tmp_path: Path, change: dict[str, Any]) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(10), rows_of(10))
    (manifest,) = store.folder.glob("*.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert again.damaged == [manifest.stem] and again.missing(keys_of(10)).all() and not manifest.exists()


@pytest.mark.parametrize("harm", ["cut", "gone", "manifest"])
def test_a_damaged_shard_counts_as_missing(tmp_path: Path, harm: str) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(20), rows_of(20), rows=10)
    first = sorted(path for path in store.folder.glob("*.npy") if ".keys" not in path.name)[0]
    if harm == "cut":
        first.write_bytes(first.read_bytes()[:-4])
    elif harm == "gone":
        first.unlink()
    else:
        first.with_suffix(".json").write_text("{")
    again = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert again.damaged == [first.stem] and again.missing(keys_of(20)).sum() == 10
    lacking = again.missing(keys_of(20))
    again.add(keys_of(20)[lacking], rows_of(20)[lacking])
    assert np.array_equal(FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).gather(keys_of(20)), rows_of(20))


def test_a_byte_that_changed_is_found_and_the_shard_can_be_dropped(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(20), rows_of(20))
    (file,) = (path for path in store.folder.glob("*.npy") if ".keys" not in path.name)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert store.verify() == [file.stem]
    store.drop(store.verify())
    assert store.missing(keys_of(20)).all() and FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).rows == 0


def test_leftovers_of_the_killed_are_removed_once_they_are_old(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    store.add(keys_of(2), rows_of(2))
    old, young = store.folder / "00001-dead.npy", store.folder / "00002-alive.npy"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * YOUNG,) * 2)
    assert FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).rows == 2
    assert not old.exists() and young.exists()


def test_another_encoding_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert fingerprint(ENCODER, AsIsEncoding(3)) != fingerprint(ENCODER, AsIsEncoding(4))
    FeatureStore(tmp_path, ENCODER, AsIsEncoding(3)).add(keys_of(2), rows_of(2))
    assert FeatureStore(tmp_path, ENCODER, AsIsEncoding(4)).rows == 0


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_store import ENCODER, AsIsEncoding, FeatureStore, keys_of, rows_of

store = FeatureStore(Path(sys.argv[1]), ENCODER, AsIsEncoding(3))
lacking = store.missing(keys_of(20_000))
print(int(lacking.sum()), flush=True)
store.add(keys_of(20_000)[lacking], rows_of(20_000)[lacking], rows=500)
print("done", flush=True)
"""


def writing(folder: Path) -> subprocess.Popen[str]:
    """A process that says how many items lack features, and encodes them."""
    command = [sys.executable, "-c", WRITER, str(folder), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_encode_the_same_items_at_once_do_no_harm(tmp_path: Path) -> None:
    writers = [writing(tmp_path) for _ in range(2)]
    said = [writer.communicate(timeout=120)[0] for writer in writers]
    assert all(lines.endswith("done\n") for lines in said)
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    assert store.damaged == [] and store.verify() == []
    assert np.array_equal(store.gather(keys_of(20_000)), rows_of(20_000))


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_leaves_whole_shards_and_the_rest_is_done_later(tmp_path: Path, kills: int) -> None:
    dice = random.Random(kills)
    last = 20_001
    for _ in range(kills):
        writer = writing(tmp_path)
        assert writer.stdout is not None
        left = int(writer.stdout.readline())
        assert left <= last
        last = left
        time.sleep(dice.random() * 0.05)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
        there = ~store.missing(keys_of(20_000))
        assert store.damaged == [] and store.verify() == []
        assert np.array_equal(store.gather(keys_of(20_000)[there]), rows_of(20_000)[there])
    store = FeatureStore(tmp_path, ENCODER, AsIsEncoding(3))
    lacking = store.missing(keys_of(20_000))
    calls: list[int] = []
    rest = FeatureStore(tmp_path, ENCODER, Counting(3, (calls,)))
    rest.add(keys_of(20_000)[lacking], rows_of(20_000)[lacking])
    assert sum(calls) == lacking.sum()
    assert np.array_equal(rest.gather(keys_of(20_000)), rows_of(20_000))

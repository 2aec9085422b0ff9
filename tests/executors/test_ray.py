"""Ray without Ray: what is refused before a cluster begins, and what it is begun with."""

from __future__ import annotations

import os
import stat
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from askance.cli import main
from askance.errors import AskanceError, BadInput
from askance.executors import ray
from askance.executors.local import Workers
from askance.executors.ray import Ray, joining_environment, own_environment, private_folder
from askance.optional import MissingPackage
from tests.clusters import clusters


@pytest.mark.parametrize("address", ["here", "ray://10.0.0.1:10001", ":6379", "10.0.0.1:", "10.0.0.1"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(BadInput, match="HOST:PORT"):
        Ray(address)
    assert Ray("10.0.0.1:6379").here(8) == 1 and Ray().here(3) == 3


@pytest.mark.parametrize("found", ["2.51.2", "2.9.0", "3.0.0", "nightly"])
def test_a_version_that_was_never_tried_is_refused_with_what_to_install(
    found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "version", lambda name: found)
    with pytest.raises(BadInput, match=f"Ray {found} is installed.*2.60 or newer, under 3.*askance.ray."):
        Ray().begin(pow, 2)
    for good in ("2.60.0", "2.61.1rc1", "2.100.0"):
        monkeypatch.setattr(ray, "version", lambda name, good=good: good)
        ray.check_version()


def test_without_ray_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*names: str) -> str:
        raise PackageNotFoundError

    def absent(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(ray, "version", missing)
    monkeypatch.setattr("askance.optional.import_module", absent)
    with pytest.raises(MissingPackage, match="pip install 'askance.ray.'"):
        Ray().begin(pow, 2)
    assert main(["lab", "run", "nothing.toml", "--on", "ray"]) == 2
    assert "Running on Ray needs the package 'ray'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["demo"], ["lab", "run", "nothing.toml"]])
def test_an_address_without_ray_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--address", "10.0.0.1:6379"]) == 2
    assert "Add --on ray" in capsys.readouterr().err


def test_a_cluster_of_our_own_gets_a_fresh_token_that_only_its_owner_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "known to all")
    tokens = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        found = own_environment(folder)
        token = Path(found["RAY_AUTH_TOKEN_PATH"])
        tokens.add(token.read_text())
        assert token.parent == folder and stat.S_IMODE(token.stat().st_mode) == 0o600
        assert found["RAY_AUTH_MODE"] == "token" and found["RAY_USAGE_STATS_ENABLED"] == "0"
        assert found["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0" and found["OMP_NUM_THREADS"] == "1"
        assert "RAY_ADDRESS" not in found and "RAY_AUTH_TOKEN" not in found
        assert found["HOME"] == os.environ["HOME"]
    assert len(tokens) == 2 and {len(token) for token in tokens} == {64}


def test_a_cluster_is_joined_with_a_token_unless_somebody_turned_that_off_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    assert joining_environment()["RAY_AUTH_MODE"] == "token"
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert joining_environment()["RAY_AUTH_MODE"] == "disabled"


def test_the_folder_of_a_cluster_is_its_owners_and_short_enough_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    folder = private_folder()
    try:
        assert len(str(folder)) + 66 <= 107 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()


def test_a_node_with_other_versions_computes_nothing() -> None:
    ray.check_node(ray.versions())
    with pytest.raises(BadInput, match=r"torch .* instead of 1.2.3, so its results would be others"):
        ray.check_node(ray.versions() | {"torch": "1.2.3"})


class Begun:
    """A driver that begins at once, or cannot."""

    session, count, submit, map = 7, 2, None, None
    why = ""
    closed = False

    def __init__(self, *given: Any) -> None:
        if self.why:
            raise AskanceError(self.why)

    def close(self) -> None:
        type(self).closed = True


def test_a_cluster_of_our_own_that_others_could_reach_is_stopped_at_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "check_version", lambda: None)
    monkeypatch.setattr(ray, "version", lambda name: "2.99.0")
    monkeypatch.setattr(ray, "Bridge", type("Open", (Begun,), {}))
    monkeypatch.setattr(ray.sessions, "open_doors", lambda session: ["10.0.0.1:6379"] if session == 7 else [])
    with pytest.raises(AskanceError, match=r"2.99.0. listens where other machines could reach it, on 10.0.0.1:6379"):
        Ray().begin(pow, 2)
    assert ray.Bridge.closed and clusters(place) == []
    joined = Ray("10.0.0.1:6379").begin(pow, 2)  # whose doors are not ours
    assert joined.about == "Ray: 2 workers at 10.0.0.1:6379."
    joined.close()
    assert clusters(place) == []


@pytest.mark.parametrize(
    ("address", "told"),
    [(None, "did not begin on this machine: no room. Run without Ray"), ("10.0.0.1:6379", "10.0.0.1:6379 could not")],
)
def test_a_cluster_that_does_not_begin_says_why_and_leaves_nothing(
    address: str | None, told: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "check_version", lambda: None)
    monkeypatch.setattr(ray, "Bridge", type("Broken", (Begun,), {"why": "no room."}))
    with pytest.raises(AskanceError, match=told):
        Ray(address).begin(pow, 2)
    assert clusters(place) == []


GRID = """
datasets = [{name = "digits", items = 200}]
strategies = ["random", "margin"]
learners = [{learner = "linear", ridge = 1.0}]
initial = 20
budget = 30
test = 100
seeds = 2
"""


def test_commands_hand_their_work_to_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []

    class Noted:
        def __init__(self, address: str | None) -> None:
            self.address = address

        def begin(self, function: Any, shared: Any, workers: int | None) -> Workers:
            begun.append((self.address, workers))
            return Workers(function, shared, 1)

        def here(self, workers: int | None) -> int:
            return 1

    monkeypatch.setattr(ray, "Ray", Noted)
    monkeypatch.setattr(ray, "check_version", lambda: None)
    (tmp_path / "grid.toml").write_text(GRID)
    assert main(["lab", "run", str(tmp_path / "grid.toml"), "--on", "ray", "--json"]) == 0
    few = ["--strategy", "margin", "--budget", "30", "--seeds", "2", "--ridge", "1", "--out", str(tmp_path / "demo")]
    assert main(["demo", *few, "--on", "ray", "--address", "10.0.0.1:6379", "--workers", "3"]) == 0
    assert begun == [(None, None), ("10.0.0.1:6379", 3)]

"""Grids on Ray: the results of the process pool, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from askance.describe import find
from askance.executors.base import ExecutorGone
from askance.executors.bridge import path_of_modules
from askance.executors.ray import Ray
from askance.lab.datasets import Dataset
from askance.lab.grids import Grid
from askance.lab.running import Stand, results_of, run_grid
from askance.learners.linear import Linear
from askance.pool import Pool
from askance.reports.results import Run
from tests.clusters import NEEDS_RAY, clusters, named

pytestmark = [NEEDS_RAY, pytest.mark.slow]

FATAL = """
import os, signal, sys, time
from dataclasses import dataclass
from pathlib import Path
from askance.strategies.random import Random

@dataclass(frozen=True)
class Deadly(Random):
    def query(self, view, n):
        if view.dice.seed == 1 and "ray" in sys.modules:
            os._exit(1)
        return super().query(view, n)

@dataclass(frozen=True)
class Slow(Random):
    # Says where it works, and waits until it may go on; the first time only.
    folder: str = ""

    def query(self, view, n):
        mark = Path(self.folder) / f"{type(self).__name__}-{view.dice.seed}"
        if "ray" in sys.modules and not mark.exists():
            mark.write_text(f"{os.getpid()} {os.environ.get('ASKANCE_NODE', '')}")
            while not mark.with_suffix(".go").exists():
                time.sleep(0.05)
        return super().query(view, n)

@dataclass(frozen=True)
class Late(Slow):
    pass
"""


def cloud() -> Dataset:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    features = rng.standard_normal((120, 4)) + 2 * np.eye(4)[labels]
    return Dataset("cloud", Pool.from_arrays(features.astype("float32")), tuple(labels.tolist()))


def grid(*strategies: Any, seeds: int = 3) -> Grid:
    return Grid(
        datasets=(cloud(),),
        strategies=strategies,
        learners=(Linear(ridge=1.0),),
        initial=(6,),
        batch=(6,),
        budget=18,
        test=40,
        seeds=tuple(range(seeds)),
    )


def timeless(runs: list[Run]) -> list[Run]:
    return sorted((replace(run, seconds={}, measures={}) for run in runs), key=lambda run: (run.strategy, run.seed))


def waits(folder: Path, name: str = "Slow") -> Any:
    """A strategy that waits, from a loose file."""
    (folder / "fatal.py").write_text(FATAL)
    return find(f"{folder}/fatal.py:{name}")(folder=str(folder))


def let_go(folder: Path, seeds: int) -> None:
    """Nobody waits any more."""
    for name in ("Slow", "Late"):
        for seed in range(seeds):
            (folder / f"{name}-{seed}.go").touch()


def wait_for(path: Path, seconds: float = 90.0) -> str:
    until = time.monotonic() + seconds
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.05)
    return path.read_text()


def test_only_the_cell_that_kills_its_worker_fails_and_one_that_is_killed_runs_again(tmp_path: Path) -> None:
    asked = grid("margin", waits(tmp_path), f"{tmp_path}/fatal.py:Deadly")
    said: list[Stand] = []

    def kill() -> None:
        os.kill(int(wait_for(tmp_path / "Slow-0").split()[0]), signal.SIGKILL)
        let_go(tmp_path, 3)

    killer = threading.Thread(target=kill)
    killer.start()
    (found,) = run_grid(asked, tmp_path / "ray", workers=2, on=Ray(), say=said.append)
    killer.join()
    assert [text for text in found.said if "failed" in text] == [
        "Deadly failed with seed 1: The worker process died under it, perhaps for lack of memory."
    ]
    assert "Ray: 2 workers" in said[0].said
    (local,) = run_grid(asked, tmp_path / "local")  # two processes give the same, by tests of their own
    own = [run for run in timeless(local.runs) if (run.strategy, run.seed) != ("Deadly", 1)]
    assert timeless(found.runs) == own and len(own) == 8


def test_when_the_head_vanishes_the_grid_goes_on_elsewhere_with_what_is_done(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askance.executors.ray.HEAD_IS_GONE", 2)
    asked = grid("margin", waits(tmp_path))
    heard: list[Stand] = []

    def kill() -> None:
        session = int(wait_for(tmp_path / "session"))
        wait_for(tmp_path / "Slow-0")
        while not any(stand.kind == "done" for stand in heard):
            time.sleep(0.05)
        os.kill(named(session, "gcs_server")[0], signal.SIGKILL)

    class Known(Ray):
        def begin(self, *given: Any) -> Any:
            pool = super().begin(*given)
            (tmp_path / "session").write_text(str(pool._bridge.session))
            return pool

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(
        ExecutorGone,
        match="The cluster is gone: its driver ended: Ray's head node does not answer any more.*Run the same again",
    ):
        run_grid(asked, tmp_path / "out", workers=2, on=Known(), say=heard.append)
    killer.join()
    assert clusters(place) == []
    (kept,) = results_of(asked, tmp_path / "out")
    assert 1 <= len(kept.runs) < 6
    again: list[Stand] = []
    (found,) = run_grid(asked, tmp_path / "out", say=again.append)
    assert again[0].done == len(kept.runs)
    (local,) = run_grid(asked, tmp_path / "local")
    assert timeless(found.runs) == timeless(local.runs) and len(found.runs) == 6


TWO_NODES = """
import json, os, signal, subprocess, sys, threading, time
from pathlib import Path
from askance.executors.ray import Ray
from askance.lab.running import run_grid
from tests.lab.test_running_on_ray import grid, let_go, timeless, wait_for, waits

folder = Path(sys.argv[1])
ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
usual = ["--num-cpus=1", "--disable-usage-stats", "--include-log-monitor=false", "--object-store-memory=100000000"]


def node(name, *options):
    command = [*ray, "start", *usual, *options]
    subprocess.run(command, env=os.environ | {"ASKANCE_NODE": name}, check=True, capture_output=True)


node("head", "--head", "--node-ip-address=127.0.0.2", "--port=6379", "--include-dashboard=false", "--no-monitor",
     f"--temp-dir={sys.argv[2]}")
node("lost", "--address=127.0.0.2:6379", "--node-ip-address=127.0.0.3")


def lose():
    # Both nodes are at a cell; the second one is lost with all that runs there.
    nodes = {wait_for(folder / f"{name}-0").split()[1] for name in ("Slow", "Late")}
    assert nodes == {"head", "lost"}, nodes
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command, given = (place / "cmdline").read_text(), (place / "environ").read_text()
        except OSError:
            continue
        if "ASKANCE_NODE=lost" in given and "raylet/raylet" in command:
            os.kill(int(place.name), signal.SIGKILL)
            print("lost", flush=True)


def kill():
    try:
        lose()
    finally:
        let_go(folder, 4)


killer = threading.Thread(target=kill)
killer.start()
said, asked = [], grid(waits(folder), waits(folder, "Late"), seeds=4)
(found,) = run_grid(asked, folder / "ray", workers=None, on=Ray("127.0.0.2:6379"), say=said.append)
killer.join()
(local,) = run_grid(asked, folder / "local")
print(json.dumps({"same": timeless(found.runs) == timeless(local.runs), "runs": len(found.runs), "said": said[0].said,
                  "failed": said[-1].failed}))
"""

UNSHARE = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]


def own_network() -> bool:
    """Whether this user may have a network of their own, in which nobody else listens."""
    try:
        return subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not own_network(), reason="this user may make no network namespace, which needs root")
def test_a_lost_node_changes_nothing_in_the_results(tmp_path: Path, place: Path) -> None:
    (tmp_path / "token").write_text("5" * 64)
    (tmp_path / "nodes.py").write_text(TWO_NODES)
    script = shlex.join([sys.executable, str(tmp_path / "nodes.py"), str(tmp_path), f"{place}/r"])
    environment = os.environ | {
        "PYTHONPATH": path_of_modules(),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"),
    }
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", f"ip link set lo up && exec {script}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", done.stderr + done.stdout
    lost, told = done.stdout.splitlines()
    assert lost == "lost"
    said = "8 cells, 0 of them done before. Ray: 2 workers at 127.0.0.2:6379."
    assert json.loads(told) == {"same": True, "runs": 8, "said": said, "failed": 0}

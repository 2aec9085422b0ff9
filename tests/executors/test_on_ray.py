"""Tasks on a cluster of our own: what comes out, who gets in, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from askance.describe import find
from askance.executors import sessions
from askance.executors.base import ExecutorGone, WorkerDied
from askance.executors.local import Processes
from askance.executors.ray import Ray
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.look import over
from askance.pool import Pool
from askance.signals.probabilities import Probabilities
from askance.study.study import Study
from tests.clusters import NEEDS_RAY, clusters, head_port, named

pytestmark = [NEEDS_RAY, pytest.mark.slow]

TASKS = """
import os, signal, time
from pathlib import Path

def work(shared, task):
    if isinstance(task[0], list):
        return shared * sum(task[0]) + task[1]
    kind, *more = task
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        raise FloatingPointError("the loss is NaN")
    if kind == "threads":
        import torch
        return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]
    if kind == "sleep":
        Path(more[0]).write_text(str(os.getpid()))
        time.sleep(more[1])
        return "slept"
    return shared * more[0]
"""

ASK = """
import sys
from ray._raylet import GcsClient
print("keys", GcsClient(address=f"127.0.0.1:{sys.argv[1]}").internal_kv_keys(b"", None, timeout=10)[:1])
"""


@pytest.fixture
def work(tmp_path: Path) -> Any:
    (tmp_path / "tasks_of_a_test.py").write_text(TASKS)
    return find(f"{tmp_path}/tasks_of_a_test.py:work")


def asked(port: int, **token: str) -> subprocess.CompletedProcess[str]:
    """Somebody with a token, or without one, reads from the head."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run([sys.executable, "-c", ASK, str(port)], env=clean | token, capture_output=True, text=True)


def test_tasks_workers_that_die_strangers_and_the_end(work: Any, place: Path) -> None:
    pool = Ray().begin(work, 3, 2)
    try:
        session = pool._bridge.session
        assert pool.count == 2 and "127.0.0.1" in pool.about
        assert [pool.submit(("times", n)).result() for n in (1, 2)] == [3, 6]
        assert list(pool.map([1, 1], range(5))) == [6, 7, 8, 9, 10]
        assert pool.submit(("threads",)).result() == (1, "1")
        with pytest.raises(FloatingPointError, match="the loss is NaN"):
            pool.submit(("raise",)).result()
        beside = pool.submit(("times", 7))
        with pytest.raises(WorkerDied, match="WorkerCrashedError"):
            pool.submit(("kill",)).result()
        assert beside.result() == 21  # what runs beside it lives

        assert sessions.open_doors(session) == []  # nothing that another machine could reach
        port, (folder,) = head_port(session), clusters(place)
        good = asked(port, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=f"{place}/{folder}/token")
        assert good.returncode == 0 and "keys [b" in good.stdout
        for token in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "00" * 32}):
            refused = asked(port, **token)
            assert refused.returncode == 1 and "Authentication token is missing or incorrect" in refused.stderr
    finally:
        pool.close()
    assert sessions.members(session) == [] and clusters(place) == []


def test_when_the_head_vanishes_it_is_said_and_nothing_is_left(
    work: Any, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askance.executors.ray.HEAD_IS_GONE", 2)
    pool = Ray().begin(work, 3, 1)
    try:
        running = pool.submit(("sleep", str(tmp_path / "begun"), 60))
        while not (tmp_path / "begun").exists():
            time.sleep(0.1)
        (head,) = named(pool._bridge.session, "gcs_server")
        os.kill(head, signal.SIGKILL)
        with pytest.raises(
            ExecutorGone,
            match="Ray's head node does not answer any more.*What was finished is kept",
        ):
            running.result(timeout=60)
        with pytest.raises(ExecutorGone):
            pool.submit(("times", 1))
    finally:
        pool.close()
    assert sessions.members(pool._bridge.session) == [] and clusters(place) == []


KILLED = """
import sys, time
from askance.describe import find
from askance.executors.ray import Ray
pool = Ray().begin(find(sys.argv[1]), 3, 1)
pool.submit(("sleep", sys.argv[2], 60))
print(pool._bridge.session, flush=True)
time.sleep(60)
"""


def test_when_we_are_killed_the_cluster_ends_too(work: Any, tmp_path: Path, place: Path) -> None:
    name = f"{tmp_path}/tasks_of_a_test.py:work"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, name, str(tmp_path / "begun")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    session = int(process.stdout.readline())
    while not (tmp_path / "begun").exists():
        time.sleep(0.1)
    process.kill()
    process.communicate()
    until = time.monotonic() + 60
    while (sessions.members(session) or clusters(place)) and time.monotonic() < until:
        time.sleep(0.2)
    assert sessions.members(session) == [] and clusters(place) == []


def test_signals_of_a_pool_are_the_same_bits_here_on_processes_and_on_ray() -> None:
    items = torch.randn(5000, 12, generator=torch.Generator().manual_seed(3))
    pool = Pool.from_arrays(items)
    learner = Torch(Mlp(), steps=20)

    def study() -> Study:
        made = Study(pool, learner=learner, strategy="badge", classes=("a", "b"), start=None)
        made.tell({row: "ab"[row % 2] for row in range(20)})
        return made

    here = study()
    batch, said = here.ask(30), here.predict()
    for workers in (Processes(), Ray()):
        there = study()
        with over(there.pool, workers, 2) as executor:
            watched = Watched(executor)
            found = there.ask(30)
            assert torch.equal(there.predict(), said)
        assert found.ids == batch.ids and [dict(note) for note in found.notes] == [dict(note) for note in batch.notes]
        assert len(watched.signals) >= 2 and Probabilities() in watched.signals  # not computed here after all


class Watched:
    """Notes which signals are asked of an executor."""

    def __init__(self, executor: Any) -> None:
        self.signals: list[Any] = []
        self._map = executor.map
        executor.map = self.map

    def map(self, beside: Any, tasks: Any) -> Any:
        self.signals.append(beside[0])
        return self._map(beside, tasks)

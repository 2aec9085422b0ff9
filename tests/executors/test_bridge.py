"""A driver in a process of its own: its answers, and what we say when it ends."""

from __future__ import annotations

import os
from concurrent.futures import wait
from contextlib import suppress
from operator import mul
from pathlib import Path
from typing import Any

import pytest

from askance.errors import AskanceError
from askance.executors import bridge
from askance.executors.base import ExecutorGone, WorkerDied
from askance.executors.bridge import Bridge, failure, path_of_modules

DRIVER = """
import json, os, pickle, sys, time
from multiprocessing.connection import Connection
from askance.executors.bridge import failure

def drive():
    line, settings = Connection(int(sys.argv[1])), json.loads(sys.argv[2])
    if settings.get("wait"):
        time.sleep(60)
    if settings.get("end"):
        sys.exit("nothing works here")
    if settings.get("refuse"):
        line.send(("failed", 0, "the token is wrong"))
        return
    line.send(("ready", 2, ""))
    held = {}
    while True:
        kind, number, body = line.recv()
        if kind == "close":
            return
        if kind == "share":
            held[number] = pickle.loads(body)
        elif kind == "drop":
            del held[number]
        else:
            keys, task = body[0], pickle.loads(body[1])
            function, shared = held[keys[0]]
            if task == "end":
                print("[E 7] rpc.h: Failed to connect. See http://elsewhere", flush=True)
                os._exit(1)
            if task == "die":
                line.send(("died", number, "a worker died"))
            elif task == "leave":
                line.send(("gone", 0, "somebody pulled the plug"))
            elif task == "held":
                line.send(("done", number, pickle.dumps(len(held))))
            else:
                given = (held[keys[1]], task) if keys[1:] else task
                try:
                    line.send(("done", number, pickle.dumps(function(shared, given))))
                except Exception as error:
                    line.send(("raised", number, failure(error, "over there")))
"""

SIGNS = {"Failed to connect": "the head is gone"}


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "driver_of_a_test.py").write_text(DRIVER)

    def begin(function: Any = mul, patience: float = 20.0, **settings: Any) -> Bridge:
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{path_of_modules()}"}
        return Bridge("driver_of_a_test", settings, environment, function, 3, tmp_path / "log", patience, SIGNS)

    return begin


def add(shared: int, given: tuple[int, int]) -> int:
    return shared + sum(given)


def test_tasks_are_answered_and_errors_are_raised_as_they_are(driver: Any) -> None:
    pool = driver()
    try:
        assert pool.count == 2 and [pool.submit(task).result() for task in (1, 2)] == [3, 6]
        with pytest.raises(TypeError) as raised:
            pool.submit(None).result()
        assert "over there" in str(raised.value.__cause__)
        with pytest.raises(WorkerDied):
            pool.submit("die").result()
        assert pool.submit(5).result() == 15
    finally:
        pool.close()
    with pytest.raises(ExecutorGone, match="it was closed"):
        pool.submit(1)


def test_what_the_tasks_of_a_map_share_is_handed_over_once_and_dropped(driver: Any) -> None:
    pool = driver(add)
    try:
        before = pool.submit("held").result()
        assert list(pool.map(10, range(3))) == [13, 14, 15]
        assert pool.submit("held").result() == before == 1
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"refuse": True}, "the token is wrong"),
        ({"end": True}, "It ended before it began: nothing works here"),
        ({"wait": True, "patience": 0.2}, "It did not begin within 0 seconds"),
    ],
)
def test_a_driver_that_does_not_begin_says_why(
    driver: Any, settings: dict[str, Any], why: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(bridge, "_LAST", 0.2)
    with pytest.raises(AskanceError, match=why):
        driver(**settings)


@pytest.mark.parametrize(("task", "why"), [("end", "the head is gone"), ("leave", "somebody pulled the plug")])
def test_when_the_driver_ends_all_that_is_open_says_so_and_nothing_new_is_taken(
    driver: Any, task: str, why: str
) -> None:
    pool = driver()
    try:
        futures = [pool.submit(task)]
        with suppress(ExecutorGone):  # it may be gone already
            futures.append(pool.submit(1))
        wait(futures, timeout=20)
        for future in futures:
            with pytest.raises(ExecutorGone, match=f"{why}.*What was finished is kept"):
                future.result(0)
        with pytest.raises(ExecutorGone, match=why):
            pool.submit(1)
    finally:
        pool.close()


def test_an_error_that_cannot_be_read_elsewhere_is_told_in_words() -> None:
    class Local(Exception):
        pass

    import pickle

    error, trace = pickle.loads(failure(Local("seven"), "a trace"))
    assert isinstance(error, AskanceError) and str(error) == "Local: seven" and trace == "a trace"

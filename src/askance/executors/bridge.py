"""A process of its own that drives a cluster for us: when the cluster dies under it, we live and can say so."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from askance.describe import packed
from askance.errors import AskanceError
from askance.executors import sessions
from askance.executors.base import ExecutorGone, WorkerDied, for_travel, in_order

_AHEAD = 2  # tasks of a map that are handed over for each worker, so that none waits for the next one
_LAST = 20.0  # seconds that the driver has for an orderly end
_SHOWN = 3  # lines of its log in an error


class Bridge:
    """Tasks handed to a driver, over a socket that nobody else has.

    The driver is ``python -c "from MODULE import drive; drive()" HANDLE SETTINGS``, in a session of its own, which
    ends with this object. It says ``ready`` or ``failed`` and then answers every ``task`` with ``done``, ``raised`` or
    ``died``, until it says ``gone`` or nothing any more.

    Args:
        module: Where the function ``drive`` lives.
        settings: Read by it, as JSON.
        environment: Its environment.
        function: Called as ``function(shared, task)``.
        shared: What all tasks read.
        log: Where it may write what it prints.
        patience: Seconds that it has to say that it is ready.
        signs: What it prints of which ends, and what to say of them.

    Raises:
        AskanceError: If it does not begin; the message says why.
    """

    def __init__(
        self,
        module: str,
        settings: Mapping[str, Any],
        environment: Mapping[str, str],
        function: Callable[[Any, Any], Any],
        shared: Any,
        log: Path,
        patience: float,
        signs: Mapping[str, str] | None = None,
    ) -> None:
        blob = for_travel((function, shared))
        self._log, self._signs, self._numbers = log, signs or {}, itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()  # of what waits
        self._sending = threading.Lock()  # not the same: who listens must never wait for who sends
        self._listener: threading.Thread | None = None
        self._why = ""  # it is gone
        ours, theirs = socket.socketpair()
        with theirs, log.open("wb") as out:
            command = [sys.executable, "-c", f"from {module} import drive; drive()"]
            self._driver = subprocess.Popen(
                [*command, str(theirs.fileno()), json.dumps(dict(settings))],
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for us alone; and so that all it starts can be found again
            )
        self._line = Connection(ours.detach())
        try:
            self.count: int = self._begun(patience)
            self._base = self._share(blob)
        except BaseException:
            self.close()
            raise
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def session(self) -> int:
        """The session of the driver and of all that it started."""
        return self._driver.pid

    def submit(self, task: Any) -> Future[Any]:
        """Hand a task over."""
        return self._handed([self._base], task)

    def map(self, beside: Any, tasks: Iterable[Any]) -> Iterator[Any]:
        """Results of ``function(shared, (beside, task))`` in the order of the tasks."""
        key = self._share(for_travel(beside))
        try:
            yield from in_order(lambda task: self._handed([self._base, key], task), tasks, _AHEAD * self.count)
        finally:
            with suppress(ExecutorGone):
                self._send(("drop", key, b""))

    def close(self) -> None:
        """End the driver and whatever it started."""
        self._why = self._why or "it was closed"
        with suppress(OSError), self._sending:
            self._line.send(("close", 0, b""))
        sessions.ended(self.session, _LAST)
        sessions.end(self.session)
        self._driver.kill()  # where sessions are not known, and nothing where it has ended
        self._driver.wait()
        if self._listener is not None:
            self._listener.join()
        self._line.close()

    def _begun(self, patience: float) -> int:
        """How many tasks run at once, once it is ready."""
        try:
            if not self._line.poll(patience):
                raise AskanceError(f"It did not begin within {patience:.0f} seconds{self._told()}")
            kind, count, said = self._line.recv()
        except (EOFError, OSError):
            raise AskanceError(f"It ended before it began{self._told()}") from None
        if kind != "ready":
            raise AskanceError(said)
        return int(count)

    def _share(self, blob: bytes) -> int:
        key = next(self._numbers)
        self._send(("share", key, blob))
        return key

    def _handed(self, keys: list[int], task: Any) -> Future[Any]:
        blob, number, future = for_travel(task), next(self._numbers), Future[Any]()
        with self._lock:
            self._waiting[number] = future
        try:
            self._send(("task", number, (keys, blob)))
        except ExecutorGone:
            with self._lock:
                self._waiting.pop(number, None)
            raise
        return future

    def _send(self, message: tuple[str, int, Any]) -> None:
        try:
            with self._sending:
                if not self._why:
                    self._line.send(message)
                    return
        except OSError:  # before the listener saw it
            self._why = self._why or f"its driver ended{self._told()}"
        raise self._gone()

    def _listen(self) -> None:
        """Hand on what comes back, until nothing does any more."""
        try:
            while True:
                kind, number, body = self._line.recv()
                if kind in ("gone", "failed"):
                    self._why = self._why or body
                    break
                with self._lock:
                    future = self._waiting.pop(number)
                if future.set_running_or_notify_cancel():
                    _tell(future, kind, body)
        except (EOFError, OSError):
            self._why = self._why or f"its driver ended{self._told()}"
        with self._lock:
            left, self._waiting = self._waiting, {}
        for future in left.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(self._gone())

    def _gone(self) -> ExecutorGone:
        return ExecutorGone(
            f"The cluster is gone: {self._why}. What was finished is kept. Run the same again: it goes on with what "
            f"is left, on this machine or on a new cluster."
        )

    def _told(self) -> str:
        """Why it ended by its log, as the end of a sentence."""
        with suppress(OSError):
            lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
            for sign, words in self._signs.items():
                if any(sign in line for line in lines):
                    return f": {words}"
            if lines:
                return ": " + " / ".join(lines[-_SHOWN:])
        return ""


def failure(error: BaseException, trace: str) -> bytes:
    """An error with its traceback, packed so that it can be read for certain."""
    try:
        blob = packed((error, trace))
        pickle.loads(blob)
        return blob
    except Exception:  # an error of somebody else's may refuse in any way
        return packed((AskanceError(f"{type(error).__name__}: {error}"), trace))


def path_of_modules() -> str:
    """Where modules are found, so that another process finds the same ones."""
    return os.pathsep.join(os.path.abspath(place) for place in sys.path)


def _tell(future: Future[Any], kind: str, body: Any) -> None:
    if kind == "died":
        future.set_exception(WorkerDied(body))
        return
    try:
        found = pickle.loads(body)
    except Exception as error:  # what a task gave may refuse in any way
        future.set_exception(AskanceError(f"A result could not be read: {type(error).__name__}: {error}."))
        return
    if kind == "raised":
        raised, trace = found
        raised.__cause__ = RuntimeError(f"\n{trace}")  # where it happened, there
        future.set_exception(raised)
    else:
        future.set_result(found)

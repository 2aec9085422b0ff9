"""Ray: tasks on a cluster of our own on this machine, or on one that runs already."""

from __future__ import annotations

import json
import os
import pickle
import platform
import secrets
import shutil
import sys
import tempfile
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from askance import __version__
from askance.describe import packed
from askance.errors import AskanceError, BadInput
from askance.executors import sessions
from askance.executors.bridge import Bridge, failure, path_of_modules
from askance.executors.local import cores
from askance.optional import need

OLDEST, NEWEST = (2, 60), (3,)  # versions that are taken; the first that this was tried with, and the next large one
LOST = 5  # nodes that may be lost under one task before it is given up
HEAD_IS_GONE = 10  # seconds without the head after which the driver gives up
PATIENCE = 180.0  # seconds that a cluster has to begin
_SIGNS = {"Failed to connect to GCS": "Ray's head node does not answer any more"}
_HELD = 3  # shared things that a worker keeps unpacked
_LONGEST = 18  # signs of a folder of folders in which Ray's sockets, 88 signs further down, find room with 107


@dataclass(frozen=True)
class Ray:
    """Workers on Ray.

    Without an address a cluster begins on this machine and ends with the work. It listens on 127.0.0.1 alone and asks
    for a token that nobody else has. With an address, a cluster that runs already is joined; this machine must be one
    of its nodes, and its token is found as Ray finds it (``RAY_AUTH_TOKEN``, ``RAY_AUTH_TOKEN_PATH``,
    ``~/.ray/auth_token``).

    Args:
        address: ``HOST:PORT`` of the head node; None begins a cluster.
    """

    address: str | None = None

    def __post_init__(self) -> None:
        if self.address is not None:
            host, _, port = self.address.rpartition(":")
            if not host or not port.isdigit() or "/" in host:
                raise BadInput(
                    f"{self.address!r} is no address of a Ray cluster. Write HOST:PORT of its head node, such as "
                    f"10.0.0.1:6379, and run on one of its nodes."
                )

    def begin(self, function: Callable[[Any, Any], Any], shared: Any, workers: int | None = None) -> RayWorkers:
        """Workers: as many as this machine has cores, or the cluster CPUs, if nobody says how many.

        Raises:
            MissingPackage: If Ray is not installed.
            BadInput: If this version of it is not taken.
            AskanceError: If the cluster does not begin or cannot be joined.
        """
        check_version()
        return RayWorkers(function, shared, workers, self.address)

    def here(self, workers: int | None) -> int:
        """All workers of a cluster of our own; of another one nobody knows, so at least one."""
        return (workers or cores()) if self.address is None else 1


class RayWorkers:
    """Tasks on Ray, each with one inner thread, driven by a process of its own.

    A task whose node is lost is begun again elsewhere. `askance.executors.base.WorkerDied` is told of a worker that
    died on a node that lives.

    Args:
        function: Called as ``function(shared, task)``; at the top level of a module.
        shared: What all tasks read; it goes into the object store once.
        workers: How many tasks at once.
        address: Of the cluster to join.
    """

    def __init__(
        self, function: Callable[[Any, Any], Any], shared: Any, workers: int | None, address: str | None
    ) -> None:
        self._folder = private_folder()
        self._mine = address is None
        count = (workers or cores()) if self._mine else workers
        settings = {"folder": str(self._folder), "address": address, "count": count}
        environment = own_environment(self._folder) if self._mine else joining_environment()
        try:
            self._bridge = Bridge(
                __name__, settings, environment, function, shared, self._folder / "driver.log", PATIENCE, _SIGNS
            )
            self._check_doors()
        except BaseException as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            if isinstance(error, AskanceError) and not isinstance(error, BadInput):
                raise _unbegun(error, address) from error
            raise
        self.count = self._bridge.count
        self.submit, self.map = self._bridge.submit, self._bridge.map
        where = "on this machine, reached over 127.0.0.1 alone and with a token" if self._mine else f"at {address}"
        self.about = f"Ray: {self.count} worker{'s' * (self.count != 1)} {where}."

    def close(self) -> None:
        """End the cluster, if it is ours, and leave no file behind."""
        self._bridge.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check_doors(self) -> None:
        """Refuse a cluster of our own that others can reach: which addresses Ray takes is its own affair."""
        doors = sessions.open_doors(self._bridge.session) if self._mine else []
        if doors:
            self._bridge.close()
            raise AskanceError(
                f"this version of Ray ({version('ray')}) listens where other machines could reach it, on "
                f"{', '.join(doors[:3])}, so it was stopped at once"
            )


def check_version() -> None:
    """Refuse to begin without Ray, or with a version that was never tried.

    Raises:
        MissingPackage: If Ray is not installed.
        BadInput: If it is too old or too new.
    """
    try:
        found = version("ray")
    except PackageNotFoundError:
        need("ray", "ray", "Running on Ray")  # says what to install
        return
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if not OLDEST <= numbers < NEWEST:
        raise BadInput(
            f"Ray {found} is installed; {'.'.join(map(str, OLDEST))} or newer, under {NEWEST[0]}, is needed. Install "
            f"it with: pip install 'askance[ray]'"
        )


def private_folder() -> Path:
    """A new folder that its owner alone can open, with a path that is short enough for sockets."""
    usual = tempfile.gettempdir()
    short = "/tmp" if len(usual) > _LONGEST and os.path.isdir("/tmp") else usual
    return Path(tempfile.mkdtemp(prefix="askance-ray-", dir=short))


def own_environment(folder: Path) -> dict[str, str]:
    """The environment of a cluster of our own, with a fresh token in a file of its owner.

    Args:
        folder: Where the token goes.
    """
    token = folder / "token"
    handle = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return inherited | {
        "PYTHONPATH": path_of_modules(),
        "OMP_NUM_THREADS": "1",  # workers are the parallelism
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray binds 127.0.0.1 alone only where it takes this machine for one that can be no part of a larger cluster;
        # with the usual setting it replaces 127.0.0.1 by an outer address and listens on all interfaces.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(HEAD_IS_GONE),
        "RAY_task_oom_retries": "0",  # or a task that needs too much memory would be begun again for ever
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # tasks see the GPUs that they would see without Ray
    }


def joining_environment() -> dict[str, str]:
    """The environment of a driver that joins a cluster: with a token, unless somebody turned that off by name."""
    return {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"} | os.environ | {"PYTHONPATH": path_of_modules()}


def drive() -> None:
    """The driver's process: it begins or joins a cluster and works off what comes over the line."""
    line, settings = Connection(int(sys.argv[1])), json.loads(sys.argv[2])
    import ray

    try:
        count = _begin(ray, settings)
        line.send(("ready", count, ""))
        _Driver(ray, line).work()
    except Exception as error:
        with suppress(OSError):  # nobody may be there any more
            line.send(("failed", 0, f"{type(error).__name__}: {error}"))
    finally:
        ray.shutdown()
        if settings["address"] is None:  # whoever began us may have been killed; then nobody else does it
            shutil.rmtree(settings["folder"], ignore_errors=True)


def _begin(ray: Any, settings: dict[str, Any]) -> int:
    """Begin a cluster or join one; how many tasks run at once."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if settings["address"] is not None:
        ray.init(address=settings["address"], runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}}, **quiet)
        return int(settings["count"] or max(1, ray.cluster_resources().get("CPU", 1)))
    ray.init(
        address="local",
        _node_ip_address="127.0.0.1",
        include_dashboard=False,
        num_cpus=settings["count"],
        _temp_dir=f"{settings['folder']}/r",
        **quiet,
    )
    return int(settings["count"])


class _Driver:
    """Hands tasks to Ray, and what comes of them back."""

    def __init__(self, ray: Any, line: Connection) -> None:
        self._ray, self._line, self._lock = ray, line, threading.Lock()
        self._held: dict[int, Any] = {}
        self._made = versions()
        # No retries by Ray: only we tell a task that kills its worker from one whose node was lost.
        self._task = ray.remote(_work).options(max_retries=0, num_cpus=1)

    def work(self) -> None:
        """Until the line ends."""
        import numpy as np

        with suppress(EOFError, OSError):
            while True:
                kind, number, body = self._line.recv()
                if kind == "close":
                    return
                if kind == "share":
                    self._held[number] = self._ray.put(np.frombuffer(body, np.uint8))  # workers of a node share it
                elif kind == "drop":
                    self._held.pop(number, None)
                else:
                    keys, blob = body
                    self._start(number, keys, [self._held[key] for key in keys], blob)

    def _start(self, number: int, keys: list[int], held: list[Any], blob: bytes, lost: int = 0) -> None:
        reference = self._task.remote(self._made, keys, blob, *held)
        reference.future().add_done_callback(lambda done: self._ended(done, number, keys, held, blob, lost))

    def _ended(self, done: Future[Any], number: int, keys: list[int], held: list[Any], blob: bytes, lost: int) -> None:
        errors = self._ray.exceptions
        error = done.exception()
        if error is None:
            good, body = done.result()
            self._say("done" if good else "raised", number, body)
        elif isinstance(error, errors.NodeDiedError) and lost < LOST:
            self._start(number, keys, held, blob, lost + 1)
        elif isinstance(error, errors.LocalRayletDiedError):
            self._say("gone", 0, "Ray's process on this machine was killed")
        elif isinstance(error, (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError)):
            self._say("died", number, f"A worker of Ray died under a task ({type(error).__name__}).")
        else:
            self._say("raised", number, failure(AskanceError(f"Ray: {error}"), ""))

    def _say(self, kind: str, number: int, body: Any) -> None:
        with self._lock, suppress(OSError):
            self._line.send((kind, number, body))


_unpacked: OrderedDict[int, Any] = OrderedDict()  # what tasks of this worker share, the newest last


def versions() -> dict[str, str]:
    """What decides results, and has to be the same on every node."""
    return {"askance": __version__, **{name: version(name) for name in ("torch", "numpy")}}


def _work(made: dict[str, str], keys: list[int], blob: bytes, *views: Any) -> tuple[bool, bytes]:
    """One task, in a worker: whether it went well, and what came out, packed."""
    import torch

    torch.set_num_threads(1)
    try:
        check_node(made)
        (function, shared), *beside = (_read(key, view) for key, view in zip(keys, views, strict=True))
        task = pickle.loads(blob)
        return True, packed(function(shared, (beside[0], task) if beside else task))
    except BaseException as error:
        return False, failure(error, traceback.format_exc())


def check_node(made: dict[str, str]) -> None:
    """Refuse to compute on a node what would not be the same elsewhere.

    Raises:
        BadInput: If versions differ from those of whoever asks.
    """
    other = {name: found for name, found in versions().items() if found != made[name]}
    if other:
        had = ", ".join(f"{name} {found} instead of {made[name]}" for name, found in other.items())
        raise BadInput(
            f"The node {platform.node()} has {had}, so its results would be others. Install the same on every node."
        )


def _read(key: int, view: Any) -> Any:
    """What is shared under a key, unpacked once."""
    if key not in _unpacked:
        _unpacked[key] = pickle.loads(memoryview(view))
    _unpacked.move_to_end(key)
    while len(_unpacked) > _HELD:
        _unpacked.popitem(last=False)
    return _unpacked[key]


def _unbegun(error: AskanceError, address: str | None) -> AskanceError:
    """Why there is no cluster, and what to do."""
    told = str(error).rstrip(".")
    if address is None:
        return AskanceError(f"Ray did not begin on this machine: {told}. Run without Ray, or mend that first.")
    return AskanceError(
        f"The Ray cluster at {address} could not be joined: {told}. Run on a machine where `ray start "
        f"--address={address}` was run, with the cluster's token in RAY_AUTH_TOKEN_PATH, or without --address."
    )

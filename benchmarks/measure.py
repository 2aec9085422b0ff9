"""How seconds and memory are measured: medians, one thread, fresh processes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
EVERY = 0.001  # seconds between looks at the memory; a page fault costs about 1 GB/s, so 1-2 MB can be missed


@dataclass(frozen=True)
class Seconds:
    """Medians over repeats.

    Args:
        wall: Seconds on the clock; on a shared machine they hold other people's work too.
        cpu: Seconds of this process on all its threads.
    """

    wall: float
    cpu: float


def seconds(call: Callable[[], object], repeats: int = 3) -> Seconds:
    """How long a call takes, the median of its repeats."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Seconds(statistics.median(walls), statistics.median(cpus))


def anonymous() -> int:
    """Bytes of memory of this process that no file stands behind, from Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@dataclass
class Growth:
    """The most that anonymous memory grew within a ``with`` block; a thread looks every millisecond.

    Args:
        bytes: The growth over what there was at the start.
    """

    bytes: int = 0
    _start: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Growth:
        self._start = anonymous()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def _watch(self) -> None:
        while True:
            over = self._over.is_set()  # asked first, so that the end is looked at too
            self.bytes = max(self.bytes, anonymous() - self._start)
            if over:
                return
            self._over.wait(EVERY)


def fresh(place: str, *arguments: Any, environment: Mapping[str, str] | None = None) -> Any:
    """What a function gives in a new process of its own, with one thread.

    Args:
        place: ``module:function``; it takes and gives JSON values.
        arguments: What it is called with.
        environment: More environment variables.

    Raises:
        RuntimeError: If the process fails, with the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", place, json.dumps(arguments)],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, **(environment or {})},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{place}{arguments} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """What a figure was measured on; the load tells whether others were working too."""
    model = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model[0] if model else platform.processor(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


if __name__ == "__main__":
    module, function = sys.argv[1].split(":")
    print(json.dumps(getattr(import_module(module), function)(*json.loads(sys.argv[2]))))

"""`askance label` in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar


class Started:
    """`askance label` in a process of its own; conftest ends what a test that failed left running."""

    running: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, folder: Path, *more: str) -> None:
        port = () if "--port" in more else ("--port", "0")
        command = [sys.executable, "-m", "askance.cli", "label", *more, "--json", *port]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        self.running.append(self.process)
        assert self.process.stdout is not None
        self.link = json.loads(self.process.stdout.readline())["link"]

    def end(self) -> int:
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

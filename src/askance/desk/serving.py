"""A desk that runs: the page's server in this process, and those behind it, which are kept alive."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from askance.desk.behind import FAILED
from askance.errors import BadInput

PORT = 8710  # where a desk listens if nobody says so and the port is free
FIRST, LONGEST = 1.0, 30.0  # seconds until a process that died is started again
LOG = "desk.log"
STOPPING = 10.0  # seconds that it gets to end


@dataclass(frozen=True)
class Wish:
    """How a desk is to be served.

    Args:
        host: Where it listens.
        port: Its port; None for the usual one, or any that is free.
        names: Further names under which people visit it.
        password: What others type; empty on this machine alone.
        person: Who labels at this machine.
        suggest: When the model's guess is shown; None for what the project remembers.
        browser: Whether to open one.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    names: Sequence[str] = ()
    password: str = ""
    person: str = ""
    suggest: str | None = None
    browser: bool = True


class Behind:
    """Keeps a process behind the page alive as long as this one lives.

    Args:
        folder: The project's folder.
        command: What starts it.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._command = list(command)
        self._log = folder / LOG
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def end(self) -> None:
        """Tell it to end: its standard input ends, and it goes when what it does is done, or soon."""
        self._over.set()
        if self._process is not None:
            with suppress(OSError):
                assert self._process.stdin is not None
                self._process.stdin.close()

    def stop(self) -> None:
        """End it, and wait for that."""
        self.end()
        process = self._process
        if process is not None:
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._thread.join(STOPPING)

    def _keep(self) -> None:
        wait = FIRST
        while not self._over.is_set():
            begun = time.monotonic()
            with self._log.open("ab") as log:
                code = self._run(log)
            if code in (0, FAILED):
                return
            wait = FIRST if time.monotonic() - begun > LONGEST else min(LONGEST, 2 * wait)
            self._over.wait(wait)

    def _run(self, log: IO[bytes]) -> int:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
        if self._over.is_set():  # it was stopped before it was there
            self._process.kill()
        code = self._process.wait()
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        return code


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens; without a port the usual one, or any other if somebody has it.

    Raises:
        BadInput: If that is not possible.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last: OSError | None = None
    for number in (PORT, 0) if port is None else (port,):
        # asyncio sends small answers at once on sockets that name the protocol, and else waits 40 ms for more to send.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host.strip("[]"), number))
            made.listen(128)
            return made
        except OSError as error:
            made.close()
            last = error
    raise BadInput(f"Nobody can listen at {host}, port {port or PORT}: {last}. Name another one: --port 0 for any.")


def serve(
    folder: Path, wish: Wish, say: Callable[[str], None] = print, ready: Callable[[str], Any] = lambda link: None
) -> None:
    """Serve a project's desk until somebody interrupts.

    Args:
        folder: The project's folder.
        wish: How.
        say: Told what people should know.
        ready: Called with the link, once it can be opened.

    Raises:
        BadInput: For an address that would let strangers in, or a port that is taken.
        StorageError: If the project cannot be used.
    """
    from askance.desk.door import check_address
    from askance.desk.mounting import mounted

    check_address(wish.host, wish.password)
    with listen(wish.host, wish.port) as listening:
        port = int(listening.getsockname()[1])
        behind = [
            Behind(folder, [sys.executable, "-m", f"askance.desk.{name}", str(folder)])
            for name in ("dealer", "measurer")
        ]
        with mounted(folder, port, wish) as (app, link):
            for one in behind:
                one.start()
            try:
                say(_words(wish, link))
                _run(app, listening, lambda: (ready(link), wish.browser and webbrowser.open(link)))
            finally:
                for one in behind:
                    one.end()
                for one in behind:
                    one.stop()


def _words(wish: Wish, link: str) -> str:
    said = f"Label at {link}\nStop with Ctrl-C; what was answered is kept."
    if wish.password:
        said += f"\nOthers sign in with the password, at this machine's address and port ({wish.host})."
    return said


def _run(app: Any, listening: socket.socket, ready: Callable[[], Any]) -> None:
    """Serve until a signal."""
    import uvicorn

    from askance.desk.guard import UVICORN

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            threading.Thread(target=ready, daemon=True).start()  # a browser may take its time to open

    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=3, **UVICORN)
    with suppress(KeyboardInterrupt):
        Server(config).run([listening])

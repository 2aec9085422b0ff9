"""Processes of one session: which there are, where they listen, and their end. By Linux's /proc; elsewhere nothing."""

from __future__ import annotations

import ipaddress
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_LISTENS = "0A"  # the state of a socket that waits for others
_PAUSE = 0.05  # seconds between looks at whether killed processes are gone


def members(session: int) -> list[int]:
    """The processes of a session, dead ones that nobody fetched left out.

    Whatever a process of the session starts is in it too, unless it asks for a session of its own.
    """
    return [pid for pid, state, own in _processes() if own == session and state != "Z"]


def end(session: int, patience: float = 10.0) -> None:
    """Kill what is left of a session, and wait until it is gone."""
    until = time.monotonic() + patience
    while (left := members(session)) and time.monotonic() < until:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def ended(child: int, patience: float) -> bool:
    """Wait until a child of ours has ended, and leave it there: until it is fetched nobody else gets its number."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return True
        time.sleep(_PAUSE)
    return False


def open_doors(session: int) -> list[str]:
    """Addresses and ports on which processes of a session listen and that another machine could reach."""
    own = {inode for pid in members(session) for inode in _sockets(pid)}
    found = {place for name in ("tcp", "tcp6") for place, inode in _listening(_PROC / "net" / name) if inode in own}
    return sorted(f"{address}:{port}" for address, port in found if not _loopback(address))


def _loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback


def _processes() -> Iterator[tuple[int, str, int]]:
    """Number, state and session of every process."""
    for place in _PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()  # a name may hold anything, brackets too
            yield int(place.name), fields[0], int(fields[3])


def _sockets(pid: int) -> Iterator[str]:
    """The sockets that a process holds, by inode."""
    with suppress(OSError):
        for handle in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                name = os.readlink(handle)
                if name.startswith("socket:["):
                    yield name[len("socket:[") : -1]


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _listening(table: Path) -> Iterator[tuple[tuple[Address, int], str]]:
    """Where something listens, with the inode of the socket."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS:
                yield _address(fields[1]), fields[9]


def _address(text: str) -> tuple[Address, int]:
    """An address as the kernel prints it: words of four bytes, in the byte order of this machine.

    >>> _address("0100007F:1F90")
    (IPv4Address('127.0.0.1'), 8080)
    """
    host, port = text.split(":")
    words = [bytes.fromhex(host[start : start + 8])[::-1] for start in range(0, len(host), 8)]
    return ipaddress.ip_address(b"".join(words)), int(port, 16)

"""Under which names a desk may be visited: what a browser's Host and Origin have to say, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from askance.errors import BadInput

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_USUAL = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """One address of a desk.

    Args:
        origin: What a page from there calls itself, such as ``https://desk.example.org``.
        hosts: What a browser writes into ``Host``; with and without the port where it is the scheme's own.
    """

    origin: bytes
    hosts: tuple[bytes, ...]

    @property
    def secure(self) -> bool:
        """Whether the page comes over TLS, so that its cookies may be bound to that."""
        return self.origin.startswith(b"https://")


class Places:
    """Every address that a desk answers at; any other Host is a stranger's, as in DNS rebinding.

    What browsers send is compared with what was written down here, sign by sign, and never taken apart.

    Args:
        port: Where the server listens.
        names: Further names, as people write them: ``desk.lan`` is http at the server's port, ``desk.lan:81`` at
            another; ``https://desk.example.org`` is what stands before a proxy.

    Raises:
        BadInput: If a name is none.

    >>> places = Places(8000, ["https://desk.example.org"])
    >>> places.of(b"localhost:8000").origin, places.of(b"desk.example.org").secure, places.of(b"localhost:8001")
    (b'http://localhost:8000', True, None)
    """

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        self.port = port
        self.all = tuple(place(name, port) for name in (*LOOPBACK, *names))
        self._by_host = {host: here for here in self.all for host in here.hosts}

    def of(self, host: bytes) -> Place | None:
        """The place that a Host header names, None for a stranger's."""
        return self._by_host.get(host.lower())  # of bytes: ASCII letters and no other sign


def place(name: str, port: int) -> Place:
    """The place that a name means.

    Raises:
        BadInput: If it is no name of a machine, with or without scheme and port.
    """
    scheme, mark, rest = name.strip().lower().rpartition("://")
    host, own = _parted(rest)
    if (mark and scheme not in _USUAL) or not host or (own is not None and not 0 < own < 65_536):
        raise BadInput(
            f"{name!r} is no name for a desk. Write desk.lan, desk.lan:8080 or https://desk.example.org, and no path."
        )
    if own is None:
        own = _USUAL[scheme] if mark else port
    scheme = scheme or "http"
    bare, full = host.encode("ascii"), f"{host}:{own}".encode("ascii")
    usual = own == _USUAL[scheme]
    return Place(f"{scheme}://".encode() + (bare if usual else full), (bare, full) if usual else (full,))


def is_loopback(host: str) -> bool:
    """Whether a server that listens there can be reached from this machine alone.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", "desk.lan")]
    [True, True, True, False, False, False]
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _parted(rest: str) -> tuple[str, int | None]:
    """The host as browsers write it, empty if it is none, and its port, if there is one."""
    address = _address(rest)
    if address:
        return address, None
    host, colon, text = rest.rpartition(":")
    if not colon:
        return _named(rest), None
    return (_address(host) or _named(host), int(text)) if _PORT.fullmatch(text) else ("", None)


def _address(text: str) -> str:
    """An IP address as browsers write it, empty if it is none."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        found = ip_address(inside)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return "" if found.scope_id else f"[{found.compressed}]"
    return str(found) if inside == text else ""


def _named(text: str) -> str:
    """A name as browsers write it, in ASCII; empty if it is none."""
    try:
        plain = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return plain if _NAME.fullmatch(plain) else ""

"""Why a request to the desk is refused, whoever sends it: pure functions of what its head says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from askance.desk.places import Place, Places

LOGIN = "/login"  # the page that asks for the password; its parts are static files
_STATIC = "/static/"
_OPEN = frozenset({LOGIN, "/favicon.ico"})
_DOORSTEP = frozenset({"/", LOGIN})  # pages that a link elsewhere may lead to
_METHODS = ("GET", "HEAD", "POST")
_SINGLE = frozenset(  # headers of which two would be read differently by two readers
    {
        b"host",
        b"origin",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"x-askance",
    }
)
_ODD_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|//|(?:^|/)\.\.?(?:/|$)")


@dataclass(frozen=True)
class Bounds:
    """What requests may cost.

    Args:
        body: Bytes of a request's body.
        login: The same for a sign-in, which comes from strangers.
        headers: Bytes of all headers.
        target: Bytes of path and query.
        seconds: How long a body may take to arrive.
        rate: Requests in a second for each session, and for each address without one.
        burst: How many of them at once.
        crowd: How many sessions' worth of requests may come from one address.
        queue: Passwords that may wait to be checked; they are checked one after another.
    """

    body: int = 1_000_000
    login: int = 4_096
    headers: int = 32_768
    target: int = 16_384
    seconds: float = 30.0
    rate: float = 50.0
    burst: float = 200.0
    crowd: float = 10.0
    queue: int = 20


BOUNDS = Bounds()


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served.

    Args:
        status: The status.
        what: A short code for programs.
        error: A sentence for people.
        headers: Headers besides those of every response.
    """

    status: int
    what: str
    error: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


CLOSE = ((b"connection", b"close"),)  # whatever else was sent is not read
STRANGE_HOST = Refusal(
    421, "host", "The desk does not go by this name. Use the address it printed, or start it with this name.", CLOSE
)
TOO_LARGE = Refusal(413, "too-large", "The request is too large. Send fewer things at once.", CLOSE)
TOO_SLOW = Refusal(408, "too-slow", "The request did not arrive in time. Check the connection and try again.", CLOSE)


@dataclass(frozen=True)
class Asked:
    """What is read of a request's head.

    Args:
        method: The method.
        path: The path, with escapes resolved, as routes see it.
        query: The query, as it came.
        headers: The headers, names in lower case.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Asked:
        """What an ASGI scope says."""
        headers = tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"])
        return cls(scope["method"], scope["path"], scope.get("query_string", b""), headers)

    def header(self, name: bytes) -> bytes | None:
        """The first header of a name."""
        return next((value for given, value in self.headers if given == name), None)

    @property
    def host(self) -> bytes:
        """What the Host header says."""
        return self.header(b"host") or b""

    @property
    def cookies(self) -> bytes:
        """All cookies."""
        return b"; ".join(value for name, value in self.headers if name == b"cookie")

    @property
    def is_api(self) -> bool:
        """Whether a program asks, and not somebody who would read a page."""
        return self.path.startswith("/api")

    @property
    def is_open(self) -> bool:
        """Whether those who are not signed in are served, too."""
        return self.method != "POST" and (self.path in _OPEN or self.path.startswith(_STATIC))


def objection(asked: Asked, places: Places, bounds: Bounds = BOUNDS) -> Refusal | None:
    """Why a request is refused, None if it is not.

    Args:
        asked: Its head.
        places: Under which names the desk may be visited.
        bounds: What it may cost.
    """
    place = places.of(asked.host)
    return (
        _size_objection(asked, bounds)
        or (STRANGE_HOST if place is None else None)
        or _shape_objection(asked)
        or (_origin_objection(asked, place) if place else None)
        or (_post_objection(asked, bounds) if asked.method == "POST" else _get_objection(asked))
    )


def too_fast(seconds: float, why: str = "Too many requests.") -> Refusal:
    """The refusal of somebody who asks too often."""
    wait = max(1, math.ceil(seconds))
    after = (b"retry-after", str(wait).encode())
    return Refusal(429, "too-fast", f"{why} Try again in {wait} seconds.", (after, *CLOSE))


def _size_objection(asked: Asked, bounds: Bounds) -> Refusal | None:
    if sum(len(name) + len(value) + 4 for name, value in asked.headers) > bounds.headers:
        return Refusal(431, "headers", "The headers are too large. Clear this site's cookies and try again.", CLOSE)
    if len(asked.path.encode("utf-8", "surrogatepass")) + len(asked.query) > bounds.target:
        return Refusal(414, "address", "The address is too long. Ask for fewer things at once.", CLOSE)
    return None


def _shape_objection(asked: Asked) -> Refusal | None:
    single = [name for name, _ in asked.headers if name in _SINGLE]
    if len(single) > len(set(single)):
        return Refusal(400, "headers", "A header is there twice. Send it once.", CLOSE)
    if asked.method not in _METHODS:
        allow = (b"allow", ", ".join(_METHODS).encode())
        return Refusal(405, "method", "This method is not served here. Use GET or POST.", (allow, *CLOSE))
    if _ODD_PATH.search(asked.path):
        return Refusal(404, "address", "There is nothing at this address. Go back to the first page.", CLOSE)
    return None


def _origin_objection(asked: Asked, place: Place) -> Refusal | None:
    """By Origin, which must be that of the place, and by Sec-Fetch-Site, which pages cannot forge."""
    refusal = Refusal(403, "origin", "Another site sent this request. Open the desk itself and do it there.", CLOSE)
    origin = asked.header(b"origin")
    if origin is not None and origin != place.origin:
        return refusal
    # A page at another port of this machine is same-site, and gets our cookies sent: it is as strange as any other.
    if asked.header(b"sec-fetch-site") in (None, b"same-origin", b"none"):
        return None
    # Somebody follows a link to the desk's first page: it changes nothing, and shows nothing to where the link was.
    navigates = (asked.header(b"sec-fetch-mode"), asked.header(b"sec-fetch-dest")) == (b"navigate", b"document")
    return None if navigates and asked.method == "GET" and asked.path in _DOORSTEP else refusal


def _get_objection(asked: Asked) -> Refusal | None:
    if asked.header(b"content-length") in (None, b"0") and asked.header(b"transfer-encoding") is None:
        return None
    return Refusal(400, "body", "A GET has no body. Send it with POST.", CLOSE)


def _post_objection(asked: Asked, bounds: Bounds) -> Refusal | None:
    if asked.header(b"x-askance") != b"1":
        return Refusal(403, "header", "The header X-Askance: 1 is missing. Send it with every POST.", CLOSE)
    kind, _, parameter = (asked.header(b"content-type") or b"").lower().partition(b";")
    if kind.strip() != b"application/json" or parameter.strip() not in (b"", b"charset=utf-8"):
        return Refusal(415, "kind", "Only JSON is read here. Send it as application/json.", CLOSE)
    if (asked.header(b"content-encoding") or b"identity").lower() != b"identity":
        return Refusal(415, "kind", "Nothing packed is read here. Send plain JSON.", CLOSE)
    length = asked.header(b"content-length")
    if length is None:
        return None  # in chunks; the guard counts what comes
    if not re.fullmatch(rb"[0-9]{1,18}", length) or asked.header(b"transfer-encoding") is not None:
        return Refusal(400, "headers", "The length of the body is not clear. Send it again.", CLOSE)
    return TOO_LARGE if int(length) > bounds.body else None

"""The guard before every route: what it lets through is from our own page, of a fair size, and signed in."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from askance.desk.door import Door
from askance.desk.objections import (
    BOUNDS,
    LOGIN,
    STRANGE_HOST,
    TOO_LARGE,
    TOO_SLOW,
    Asked,
    Bounds,
    Refusal,
    objection,
    too_fast,
)
from askance.desk.places import Place, Places
from askance.desk.rates import Attempts, Buckets, neighborhood
from askance.desk.sessions import Session
from askance.errors import StorageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What uvicorn is to be told besides: it otherwise believes X-Forwarded-For of any program on this machine, and writes
# every address into its log, the one with the token too.
UVICORN: Mapping[str, Any] = MappingProxyType(
    {
        "http": "h11",
        "ws": "none",
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "limit_concurrency": 200,
        "h11_max_incomplete_event_size": BOUNDS.headers + BOUNDS.target,
    }
)

HEADERS = (  # of every response
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        b"microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=()",
    ),
)
_OURS = frozenset(name for name, _ in HEADERS)
_NO_STORE = (b"cache-control", b"no-store")
_AGAIN = "/?again"  # the first page, asked for from our own page
_DISK = Refusal(503, "disk", "The desk cannot use its file right now. Wait a little and try again.")
_log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware around a whole app; `objection` says what it refuses, `Door` whom it knows.

    It answers ``/?token=...`` and ``POST /api/login`` itself. A request that it lets through has a session, which
    routes find as ``request.state.session``; only `LOGIN` and static files are served to all. Bodies are read whole
    before the app is called. Put it around the app, not into it, so that it sees what error handlers send:
    ``uvicorn.run(Guard(app, door, places), **UVICORN)``.

    Args:
        app: The app. Its GET routes must change nothing: the guard cannot know.
        door: Who may come in.
        places: Under which names.
        bounds: What requests may cost.
    """

    def __init__(self, app: ASGIApp, door: Door, places: Places, bounds: Bounds = BOUNDS) -> None:
        self._app, self._door, self._places, self._bounds = app, door, places, bounds
        self._people = Buckets(bounds.rate, bounds.burst)
        self._addresses = Buckets(bounds.rate * bounds.crowd, bounds.burst * bounds.crowd)
        self._attempts = Attempts()
        self._checking = asyncio.Semaphore(1)  # argon2 takes 64 MB each time
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        asked = Asked.of(scope)
        send = _with_headers(send, asked.is_api)
        address = neighborhood((scope.get("client") or ("",))[0])
        try:
            passed = await self._checked(asked, address, receive, send)
        except StorageError as error:
            _log.warning("%s", error)  # it names a path, which is nothing for strangers
            passed = _DISK
        if isinstance(passed, Refusal):
            await _refuse(passed, send)
        elif passed is not None:
            state = {**scope.get("state", {}), "session": passed.session}
            if passed.body is not None:
                receive = _once(passed.body, receive)
            await self._app({**scope, "state": state}, receive, send)

    async def _checked(self, asked: Asked, address: str, receive: Receive, send: Send) -> _Passed | Refusal | None:
        """What the app is to get, why it gets nothing, or None where all was said already."""
        if wait := self._addresses.take(address):
            return too_fast(wait)
        if refusal := objection(asked, self._places, self._bounds):
            return refusal
        place = self._places.of(asked.host)
        if place is None:
            return STRANGE_HOST
        if asked.path == "/api/login" and asked.method == "POST":
            return await self._log_in(asked, place, address, receive, send)
        session = await self._session(asked, place)
        if wait := self._people.take(session.key if session else address):
            return too_fast(wait)
        if asked.path == "/" and asked.method == "GET" and (token := _token(asked.query)) is not None:
            await self._come_in(token, session, asked, place, send)
            return None
        if session is None and not asked.is_open:
            return await self._ask_to_sign_in(asked, send)
        if asked.method != "POST":
            return _Passed(session, None)
        body = await _body(receive, self._bounds.body, self._bounds.seconds)
        return body if isinstance(body, Refusal) else _Passed(session, body)

    async def _session(self, asked: Asked, place: Place) -> Session | None:
        cookies = asked.cookies
        if not cookies:
            return None
        return self._door.recent(cookies, place) or await asyncio.to_thread(self._door.known, cookies, place)

    async def _come_in(self, token: str, session: Session | None, asked: Asked, place: Place, send: Send) -> None:
        if self._door.token_fits(token):
            cookie = await asyncio.to_thread(self._door.admit, asked.cookies, place)
            await _redirect("/", send, (b"set-cookie", cookie))
        elif session is not None:  # an old link, and signed in all the same
            await _redirect("/", send)
        else:
            await _page(401, "This link is not of this run of the desk.", _how(self._door), send)

    async def _log_in(self, asked: Asked, place: Place, address: str, receive: Receive, send: Send) -> Refusal | None:
        if not self._door.has_password:
            return Refusal(404, "no-password", f"This desk has no password. {_how(self._door)}")
        if self._waiting >= self._bounds.queue:
            return too_fast(5.0)
        if wait := self._attempts.begin(address):
            return too_fast(wait, "Too many wrong passwords.")
        body = await _body(receive, self._bounds.login, self._bounds.seconds)
        if isinstance(body, Refusal):
            return body
        given = _password(body)
        if given is None:
            return Refusal(422, "fields", 'There is no password in the request. Send {"password": "..."}.')
        self._waiting += 1
        try:
            async with self._checking:
                fits = await asyncio.to_thread(self._door.password_fits, given)
        finally:
            self._waiting -= 1
        if not fits:
            return Refusal(401, "password", "This is not the password. Check it and try again.")
        self._attempts.succeeded(address)
        cookie = await asyncio.to_thread(self._door.admit, asked.cookies, place)
        await _answer(200, b'{"signed_in":true}', b"application/json", send, (b"set-cookie", cookie))
        return None

    async def _ask_to_sign_in(self, asked: Asked, send: Send) -> Refusal | None:
        if asked.is_api:
            return Refusal(401, "signed-out", f"You are not signed in. {_how(self._door)}")
        if asked.path == "/" and asked.query != b"again":
            # A browser that comes by a link elsewhere keeps strict cookies back; from a page of ours it sends them.
            await _page(401, "One moment ...", f'<a href="{_AGAIN}">Go on</a>', send, refresh=_AGAIN)
        elif self._door.has_password:
            await _redirect(LOGIN, send)
        else:
            await _page(401, "You are not signed in.", _how(self._door), send)
        return None


@dataclass(frozen=True)
class _Passed:
    """What the app is to get: whose request it is, None for what is open to all, and a POST's body."""

    session: Session | None
    body: bytes | None


async def _body(receive: Receive, limit: int, seconds: float) -> bytes | Refusal:
    """A body, read no further than its limit; declared or not, what comes is counted."""
    parts: list[bytes] = []
    left = limit
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return TOO_SLOW
                part = message.get("body", b"")
                left -= len(part)
                if left < 0:
                    return TOO_LARGE
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        return TOO_SLOW


def _once(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _with_headers(send: Send, is_api: bool) -> Send:
    """Add our headers to a response, in place of the app's; nobody else's page may read it, whatever the app says."""
    ours = _OURS | {b"cache-control"} if is_api else _OURS
    added = (*HEADERS, _NO_STORE) if is_api else HEADERS

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(bytes(name).lower(), value) for name, value in message.get("headers", ())]
            kept = [one for one in headers if one[0] not in ours and not one[0].startswith(b"access-control-")]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return guarded


def _token(query: bytes) -> str | None:
    """The token of a query, None if there is none."""
    try:
        found = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=10).get("token")
    except ValueError:
        return None
    return found[0] if found else None


def _password(body: bytes) -> str | None:
    """The password that somebody sent, None if it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    given = found.get("password") if isinstance(found, dict) else None
    return given if isinstance(given, str) else None


def _how(door: Door) -> str:
    return "Sign in with the password." if door.has_password else "Open the link that askance label printed."


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.error, "what": refusal.what}).encode("ascii")
    await _answer(refusal.status, body, b"application/json", send, *refusal.headers)


async def _redirect(to: str, send: Send, *headers: tuple[bytes, bytes]) -> None:
    await _answer(303, b"", b"text/plain", send, (b"location", to.encode("ascii")), _NO_STORE, *headers)


async def _page(status: int, title: str, text: str, send: Send, refresh: str = "") -> None:
    """A page of our own words: nothing that anybody sent is in it."""
    meta = f'<meta http-equiv="refresh" content="0; url={refresh}">' if refresh else ""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{meta}<title>askance</title>'
        f'<link rel="stylesheet" href="/static/style.css"></head><body><h1>{title}</h1><p>{text}</p></body></html>'
    )
    await _answer(status, body.encode("utf-8"), b"text/html; charset=utf-8", send, _NO_STORE)


async def _answer(status: int, body: bytes, kind: bytes, send: Send, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode("ascii"))
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), length, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})

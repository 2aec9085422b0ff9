"""A small desk behind its guard, as the real one is mounted, and ways to ask it what no browser would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.testclient import TestClient

from askance.desk.door import Door
from askance.desk.guard import Guard
from askance.desk.objections import BOUNDS, Bounds
from askance.desk.places import Places
from askance.desk.sessions import Sessions

PORT = 8000
BASE = f"http://127.0.0.1:{PORT}"
TOKEN = "a-token-that-only-the-tests-know"
PASSWORD = "five words drawn at random"
POST = {"X-Askance": "1", "Content-Type": "application/json"}


def small_app(sessions: Sessions) -> FastAPI:
    """Routes like those of the desk. FastAPI's own pages load scripts from elsewhere, so they are off."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse("<!doctype html><p>the desk</p>", headers={"Referrer-Policy": "unsafe-url"})

    @app.get("/login")
    def login() -> HTMLResponse:
        return HTMLResponse("<!doctype html><p>the password, please</p>")

    @app.get("/static/{name:path}")
    def static(name: str) -> Response:
        return Response(f"// {name}", media_type="text/javascript", headers={"Cache-Control": "max-age=60"})

    @app.get("/api/state")
    def state(request: Request) -> dict[str, str]:
        return {"person": request.state.session.person}

    @app.post("/api/person")
    async def person(request: Request) -> dict[str, str]:
        name = (await request.json())["name"]
        sessions.name(request.state.session.key, name)
        return {"person": name}

    @app.post("/api/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.get("/api/stream")
    def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one ", b"two"):
                yield part

        return StreamingResponse(parts(), headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "public"})

    @app.get("/api/broken")
    def broken() -> None:
        raise RuntimeError("a route that fails")

    return app


@dataclass
class Desk:
    """A desk, its parts, and a browser that has been to no other."""

    sessions: Sessions
    door: Door
    guard: Guard
    base: str = BASE

    def browser(self, **options: Any) -> TestClient:
        return TestClient(self.guard, base_url=self.base, follow_redirects=False, **options)

    def signed_in(self, **options: Any) -> TestClient:
        """A browser that opened the link."""
        browser = self.browser(**options)
        assert browser.get(self.door.link).status_code == 303
        return browser

    def close(self) -> None:
        self.sessions.close()


def desk(
    folder: Path,
    *,
    port: int = PORT,
    names: Iterable[str] = (),
    token: str = TOKEN,
    password: str = "",
    bounds: Bounds = BOUNDS,
    base: str = BASE,
) -> Desk:
    sessions = Sessions(folder / "desk.db")
    door = Door(sessions, port, token=token, password=password)
    return Desk(sessions, door, Guard(small_app(sessions), door, Places(port, names), bounds), base)


@dataclass
class Said:
    """What came back to a raw request."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    received: int = 0  # messages of the body that the guard or the app took

    @property
    def what(self) -> str:
        return str(json.loads(self.body)["what"])

    def header(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.headers if given == name]


def ask(
    guard: Guard,
    method: str = "GET",
    path: str = "/api/state",
    headers: Sequence[tuple[bytes, bytes]] = ((b"host", b"127.0.0.1:8000"),),
    *,
    query: bytes = b"",
    body: Iterable[bytes] = (b"",),
    client: str = "127.0.0.1",
    pause: float = 0.0,
) -> Said:
    """Ask as a program would that writes its own HTTP; a body comes in as many parts as it has, with pauses."""
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "surrogatepass")}
    scope |= {"query_string": query, "headers": list(headers), "client": (client, 1), "server": ("127.0.0.1", PORT)}
    scope |= {"scheme": "http", "http_version": "1.1", "root_path": ""}
    said, parts = Said(), iter(body)
    waiting = [next(parts)]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        if not waiting:
            return {"type": "http.disconnect"}
        said.received += 1
        part = waiting.pop()
        waiting.extend(next_ for next_ in [next(parts, None)] if next_ is not None)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert said.status == 0, "one request, one response"
            said.status, said.headers = message["status"], list(message["headers"])
        else:
            said.body += message.get("body", b"")

    asyncio.run(guard(scope, receive, send))
    return said

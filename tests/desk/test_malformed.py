"""Whatever is sent to the desk, it answers with a reason and never with a failure of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_projects import begun

from askance.desk.mounting import mounted
from askance.desk.serving import Wish

PORT = 8000
PATHS = (
    *("claim", "answer", "answers", "undo", "note", "names", "task", "person", "suggest", "login"),
    *("state", "mine", "why/x", "item/x", "image/x", "map", "map/text", "proof", "nothing"),
)

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
FIELDS = {
    "n": st.integers(-2, 12) | values,
    "id": st.sampled_from(["0", "3", "99", ""]) | values,
    "ids": st.lists(st.sampled_from(["0", "3", "99"]), max_size=4) | values,
    "value": st.sampled_from(["money", "printer", "new one", "", " ", "\x00", "a" * 400]) | values,
    "kind": st.sampled_from(["label", "soft", "unsure", "withdrawn", "broken", "classes", "number"]) | values,
    "seconds": st.floats() | values,
    "once": st.text(max_size=5) | st.just("x" * 101) | values,
    "how": st.sampled_from(["", "key", "lasso", "mind"]) | values,
    "saw": st.fixed_dictionaries({"guess": values, "mode": st.sampled_from(["after", "x"])}) | values,
    "flag": values,
    "comment": st.text(max_size=5) | st.just("x" * 2001) | values,
    "skip": values,
    "do": st.sampled_from(["add", "rename", "merge"]) | values,
    "name": st.sampled_from(["money", "printer", "x", "", "file", "\ud800"]) | values,
    "to": st.sampled_from(["money", "printer", "x", ""]) | values,
    "mode": st.sampled_from(["never", "before"]) | values,
    "password": values,
}
bodies = st.fixed_dictionaries({}, optional=FIELDS) | values
texts = bodies.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40)
HEADER = st.sampled_from(
    [
        (b"content-type", b"text/plain"),
        (b"content-type", b"application/json; charset=utf-16"),
        (b"origin", b"http://evil.example"),
        (b"host", b"evil.example"),
        (b"content-length", b"-1"),
        (b"content-length", b"99999999999"),
        (b"transfer-encoding", b"chunked"),
        (b"cookie", b"\xff=\xfe; a"),
        (b"accept", b"\x00"),
        (b"range", b"bytes=9-1"),
    ]
)
requests = st.tuples(
    st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "DELETE", "\x00"]),
    st.sampled_from([f"/api/{path}" for path in PATHS] + ["/", "/static/app.js", "/static/../x", "/api//"]),
    st.sampled_from(
        [b"", b"before=x", b"before=-1", b"before=999999999999999999999", b"keys=", b"keys=,a,,", b"token=x"]
    )
    | st.binary(max_size=10),
    texts,
    st.lists(HEADER, max_size=1),
)


class Visitor:
    """Somebody who is signed in, and sends what they like."""

    def __init__(self, app: Any, link: str) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        token = link.partition("?")[2].encode()
        _, headers, _ = self.send("GET", "/", token, b"", [])
        self._cookie = next(value for name, value in headers if name == b"set-cookie").partition(b";")[0]

    def send(
        self, method: str, path: str, query: bytes, body: bytes, more: list[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer."""
        own = {
            b"host": f"127.0.0.1:{PORT}".encode(),
            b"content-type": b"application/json",
            b"content-length": str(len(body)).encode(),
            b"x-askance": b"1",
            b"cookie": getattr(self, "_cookie", b""),
            **dict(more),
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "scheme": "http",
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 1),
            "headers": [(name, value) for name, value in own.items() if value],
        }
        said: list[dict[str, Any]] = []
        left = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return left.pop() if left else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        content = b"".join(one.get("body", b"") for one in said[1:])
        return said[0]["status"], said[0]["headers"], content

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    place = begun(tmp_path_factory.mktemp("desk"))
    from dataclasses import replace

    from askance.desk import guard

    fast = replace(guard.BOUNDS, rate=1e9, burst=10**9)
    with mounted(place, PORT, Wish(person="ann"), bounds=fast) as (app, link):
        made = Visitor(app, link)
        yield made
        made.close()


def answered(visitor: Visitor, request: Any) -> None:
    status, headers, content = visitor.send(*request)
    assert status < 500, (request, status, content)
    assert dict(headers)[b"x-content-type-options"] == b"nosniff"
    if status >= 400 and request[0] != "HEAD" and request[1].startswith("/api/"):
        found = json.loads(content)
        assert found["error"] and found["what"], request


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(requests)
def test_odd_requests_get_a_reason(visitor: Visitor, request: Any) -> None:
    answered(visitor, request)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(requests)
def test_ten_thousand_odd_requests_get_a_reason(visitor: Visitor, request: Any) -> None:
    answered(visitor, request)


def test_nothing_of_that_broke_the_desk(visitor: Visitor, tmp_path: Path) -> None:
    status, _, content = visitor.send("GET", "/api/state", b"", b"", [])
    assert status == 200 and json.loads(content)["progress"]["items"] == 24

"""What the guard lets through is from our own page, of a fair size and signed in; nothing else reaches the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import pytest
from desks import BASE, POST, Desk, Said, ask
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from askance.desk.guard import HEADERS
from askance.desk.objections import Asked, Bounds, objection
from askance.desk.places import Places
from askance.desk.sessions import Sessions
from askance.errors import StorageError

HOST = (b"host", b"127.0.0.1:8000")
OUR_POST = (HOST, (b"x-askance", b"1"), (b"content-type", b"application/json"))
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture
def browser(here: Desk) -> TestClient:
    return here.signed_in()


def cookie(desk: Desk) -> tuple[bytes, bytes]:
    """The header of somebody who is signed in."""
    return b"cookie", f"askance-8000={desk.sessions.start('ann')}".encode()


def post(desk: Desk, *headers: tuple[bytes, bytes], path: str = "/api/echo", **options: Any) -> Said:
    return ask(desk.guard, "POST", path, (*OUR_POST, cookie(desk), *headers), **options)


# Who is served


def test_the_app_is_served_to_those_who_are_signed_in(browser: TestClient) -> None:
    assert browser.get("/").status_code == 200
    assert browser.get("/api/state").json() == {"person": ""}
    assert browser.post("/api/person", json={"name": "ann"}, headers=POST).json() == {"person": "ann"}
    assert browser.get("/api/state").json() == {"person": "ann"}
    assert browser.get("/api/stream").text == "one two"
    assert browser.get("/static/app.js").text == "// app.js"


@pytest.mark.parametrize("path", ["/api/state", "/api", "/api/", "/api/nothing", "/api/stream", "/api/login"])
def test_nothing_under_api_is_served_to_strangers(here: Desk, path: str) -> None:
    answer = here.browser().get(path)
    assert (answer.status_code, answer.json()["what"]) == (401, "signed-out")


@pytest.mark.parametrize("path", ["/", "/?again", "/anything", "/Static/app.js", "/statics", "/login/x"])
def test_no_page_is_served_to_strangers(here: Desk, path: str) -> None:
    answer = here.browser().get(path)
    assert answer.status_code == 401 and "the desk</p>" not in answer.text


@pytest.mark.parametrize("path", ["/login", "/static/app.js", "/static/deep/style.css"])
def test_the_login_page_and_its_parts_are_served_to_all(here: Desk, path: str) -> None:
    assert here.browser().get(path).status_code == 200


def test_strangers_may_post_nothing_but_a_password(here: Desk) -> None:
    for path in ("/", "/login", "/static/app.js", "/api/echo"):
        answer = ask(here.guard, "POST", path, OUR_POST, body=repeat(b"x" * 1000, 1000))
        assert answer.status in (303, 401) and answer.received == 0


def test_the_first_page_sends_a_browser_that_came_by_a_link_once_more_with_its_cookie(here: Desk) -> None:
    first = here.browser().get("/")
    assert '<meta http-equiv="refresh" content="0; url=/?again">' in first.text
    again = here.browser().get("/?again")
    assert again.status_code == 401 and "refresh" not in again.text and "Open the link" in again.text


# Other sites


@pytest.mark.parametrize(
    "host", [b"evil.example:8000", b"evil.example", b"127.0.0.1:8001", b"", b"localhost:8000.evil"]
)
def test_a_name_that_was_bound_anew_to_this_machine_is_refused(here: Desk, host: bytes) -> None:
    answer = ask(here.guard, "GET", "/", ((b"host", host), cookie(here)))
    assert (answer.status, answer.what) == (421, "host")


def test_two_hosts_or_none_are_refused(here: Desk) -> None:
    assert ask(here.guard, "GET", "/", (cookie(here),)).status == 421
    for second in (HOST, (b"Host", b"evil.example")):
        assert ask(here.guard, "GET", "/", (HOST, second, cookie(here))).status == 400


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"null",
        b"",
        b"http://127.0.0.1:3000",
        b"https://127.0.0.1:8000",
        b"http://localhost:8000",
    ],
)
def test_a_request_from_another_origin_is_refused(here: Desk, origin: bytes) -> None:
    answer = post(here, (b"origin", origin))
    assert (answer.status, answer.what) == (403, "origin")
    assert ask(here.guard, "GET", "/api/state", (HOST, cookie(here), (b"origin", origin))).status == 403


def test_our_own_origin_is_served(here: Desk) -> None:
    assert post(here, (b"origin", BASE.encode()), (b"sec-fetch-site", b"same-origin")).status == 200


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"anything"])
def test_a_request_that_a_browser_says_is_another_sites_is_refused(here: Desk, site: bytes) -> None:
    fetched = ((b"sec-fetch-site", site), (b"sec-fetch-mode", b"no-cors"), (b"sec-fetch-dest", b"image"))
    assert post(here, *fetched).status == 403
    for path in ("/", "/api/state", "/static/app.js", "/login"):
        assert ask(here.guard, "GET", path, (HOST, cookie(here), *fetched)).status == 403


def test_a_link_elsewhere_may_lead_to_the_first_page_and_no_further(here: Desk) -> None:
    clicked = ((b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))
    for path, status in (("/", 401), ("/login", 200), ("/api/state", 403), ("/static/app.js", 403)):
        assert ask(here.guard, "GET", path, (HOST, *clicked)).status == status
    framed = (*clicked[:2], (b"sec-fetch-dest", b"iframe"))
    assert ask(here.guard, "GET", "/", (HOST, *framed)).status == 403
    assert post(here, *clicked).status == 403


def test_no_other_site_gets_leave_to_read_or_to_send(browser: TestClient) -> None:
    ask_first = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = browser.options("/api/echo", headers=ask_first)
    assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in browser.get("/api/stream").headers, "not even if a route says so"


@pytest.mark.parametrize("value", [None, "", "0", "true", "1, 1"])
def test_a_post_without_our_header_is_refused(browser: TestClient, value: str | None) -> None:
    headers = {"Content-Type": "application/json"} | ({} if value is None else {"X-Askance": value})
    answer = browser.post("/api/echo", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["what"]) == (403, "header")


# What is sent


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND", "", "G\0T"]
)
def test_other_methods_are_refused(here: Desk, method: str) -> None:
    answer = ask(here.guard, method, "/api/state", (HOST, cookie(here)))
    assert (answer.status, answer.what) == (405, "method")
    assert answer.header(b"allow") == [b"GET, HEAD, POST"]


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"text/plain, application/json",
        b"application/json; charset=utf-7",
        b"application/json, text/plain",
    ],
)
def test_what_is_not_json_is_refused(here: Desk, kind: bytes) -> None:
    headers = (HOST, (b"x-askance", b"1"), (b"content-type", kind), cookie(here))
    assert ask(here.guard, "POST", "/api/echo", headers, body=[b"{}"]).status == 415


def test_json_in_utf_8_is_json(here: Desk) -> None:
    headers = (HOST, (b"x-askance", b"1"), (b"content-type", b"Application/JSON; charset=UTF-8"), cookie(here))
    assert ask(here.guard, "POST", "/api/echo", headers, body=[b"{}"]).status == 200


@pytest.mark.parametrize("packed", [b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip"])
def test_a_packed_body_is_refused_before_it_unpacks_to_anything(here: Desk, packed: bytes) -> None:
    assert post(here, (b"content-encoding", packed), body=[b"\x1f\x8b"]).status == 415


def test_a_body_that_is_said_to_be_too_large_is_not_read(here: Desk) -> None:
    answer = post(here, (b"content-length", b"1000001"), body=repeat(b"x" * 1000, 1000))
    assert (answer.status, answer.what, answer.received) == (413, "too-large", 0)
    assert answer.header(b"connection") == [b"close"]


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"0x10", b" 5", b"5 ", b"\xb2", b"9" * 100, b"5, 5", b""])
def test_a_length_that_is_no_number_is_refused(here: Desk, length: bytes) -> None:
    assert post(here, (b"content-length", length), body=[b"{}"]).status == 400


def test_a_body_of_two_lengths_is_refused(here: Desk) -> None:
    both = ((b"content-length", b"2"), (b"transfer-encoding", b"chunked"))
    assert post(here, *both, body=[b"{}"]).status == 400


def test_a_body_in_chunks_is_read_no_further_than_the_limit(here: Desk) -> None:
    answer = post(here, (b"transfer-encoding", b"chunked"), body=repeat(b"x" * 10_000, 200))
    assert (answer.status, answer.received) == (413, 101)
    small = (b"content-length", b"5")  # and what it says of itself is not believed
    assert post(here, small, body=repeat(b"x" * 10_000, 200)).status == 413


def test_a_body_of_just_the_limit_arrives_whole(here: Desk) -> None:
    parts = [b"x" * 250_000] * 4
    assert post(here, body=parts).body == b'{"bytes":1000000}'
    assert post(here, body=[*parts, b"x"]).status == 413


def test_a_body_that_trickles_in_is_given_up(make: Callable[..., Desk]) -> None:
    desk = make(bounds=Bounds(seconds=0.2))
    answer = post(desk, body=repeat(b"x", 30), pause=0.03)
    assert (answer.status, answer.what) == (408, "too-slow") and answer.received < 20


def test_a_sign_in_has_a_small_limit_of_its_own(make: Callable[..., Desk]) -> None:
    desk = make(password="five words drawn at random")
    answer = ask(desk.guard, "POST", "/api/login", OUR_POST, body=repeat(b"x" * 1000, 1000))
    assert (answer.status, answer.received) == (413, 5)


def test_a_get_with_a_body_is_refused(here: Desk) -> None:
    for header in ((b"content-length", b"5"), (b"transfer-encoding", b"chunked")):
        assert ask(here.guard, "GET", "/api/state", (HOST, cookie(here), header)).status == 400


def test_huge_headers_and_addresses_are_refused(here: Desk) -> None:
    assert ask(here.guard, "GET", "/", (HOST, (b"cookie", b"x" * 33_000))).status == 431
    assert ask(here.guard, "GET", "/", (HOST, *[(b"x", b"")] * 7000)).status == 431
    assert ask(here.guard, "GET", "/" + "x" * 17_000).status == 414
    assert ask(here.guard, "GET", "/", query=b"x" * 17_000).status == 414


@pytest.mark.parametrize(
    "path",
    [
        "/static/../api/state",
        "/static/..",
        "/..",
        "/static/./x",
        "//evil.example/",
        "/static//etc/passwd",
        "/static/a\\b",
        "/static/a\0.js",
        "/static/a\r\nSet-Cookie: x",
        "/api/state\x7f",
        "/static/..\\..\\x",
        "/static/\x85",
    ],
)
def test_addresses_that_two_readers_would_read_differently_are_refused(here: Desk, path: str) -> None:
    answer = ask(here.guard, "GET", path, (HOST, cookie(here)))
    assert (answer.status, answer.what) == (404, "address")


@pytest.mark.parametrize("header", ["origin", "content-type", "content-length", "x-askance", "sec-fetch-site"])
def test_a_header_that_comes_twice_is_refused(here: Desk, header: str) -> None:
    value = {"origin": BASE, "content-type": "application/json", "content-length": "2", "x-askance": "1"}
    twice = (header.encode(), value.get(header, "none").encode())
    headers = [one for one in (*OUR_POST, cookie(here)) if one[0] != twice[0]]
    assert ask(here.guard, "POST", "/api/echo", [*headers, twice, twice], body=[b"{}"]).status == 400


def test_a_socket_is_refused(here: Desk) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, here.signed_in().websocket_connect("/"):
        pass
    assert refused.value.code == 1008


# How much


def test_a_person_is_slowed_down_and_another_at_the_same_address_is_not(make: Callable[..., Desk]) -> None:
    desk = make(bounds=Bounds(rate=0.001, burst=5))
    ann, ben = desk.signed_in(), desk.signed_in()
    answers = [ann.get("/api/state") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0 and answers[-1].json()["what"] == "too-fast"
    assert ben.get("/api/state").status_code == 200


def test_an_address_is_slowed_down_however_many_sessions_it_has(make: Callable[..., Desk]) -> None:
    desk = make(bounds=Bounds(rate=0.001, burst=2, crowd=5))
    answers = [post(desk, body=[b"{}"]) for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]


def test_a_stranger_is_slowed_down_by_address_whatever_headers_say(make: Callable[..., Desk]) -> None:
    desk = make(bounds=Bounds(rate=0.001, burst=3))
    forwarded = [(HOST, (b"x-forwarded-for", b"192.0.2.%d" % number), (b"forwarded", b"for=x")) for number in range(4)]
    assert [ask(desk.guard, "GET", "/api/state", each).status for each in forwarded] == [401, 401, 401, 429]
    assert ask(desk.guard, "GET", "/api/state", client="192.0.2.1").status == 401


def test_a_person_at_work_is_never_slowed_down(browser: TestClient) -> None:
    assert {browser.get("/api/state").status_code for _ in range(150)} == {200}


# What comes back


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/api/state", 200), ("/nothing", 404), ("/api/broken", 500), ("/static/../x", 404)],
)
def test_every_response_has_our_headers_once(here: Desk, path: str, status: int) -> None:
    browser = here.signed_in(raise_server_exceptions=False)
    answer = browser.get(path.replace("..", "%2e%2e"))
    assert answer.status_code == status
    for name, value in HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["referrer-policy"] == "no-referrer", "whatever a route says"


def test_refusals_and_signing_in_have_our_headers_too(here: Desk) -> None:
    for answer in (here.browser().get("/"), here.browser().get("/api/state"), here.browser().get(here.door.link)):
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["cache-control"] == "no-store"


def test_nothing_under_api_is_kept_by_a_browser_and_static_files_may_be(browser: TestClient) -> None:
    assert browser.get("/api/stream").headers.get_list("cache-control") == ["no-store"]
    assert browser.get("/static/app.js").headers["cache-control"] == "max-age=60"


def test_refusals_repeat_nothing_that_was_sent(here: Desk) -> None:
    mark = "<script>alert(1)</script>"
    for answer in (
        here.browser().get("/api/x", params={"token": mark}),
        here.browser().get("/", params={"token": mark}),
        here.browser().get("/" + mark),
        here.browser().get("/", headers={"Host": mark, "Origin": mark}),
    ):
        assert answer.status_code >= 400 and "alert" not in answer.text


def test_a_desk_that_cannot_read_its_file_says_so_without_its_place(
    here: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StorageError("/home/ann/desk.db cannot be used: the disk is full.")

    monkeypatch.setattr(Sessions, "start", full)
    answer = here.browser().get(here.door.link)
    assert (answer.status_code, answer.json()["what"]) == (503, "disk")
    assert "/home" not in answer.text and "/home/ann/desk.db" in caplog.text


def test_the_app_is_told_of_a_reader_who_left(here: Desk) -> None:
    met = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        met.extend([(await receive())["type"] for _ in range(2)])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    here.guard._app = app
    assert post(here, body=[b"{}"]).status == 200
    assert met == ["http.request", "http.disconnect"]


def test_starting_and_ending_pass_through_to_the_app(here: Desk) -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope["type"])

    here.guard._app = app
    asyncio.run(here.guard({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert scopes == ["lifespan"]


names = st.sampled_from(
    [b"host", b"origin", b"cookie", b"content-type", b"x-askance", b"content-length", b"sec-fetch-site"]
)


@given(
    st.text(max_size=20),
    st.text(max_size=50),
    st.binary(max_size=50),
    st.lists(st.tuples(names, st.binary(max_size=40))),
)
def test_no_request_is_an_error_of_ours(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    found = objection(Asked(method, path, query, tuple(headers)), Places(8000))
    assert found is not None and 400 <= found.status < 500, "none of these says a name of ours"


def tampered() -> Iterator[tuple[bytes, bytes]]:
    yield from ((name, value[:-1]) for name, value in OUR_POST)


@pytest.mark.parametrize("header", list(tampered()))
def test_every_header_of_a_post_counts(header: tuple[bytes, bytes]) -> None:
    whole = Asked("POST", "/api/answer", b"", OUR_POST)
    assert objection(whole, Places(8000)) is None
    changed = tuple(header if name == header[0] else (name, value) for name, value in OUR_POST)
    assert objection(Asked("POST", "/api/answer", b"", changed), Places(8000)) is not None

"""The guard behind a real server and before a real browser: what HTTP itself can do wrong."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvicorn
from desks import PASSWORD, TOKEN, Desk

from askance.desk.guard import UVICORN
from askance.desk.objections import Bounds


@contextmanager
def served(make: Callable[..., Desk], **options: object) -> Iterator[tuple[Desk, int]]:
    """A desk behind uvicorn, at a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        desk = make(port=port, base=f"http://127.0.0.1:{port}", **options)
        server = uvicorn.Server(uvicorn.Config(desk.guard, log_config=None, lifespan="off", **UVICORN))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield desk, port
        finally:
            server.should_exit = True
            thread.join()


def answer_to(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that the server says to some bytes, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # it has hung up; what it said may still be read
        said = b""
        try:
            while block := connection.recv(65_536):
                said += block
        except ConnectionResetError:
            pass
        return said


def test_a_desk_behind_a_real_server_signs_in_and_serves(make: Callable[..., Desk]) -> None:
    with served(make) as (desk, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", desk.door.link)
        answer = connection.getresponse()
        assert answer.status == 303 and answer.read() == b"" and answer.getheader("server") is None
        cookie = str(answer.getheader("set-cookie")).partition(";")[0]
        connection.request("GET", "/api/state", headers={"Cookie": cookie})
        assert connection.getresponse().read() == b'{"person":""}'
        headers = {"Cookie": cookie, "X-Askance": "1", "Content-Type": "application/json"}
        connection.request("POST", "/api/echo", iter([b"x" * 1000] * 100), headers, encode_chunked=True)
        assert connection.getresponse().read() == b'{"bytes":100000}'
        connection.close()


def test_a_body_in_chunks_without_end_is_cut_off_at_the_limit(make: Callable[..., Desk]) -> None:
    with served(make) as (desk, port):
        cookie = f"askance-{port}={desk.sessions.start()}".encode()
        head = b"POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Askance: 1\r\nCookie: %s\r\n" % (port, cookie)
        head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        said = answer_to(port, head, *[chunk] * 16, pause=0.01)
        assert said.startswith(b"HTTP/1.1 413") and b"connection: close" in said


def test_a_body_that_trickles_in_is_cut_off_after_a_while(make: Callable[..., Desk]) -> None:
    with served(make, bounds=Bounds(seconds=0.3)) as (desk, port):
        cookie = f"askance-{port}={desk.sessions.start()}".encode()
        head = b"POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Askance: 1\r\nCookie: %s\r\n" % (port, cookie)
        head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        began = time.monotonic()
        said = answer_to(port, head, *[b"1\r\nx\r\n"] * 12, pause=0.05)
        assert said.startswith(b"HTTP/1.1 408") and time.monotonic() - began < 10


def test_huge_headers_never_reach_the_app(make: Callable[..., Desk]) -> None:
    with served(make) as (_, port):
        head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX: " % port
        assert answer_to(port, head + b"x" * 40_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")
        assert answer_to(port, head + b"x" * 200_000).startswith((b"HTTP/1.1 400", b""))


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: +5\r\n",
        b"Host: evil.example\r\n",
        b"X: a\0b\r\n",
    ],
)
def test_a_request_that_two_servers_would_cut_differently_is_refused(make: Callable[..., Desk], lines: bytes) -> None:
    with served(make) as (desk, port):
        cookie = f"askance-{port}={desk.sessions.start()}".encode()
        head = b"POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Askance: 1\r\nCookie: %s\r\n" % (port, cookie)
        smuggled = b"0\r\n\r\nGET /api/state HTTP/1.1\r\nHost: x\r\n\r\n"
        said = answer_to(
            port, head + b"Content-Type: application/json\r\nConnection: close\r\n" + lines + b"\r\n" + smuggled
        )
        assert b"HTTP/1.1 4" in said and b"HTTP/1.1 2" not in said and b"person" not in said


def test_what_a_proxy_says_of_the_visitor_is_not_believed(make: Callable[..., Desk]) -> None:
    with served(make, password=PASSWORD, bounds=Bounds(rate=0.001, burst=2)) as (_, port):
        seen = []
        for number in range(4):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            forged = {"X-Forwarded-For": f"192.0.2.{number}", "X-Forwarded-Host": "evil.example"}
            connection.request("GET", f"/?token={TOKEN}", headers={**forged, "X-Forwarded-Proto": "https"})
            answer = connection.getresponse()
            seen.append(answer.status)
            assert "secure" not in str(answer.getheader("set-cookie")).lower()
            connection.close()
        assert seen == [303, 303, 429, 429]


def test_the_token_gets_into_no_log(make: Callable[..., Desk], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), served(make) as (desk, port):
        for link in (desk.door.link, "/?token=wrong-token"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", link)
            connection.getresponse().read()
            connection.close()
    assert "token" not in caplog.text


# A browser


ATTACK = """
<p id="said">nothing</p>
<iframe src="DESK/"></iframe><img src="DESK/static/x.png">
<form id="form" action="DESK/api/echo" method="post" enctype="text/plain"><input name='{"a":"' value='"}'></form>
<script>
(async () => {
  let said = "";
  for (const mode of ["cors", "no-cors"]) {
    for (const kind of ["application/json", "text/plain"]) {
      const sent = {method: "POST", mode, body: "{}", credentials: "include", headers: {"Content-Type": kind}};
      try {
        const answer = await fetch("DESK/api/echo", sent);
        said += answer.type + answer.status + " ";
      } catch (error) {
        said += "failed ";
      }
    }
  }
  document.getElementById("said").textContent = said;
  if (location.hash) document.getElementById("form").submit();
})();
</script>"""


class Elsewhere(BaseHTTPRequestHandler):
    """Pages of another site: links to the desk, and a page that attacks it."""

    desk = ""

    def do_GET(self) -> None:
        if self.path == "/link":
            body = f'<meta http-equiv="refresh" content="0; url={self.desk}/">'
        else:
            body = ATTACK.replace("DESK", self.desk)
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def elsewhere(desk: str) -> Iterator[str]:
    handler = type("Handler", (Elsewhere,), {"desk": desk})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"  # another site than 127.0.0.1, to a browser
        finally:
            server.shutdown()
            thread.join()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_real_browser_a_link_elsewhere_finds_people_signed_in_and_an_attack_finds_nothing(
    make: Callable[..., Desk], tmp_path: Path
) -> None:
    def page(address: str) -> str:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom", address]
        done = subprocess.run([str(CHROMIUM), *flags], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    with served(make) as (desk, _), elsewhere(desk.base) as other:
        reached = []
        real = desk.guard._app

        async def watched(scope: object, receive: object, send: object) -> None:
            reached.append(scope["path"])  # type: ignore[index]
            await real(scope, receive, send)  # type: ignore[arg-type]

        desk.guard._app = watched
        assert "the desk" not in page(f"{other}/link"), "nobody is signed in yet"
        assert "the desk" in page(desk.base + desk.door.link)
        assert "the desk" in page(f"{other}/link"), "the strict cookie came along the second time"
        reached.clear()
        assert 'id="said">failed failed failed failed' in page(f"{other}/attack")
        assert "Another site sent this request" in page(f"{other}/attack#form")
        assert not [path for path in reached if path != "/favicon.ico"]

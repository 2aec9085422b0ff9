"""A headless Chromium, steered over a pipe: pages, real keys, pictures of the page, and a network that can be cut."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 20.0  # seconds that a command or a condition may take

_NAMED = {
    "Enter": ("Enter", 13, "\r"),
    "Backspace": ("Backspace", 8, ""),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    " ": ("Space", 32, " "),
    "/": ("Slash", 191, "/"),
    "?": ("Slash", 191, "?"),
    ".": ("Period", 190, "."),
    ",": ("Comma", 188, ","),
    "-": ("Minus", 189, "-"),
    "+": ("Equal", 187, "+"),
    "PageDown": ("PageDown", 34, ""),
}
_MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


class Page:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser, self._session, self._context = browser, session, context
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol; its result."""
        return self._browser.send(method, params, self._session)

    def open(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of a script, awaited if it is a promise."""
        got = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            told = got["exceptionDetails"]
            raise AssertionError(told.get("exception", {}).get("description") or told["text"])
        return got["result"].get("value")

    def until(self, script: str, patience: float = PATIENCE) -> None:
        """Wait until a script is true."""
        end = time.monotonic() + patience
        while True:
            # An element has no value that travels, and what is not there yet may have no parts.
            if self.run(f"(() => {{ try {{ return !!({script}); }} catch {{ return false; }} }})()"):
                return
            if time.monotonic() > end:
                raise AssertionError(f"never true: {script}\nthe page says: {self.run('document.body.innerText')!r}")
            time.sleep(0.02)

    def text(self, selector: str = "body") -> str:
        """What a person reads in an element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as "a", "Enter" or "Control+z"."""
        for chord in keys:
            *held, key = ("+",) if chord == "+" else chord.split("+")
            modifiers = sum(_MODIFIERS[one] for one in held)
            if key.isalpha() and len(key) == 1 and "Shift" in held:
                key = key.upper()
            code, number, text = _NAMED.get(key) or (_code(key), ord(key.upper()), key)
            if modifiers & ~8:
                text = ""
            said = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
            self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **said)
            self.send("Input.dispatchKeyEvent", type="keyUp", **said)

    def type(self, text: str) -> None:
        """Type letters."""
        self.press(*text)

    def click(self, selector: str) -> None:
        """Click in the middle of an element with a real mouse."""
        self.until(f"document.querySelector({json.dumps(selector)})?.getClientRects().length")
        x, y = self.run(
            f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2]; }})(document.querySelector({json.dumps(selector)}))"
        )
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """One event of the mouse."""
        held = {} if kind == "mouseMoved" and not more.get("buttons") else {"button": "left", "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **{**held, **more})

    def size(self, wide: int, high: int, scale: float = 1, touch: bool = False) -> None:
        """The size of the window's inside."""
        self.send("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=scale, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)

    def prefers(self, **features: str) -> None:
        """What the person's system prefers, as ``color_scheme="dark"``."""
        said = [{"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=said)

    def offline(self, cut: bool) -> None:
        """Cut the network, or mend it."""
        self.send(
            "Network.emulateNetworkConditions", offline=cut, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def downloads(self, folder: Path) -> None:
        """Let the page save files, into a folder."""
        where = {"behavior": "allow", "downloadPath": str(folder), "browserContextId": self._context}
        self._browser.send("Browser.setDownloadBehavior", where)

    def picture(self, path: str | Path) -> None:
        """A picture of what is seen, as PNG."""
        Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        return self._browser.requested(self._session)

    def complaints(self) -> list[str]:
        """Errors and warnings of the page since the last call, failed requests left out, and boxes that it opened."""
        said = []
        for event in self._browser.take(self._session):
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                told = params["exceptionDetails"]
                said.append(told.get("exception", {}).get("description") or told["text"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                if params["entry"]["source"] != "network":
                    said.append(params["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                said.append(" ".join(str(one.get("value", one.get("description"))) for one in params["args"]))
            elif event["method"] == "Page.javascriptDialogOpening":
                said.append(f"a box opened: {params['message']}")
        return said


class Browser:
    """A Chromium of our own, without a window."""

    def __init__(self, folder: str) -> None:
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()
        flags = [
            "--headless",
            "--no-sandbox",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        # The browser reads file 3 and writes file 4, whatever numbers the pipes have here.
        dance = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", dance, str(PROGRAM), *flags],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that its helpers can be ended with it
            env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder},
        )
        os.close(to_browser)
        os.close(from_browser)
        self._out, self._in, self._number = ours_out, ours_in, 0
        self._answers: dict[int, Queue[dict[str, Any]]] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=5000)
        self._requested: dict[str, list[str]] = {}
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """One command of the protocol; its result."""
        self._number += 1
        number, answer = self._number, Queue[dict[str, Any]]()
        self._answers[number] = answer
        said: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            said["sessionId"] = session
        data = json.dumps(said).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        try:
            got = answer.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"the browser does not answer {method}") from None
        finally:
            del self._answers[number]
        if "error" in got:
            raise AssertionError(f"{method}: {got['error']['message']}")
        result: dict[str, Any] = got["result"]
        return result

    @contextmanager
    def page(self, wide: int = 1280, high: int = 800) -> Iterator[Page]:
        """A page with a memory of its own: no cookies or saved values of another."""
        context = self.send("Target.createBrowserContext", {})["browserContextId"]
        target = self.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session, context)
        page.size(wide, high)
        try:
            yield page
        finally:
            self.send("Target.disposeBrowserContext", {"browserContextId": context})

    def take(self, session: str) -> list[dict[str, Any]]:
        """The events of a page since the last call."""
        mine = [event for event in self._events if event.get("sessionId") == session]
        for event in mine:
            self._events.remove(event)
        return mine

    def requested(self, session: str) -> list[str]:
        """The addresses that a page asked for since the last call."""
        return self._requested.pop(session, [])

    def close(self) -> None:
        """End the browser and wait for it."""
        with suppress(AssertionError, OSError):
            self.send("Browser.close", {})
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)
        os.close(self._out)
        os.close(self._in)

    def _read(self) -> None:
        rest = b""
        while data := os.read(self._in, 1 << 16):
            *whole, rest = (rest + data).split(b"\0")
            for text in whole:
                said = json.loads(text)
                if "id" in said:
                    if said["id"] in self._answers:
                        self._answers[said["id"]].put(said)
                elif said["method"] == "Network.requestWillBeSent":
                    address = str(said["params"]["request"]["url"])
                    self._requested.setdefault(str(said.get("sessionId")), []).append(address)
                elif not said["method"].startswith("Network."):
                    self._events.append(said)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that is gone, with all it wrote, when the block ends."""
    folder = tempfile.mkdtemp(prefix="askance-browser-")
    try:
        ours = Browser(folder)
        try:
            yield ours
        finally:
            ours.close()
    finally:
        for _ in range(50):  # a helper may write its last line while the folder is emptied
            shutil.rmtree(folder, ignore_errors=True)
            if not Path(folder).exists():
                break
            time.sleep(0.1)


def _code(key: str) -> str:
    return f"Digit{key}" if key.isdigit() else f"Key{key.upper()}" if key.isalpha() else key

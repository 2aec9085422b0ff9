"""A desk under load, and one whose processes are killed again and again: how fast it is, and whether labels are lost.

python -m benchmarks.desk load --seconds 300
python -m benchmarks.desk kills --labels 20000 --kills 200
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measure import ROOT

THINKING = 2.0  # mean seconds between two answers of a client under load
DROPPED, DOUBLED, LATE = 0.05, 0.05, 0.02  # shares of requests under load
CLAIM, SUBMIT = 0.05, 0.1  # seconds, of 95 % of requests
STUCK = 300.0  # seconds: a lease
PATIENCE = 60.0  # seconds until a server must answer


class Client:
    """Somebody at the page, over one connection at a time.

    Args:
        link: What signs in.
        name: Who labels.
    """

    def __init__(self, link: str, name: str, keep: bool = False) -> None:
        self.keep = keep
        split = urlsplit(link)
        self._host, self._port = split.hostname or "127.0.0.1", split.port or 80
        self._connection: http.client.HTTPConnection | None = None
        self._cookie = ""
        self._headers = {"Content-Type": "application/json", "X-Askance": "1"}
        self._cookie = self._sign_in(f"{split.path}?{split.query}")
        self.post("/api/person", {"name": name})

    def post(self, path: str, body: Any, timeout: float = 30.0) -> tuple[int, Any]:
        """Status and answer of a request."""
        return self._ask("POST", path, json.dumps(body), timeout)

    def get(self, path: str, timeout: float = 30.0) -> tuple[int, Any]:
        """The same for reading."""
        return self._ask("GET", path, None, timeout)

    def drop(self, path: str, body: Any) -> None:
        """Send a request and go away before the answer comes."""
        text = json.dumps(body).encode()
        connection = self._open(5.0)
        with suppress(OSError):
            connection.request("POST", path, text, {**self._headers, "Cookie": self._cookie})
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
            self._connection.connect()
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do
        return self._connection

    def _ask(self, method: str, path: str, body: str | None, timeout: float) -> tuple[int, Any]:
        again = self._connection is not None  # the server may have hung up meanwhile, as it may with a browser
        try:
            try:
                found = self._sent(method, path, body, timeout)
            except ConnectionError:
                self.close()
                if not again:
                    raise
                found = self._sent(method, path, body, timeout)
            text = found.read()
            if not self.keep:
                self.close()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return found.status, json.loads(text) if text else None

    def _sent(self, method: str, path: str, body: str | None, timeout: float) -> http.client.HTTPResponse:
        connection = self._open(timeout)
        connection.request(method, path, body, {**self._headers, "Cookie": self._cookie})
        return connection.getresponse()

    def _sign_in(self, path: str) -> str:
        connection = self._open(PATIENCE)
        connection.request("GET", path)
        found = connection.getresponse()
        found.read()
        self.close()
        cookie = found.getheader("Set-Cookie") or ""
        if not cookie:
            raise RuntimeError(f"{path} gave {found.status} and no cookie")
        return cookie.partition(";")[0]


@dataclass
class Desk:
    """A desk in a process of its own, at one port however often it is started.

    Args:
        folder: The project's folder.
        port: Its port; 0 until it first ran.
    """

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self, *more: str) -> str:
        """Start it, perhaps with more options; its link, once it answers."""
        begun = time.monotonic()
        command = [sys.executable, "-m", "askance.cli", "label", "--project", str(self.folder), "--json"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), *more],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        link = str(json.loads(line)["link"])
        self.port = urlsplit(link).port or 0
        self.starts.append(time.monotonic() - begun)
        return link

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None and self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        assert self.process is not None and self.process.stdout is not None
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()

    def dealer(self) -> int | None:
        """The process behind it."""
        assert self.process is not None
        with suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            threads = Path(f"/proc/{self.process.pid}/task")
            for task in threads.iterdir():
                children += (task / "children").read_text().split()
            for child in children:
                if "askance.desk.dealer" in Path(f"/proc/{child}/cmdline").read_text():
                    return int(child)
        return None


def make(folder: Path, items: int, strategy: str = "margin", seed: int = 0) -> Path:
    """A project of rows of numbers in three clouds."""
    import numpy as np

    from askance.project.beginning import Wishes, begin
    from askance.sources.csv import write_table

    dice = np.random.default_rng(seed)
    truth = dice.integers(0, 3, items)
    array = dice.normal(size=(3, 8))[truth] * 2 + dice.normal(size=(items, 8))
    columns = {f"x{number}": [f"{value:.4f}" for value in array[:, number]] for number in range(8)}
    file = folder / "rows.csv"
    write_table(file, {"number": [str(row) for row in range(items)], **columns})
    wishes = Wishes(id="number", table=tuple(columns), classes=("a", "b", "c"), strategy=strategy)
    return begin(file, wishes, folder=folder / "rows.askance").place


@contextmanager
def desk_at(folder: Path) -> Iterator[tuple[Desk, str]]:
    """A desk that runs, with its link."""
    desk = Desk(folder)
    link = desk.start()
    try:
        yield desk, link
    finally:
        desk.stop()


# Load


def load(folder: Path, seconds: float, clients: int = 20, items: int = 10_000, seed: int = 0) -> dict[str, Any]:
    """People at work, all at once, while a model trains behind them.

    Returns:
        Figures: seconds of claims and submits at the median and at 95 %, requests of each fate, and what went wrong.
    """
    place = make(folder, items)
    with desk_at(place) as (_, link):
        people = [_Worker(link, f"p{number}", seed + number) for number in range(clients)]
        end = time.monotonic() + seconds
        for person in people:
            person.start(end)
        for person in people:
            person.join()
        state = Client(link, "looker").get("/api/state")[1]
    claims = sorted(took for person in people for took in person.claims)
    submits = sorted(took for person in people for took in person.submits)
    acknowledged: dict[str, str] = {}
    for person in people:
        acknowledged |= person.acknowledged
    problems = [wrong for person in people for wrong in person.problems] + check(
        place, acknowledged, set().union(*(person.late for person in people))
    )
    return {
        "clients": clients,
        "seconds": seconds,
        "answers": len(acknowledged),
        "fits": 0 if state["model"] is None else state["model"]["number"] + 1,
        "fates": dict(sum((person.fates for person in people), Counter())),
        "claim": _times(claims),
        "submit": _times(submits),
        "problems": problems[:20],
    }


class _Worker:
    """One of them, in a thread: thinks, answers, and sometimes has bad luck with the network."""

    def __init__(self, link: str, name: str, seed: int) -> None:
        self._link, self._name, self._dice = link, name, random.Random(seed)
        self.claims: list[float] = []
        self.submits: list[float] = []
        self.acknowledged: dict[str, str] = {}
        self.late: set[str] = set()
        self.problems: list[str] = []
        self.fates: Counter[str] = Counter()

    def start(self, end: float) -> None:
        self._thread = threading.Thread(target=self._work, args=(end,))
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _work(self, end: float) -> None:
        try:
            client = Client(self._link, self._name, keep=True)
            late: list[dict[str, Any]] = []
            while time.monotonic() < end:
                self._turn(client, late)
            for body in late:
                self._submit(client, body)
            client.close()
        except Exception as error:  # a thread's error would go unseen
            self.problems.append(f"{self._name}: {type(error).__name__}: {error}")

    def _turn(self, client: Client, late: list[dict[str, Any]]) -> None:
        begun = time.perf_counter()
        status, found = client.post("/api/claim", {"n": 1})
        self.claims.append(time.perf_counter() - begun)
        if status != 200:
            self.problems.append(f"claim: {status} {found}")
        if not found.get("items"):
            self.fates["nothing to do"] += 1
            time.sleep(0.5)
            return
        time.sleep(self._dice.expovariate(1 / THINKING))
        once = uuid.uuid4().hex
        body = {"id": found["items"][0]["id"], "value": self._dice.choice("abc"), "once": once, "how": "key"}
        luck = self._dice.random()
        if luck < DROPPED:
            self.fates["dropped"] += 1
            client.drop("/api/answer", body)
            self._submit(client, body)  # it is sent again, as the page would
        elif luck < DROPPED + DOUBLED:
            self.fates["doubled"] += 1
            self._submit(client, body)
            self._submit(client, body)
        elif luck < DROPPED + DOUBLED + LATE:
            self.fates["late"] += 1
            self.late.add(body["id"])
            late.append(body)
            client.post("/api/note", {"id": body["id"], "once": uuid.uuid4().hex, "skip": True})
        else:
            self.fates["plain"] += 1
            self._submit(client, body)

    def _submit(self, client: Client, body: dict[str, Any]) -> None:
        begun = time.perf_counter()
        status, found = client.post("/api/answer", body)
        self.submits.append(time.perf_counter() - begun)
        if status == 200:
            self.acknowledged[body["once"]] = body["id"]
        else:
            self.problems.append(f"answer: {status} {found}")


# Kills


def torment(folder: Path, labels: int, kills: int, clients: int = 4, seed: int = 0) -> dict[str, Any]:
    """Kill server, dealer and clients at random instants while they label.

    Returns:
        Figures: kills of each kind, labels acknowledged, the longest time in which nobody got an item, and problems.
    """
    dice = random.Random(seed)
    place = make(folder, labels + 500, "random")
    desk = Desk(place)
    links = folder / "link"
    links.write_text(desk.start())
    context = multiprocessing.get_context("spawn")
    killed: Counter[str] = Counter()
    stop = context.Event()
    logs = folder / "acknowledged"
    logs.mkdir()
    numbers = iter(range(10**9))
    share = math.ceil(labels / kills)  # labels between two kills

    def born() -> Any:
        one = context.Process(target=_label, args=(links, logs, next(numbers), stop), daemon=True)
        one.start()
        return one

    people = [born() for _ in range(clients)]
    begun, longest, last = time.monotonic(), 0.0, time.monotonic()
    seen, due = 0, float(share)
    problems: list[str] = []
    while seen < labels and not problems:
        time.sleep(0.05)
        now, count = time.monotonic(), _count(logs)
        if count > seen:
            longest, last, seen = max(longest, now - last), now, count
        elif now - last > STUCK:
            problems.append(f"Nobody got an item for {STUCK:.0f} seconds, after {seen:,} labels.")
        people = [one if one.is_alive() else born() for one in people]
        if seen >= due and sum(killed.values()) < kills:
            due = seen + share * dice.uniform(0.2, 1.8)
            what = dice.choice(("server", "dealer", "client"))
            time.sleep(dice.uniform(0, 0.3))
            if what == "server":
                desk.kill()
                links.write_text(desk.start())
            elif what == "client":
                victim = dice.choice(people)
                victim.kill()
                victim.join()
            else:
                while (behind := desk.dealer()) is None:  # it is being started
                    time.sleep(0.05)
                with suppress(ProcessLookupError):
                    os.kill(behind, signal.SIGKILL)
            killed[what] += 1
    stop.set()
    for one in people:
        one.join(30)
    desk.stop()
    acknowledged = dict(line.split(" ", 1) for log in logs.iterdir() for line in log.read_text().splitlines() if line)
    return {
        "labels": len(acknowledged),
        "killed": dict(killed),
        "seconds": time.monotonic() - begun,
        "longest pause": longest,
        "start": statistics.median(desk.starts),
        "problems": problems + check(place, acknowledged),
    }


def _label(links: Path, logs: Path, number: int, stop: Any) -> None:
    """A client that labels as fast as it can, and writes down what was acknowledged."""
    client: Client | None = None
    dice = random.Random(number)
    with (logs / f"{number}").open("a", buffering=1) as log:
        while not stop.is_set():
            try:
                client = client or Client(links.read_text(), f"c{number}")
                status, found = client.post("/api/claim", {"n": 2}, timeout=10)
                if status != 200 or not found["items"]:
                    time.sleep(0.05)
                    continue
                for item in found["items"]:
                    body = {"id": item["id"], "value": dice.choice("abc"), "once": uuid.uuid4().hex}
                    while not stop.is_set() and not _sent(client, body, log):
                        client.close()
                        time.sleep(0.1)
            except (OSError, http.client.HTTPException, RuntimeError, ValueError):
                client = None
                time.sleep(0.1)


def _sent(client: Client, body: dict[str, Any], log: Any) -> bool:
    try:
        status, _ = client.post("/api/answer", body, timeout=10)
    except (OSError, http.client.HTTPException):
        return False
    if status == 200:
        log.write(f"{body['once']} {body['id']}\n")
    return status != 503


def _count(logs: Path) -> int:
    return sum(log.read_bytes().count(b"\n") for log in logs.iterdir())


def check(place: Path, acknowledged: dict[str, str], late: Collection[str] = ()) -> list[str]:
    """What is wrong with a project's labels: lost, doubled, or asked of two people.

    Args:
        place: The project's folder.
        acknowledged: Items by the keys of answers that were confirmed.
        late: Items that somebody put back and answered all the same: another person may have got them meanwhile.
    """
    from askance.project.project import Project
    from askance.study.journal import open_journal

    project = Project(place)  # whoever opens it takes over what was answered before the study
    labels = project.study.labels
    project.close()
    journal = open_journal(place / "study.db")
    lines = journal.read()
    keys = _keys(place)
    problems = []
    lost = [once for once, id in acknowledged.items() if keys.get(once) != id]
    if lost:
        problems.append(f"{len(lost)} acknowledged answers are lost, such as {lost[0]}")
    people: dict[str, list[str]] = {}
    for line in lines:
        if line.kind == "told" and line.body["answer_kind"] == "label":
            people.setdefault(line.body["id"], []).append(line.body["by"])
    twice = [id for id, by in people.items() if len(by) > 1 and id not in late]
    asked = Counter(id for line in lines if line.kind == "asked" for id in line.body["ids"])
    asked.subtract(id for line in lines if line.kind == "released" for id in line.body["ids"])
    again = [id for id, count in asked.items() if count > 1]
    if twice:
        problems.append(f"{len(twice)} items were labeled twice, such as {twice[0]} by {people[twice[0]]}")
    if again:
        problems.append(f"{len(again)} items were asked twice, such as {again[0]}")
    journal.close()
    if len(labels) != len(people):
        problems.append(f"The study has {len(labels)} labels and the journal {len(people)}.")
    return problems


def _keys(place: Path) -> dict[str, str]:
    """The items of all answers by their client's key."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(place / "study.db")) as database:
        rows = database.execute("SELECT once, body FROM askance_lines WHERE kind = 'told' AND once IS NOT NULL")
        return {once.rpartition(":")[2]: json.loads(body)["id"] for once, body in rows}


def _times(sorted_: list[float]) -> dict[str, float]:
    if not sorted_:
        return {}
    at = {
        name: sorted_[min(len(sorted_) - 1, int(share * len(sorted_)))] for name, share in (("50", 0.5), ("95", 0.95))
    }
    return {**at, "most": sorted_[-1], "requests": len(sorted_)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    busy = kinds.add_parser("load")
    busy.add_argument("--seconds", type=float, default=300)
    busy.add_argument("--clients", type=int, default=20)
    dying = kinds.add_parser("kills")
    dying.add_argument("--labels", type=int, default=20_000)
    dying.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = (
            load(Path(folder), options.seconds, options.clients)
            if options.what == "load"
            else torment(Path(folder), options.labels, options.kills)
        )
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

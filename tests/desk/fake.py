"""A pretended desk: the page's whole API in memory, for browser tests and for work on the page.

Run it by hand with ``python tests/desk/fake.py --reads image`` and open the address it says.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from made import NAMES, SHAPES, Made, items

STATIC = Path(__file__).parents[2] / "src" / "askance" / "desk" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
SMALL = 20  # labels after which the pretended model is fitted again


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, what: str, error: str) -> None:
        super().__init__(error)
        self.status, self.body = status, {"what": what, "error": error}


class Desk:
    """Items, people and answers of one pretended project.

    Attributes:
        fault: What is wrong just now: "" (nothing), "away" (no reply at all), "deaf" (what is said is done, and no
            reply comes back), "disk" (cannot save), "busy" (too fast), "door" (nobody is signed in).
        refuse: Ids whose next answer is refused, each with status, code and sentence.
        seen: The requests so far: method, path, body.
        delay: Seconds that a reply takes.
    """

    def __init__(
        self,
        reads: str = "text",
        n: int = 240,
        kind: str = "classes",
        names: tuple[str, ...] | None = None,
        person: str = "ann",
        unset: bool = False,
        suggest: str = "after",
        taught: int = 0,
        texts: list[str] | None = None,
    ) -> None:
        self.reads, self.kind, self.person, self.unset, self.suggest = reads, kind, person, unset, suggest
        self.names = list(names if names is not None else SHAPES if reads == "image" else NAMES)
        self.items = items(reads, len(texts) if texts else n)
        for one, text in zip(self.items, texts or [], strict=False):
            one.fields[0]["text"], one.short = text, text[:90]
        self.by_id = {one.id: one for one in self.items}
        self.by_key = {one.key: one for one in self.items}
        self.order = [one.id for one in self.items]
        self.leases: dict[str, str] = {}
        self.log: list[tuple[str, str, str]] = []  # person, id, once
        self.once: dict[str, Any] = {}
        self.fault, self.delay, self.password = "", 0.0, ""
        self.refuse: dict[str, tuple[int, str, str]] = {}
        self.seen: list[tuple[str, str, Any]] = []
        self.doing, self.why_empty, self.stop_now = "idle", "", False
        self.banner: dict[str, str] | None = None
        self.others = {"ben": 0}
        self.lock = RLock()
        for number, one in enumerate(self.items[:taught]):
            value: Any = one.truth if kind == "classes" else [one.truth] if kind == "labels" else float(number % 9)
            who = person if number % 3 and person else "ben"
            self._keep(one, who, value, "label", f"taught-{number}")

    # what the page asks for

    def get(self, path: str, query: dict[str, list[str]]) -> Any:
        """The reply to a GET of ``/api/...``; bytes for a picture."""
        parts = path.removeprefix("/api/").split("/")
        match parts:
            case ["state"]:
                return self.state()
            case ["item", key]:
                return self._item(self._by_key(key))
            case ["why", key]:
                return self._why(self._by_key(key))
            case ["image", key]:
                return self._by_key(key).picture or b""
            case ["mine"]:
                return self._mine(int(query.get("before", ["1000000000"])[0]))
            case ["map"]:
                return self._map()
            case ["map", "text"]:
                keys = query.get("keys", [""])[0].split(",")
                return {key: self.by_key[key].short for key in keys if key in self.by_key}
            case ["proof"]:
                return self._proof()
        raise Refused(404, "not-found", f"There is no {path}. Reload the page.")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The reply to a POST of ``/api/...``."""
        once = body.get("once")
        if once in self.once:
            return self.once[once]
        name = path.removeprefix("/api/")
        doing = getattr(self, f"_do_{name}", None)
        if doing is None:
            raise Refused(404, "not-found", f"There is no {path}. Reload the page.")
        reply = doing(body)
        if once:
            self.once[once] = reply
        return reply

    def state(self) -> dict[str, Any]:
        """What ``GET /api/state`` says."""
        labels = self._labels()
        people = {self.person: 0, **self.others} if self.person else dict(self.others)
        for one in self.items:
            for by in one.answers:
                people[by] = people.get(by, 0) + 1
        proof = self._proof()
        return {
            "key": f"{id(self):x}",
            "project": "pictures" if self.reads == "image" else "orders" if self.reads == "table" else "tickets",
            "reads": self.reads,
            "person": self.person,
            "people": [{"name": name, "answers": n, "now": name == self.person} for name, n in people.items()],
            "task": {"kind": self.kind, "names": self._counts(), "unset": self.unset},
            "progress": self._progress(),
            "queue": {"waiting": len(self._open()), "why_empty": self.why_empty},
            "dealer": {
                "doing": self.doing,
                "done": 40,
                "of": 240,
                "eta": 3 if self.doing == "training" else 20 if self.doing == "encoding" else None,
                "said": {"failed": "The model could not be fitted: out of memory. Labeling goes on without it."}.get(
                    self.doing, ""
                ),
            },
            "model": None
            if labels < SMALL
            else {
                "number": labels // SMALL,
                "labels": labels - labels % SMALL,
                "since": labels % SMALL,
                "learner": "linear on sentence features",
                "strategy": "margin, spread out",
                "seconds": 3.1,
            },
            "suggest": self.suggest,
            "banner": self.banner,
            "stop": {
                "sentence": "Accuracy has not moved for 60 labels: this may be a good place to stop."
                if self.stop_now
                else "Accuracy still rises; more labels help.",
                "now": self.stop_now,
            },
            "proof": {"sentence": proof["sentence"], "verdict": proof["verdict"], "at": len(self.log)},
            "version": str(len(self.log)),
        }

    def _do_claim(self, body: dict[str, Any]) -> Any:
        mine = [id for id in self.order if self.leases.get(id) == self.person]
        for id in self._open():
            if len(mine) >= body["n"]:
                break
            self.leases[id] = self.person
            mine.append(id)
        mine = sorted(mine, key=self.order.index)[: body["n"]]
        return {"items": [self._item(self.by_id[id]) for id in mine], "why_none": "" if mine else self.why_empty}

    def _do_answer(self, body: dict[str, Any]) -> Any:
        one = self._by_id(body["id"])
        if one.id in self.refuse:
            raise Refused(*self.refuse.pop(one.id))
        new = self._declare(body["value"]) if body["kind"] == "label" and self.kind != "number" else []
        self._keep(one, self.person, body["value"], body["kind"], body["once"])
        self.leases.pop(one.id, None)
        return {"saved": True, "progress": self._progress(), "declared": new}

    def _do_answers(self, body: dict[str, Any]) -> Any:
        self._declare(body["value"])
        for id in body["ids"]:
            self._keep(self._by_id(id), self.person, body["value"], "label", f"lasso {body['deed']}")
        return {"saved": len(body["ids"])}

    def _do_undo(self, body: dict[str, Any]) -> Any:
        for place in range(len(self.log) - 1, -1, -1):
            by, id, once = self.log[place]
            if by == self.person and once.startswith("lasso"):
                many = [other for mine, other, own in self.log if (mine, own) == (by, once)]
                self.log = [line for line in self.log if line[2] != once]
                undone = [self.by_id[other].answers.pop(by) for other in many][-1]
                return {"item": None, "undone": undone, "count": len(many), "deed": once}
            if by == self.person and not once.startswith("taught"):
                del self.log[place]
                undone = self.by_id[id].answers.pop(by)
                self.leases[id] = by
                self.order.remove(id)
                self.order.insert(0, id)
                return {
                    "item": self._item(self.by_id[id]),
                    "undone": {"value": undone["value"], "kind": undone["kind"]},
                    "count": 1,
                    "deed": None,
                }
        raise Refused(404, "nothing", "There is no answer of yours to take back.")

    def _do_note(self, body: dict[str, Any]) -> Any:
        one = self._by_id(body["id"])
        one.flag, one.comment = body.get("flag", one.flag), body.get("comment", one.comment)
        if body.get("skip"):
            self.leases.pop(one.id, None)
            self.order.remove(one.id)
            self.order.append(one.id)
        return {"saved": True}

    def _do_names(self, body: dict[str, Any]) -> Any:
        name, to = body["name"].strip(), body.get("to", "").strip()
        if body["do"] == "add":
            self._declare(name)
        elif body["do"] == "rename" and to in self.names:
            raise Refused(422, "taken", f"There is a class {to!r} already. Merge the two instead.")
        else:
            self.names = [to if one == name else one for one in self.names if one != name or body["do"] == "rename"]
            for one in self.items:
                for answer in one.answers.values():
                    if answer["value"] == name:
                        answer["value"] = to
        return {"names": self._counts()}

    def _do_task(self, body: dict[str, Any]) -> Any:
        self.kind, self.unset = body["kind"], False
        return {"saved": True}

    def _do_person(self, body: dict[str, Any]) -> Any:
        if not body["name"].strip():
            raise Refused(422, "name", "A name has at least one letter. Type yours.")
        self.person = body["name"].strip()
        return {"person": self.person}

    def _do_login(self, body: dict[str, Any]) -> Any:
        if body["password"] != self.password:
            raise Refused(401, "password", "That is not the password. Try again.")
        self.fault = ""
        return {"saved": True}

    def _do_suggest(self, body: dict[str, Any]) -> Any:
        self.suggest = body["mode"]
        return {"saved": True}

    def _do_export(self, body: dict[str, Any]) -> Any:
        rows = [f"{one.id},{answer['value']}" for one in self.items for answer in one.answers.values()]
        return ("\n".join(["id,label", *rows]) + "\n").encode()

    # what these stand on

    def _keep(self, one: Made, by: str, value: Any, kind: str, once: str) -> None:
        one.answers[by] = {"value": value, "kind": kind, "at": 1_760_000_000 + 60 * len(self.log)}
        self.log = [line for line in self.log if line[:2] != (by, one.id)] + [(by, one.id, once)]

    def _declare(self, value: Any) -> list[str]:
        new = [name for name in (value if isinstance(value, list) else [value]) if name not in self.names]
        self.names += new
        return new

    def _by_id(self, id: str) -> Made:
        if id not in self.by_id:
            raise Refused(404, "item", f"There is no item {id!r}. Reload the page.")
        return self.by_id[id]

    def _by_key(self, key: str) -> Made:
        if key not in self.by_key:
            raise Refused(404, "item", f"There is no item {key!r}. Reload the page.")
        return self.by_key[key]

    def _open(self) -> list[str]:
        if self.doing in ("starting", "encoding"):
            return []
        return [id for id in self.order if id not in self.leases and not self.by_id[id].answers]

    def _labels(self) -> int:
        return sum(any(a["kind"] == "label" for a in one.answers.values()) for one in self.items)

    def _progress(self) -> dict[str, int]:
        labeled = self._labels()
        aside = sum(bool(one.answers) for one in self.items) - labeled
        return {
            "items": len(self.items),
            "labeled": labeled,
            "aside": aside,
            "pending": len(self.leases),
            "unlabeled": len(self.items) - labeled - aside - len(self.leases),
            "mine": sum(by == self.person for by, _, _ in self.log),
        }

    def _counts(self) -> list[dict[str, Any]]:
        counts = dict.fromkeys(self.names, 0)
        for one in self.items:
            for answer in one.answers.values():
                for name in answer["value"] if isinstance(answer["value"], list) else [answer["value"]]:
                    if name in counts:
                        counts[name] += 1
        return [{"name": name, "count": n} for name, n in counts.items()]

    def _guess(self, one: Made) -> dict[str, Any] | None:
        labels = self._labels()
        if labels < SMALL or not self.names:
            return None
        dice = random.Random(one.id)
        if self.kind == "number":
            return {"value": round(9 * dice.random(), 1), "probability": None, "since": labels % SMALL, "top": []}
        sure = 0.45 + 0.5 * dice.random()
        first = one.truth if dice.random() < 0.8 and one.truth in self.names else dice.choice(self.names)
        rest = [name for name in self.names if name != first][:2]
        top = [{"name": first, "probability": sure}]
        top += [
            {"name": name, "probability": (1 - sure) * share} for name, share in zip(rest, (0.7, 0.2), strict=False)
        ]
        value: Any = [first] if self.kind == "labels" else first
        return {"value": value, "probability": sure, "since": labels % SMALL, "top": top}

    def _item(self, one: Made) -> dict[str, Any]:
        mine = one.answers.get(self.person)
        return {
            "id": one.id,
            "key": one.key,
            "fields": one.fields,
            "image": f"/api/image/{one.key}" if one.picture else None,
            "stream": "control" if int(one.key[1:]) % 5 == 0 else "active",
            "guess": self._guess(one),
            "answer": mine and {"value": mine["value"], "kind": mine["kind"]},
            "flag": one.flag,
            "comment": one.comment,
            "others": [
                {"by": by, "value": answer["value"], "kind": answer["kind"]}
                for by, answer in one.answers.items()
                if by != self.person
            ],
        }

    def _mine(self, before: int) -> dict[str, Any]:
        mine = [(place, id) for place, (by, id, _) in enumerate(self.log) if by == self.person and place < before]
        answers = []
        for place, id in mine[::-1][:20]:
            one = self.by_id[id]
            kept = one.answers[self.person]
            answers.append(
                {
                    "id": id,
                    "key": one.key,
                    "value": kept["value"],
                    "kind": kept["kind"],
                    "at": kept["at"],
                    "text": one.short,
                    "line": place,
                }
            )
        return {"answers": answers, "more": len(mine) > 20}

    def _why(self, one: Made) -> dict[str, Any]:
        guess = self._guess(one)
        near = sorted(
            (other for other in self.items if other.answers and other is not one),
            key=lambda other: math.dist((one.x, one.y), (other.x, other.y)),
        )[:5]
        control = int(one.key[1:]) % 5 == 0
        sentence = "Asked by chance: it belongs to the control share, which measures what asking gains."
        if not control:
            two = guess["top"] if guess else []
            sentence = (
                f"Asked because the model is torn between {two[0]['name']!r} and {two[1]['name']!r}."
                if len(two) > 1
                else "Asked because it is far from everything that was labeled."
            )
        return {
            "id": one.id,
            "strategy": "random" if control else "margin, spread out",
            "sentence": sentence,
            "stream": "control" if control else "active",
            "utility": None if control else -0.0312,
            "rank": None if control else 4,
            "doubt": guess["top"][:2] if guess else [],
            "neighbors": [
                {
                    "id": other.id,
                    "label": next(iter(other.answers.values()))["value"],
                    "similarity": 1 - math.dist((one.x, one.y), (other.x, other.y)),
                }
                for other in near
            ],
            "stands_for": 7 + int(one.key[1:]) % 9,
            "model": self._labels() // SMALL,
            "labels": self._labels() - self._labels() % SMALL,
        }

    def _map(self) -> dict[str, Any]:
        def side(one: Made) -> str:
            if any(a["kind"] == "label" for a in one.answers.values()):
                return "l"
            return "a" if one.answers else "p" if one.id in self.leases else "u"

        def label(one: Made) -> int:
            value = next((a["value"] for a in one.answers.values() if a["kind"] == "label"), None)
            value = value[0] if isinstance(value, list) and value else value
            return self.names.index(value) if value in self.names else -1

        return {
            "method": "the first two principal components",
            "points": len(self.items),
            "x": [round(one.x, 4) for one in self.items],
            "y": [round(one.y, 4) for one in self.items],
            "side": "".join(map(side, self.items)),
            "label": [label(one) for one in self.items],
            "keys": [one.key for one in self.items],
            "ids": [one.id for one in self.items],
            "names": self.names,
            "of": len(self.items),
            "at": str(len(self.log)),
        }

    def _proof(self) -> dict[str, Any]:
        labels = self._labels()
        control = labels // 5
        if control < 15:
            return {
                "accuracy": None,
                "gain": None,
                "saved": None,
                "more": 15 - control,
                "verdict": "unknown",
                "sentence": f"Not known yet: {15 - control} more answers of the control share are needed.",
                "curve": [],
            }

        def at(n: int, arm: str) -> dict[str, Any]:
            value = 0.93 - 0.5 * math.exp(-n / (60 if arm == "active" else 110))
            wide = 0.6 / math.sqrt(n)
            return {"labels": n, "value": value, "low": value - wide, "high": min(value + wide, 1), "arm": arm}

        now = at(labels, "active")
        return {
            "accuracy": {
                "value": now["value"],
                "low": now["low"],
                "high": now["high"],
                "items": control,
                "skipped": 1,
                "metric": "accuracy",
                "sentence": f"The model is right on {100 * now['value']:.0f} of 100 items "
                f"({100 * now['low']:.0f} to {100 * now['high']:.0f}), measured on {control} items drawn by chance.",
            },
            "gain": {
                "value": 0.061,
                "low": 0.012,
                "high": 0.11,
                "size": control,
                "sentence": f"With {labels} labels, asking gives 6.1 points more than chance would (1.2 to 11.0).",
            },
            "saved": {
                "value": 74,
                "low": 20,
                "high": 130,
                "extrapolated": True,
                "sentence": "Chance would need about 74 more labels (20 to 130) to be as good; this looks beyond "
                "what was measured.",
            },
            "more": 0,
            "verdict": "helps",
            "sentence": "Asking helps: the model is better than it would be with the same number of labels by chance.",
            "curve": [at(n, arm) for arm in ("control", "active") for n in range(20, labels + 1, 20)],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    desk: Desk

    def do_GET(self) -> None:
        self._reply("GET", None)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply("POST", json.loads(text or b"{}"))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _reply(self, method: str, body: Any) -> None:
        desk, url = self.desk, urlsplit(self.path)
        if not url.path.startswith("/api/"):
            self._file(url.path)
            return
        if desk.delay:
            time.sleep(desk.delay)
        if desk.fault == "away":
            self.close_connection = True
            return
        try:
            if method == "POST" and self.headers.get("X-Askance") != "1":
                raise Refused(403, "header", "This request does not come from the page.")
            if desk.fault == "door" and url.path != "/api/login":
                raise Refused(401, "door", "Sign in first.")
            if method == "POST" and desk.fault == "disk":
                raise Refused(503, "disk", "The disk is full: free some space.")
            if method == "POST" and desk.fault == "busy":
                raise Refused(429, "fast", "Too fast. Wait a moment.")
            with desk.lock:
                desk.seen.append((method, url.path, body))
                reply = desk.get(url.path, parse_qs(url.query)) if method == "GET" else desk.post(url.path, body)
            if method == "POST" and desk.fault == "deaf":
                self.close_connection = True
                return
        except Refused as refused:
            self._send(refused.status, "application/json", json.dumps(refused.body).encode())
            return
        if isinstance(reply, bytes):
            kind = "image/png" if "/image/" in url.path else "text/csv"
            self._send(200, kind, reply)
        else:
            self._send(200, "application/json", json.dumps(reply).encode())

    def _file(self, path: str) -> None:
        found = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
        if found.parent != STATIC or not found.is_file():
            self._send(404, "text/plain", b"not found")
        else:
            self._send(200, TYPES[found.suffix], found.read_bytes())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        if kind == "text/csv":
            self.send_header("Content-Disposition", 'attachment; filename="answers.csv"')
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error."""


@contextmanager
def served(desk: Desk, port: int = 0) -> Iterator[str]:
    """The desk on a port of the loopback, until the block ends; gives its address."""
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"desk": desk}))
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """A desk to click through."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--reads", choices=["text", "image", "table"], default="text")
    said.add_argument("--kind", choices=["classes", "labels", "number"], default="classes")
    said.add_argument("--suggest", choices=["never", "after", "before"], default="after")
    said.add_argument("--taught", type=int, default=0, help="items that are labeled already")
    said.add_argument("--new", action="store_true", help="nobody is known, and neither kind nor classes are")
    said.add_argument("--port", type=int, default=8765)
    given = said.parse_args()
    desk = Desk(given.reads, kind=given.kind, suggest=given.suggest, taught=given.taught)
    if given.new:
        desk.person, desk.unset, desk.names = "", True, []
    with served(desk, given.port) as url:
        print(url)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()

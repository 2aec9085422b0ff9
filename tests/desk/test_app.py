from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from small_projects import begun, desk, fresh
from starlette.testclient import TestClient

from askance.desk.app import Doors, make_app
from askance.desk.desk import Desk
from askance.desk.exports import Exports
from askance.desk.fold import Question
from askance.desk.pictures import Shown
from askance.desk.showing import Showing, _why
from askance.errors import StorageError
from askance.project.beginning import Wishes, begin


class Made(Exports):
    """Makes no file, and says what was wanted."""

    def make(self, project: Path, kind: str) -> tuple[str, bytes]:
        return f"labels.{kind}", f"{project.name} as {kind}".encode()


class Page:
    """A page without its guard: whoever speaks is named in a header."""

    def __init__(self, place: Path) -> None:
        self.desk: Desk = desk(place)
        self.showing = Showing(self.desk, "tickets", "after")
        self.named: list[str] = []

        def person(request: Request) -> str:
            return request.headers.get("person", "")

        async def picture(id: str) -> Shown:
            return Shown(id.encode(), "image/png")

        doors = Doors(
            showing=self.showing,
            person=person,
            name=lambda request, name: self.named.append(name),
            key=lambda id: f"k{id}",
            ids=lambda keys: {key: key[1:] for key in keys if key.startswith("k")},
            picture=picture,
            exports=Made(),
        )
        self.client = TestClient(make_app(doors), raise_server_exceptions=False)

    def get(self, path: str, person: str = "ann", status: int = 200) -> Any:
        found = self.client.get(path, headers={"person": person})
        assert found.status_code == status, found.text
        return found.json()

    def post(self, path: str, body: Any, person: str = "ann", status: int = 200) -> Any:
        found = self.client.post(path, json=body, headers={"person": person})
        assert found.status_code == status, found.text
        return found.json()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(begun(tmp_path))
    yield made
    made.desk.close()


def test_a_session_at_the_page(page: Page) -> None:
    first, second = page.post("/api/claim", {"n": 2})["items"]
    assert first["fields"][0]["name"] == "body" and first["stream"] == "active" and first["answer"] is None
    answer = {"id": first["id"], "value": "money", "seconds": 2.5, "once": "a", "how": "key"}
    saved = page.post("/api/answer", answer)
    assert saved["saved"] and saved["progress"]["labeled"] == 1 and saved["progress"]["mine"] == 1
    page.post("/api/answer", {"id": second["id"], "kind": "unsure", "once": "b"})

    state = page.get("/api/state")
    assert state["task"]["names"] == [{"name": "printer", "count": 0}, {"name": "money", "count": 1}]
    assert (state["progress"]["labeled"], state["progress"]["aside"], state["progress"]["pending"]) == (1, 1, 6)
    assert state["people"] == [{"name": "ann", "answers": 2, "now": False}]
    listed = page.get("/api/mine")["answers"]
    assert [(one["id"], one["value"], one["kind"]) for one in listed] == [
        (second["id"], None, "unsure"),
        (first["id"], "money", "label"),
    ]
    back = page.post("/api/undo", {"once": "c"})
    assert back["item"]["id"] == second["id"] and back["undone"] == {"value": None, "kind": "unsure"}
    page.post("/api/undo", {"once": "d"})
    assert "answered nothing" in page.post("/api/undo", {"once": "e"}, status=404)["error"]
    assert [item["id"] for item in page.post("/api/claim", {"n": 2})["items"]] == [first["id"], second["id"]]


def test_half_a_surrogate_pair_is_shown_as_a_mark(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("".join(f'{{"text": "so \\ud83d {row}"}}\n' for row in range(3)))
    begin(tmp_path / "t.jsonl", Wishes(text=("text",), classes=("a",)), folder=tmp_path / "t.askance")
    made = Page(tmp_path / "t.askance")
    shown = made.post("/api/claim", {"n": 1})["items"][0]
    assert shown["fields"][0]["text"].startswith("so ? ")
    made.desk.close()


def test_a_new_class_is_told_of(page: Page) -> None:
    id = page.post("/api/claim", {})["items"][0]["id"]
    assert page.post("/api/answer", {"id": id, "value": "login", "once": "a"})["declared"] == ["login"]
    assert page.post("/api/names", {"do": "rename", "name": "login", "to": "access"})["names"][-1] == "access"
    assert page.post("/api/names", {"do": "merge", "name": "access", "to": "money"})["names"] == ["printer", "money"]
    assert page.get(f"/api/item/k{id}")["answer"]["value"] == "money"
    assert "'to' is missing" in page.post("/api/names", {"do": "merge", "name": "money"}, status=422)["error"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/answer", {"id": "0", "value": "money"}, "'once'"),
        ("/api/answer", {"id": "0", "value": "money", "once": "a", "by": "eve"}, "'by'"),
        ("/api/answer", {"id": "no such", "value": "money", "once": "a"}, "no item 'no such'"),
        ("/api/answer", {"id": "0", "value": {"a": 1}, "once": "a"}, "value"),
        ("/api/answer", {"id": "0", "value": 3, "once": "a"}, "no class of this project"),
        ("/api/answer", {"id": "0", "value": "money", "kind": "withdrawn", "once": "a"}, "'kind'"),
        ("/api/answer", {"id": "0", "value": "money", "seconds": -1, "once": "a"}, "'seconds'"),
        ("/api/answer", {"id": "0", "value": "money", "once": "a" * 101}, "'once'"),
        ("/api/claim", {"n": 0}, "'n'"),
        ("/api/claim", {"n": True}, "'n'"),
        ("/api/claim", [], "body"),
        ("/api/answers", {"ids": [], "value": "money", "once": "a"}, "'ids'"),
        ("/api/note", {"id": "0", "once": "a", "comment": "x" * 2001}, "'comment'"),
        ("/api/names", {"do": "drop", "name": "money"}, "'do'"),
        ("/api/person", {"name": "file"}, "stands for what files say"),
        ("/api/task", {"kind": "labels"}, "labeled already"),
        ("/api/export", {"format": "exe"}, "no format 'exe'"),
    ],
)
def test_what_is_not_right_is_named_and_changes_nothing(page: Page, path: str, body: Any, says: str) -> None:
    before = page.desk.fold().line
    found = page.post(path, body, status=422)
    assert says in found["error"] and found["what"] in ("fields", "input")
    assert page.desk.fold().line == before


def test_whoever_has_no_name_can_look_and_not_answer(page: Page) -> None:
    assert page.get("/api/state", person="")["person"] == ""
    assert "who labels" in page.post("/api/claim", {}, person="", status=422)["error"]
    assert page.post("/api/person", {"name": " Ann  Lee "}, person="") == {"person": "Ann Lee"}
    assert page.named == ["Ann Lee"]


def test_infinity_is_no_number(tmp_path: Path) -> None:
    page = Page(fresh(tmp_path))
    page.post("/api/task", {"kind": "number"})
    id = page.post("/api/claim", {})["items"][0]["id"]
    text = f'{{"id": "{id}", "value": Infinity, "once": "a"}}'
    found = page.client.post("/api/answer", content=text, headers={"person": "ann", "content-type": "application/json"})
    assert found.status_code == 422
    assert page.post("/api/answer", {"id": id, "value": "3.5", "once": "b"})["progress"]["labeled"] == 1
    page.desk.close()


def test_a_disk_that_is_full_is_told_of_as_such(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise StorageError("The disk is full. Free some space.")

    id = page.post("/api/claim", {})["items"][0]["id"]
    monkeypatch.setattr(page.desk._journal, "add", full)
    found = page.post("/api/answer", {"id": id, "value": "money", "once": "a"}, status=503)
    assert found == {"error": "The disk is full. Free some space.", "what": "disk"}


def test_guesses_are_shown_as_people_want(page: Page) -> None:
    id = page.post("/api/claim", {})["items"][0]["id"]
    page.desk.board.tell([(id, {"value": "money", "probability": 0.9, "model": 0}, {"id": id, "sentence": "Because."})])
    assert page.get(f"/api/item/k{id}")["guess"]["value"] == "money"
    assert page.get(f"/api/why/k{id}")["sentence"] == "Because."
    page.post("/api/suggest", {"mode": "never"})
    assert page.get(f"/api/item/k{id}")["guess"] is None


def test_why_an_item_was_asked_is_known_without_the_dealer_too(page: Page) -> None:
    id = page.post("/api/claim", {})["items"][0]["id"]
    assert page.get(f"/api/why/k{id}")["sentence"] == "Asked by typiclust."
    assert "not asked" in page.get("/api/why/k23")["sentence"]
    told = {"utility", "rank", "doubt", "neighbors", "stands_for", "model", "labels", "strategy", "stream"}
    assert all(told <= page.get(f"/api/why/{key}").keys() for key in (f"k{id}", "k23"))
    page.get("/api/why/x", status=404)


def test_the_map_shows_what_is_known_by_now(page: Page) -> None:
    page.get("/api/map", status=404)
    page.desk.board.put("map", {"ids": ["0", "1", "2"], "x": [0, 0.5, 1], "y": [1, 0.5, 0], "method": "pca"})
    page.post("/api/answers", {"ids": ["0", "1"], "value": "money", "once": "l"})
    found = page.get("/api/map")
    assert (found["side"][:2], found["label"][:2], found["keys"]) == ("ll", [1, 1], ["k0", "k1", "k2"])
    assert page.get("/api/map/text?keys=k0,k1,x")["k0"].startswith("the printer jams")
    page.post("/api/answers", {"ids": ["0", "1"], "kind": "withdrawn", "once": "m"})
    assert page.get("/api/state")["progress"]["labeled"] == 0


def test_files_are_taken_away(page: Page) -> None:
    found = page.client.post("/api/export", json={"format": "csv"})
    assert found.content == b"tickets.askance as csv"
    assert found.headers["content-disposition"] == 'attachment; filename="labels.csv"'


def test_no_page_tells_of_its_routes(page: Page) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/static/app.py", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert page.client.get(path).status_code == 404


@pytest.mark.parametrize(("fit", "said"), [(-1, "nothing was known yet"), (0, "Asked by random.")])
def test_drawn_early_is_not_what_a_strategy_draws(fit: int, said: str) -> None:
    assert said in _why(Question("a", "active", "random", fit, 0, {}), None, "a")["sentence"]

"""Whole sittings at the real page: real files, a real browser, keys, two people, and what is left of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from small_projects import write
from started import Started
from test_serving import until

from askance.project.project import Project
from benchmarks.browser import PROGRAM, Browser, Page, browser
from benchmarks.desk import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on the PATH: install chromium to test the page"),
]

TEXT = "(document.querySelector('#stage')?.innerText ?? '')"
SAVED = "document.body.innerText.includes('All saved')"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as ours:
        yield ours


def answer(page: Page, keys: dict[str, str], count: int) -> None:
    """Press the key of whatever word the text has, so many times."""
    for _ in range(count):
        page.until(f"/{'|'.join(keys)}/.test({TEXT})", patience=60)
        text = str(page.run(TEXT))
        page.press(next(key for word, key in keys.items() if word in text))
        page.until(f"{TEXT} !== {text!r}", patience=60)


def test_a_sitting_by_keyboard_on_texts(chromium: Browser, tmp_path: Path) -> None:
    write(tmp_path, rows=90)
    started = Started(tmp_path, "tickets.csv", "--text", "body", "--id", "number", "--classes", "printer,money")
    keys = {"invoice": "2", "charged": "2", "refund": "2", "printer": "1", "paper": "1", "ink": "1"}
    with chromium.page() as page:
        page.open(started.link)
        assert "token" not in str(page.run("location.href"))
        answer(page, keys, 12)
        page.until(SAVED)
        page.press("Control+z")
        page.until("document.body.innerText.includes('11')")
        answer(page, keys, 1)
        page.send("Page.reload")
        page.until("document.readyState === 'complete'")
        answer(page, keys, 8)
        page.until(SAVED)
        assert page.complaints() == []
    state = Client(started.link, "looker").get("/api/state")[1]
    assert state["progress"]["labeled"] == 20
    assert started.end() == 0
    study = Project(tmp_path / "tickets.askance").study
    assert sum(len(said) for said in study.history.answers.values()) == 20
    assert set(study.labels.values()) == {"printer", "money"}


def test_two_people_at_once_get_different_pictures(chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    for number in range(40):
        color = (200, 40, number) if number % 2 else (30, 60, 200 - number)
        Image.new("RGB", (48, 32), color).save(tmp_path / "shots" / f"shot{number:02}.png")
    started = Started(tmp_path, "shots", "--classes", "red,blue")
    with chromium.page() as ann, chromium.page() as bob:
        for page, name in ((ann, "ann"), (bob, "bob")):
            page.open(started.link)
            page.run(
                "fetch('/api/person', {method: 'POST', headers: {'X-Askance': '1', 'Content-Type': 'application/json'},"
                f" body: JSON.stringify({{name: '{name}'}})}}).then(r => r.status)"
            )
            page.send("Page.reload")
        for turn in range(5):
            for page in (ann, bob):
                page.until("document.querySelector('#stage img')?.naturalWidth > 0", patience=60)
                before = page.run("document.querySelector('#about .id').textContent")
                page.press("1" if turn % 2 else "2")
                page.until(f"document.querySelector('#about .id')?.textContent !== {before!r}", patience=60)
        for page in (ann, bob):
            page.until(SAVED)
    assert started.end() == 0
    answers = Project(tmp_path / "shots.askance").study.history.answers
    assert len(answers) == 10 and all(len(said) == 1 for said in answers.values())
    assert sorted(said[0].by for said in answers.values()) == ["ann"] * 5 + ["bob"] * 5


def test_answers_outlive_a_server_that_is_killed(chromium: Browser, tmp_path: Path) -> None:
    write(tmp_path, rows=60)
    started = Started(tmp_path, "tickets.csv", "--text", "body", "--id", "number", "--classes", "printer,money")
    port = started.link.partition("://")[2].partition("/")[0].rpartition(":")[2]
    with chromium.page() as page:
        page.open(started.link)
        page.until("document.querySelector('#about .id')?.textContent", patience=60)
        time.sleep(0.5)  # the next items are at hand
        started.process.kill()
        started.process.wait()
        assert started.process.stdout is not None
        started.process.stdout.close()
        page.press("1")  # what was fetched ahead can be answered
        page.press("2")
        time.sleep(0.5)
        assert not page.run(SAVED)
        again = Started(tmp_path, "tickets.csv", "--port", port)
        page.until(SAVED, patience=60)
    state = Client(again.link, "looker").get("/api/state")[1]
    assert state["progress"]["labeled"] == 2
    assert again.end() == 0


def test_several_labels_and_numbers_reach_a_model_that_asks(chromium: Browser, tmp_path: Path) -> None:
    write(tmp_path, rows=120)
    words = {"printer": ("printer", "paper", "ink"), "money": ("invoice", "charged", "refund"), "long": ("is ", "no ")}
    for kind, more in (("labels", ("--classes", ",".join(words))), ("number", ())):
        project = ("--project", str(tmp_path / kind), "--task", kind, *more)
        started = Started(tmp_path, "tickets.csv", "--text", "body", "--id", "number", *project)
        with chromium.page() as page:
            page.open(started.link)
            for _ in range(24):
                page.until(f"{TEXT}.includes('(')", patience=60)
                text = str(page.run(TEXT))
                fitting = [place for place, own in enumerate(words.values(), 1) if any(word in text for word in own)]
                page.press(*(map(str, fitting) if kind == "labels" else str(len(text.strip()))), "Enter")
                page.until(f"{TEXT} !== {text!r}", patience=60)
            page.until(SAVED)
            until(Client(started.link, "looker"), "model")
            for view in ("w", "m", "h", "o"):
                page.press(f"Shift+{view}")
                page.until("document.querySelector('#panel').innerText.length > 40", patience=60)
            assert page.complaints() == []
        assert label_some(Client(started.link, "looker"), ["printer"] if kind == "labels" else 3.5) > 0
        assert started.end() == 0
        study = Project(tmp_path / f"{kind}.askance").study
        assert len(study.labels) >= 24 and all(row.ok for row in study.audit())


def label_some(client: Client, value: object, count: int = 12) -> int:
    """Label a few items through the server; how many of them a strategy chose."""
    asked = 0
    for number in range(count):
        while not (items := client.post("/api/claim", {"n": 1})[1]["items"]):
            time.sleep(0.1)
        asked += items[0]["stream"] == "active"
        body = {"id": items[0]["id"], "value": value, "kind": "label", "once": f"more{number}"}
        assert client.post("/api/answer", body)[0] == 200
    return asked

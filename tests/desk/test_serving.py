"""A desk as people start it: `askance label`, with its dealer behind it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_projects import write
from started import Started

from askance.desk.serving import Behind, Wish, listen, serve
from askance.errors import BadInput
from askance.project.beginning import Wishes, begin
from askance.project.project import Project
from benchmarks.desk import Client, Desk


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path, rows=120)
    return tmp_path


@pytest.fixture
def started(place: Path) -> Iterator[Started]:
    made = Started(place, "tickets.csv", "--text", "body", "--id", "number", "--classes", "printer,money")
    yield made
    if made.process.poll() is None:
        made.end()


def truth(item: dict[str, object]) -> str:
    return "money" if any(word in str(item["fields"]) for word in ("invoice", "charged", "refund")) else "printer"


def label(client: Client, count: int, begin: int = 0, patience: float = 120.0) -> int:
    """Label so many items; how many were asked by a strategy."""
    asked, done, end = 0, 0, time.monotonic() + patience
    while done < count:
        assert time.monotonic() < end, client.get("/api/state")
        items = client.post("/api/claim", {"n": 1})[1]["items"]
        if not items:
            time.sleep(0.1)
            continue
        body = {"id": items[0]["id"], "value": truth(items[0]), "once": f"o{begin + done}"}
        assert client.post("/api/answer", body)[0] == 200
        asked += items[0]["stream"] == "active"
        done += 1
    return asked


def until(client: Client, what: str, patience: float = 120.0) -> dict[str, object]:
    """Wait for a part of the state to be there."""
    end = time.monotonic() + patience
    while not (state := client.get("/api/state")[1])[what]:
        assert time.monotonic() < end, state
        time.sleep(0.1)
    return dict(state)


@pytest.mark.slow
def test_from_a_file_to_a_model_that_asks(place: Path, started: Started) -> None:
    client = Client(started.link, "ann")
    label(client, 20)
    state = until(client, "model")
    assert state["model"]["labels"] >= 4  # type: ignore[index]
    assert label(client, 20, 20) > 5  # the strategy asks now
    until(client, "proof")
    assert started.end() == 0

    project = Project(place / "tickets.askance")
    study = project.study
    assert len(study.labels) == 40 and all(row.ok for row in study.audit())
    assert sum(answer.by == "ann" for said in study.history.answers.values() for answer in said) == 40
    project.close()


@pytest.mark.slow
def test_a_dealer_that_is_killed_comes_back_and_people_do_not_notice(place: Path, started: Started) -> None:
    client = Client(started.link, "ann")
    label(client, 10)
    until(client, "model")
    desk = Desk(place, process=started.process)
    behind = desk.dealer()
    assert behind is not None
    os.kill(behind, signal.SIGKILL)
    label(client, 20, 10)
    end = time.monotonic() + 60
    while (now := desk.dealer()) in (None, behind):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert started.end() == 0
    assert not Path(f"/proc/{now}").exists()  # Ctrl-C leaves nothing behind


@pytest.mark.slow
def test_the_second_time_it_goes_on(place: Path, started: Started) -> None:
    label(Client(started.link, "ann"), 5)
    started.end()
    again = Started(place, "tickets.csv")
    state = Client(again.link, "bob").get("/api/state")[1]
    assert state["progress"]["labeled"] == 5
    assert again.end() == 0


@pytest.mark.slow
def test_what_cannot_be_encoded_is_said_on_the_page(place: Path) -> None:
    there = place / "t.askance"
    begin(place / "tickets.csv", Wishes(text=("body",)), folder=there, encoder=lambda reads: "no-such-encoder")
    begun = Started(place, "--project", "t.askance")
    client = Client(begun.link, "ann")
    state = until(client, "banner")
    assert "no-such-encoder" in state["banner"]["text"]  # type: ignore[index]
    assert begun.end() == 0


def test_strangers_are_not_let_in_without_a_password(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no password"):
        serve(tmp_path, Wish(host="0.0.0.0"))


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(BadInput, match=str(first.getsockname()[1])):
        listen("127.0.0.1", first.getsockname()[1])


def test_a_dealer_is_started_again_unless_that_would_not_help(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    text = f"import sys; open({str(log)!r}, 'a').write('x'); sys.exit(int(sys.argv[1]))"
    for code, starts in (("1", 2), ("3", 1), ("0", 1)):
        log.write_text("")
        dealing = Behind(tmp_path, [sys.executable, "-c", text, code])
        dealing.start()
        end = time.monotonic() + 20
        while len(log.read_text()) < starts:
            assert time.monotonic() < end
            time.sleep(0.02)
        dealing.stop()
        assert len(log.read_text()) == starts

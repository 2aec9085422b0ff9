"""A journal keeps what it confirmed, in one order, whoever writes and whoever is killed."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import pytest

from askance.errors import BadInput, Conflict, StorageError
from askance.study.journal import KINDS, Draft, Journal, MemoryJournal, SqlJournal, open_journal

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


def told(item: int, once: str | None = None) -> Draft:
    return Draft("told", {"id": item, "value": 0, "answer_kind": "label"}, once)


def items(journal: Journal) -> list[int]:
    return [line.body["id"] for line in journal.read()]


@pytest.fixture(params=["memory", "full", "normal"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    storage = None if request.param == "memory" else tmp_path / "x.db"
    journal = open_journal(storage, "paper", "normal" if request.param == "normal" else "full")
    yield journal
    journal.close()


def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert journal.read() == []
    assert journal.last == 0


def test_lines_are_numbered_from_one_and_read_back_as_written(journal: Journal) -> None:
    body = {"id": "émeute \u0000 😀", "value": [0.1, None, {"1": True}], "answer_kind": "label"}
    before = time.time()
    written = journal.append([Draft("told", body), told(8)], after=0)
    assert journal.read() == written
    assert [(line.number, line.kind) for line in written] == [(1, "told"), (2, "told")]
    assert written[0].body == body
    assert before <= written[0].at <= time.time()


def test_reading_on_gives_only_what_is_new(journal: Journal) -> None:
    journal.append([told(item) for item in range(5)], after=0)
    assert [line.number for line in journal.read(after=3)] == [4, 5]
    assert journal.read(after=5) == []


def test_lines_that_were_read_can_be_changed_without_harm(journal: Journal) -> None:
    draft = told(1)
    written = journal.append([draft], after=0)
    draft.body["id"] = written[0].body["id"] = journal.read()[0].body["id"] = 2
    assert items(journal) == [1]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_writer_who_did_not_see_the_last_line_is_refused(journal: Journal, after: int) -> None:
    journal.append([told(1), told(2)], after=0)
    with pytest.raises(Conflict, match=f"ends at line 2, not at line {after}"):
        journal.append([told(3)], after=after)
    assert items(journal) == [1, 2]


def test_nothing_of_a_group_is_kept_when_one_draft_is_wrong(journal: Journal) -> None:
    with pytest.raises(BadInput, match="lacks answer_kind"):
        journal.append([told(1), Draft("told", {"id": 2, "value": 0})], after=0)
    assert journal.last == 0


def test_adding_goes_after_whatever_was_written(journal: Journal) -> None:
    journal.append([told(1)], after=0)
    assert journal.add([told(2), told(3)])[0].number == 2
    assert journal.add([]) == []
    assert items(journal) == [1, 2, 3]


def test_a_key_that_was_used_gives_the_line_written_then(journal: Journal) -> None:
    first = journal.add([told(1, once="a"), told(2)])
    again = journal.add([told(3), told(9, once="a"), told(4, once="b"), told(5, once="b")])
    assert again[1] == first[0]
    assert again[2] == again[3]
    assert items(journal) == [1, 2, 3, 4]
    assert journal.find("a") == first[0]
    assert journal.find("b") == again[2]
    assert journal.find("c") is None


def test_many_keys_are_looked_up_at_once(journal: Journal) -> None:
    drafts = [told(item, once=f"import-{item}") for item in range(1201)]
    assert journal.add(drafts) == journal.add(drafts)
    assert journal.last == 1201


def test_appending_under_a_used_key_is_refused(journal: Journal) -> None:
    journal.append([told(1, once="a")], after=0)
    with pytest.raises(BadInput, match="'a' is used twice"):
        journal.append([told(2), told(3, once="a")], after=1)
    with pytest.raises(BadInput, match="'b' is used twice"):
        journal.append([told(2, once="b"), told(3, once="b")], after=1)
    assert items(journal) == [1]


def test_lines_written_together_are_seen_inside_and_kept_after(journal: Journal) -> None:
    with journal.together():
        journal.append([told(1)], after=0)
        with journal.together():
            journal.add([told(2, once="a")])
        with pytest.raises(Conflict):
            journal.append([told(9)], after=0)
        assert journal.last == 2
        assert journal.find("a") is not None
    assert items(journal) == [1, 2]


def test_nothing_is_kept_of_a_block_that_raises(journal: Journal, request: pytest.FixtureRequest) -> None:
    journal.add([told(1, once="a")])
    with pytest.raises(ZeroDivisionError), journal.together():
        journal.add([told(2, once="b"), told(9, once="a")])
        journal.add([told(1 // 0)])
    if "full" in request.node.callspec.id:  # what was confirmed is on disk
        assert items(journal) == [1, 2]
    else:
        assert items(journal) == [1]
        assert journal.find("b") is None
    assert journal.find("a") is not None


def test_a_closed_journal_says_so(journal: Journal) -> None:
    journal.close()
    with pytest.raises(StorageError, match=r"'paper' is closed\. Open it again"):
        journal.read()


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (Draft("tolled", {}), "no kind of line named 'tolled'. Did you mean 'told'?"),
        (Draft("changed", {"what": "task"}), "'changed' lacks new, old"),
        (Draft("passed", {"id": 1, "way": 2}), "'passed' has no way. It may hold id"),
        (Draft("passed", {"id": 1.5}), "'passed' has id = 1.5, a float. Give it as int | str"),
        (Draft("stopped", {"reason": None}), "a NoneType. Give it as str"),
        (Draft("changed", {"what": "x", "old": None, "new": object()}), "not JSON serializable"),
        (Draft("passed", {"id": 1}, once=""), "key has 0 characters"),
        (Draft("passed", {"id": 1}, once="x" * 256), "key has 256 characters"),
    ],
)
def test_a_draft_that_no_kind_declares_is_refused(journal: Journal, draft: Draft, says: str) -> None:
    with pytest.raises(BadInput) as error:
        journal.add([told(1), draft])
    assert says in str(error.value)
    assert journal.last == 0


def test_the_event_schema_is_whole() -> None:
    assert " ".join(KINDS) == "opened offered asked released told fitted passed changed scored stopped noted"


def test_a_study_needs_a_name() -> None:
    with pytest.raises(BadInput, match="name has 0 characters"):
        MemoryJournal("")


def test_a_journal_survives_its_closing(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "x.db")
    written = journal.add([told(1, once="a"), told(2)])
    journal.close()
    again = SqlJournal(tmp_path / "x.db")
    assert again.read() == written
    assert again.find("a") == written[0]


def test_studies_in_one_file_do_not_see_each_other(tmp_path: Path) -> None:
    one, two = (SqlJournal(tmp_path / "x.db", study) for study in ("one", "two"))
    one.add([told(1, once="a")])
    two.append([told(2, once="a"), told(3)], after=0)
    assert (items(one), items(two)) == ([1], [2, 3])
    assert two.find("a") != one.find("a")


def test_many_studies_write_one_round_in_one_commit(tmp_path: Path) -> None:
    studies = [SqlJournal(tmp_path / "x.db", f"seed {seed}", "normal") for seed in range(50)]
    with pytest.raises(ZeroDivisionError), studies[0].together():
        for study in studies:
            study.append([told(1)], after=0)
        raise ZeroDivisionError
    assert {study.last for study in studies} == {0}
    with studies[0].together():
        for study in studies:
            study.append([told(2)], after=0)
    assert [items(study) for study in studies] == [[2]] * 50


def test_threads_that_share_a_journal_lose_nothing(journal: Journal) -> None:
    def write(worker: int) -> None:
        for item in range(20):
            journal.add([told(100 * worker + item, once=f"{worker} {item}")])

    threads = [Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(items(journal)) == sorted(100 * worker + item for worker in range(4) for item in range(20))


def run_forked(works: list[Callable[[], object]]) -> None:
    processes = [get_context("fork").Process(target=work) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


@needs_fork
def test_processes_that_compare_and_append_lose_nothing_and_leave_no_gap(tmp_path: Path) -> None:
    def write(worker: int) -> None:
        journal = SqlJournal(tmp_path / "x.db")
        done = 0
        while done < 10:
            try:
                journal.append([told(10 * worker + done), told(1000)], after=journal.last)
                done += 1
            except Conflict:
                continue

    run_forked([lambda worker=worker: write(worker) for worker in range(8)])  # type: ignore[misc]
    lines = SqlJournal(tmp_path / "x.db").read()
    assert [line.number for line in lines] == list(range(1, 161))
    assert sorted(line.body["id"] for line in lines[0::2]) == list(range(80))
    assert {line.body["id"] for line in lines[1::2]} == {1000}  # a group is never torn


@needs_fork
def test_a_forked_child_and_its_parent_write_to_the_same_journal(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "x.db")
    journal.add([told(1)])
    run_forked([lambda: journal.append([told(2)], after=1)])
    journal.append([told(3)], after=2)
    run_forked([journal.close])
    journal.add([told(4)])
    assert items(journal) == [1, 2, 3, 4]


@needs_fork
def test_a_forked_child_does_not_join_the_transaction_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askance.study.sql.PATIENCE", 0.05)
    journal = SqlJournal(tmp_path / "x.db", durability="normal")

    def write() -> None:
        assert journal.last == 0
        with pytest.raises(StorageError, match="another process has held it"):
            journal.add([told(2)])

    with journal.together():
        journal.add([told(1)])
        run_forked([write])
    assert items(journal) == [1]


@needs_fork
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_no_confirmed_line_is_lost_doubled_or_torn_by_kills(tmp_path: Path, durability: str) -> None:
    def write(confirm: int) -> None:
        journal = SqlJournal(tmp_path / "x.db", durability=durability)
        while True:
            last = journal.last
            with journal.together():
                if durability == "full":
                    journal.append([told(last), told(last + 1), told(last + 2)], after=last)
                else:
                    for item in range(last, last + 3):
                        journal.append([told(item)], after=item)
            os.write(confirm, (last + 3).to_bytes(4, "big"))

    dice = random.Random(0)
    for _ in range(10):
        reading, confirm = os.pipe()
        process = get_context("fork").Process(target=write, args=(confirm,))
        process.start()
        os.close(confirm)
        with open(reading, "rb", buffering=0) as pipe:
            for _ in range(dice.randrange(1, 12)):
                said = pipe.read(4)
            time.sleep(dice.uniform(0, 0.002))
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            confirmed = int.from_bytes((said + pipe.read())[-4:], "big")
        journal = SqlJournal(tmp_path / "x.db", durability=durability)
        assert items(journal) == list(range(journal.last))
        assert journal.last % 3 == 0
        assert confirmed <= journal.last <= confirmed + 3
        journal.close()

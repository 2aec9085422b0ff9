"""Sessions outlive a restart, end when their time is up, and cannot be stolen from the file they are kept in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from askance.desk import sessions as room
from askance.desk.sessions import DAYS, Sessions
from askance.errors import StorageError
from askance.study.sql import sqlite_driver


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Iterator[Sessions]:
    with closing(Sessions(tmp_path / "desk.db", clock=clock)) as opened:
        yield opened


def test_a_session_is_found_by_its_id_alone_and_after_a_restart_too(kept: Sessions, clock: Clock) -> None:
    id = kept.start("ann")
    found = kept.find(id)
    assert found is not None and (found.person, found.made) == ("ann", clock.now)
    with closing(Sessions(kept.path, clock=clock)) as again:
        assert again.find(id) == found
        assert again.find(kept.start()[:-1] + "!") is None


@pytest.mark.parametrize("id", ["", "x", "A" * 43, "A" * 42 + "\0", "A" * 42 + "é", "' OR 1=1 --", "A" * 100_000])
def test_what_is_no_id_of_ours_is_nobodys(kept: Sessions, id: str) -> None:
    kept.start("ann")
    assert kept.find(id) is None and kept.recent(id) is None


def test_whoever_reads_the_file_cannot_sign_in_with_it(kept: Sessions, tmp_path: Path) -> None:
    id = kept.start("ann")
    kept.close()
    for file in tmp_path.iterdir():
        assert id.encode() not in file.read_bytes()
    with closing(sqlite_driver().connect(str(kept.path))) as connection:
        ((key,),) = connection.execute("SELECT key FROM sessions").fetchall()
    with closing(Sessions(kept.path)) as again:
        assert again.find(bytes(key).hex()[:43]) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_the_file_is_its_owners_alone(kept: Sessions, tmp_path: Path) -> None:
    kept.start()
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


def test_a_session_ends_after_thirty_days_however_much_it_is_used(kept: Sessions, clock: Clock) -> None:
    id = kept.start("ann")
    for _ in range(DAYS):
        assert kept.find(id) is not None
        clock.now += 86_400.0
    assert kept.find(id) is None and kept.recent(id) is None
    with closing(Sessions(kept.path, clock=clock)), closing(sqlite_driver().connect(str(kept.path))) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_memory_answers_for_a_minute_and_then_the_file_is_asked_again(kept: Sessions, clock: Clock) -> None:
    id = kept.start("ann")
    assert kept.recent(id) is None and kept.find(id) == kept.recent(id)
    with closing(Sessions(kept.path, clock=clock)) as other:
        other.end_all()
    assert kept.recent(id) is not None
    clock.now += 60.0
    assert kept.recent(id) is None and kept.find(id) is None


def test_whoever_is_signed_out_is_signed_out_at_once(kept: Sessions) -> None:
    one, other = kept.start("ann"), kept.start("ben")
    session = kept.find(one)
    assert session is not None and kept.find(other) is not None
    kept.end(session.key)
    assert kept.recent(one) is kept.find(one) is None and kept.find(other) is not None
    kept.end_all()
    assert kept.recent(other) is kept.find(other) is None


def test_a_new_name_is_known_at_once(kept: Sessions) -> None:
    id = kept.start()
    session = kept.find(id)
    assert session is not None and session.person == ""
    kept.name(session.key, "ann")
    assert kept.recent(id) is None
    found = kept.find(id)
    assert found is not None and found.person == "ann"


def test_people_are_those_who_were_seen_lately(kept: Sessions, clock: Clock) -> None:
    ann, _ = kept.start("ann"), kept.start("ben")
    clock.now += 300.0
    kept.find(ann)
    assert kept.people(within=60.0) == {"ann"} and kept.people(within=600.0) == {"ann", "ben"}


def test_nobody_waits_for_another_writer_to_be_found(kept: Sessions, clock: Clock) -> None:
    id = kept.start("ann")
    with closing(sqlite_driver().connect(str(kept.path), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert kept.find(id) is not None
        writer.execute("ROLLBACK")


def test_sessions_without_number_do_not_fill_the_disk(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 3)
    ids = [kept.start(str(number)) for number in range(5)]
    assert sum(kept.find(id) is not None for id in ids) == 3


def test_a_secret_is_made_once_and_is_the_same_ever_after(kept: Sessions) -> None:
    secret = kept.secret("keys")
    assert len(secret) == 32 and kept.secret("keys") == secret != kept.secret("other")
    with closing(Sessions(kept.path)) as again:
        assert again.secret("keys") == secret


def test_threads_may_sign_in_and_out_at_once(kept: Sessions) -> None:
    def work() -> None:
        for _ in range(20):
            session = kept.find(kept.start("ann"))
            assert session is not None
            kept.end(session.key)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.people(within=60.0) == set()


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_bytes(b"this is no database, and long enough to be looked at as one" * 20)
    with pytest.raises(StorageError, match=r"desk.db cannot be used: .*delete it: people then have to sign in again"):
        Sessions(tmp_path / "desk.db")
    with pytest.raises(StorageError, match="cannot be used"):
        Sessions(tmp_path / "nowhere" / "desk.db")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who may not do all")
def test_a_file_that_may_not_be_written_is_a_storage_error(kept: Sessions) -> None:
    kept.path.chmod(0o400)
    with pytest.raises(StorageError, match="permissions"):
        Sessions(kept.path)

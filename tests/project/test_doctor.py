"""The doctor finds what is wrong, and what it advises mends it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tickets import make_project

from askance.project import doctor
from askance.project.doctor import as_text, examine
from askance.study import sql


def states(project: Path | None = None) -> dict[str, str]:
    """The worst state of everything that was looked at, by name."""
    order = ["ok", "warn", "bad"]
    found: dict[str, str] = {}
    for one in examine(project):
        found[one.name] = max(found.get(one.name, "ok"), one.state, key=order.index)
    return found


def row(name: str, project: Path | None = None) -> Any:
    return max(
        (one for one in examine(project) if one.name == name), key=lambda one: ["ok", "warn", "bad"].index(one.state)
    )


def test_a_sound_machine_is_sound_and_every_worry_has_an_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = examine()
    assert {"python", "packages", "sqlite", "journal", "threads", "this folder", "cache", "terminal", "gpu"} <= {
        one.name for one in found
    }
    assert not [one for one in found if one.state == "bad"]
    assert all(one.advice for one in found if one.state != "ok")
    assert "torch" in as_text(found) and list(tmp_path.iterdir()) == []
    assert json.dumps([vars(one) for one in found])


def test_an_old_sqlite_is_named_with_what_brings_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(sql, "WAL_SAFE_SINCE", (99, 0, 0))
    monkeypatch.setattr(sql, "_warn_of_old_sqlite", lambda version: None)
    found = row("sqlite")
    assert found.state == "warn" and "does without it" in found.said
    assert "pip install pysqlite3" in found.advice or "slower" in found.advice
    monkeypatch.setattr(sql, "WAL_SAFE_SINCE", (3, 0, 0))  # as if it had been followed
    assert row("sqlite").state == "ok"


def test_a_package_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    assert row("packages").advice == "Install: pip install no-such-package"
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy",))
    assert states()["packages"] == "ok"


def test_an_extra_that_lacks_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda name: ["no-such-module>=1; extra == 'text'", "x; extra == 'dev'"])
    found = row("extra text")
    assert "no-such-module" in found.said and "pip install 'askance[text]'" in found.advice
    monkeypatch.setattr(doctor, "requires", lambda name: ["numpy; extra == 'text'"])
    assert row("extra text").advice == ""


@pytest.mark.skipif(os.name != "posix", reason="access rights are those of POSIX")
def test_a_cache_that_cannot_be_written_is_named_and_another_one_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writable = os.access
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: "locked" not in str(path) and writable(path, mode))
    (tmp_path / "locked").mkdir()
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "locked"))
    found = row("cache")
    assert found.state == "warn" and "export ASKANCE_CACHE=FOLDER" in found.advice
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "open"))
    assert row("cache").state == "ok"


def test_a_full_disk_and_little_memory_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    monkeypatch.setattr(doctor, "_free_memory", lambda: 1 << 29)
    found = states()
    assert found["this folder"] == "warn" and found["memory"] == "warn"
    assert "--limit" in row("memory").advice
    monkeypatch.setattr(doctor.shutil, "disk_usage", usage)
    monkeypatch.setattr(doctor, "_free_memory", lambda: 1 << 40)
    assert states()["memory"] == "ok"


def test_a_terminal_that_is_not_utf8_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding="latin-1", write=lambda text: None, flush=lambda: None))
    assert row("terminal").advice == "Set it: export PYTHONUTF8=1"


def test_a_look_that_fails_is_a_finding_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_free_memory", lambda: 1 / 0)
    assert row("memory").state == "bad" and "ZeroDivisionError" in row("memory").said


def test_damaged_features_are_found_and_encoding_again_mends_them(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=60)
    folder = tmp_path / "tickets.askance"
    assert states(folder)["project"] == "ok"
    (file,) = (path for path in (folder / "features").rglob("*.npy") if ".keys" not in path.name)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    found = row("project", folder)
    assert found.state == "bad" and found.advice == "Make them anew: askance encode"
    assert project.encode() == len(project.study.pool)
    assert states(folder)["project"] == "ok"


def test_items_without_features_are_found_and_encoding_mends_it(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=60, limit=20)
    folder = tmp_path / "tickets.askance"
    assert row("project", folder).advice == "Encode them: askance encode"
    project.encode()
    assert states(folder)["project"] == "ok"


def test_a_damaged_journal_and_a_missing_project_are_found(tmp_path: Path) -> None:
    make_project(tmp_path, rows=30).close()
    study = tmp_path / "tickets.askance" / "study.db"
    for path in study.parent.glob("study.db-*"):
        path.unlink()
    study.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    assert any("study.db" in one.said and one.state == "bad" for one in examine(tmp_path / "tickets.askance"))
    assert row("project", tmp_path / "none").state == "bad"


def test_images_that_moved_are_found_and_adding_their_new_place_mends_it(tmp_path: Path) -> None:
    from pictures_of import write_photos

    from askance.project.project import Project
    from askance.project.starting import init

    write_photos(tmp_path / "photos", files=10, odd=0)
    init(tmp_path / "photos", folder=tmp_path / "p.askance")
    (tmp_path / "photos").rename(tmp_path / "moved")
    found = row("project", tmp_path / "p.askance")
    assert found.state == "bad" and "askance add FOLDER" in found.advice
    project = Project(tmp_path / "p.askance")
    done = project.add(tmp_path / "moved", scope="replace")
    assert done.new == 0 and done.lost == []

"""The doctor finds what is wrong, and what it advises mends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
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
    looked_at = {one.name for one in found}
    assert {"python", "packages", "sqlite", "journal", "threads", "this folder", "cache", "terminal"} <= looked_at
    assert {"memory", "file system", "gpu", "compiled code"} <= looked_at or sys.platform != "linux"
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


def test_what_is_advised_for_a_terminal_works_in_a_new_process() -> None:
    program = "from askance.project.doctor import _terminal; print(*[one.state + one.advice for one in _terminal()])"

    def said(**environment: str) -> str:
        others = {name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONIO"))}
        given = {**others, "PYTHONCOERCECLOCALE": "0", **environment}
        done = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert said(PYTHONUTF8="1") == "ok"
    assert said(LC_ALL="C", PYTHONUTF8="0").endswith("PYTHONUTF8=1")
    assert said(LC_ALL="C", PYTHONUTF8="1") == "ok"
    assert said(PYTHONUTF8="1", PYTHONIOENCODING="latin-1").endswith("PYTHONIOENCODING=utf-8")
    assert said(PYTHONIOENCODING="utf-8") == "ok"


def test_another_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 2))
    assert row("python").state == "warn" and "Python 3.11, 3.12 or 3.13" in row("python").advice


def test_where_no_temporary_file_can_be_made_another_folder_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert row("journal").state == "bad" and "export TMPDIR=FOLDER" in row("journal").advice
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert row("journal").state == "ok" and "1 of 1 line" in row("journal").said


def test_a_folder_that_locks_nothing_is_named_and_a_local_one_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "network").mkdir()
    locks = doctor._locks
    monkeypatch.setattr(doctor, "_locks", lambda file: "network" not in file.parts and locks(file))
    monkeypatch.chdir(tmp_path / "network")
    found = row("file system")
    assert found.state == "bad" and "could spoil a study" in found.said and "cd FOLDER" in found.advice
    monkeypatch.chdir(tmp_path)
    assert row("file system").state == "ok" and list((tmp_path / "network").iterdir()) == []


def test_where_compiled_code_can_be_kept_nowhere_a_folder_for_it_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writable = os.access
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: str(path) == str(tmp_path) and writable(path, mode))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert row("compiled code").state == "bad" and "NUMBA_CACHE_DIR=FOLDER" in row("compiled code").advice
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    assert row("compiled code").state == "ok"


def test_a_cache_that_is_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "file"))
    assert row("cache").state == "warn" and "export ASKANCE_CACHE=FOLDER" in row("cache").advice


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
    assert found.state == "bad" and found.advice == f"Make them anew: askance encode -p {folder}"
    assert project.encode() == len(project.study.pool)
    assert states(folder)["project"] == "ok"


def test_items_without_features_are_found_and_encoding_mends_it(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=60, limit=20)
    folder = tmp_path / "tickets.askance"
    assert row("project", folder).advice == f"Encode them: askance encode -p {folder}"
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


@pytest.mark.parametrize("name", ["project.db", "study.db"])
def test_a_copy_put_back_mends_a_spoiled_or_lost_file(tmp_path: Path, name: str) -> None:
    make_project(tmp_path, rows=30).close()
    folder = tmp_path / "tickets.askance"
    copy = (folder / name).read_bytes()
    (folder / name).write_bytes(b"not a database at all" * 100)
    found = row("project", folder)
    assert found.state == "bad" and name in found.said + found.advice and "Restore a copy" in found.advice
    (folder / name).write_bytes(copy)
    assert states(folder)["project"] == "ok"
    (folder / name).unlink()
    assert row("project", folder).state == "bad"
    (folder / name).write_bytes(copy)
    assert states(folder)["project"] == "ok"


def test_a_lost_encoder_is_found_and_encoding_fits_it_anew(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=30)
    folder = tmp_path / "tickets.askance"
    shutil.rmtree(folder / "encoder")
    assert row("project", folder).advice == f"Fit the encoder anew: askance encode -p {folder}"
    project.encode()
    assert states(folder)["project"] == "ok"


def test_a_lost_journal_without_a_copy_begins_anew(tmp_path: Path) -> None:
    from askance.project.project import Project

    make_project(tmp_path, rows=30).close()
    folder = tmp_path / "tickets.askance"
    for path in folder.glob("study.db*"):
        path.unlink()
    found = row("project", folder)
    assert found.state == "bad" and "the labels with it" in found.said and "askance status" in found.advice
    project = Project(folder)
    assert len(project.study.pool) > 0  # what every command does
    project.close()
    assert states(folder)["project"] == "ok"


def test_a_project_that_somebody_holds_is_no_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, rows=30).close()
    study = tmp_path / "tickets.askance" / "study.db"
    real = sql.sqlite_driver().connect
    holder = real(str(study), isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sql.sqlite_driver(), "connect", lambda path: real(path, timeout=0))
    found = doctor._database(study)
    assert found.state == "warn" and found.advice == "Look again when the other process is done."
    holder.close()
    assert doctor._database(study).state == "ok"


def test_a_look_changes_no_file_and_finds_the_project_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path, rows=30).close()
    folder = tmp_path / "tickets.askance"

    def files() -> dict[Path, tuple[int, int]]:
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}

    before = files()
    monkeypatch.chdir(folder)
    assert states()["project"] == "ok"
    assert files() == before

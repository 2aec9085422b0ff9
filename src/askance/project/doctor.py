"""A look at the machine and at a project: what is fine, what is not, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from askance import cached
from askance.errors import AskanceError

OK, WARN, BAD = "ok", "warn", "bad"
PACKAGES = ("askance", "torch", "numpy", "scikit-learn", "scipy", "numba", "pyarrow", "pillow", "sqlalchemy")
ROOM = 1 << 30  # bytes that should be free on a disk
MEMORY = 2 << 30  # bytes of memory that fifty thousand texts take with room to spare
MODULES = {"sentence-transformers": "sentence_transformers", "rdata": "rdata"}  # a package's module, where it differs


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: What.
        state: ``ok``, ``warn`` or ``bad``.
        said: What was found.
        advice: What to do; empty where nothing is.
    """

    name: str
    state: str
    said: str
    advice: str = ""


def examine(project: str | Path | None = None) -> list[Finding]:
    """Look at everything. Nothing is changed, and nothing stays behind.

    Args:
        project: A project's folder; None is for the one in this folder, if there is one.
    """
    looks: list[Callable[[], Iterator[Finding]]] = [_python, _packages, _sqlite, _threads, _memory, _disk, _terminal]
    looks += [_extras, _gpu, lambda: _project(project)]
    found: list[Finding] = []
    for look in looks:
        try:
            found += look()
        except Exception as error:  # a doctor that falls ill helps nobody
            name = getattr(look, "__name__", "look").strip("_<>")
            found.append(Finding(name, BAD, f"could not be looked at: {type(error).__name__}: {error}", "Tell us."))
    return found


def as_text(findings: list[Finding]) -> str:
    """Findings for people: a line each, and what to do below it."""
    lines = []
    for one in findings:
        lines.append(f"{one.state:4}  {one.name:14}  {one.said}")
        if one.advice:
            lines.append(f"{'':22}{one.advice}")
    counts = [sum(one.state == state for one in findings) for state in (BAD, WARN)]
    lines.append(f"\n{counts[0]} bad, {counts[1]} to know." if any(counts) else "\nAll is well.")
    return "\n".join(lines)


def _python() -> Iterator[Finding]:
    said = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("python", OK if fits else WARN, said, "" if fits else "askance is tested with Python 3.11 to 3.13.")


def _packages() -> Iterator[Finding]:
    found, lacking = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lacking.append(name)
    yield Finding("packages", OK, ", ".join(found))
    if lacking:
        names = " ".join(lacking)
        yield Finding("packages", BAD, f"not installed: {', '.join(lacking)}", f"Install: pip install {names}")


def _sqlite() -> Iterator[Finding]:
    from askance.study.journal import Draft, SqlJournal
    from askance.study.sql import WAL_SAFE_SINCE, sqlite_driver

    driver = sqlite_driver()
    name, number = driver.__name__.partition(".")[0], driver.sqlite_version
    if driver.sqlite_version_info >= WAL_SAFE_SINCE:
        yield Finding("sqlite", OK, f"SQLite {number} by {name}; its write-ahead log is safe")
    else:
        safe = ".".join(map(str, WAL_SAFE_SINCE))
        wheels = sys.platform == "linux" and platform.machine() == "x86_64"
        yield Finding(
            "sqlite",
            WARN,
            f"SQLite {number} by {name}; before {safe} the write-ahead log has a fault, so askance does without it",
            "Install a newer one: pip install pysqlite3" if wheels else "Nothing is wrong; several writers are slower.",
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            journal = SqlJournal(Path(folder) / "try.db")
            journal.append([Draft("stopped", {"reason": "a try"})], after=0)
            kept = len(journal.read())
            journal.close()
        except AskanceError as error:
            yield Finding("journal", BAD, "a journal could not be written and read", str(error))
            return
    yield Finding(
        "journal", OK if kept == 1 else BAD, "a journal was written and read", "" if kept == 1 else "Tell us."
    )


def _threads() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ]
    yield Finding(
        "threads",
        OK,
        f"{cores} cores; studies compute on 1 thread unless told otherwise; {' '.join(said)}".rstrip("; "),
    )


def _memory() -> Iterator[Finding]:
    free = _free_memory()
    if free is None:
        return
    short = free < MEMORY
    advice = "Close other programs, or try with fewer items first: askance init FILE --limit 10000" if short else ""
    yield Finding("memory", WARN if short else OK, f"{free / (1 << 30):.1f} GiB free", advice)


def _disk() -> Iterator[Finding]:
    for name, place in (("this folder", Path.cwd()), ("cache", cached.here())):
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        if not os.access(there, os.W_OK):
            how = "Name another: export ASKANCE_CACHE=FOLDER" if name == "cache" else "Work in a folder of your own."
            yield Finding(name, WARN if name == "cache" else BAD, f"{place} cannot be written", how)
            continue
        free = shutil.disk_usage(there).free
        short = free < ROOM
        advice = "Free some space; what was confirmed is safe." if short else ""
        yield Finding(name, WARN if short else OK, f"{place}: {free / (1 << 30):.1f} GiB free", advice)


def _terminal() -> Iterator[Finding]:
    encoding = (getattr(sys.stdout, "encoding", None) or "unknown").lower().replace("-", "")
    if encoding == "utf8":
        yield Finding("terminal", OK, "UTF-8")
    else:
        yield Finding(
            "terminal", WARN, f"{encoding}: letters with accents may be shown wrong", "Set it: export PYTHONUTF8=1"
        )


def _extras() -> Iterator[Finding]:
    for extra, names in _wanted_by_extra().items():
        lacking = [name for name in names if find_spec(MODULES.get(name, name.replace("-", "_"))) is None]
        if lacking:
            yield Finding(
                f"extra {extra}",
                OK,
                f"not installed: {', '.join(lacking)}",
                f"If you need it: pip install 'askance[{extra}]'",
            )
        else:
            yield Finding(f"extra {extra}", OK, "installed")


def _gpu() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("gpu", OK, torch.cuda.get_device_name(0))
    else:
        yield Finding("gpu", OK, "none that torch sees; everything runs on the processor")


def _project(given: str | Path | None) -> Iterator[Finding]:
    from askance.project.project import find_project
    from askance.study.sql import sqlite_driver

    if given is None and not any(Path.cwd().glob("*.askance/project.db")):
        return
    try:
        project = find_project(None if given is None else str(given))
    except AskanceError as error:
        yield Finding("project", BAD if given is not None else WARN, "it cannot be opened", str(error))
        return
    for name in ("project.db", "study.db"):
        place = project.folder / name
        if not place.exists():
            yield Finding("project", WARN, f"{place} is not there yet", "Encode first: askance encode")
            continue
        try:
            connection = sqlite_driver().connect(str(place))
            said = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.close()
        except sqlite_driver().DatabaseError as error:
            said = str(error)
        whole = said == "ok"
        advice = "" if whole else f"Restore a copy, or save what is left: sqlite3 {place} .recover"
        yield Finding("project", OK if whole else BAD, f"{place}: {said}", advice)
    for source in project.items.fact("sources"):
        if not Path(source["path"]).exists():
            reads = project.how.reads == "image"
            advice = "Put it back, or take it in from its new place: askance add FOLDER" if reads else ""
            said = f"{source['path']} is not there any more" + ("" if reads else "; the project has its rows")
            yield Finding("project", BAD if reads else OK, said, advice)
    store = project.features.store() if (project.folder / "encoder").is_dir() else None
    if store is not None:
        damaged = [*store.damaged, *store.verify()]
        missing = project.features.missing()
        state, advice = (BAD, "Make them anew: askance encode") if damaged else (OK, "")
        if missing and not damaged:
            state, advice = WARN, "Encode them: askance encode"
        said = f"features of {store.rows:,} rows; {len(damaged)} damaged files, {missing:,} items without"
        yield Finding("project", state, said, advice)
    project.close()


def _wanted_by_extra() -> dict[str, list[str]]:
    """The packages of each extra that users have a use for, as the installed package declares them."""
    found: dict[str, list[str]] = {}
    for line in requires("askance") or ():
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        name = re.match(r"[\w.-]+", line)
        if extra and name and extra[1] != "dev":
            found.setdefault(extra[1], []).append(name[0].lower())
    return found


def _free_memory() -> int | None:
    """Bytes of memory that can be had, where the system says so."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else None

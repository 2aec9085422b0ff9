"""A look at the machine and at a project: what is fine, what is not, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from askance import cached
from askance.errors import AskanceError
from askance.project.beginning import naming

if TYPE_CHECKING:
    from askance.project.project import Project

OK, WARN, BAD = "ok", "warn", "bad"
PACKAGES = ("askance", "torch", "numpy", "scikit-learn", "scipy", "numba", "pyarrow", "pillow", "sqlalchemy")
ROOM = 1 << 30  # bytes that should be free on a disk
MEMORY = 2 << 30  # bytes of memory that fifty thousand texts take with room to spare
ANOTHER = "Install askance into an environment of Python 3.11, 3.12 or 3.13: these are tested."
MODULES = {"sentence-transformers": "sentence_transformers"}  # a package's module, where it differs


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
    looks: list[Callable[[], Iterator[Finding]]] = [_python, _packages, _sqlite, _threads, _memory, _disk, _files]
    looks += [_terminal, _extras, _gpu, _compiled, partial(_project, project)]
    found: list[Finding] = []
    for look in looks:
        try:
            found += look()
        except Exception as error:  # a doctor that falls ill helps nobody
            name = getattr(look, "__name__", "project").strip("_")
            said = f"could not be looked at: {type(error).__name__}: {error}"
            found.append(Finding(name, BAD, said, "Send us this line; what the others say holds."))
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
    yield Finding("python", OK if fits else WARN, said, "" if fits else ANOTHER)


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an old SQLite, which the line above is about
        try:
            with tempfile.TemporaryDirectory() as folder:
                journal = SqlJournal(Path(folder) / "try.db")
                journal.append([Draft("stopped", {"reason": "a try"})], after=0)
                journal.close()
                journal = SqlJournal(Path(folder) / "try.db")
                kept = len(journal.read())
                journal.close()
            said, fine = f"a journal was written, closed and read again: {kept} of 1 line", kept == 1
        except (AskanceError, OSError) as error:
            said, fine = f"a journal could not be written and read: {error}", False
    advice = "" if fine else "Let temporary files go to a sound disk: export TMPDIR=FOLDER"
    yield Finding("journal", OK if fine else BAD, said, advice)


def _threads() -> Iterator[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = [f"{cores} cores", f"torch takes {torch.get_num_threads()}"]
    said += [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ]
    yield Finding("threads", OK, f"{'; '.join(said)}; studies compute on 1 thread unless told otherwise")


def _memory() -> Iterator[Finding]:
    free = _free_memory()
    if free is None:
        return
    short = free < MEMORY
    advice = "Close other programs, or try with fewer items first: askance init FILE --limit 10000" if short else ""
    yield Finding("memory", WARN if short else OK, f"{free / (1 << 30):.1f} GiB free", advice)


def _disk() -> Iterator[Finding]:
    for name, place in (("this folder", Path.cwd()), ("cache", cached.here())):
        there = _standing(place)
        if not there.is_dir() or not os.access(there, os.W_OK):
            how = "Name another: export ASKANCE_CACHE=FOLDER" if name == "cache" else "Work in a folder of your own."
            yield Finding(name, WARN if name == "cache" else BAD, f"{place} cannot be written", how)
            continue
        free = shutil.disk_usage(there).free
        short = free < ROOM
        advice = "Free some space; what was confirmed is safe." if short else ""
        yield Finding(name, WARN if short else OK, f"{place}: {free / (1 << 30):.1f} GiB free", advice)


def _files() -> Iterator[Finding]:
    """Whether this folder's file system keeps two writers apart, and gives a file its name in one step."""
    if not os.access(Path.cwd(), os.W_OK):
        return  # said already
    with tempfile.TemporaryDirectory(prefix=".askance-doctor-", dir=Path.cwd()) as name:
        folder = Path(name)
        wrong = [] if _locks(folder / "try.db") else ["does not lock files, so two processes could spoil a study"]
        wrong += [] if _renames(folder) else ["does not put a file in the place of another"]
    said = f"{Path.cwd()} " + (" and ".join(wrong) or "locks files, and renames them in one step")
    advice = "Keep projects on a disk of this machine, not on a network's: cd FOLDER" if wrong else ""
    yield Finding("file system", BAD if wrong else OK, said, advice)


def _terminal() -> Iterator[Finding]:
    encoding = (getattr(sys.stdout, "encoding", None) or "unknown").lower().replace("-", "")
    if encoding == "utf8":
        yield Finding("terminal", OK, "UTF-8")
        return
    said = f"{encoding}: letters with accents may be shown wrong"
    set_to = "PYTHONIOENCODING=utf-8" if "PYTHONIOENCODING" in os.environ else "PYTHONUTF8=1"  # the first one wins
    yield Finding("terminal", WARN, said, f"Set it: {'set' if sys.platform == 'win32' else 'export'} {set_to}")


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


def _compiled() -> Iterator[Finding]:
    """Where numba keeps what it compiled: without a place, loading its functions fails."""
    from askance import kernels

    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else []
    places += [Path(place) / "__pycache__" for place in kernels.__path__]
    others = {name: text for name, text in os.environ.items() if name != "ASKANCE_CACHE"}
    places.append(cached.cache_folder(others, sys.platform, Path.home()).parent)
    fit = next((place for place in places if os.access(_standing(place), os.W_OK)), None)
    if fit is None:
        said = f"none of these can be written: {', '.join(map(str, places))}"
        yield Finding("compiled code", BAD, said, "Name a folder for it: export NUMBA_CACHE_DIR=FOLDER")
    else:
        yield Finding("compiled code", OK, f"kept in {fit}")


def _project(given: str | Path | None) -> Iterator[Finding]:
    from askance.project.project import find_project

    here = Path.cwd()
    if given is None and not (here / "project.db").is_file() and not any(here.glob("*.askance/project.db")):
        return
    try:
        project = find_project(None if given is None else str(given))
    except AskanceError as error:
        yield Finding("project", BAD if given is not None else WARN, "it cannot be opened", str(error))
        return
    with closing(project):
        found = [_database(project.folder / "project.db"), _journal(project)]
        yield from found
        if found[0].state == OK:
            yield from _sources(project)
            yield _features(project)


def _journal(project: Project) -> Finding:
    place = project.folder / "study.db"
    if place.exists():
        return _database(place)
    if project.items.fact("settled", False):
        return Finding(
            "project",
            BAD,
            f"{place} is gone, and the labels with it",
            f"Restore a copy of it; without one, askance status{naming(project.folder)} begins a new one.",
        )
    advice = f"Look at the project, which makes it: askance status{naming(project.folder)}"
    return Finding("project", WARN, f"{place} is not there yet", advice)


def _database(place: Path) -> Finding:
    """Whether SQLite finds a file whole."""
    from askance.study.sql import sqlite_driver

    try:
        with closing(sqlite_driver().connect(str(place))) as connection:
            said = str(connection.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite_driver().DatabaseError as error:
        said = str(error)
        code = getattr(error, "sqlite_errorname", None) or ""
        if code.startswith("SQLITE_BUSY"):
            return Finding("project", WARN, f"{place}: {said}", "Look again when the other process is done.")
        if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            chmod = f"chmod u+rwX {quote(str(place.parent))} {quote(str(place))}"
            advice = f"Let this user read and write it and its folder: {chmod}"
            return Finding("project", BAD, f"{place}: {said}", advice)
    whole = said == "ok"
    advice = "" if whole else f"Restore a copy, or save what is left: sqlite3 {quote(str(place))} .recover"
    return Finding("project", OK if whole else BAD, f"{place}: {said}", advice)


def _sources(project: Project) -> Iterator[Finding]:
    reads = project.how.reads == "image"
    for source in project.items.fact("sources"):
        if not Path(source["path"]).exists():
            add = f"askance add FOLDER{naming(project.folder)}"
            advice = f"Put it back, or take it in from its new place: {add}" if reads else ""
            said = f"{source['path']} is not there any more" + ("" if reads else "; the project has its rows")
            yield Finding("project", BAD if reads else OK, said, advice)


def _features(project: Project) -> Finding:
    encode = f"askance encode{naming(project.folder)}"
    if not (project.folder / "encoder").is_dir():
        said = f"{project.folder / 'encoder'} is not there: no item can be encoded"
        return Finding("project", BAD, said, f"Fit the encoder anew: {encode}")
    store = project.features.store()
    damaged = [*store.damaged, *store.verify()]
    missing = project.features.missing()
    said = f"features of {store.rows:,} rows; {len(damaged)} damaged files, {missing:,} items without"
    if damaged:
        return Finding("project", BAD, said, f"Make them anew: {encode}")
    return Finding("project", WARN if missing else OK, said, f"Encode them: {encode}" if missing else "")


def _standing(place: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(folder for folder in (place, *place.absolute().parents) if os.path.exists(folder))  # raises nothing


def _locks(file: Path) -> bool:
    """Whether a second writer is kept out while the first one writes."""
    from askance.study.sql import sqlite_driver

    driver = sqlite_driver()
    first = driver.connect(str(file), isolation_level=None)
    second = driver.connect(str(file), isolation_level=None, timeout=0)
    with closing(first), closing(second):
        try:
            first.execute("BEGIN IMMEDIATE")
        except driver.OperationalError:  # no locks at all
            return False
        try:
            second.execute("BEGIN IMMEDIATE")
        except driver.OperationalError:
            return True
        return False


def _renames(folder: Path) -> bool:
    """Whether a file takes the place of another."""
    new, old = folder / "new", folder / "old"
    new.write_bytes(b"new")
    old.write_bytes(b"old")
    try:
        os.replace(new, old)
    except OSError:
        return False
    return old.read_bytes() == b"new" and not new.exists()


def _wanted_by_extra() -> dict[str, list[str]]:
    """The packages of each extra that users have a use for, as the installed package declares them."""
    found: dict[str, list[str]] = {}
    for line in requires("askance") or ():
        extra = re.search(r"extra == ['\"]([\w.-]+)['\"]", line)
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

"""Folders in the cache: there whole or not at all, whoever is killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from askance.errors import StorageError

LEFTOVER = 24 * 3600.0  # seconds after which a folder in the making belongs to somebody who was killed


def here() -> Path:
    """The cache folder of this machine and user: ``ASKANCE_CACHE``, or else where this platform keeps caches."""
    return cache_folder(os.environ, sys.platform, Path.home())


def cache_folder(environment: Mapping[str, str], platform: str, home: Path) -> Path:
    """askance's cache folder.

    >>> cache_folder({"ASKANCE_CACHE": "/data/askance"}, "linux", Path("/home/ann")).as_posix()
    '/data/askance'
    >>> cache_folder({}, "linux", Path("/home/ann")).as_posix()
    '/home/ann/.cache/askance'
    """
    if environment.get("ASKANCE_CACHE"):
        return Path(environment["ASKANCE_CACHE"]).expanduser().absolute()
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "askance" / "Cache"
    if platform == "darwin":
        return home / "Library" / "Caches" / "askance"
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else home / ".cache") / "askance"


@contextmanager
def making(root: Path, name: str) -> Iterator[Path]:
    """A folder beside others to make something in; it is gone in the end, unless `put` has moved it.

    Raises:
        StorageError: If the disk refuses.
    """
    made: Path | None = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
        yield made
    except OSError as error:
        raise StorageError(
            f"{root} cannot be written: {error.strerror or error}. Check the disk and the permissions, or name "
            f"another folder in ASKANCE_CACHE."
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def put(made: Path, place: Path) -> None:
    """Put a finished folder in its place; a folder cannot be replaced in one step, so the old one steps aside first."""
    os.chmod(made, 0o755)  # temporary folders are private; this one is for others to read
    aside = made.with_name(f"{made.name}.old")
    try:
        os.rename(made, place)
    except OSError:
        if not place.is_dir():
            raise
        os.rename(place, aside)
        os.rename(made, place)
    finally:
        if aside.exists() and not place.exists():
            os.rename(aside, place)
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what was left behind by whoever was killed."""
    for path in root.glob(".*"):
        with suppress(FileNotFoundError):  # somebody else may be done with it
            if time.time() - path.stat().st_mtime > LEFTOVER:
                shutil.rmtree(path, ignore_errors=True)

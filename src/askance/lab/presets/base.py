"""What a preset is: a grid by name, in sizes, of data sets and encoders that may have to be fetched first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from askance.errors import BadInput, unknown
from askance.lab.grids import LEFT_OUT, Grid


@dataclass(frozen=True)
class Preset:
    """A grid by name.

    Args:
        about: What it shows, in a line.
        make: Makes the grid of a size.
        sizes: How long each size takes, in words.
    """

    about: str
    make: Callable[[str], Grid]
    sizes: Mapping[str, str]

    def grid(self, size: str | None = None, *, without_missing: bool = False) -> Grid:
        """The grid of a size, with its size in the title where there are several.

        Args:
            size: Its name; None: ``desk`` where there is one, else the only one.
            without_missing: Leave out data sets and encoders that are not in the cache.

        Raises:
            BadInput: If there is no such size, or something is not in the cache; the message has what fetches it.
        """
        wanted = size if size is not None else "desk" if "desk" in self.sizes else next(iter(self.sizes))
        if wanted not in self.sizes:
            raise unknown("size of this preset (--size)", wanted, self.sizes)
        grid = self.make(wanted)
        if len(self.sizes) > 1:
            grid = replace(grid, title=f"{grid.title}, size {wanted}")
        return _there(grid, without_missing)


def missing(grid: Grid) -> tuple[list[str], list[str]]:
    """Names of data sets and of encoders of a grid that are not in the cache."""
    from askance.encoders.catalogue import listing
    from askance.lab import cache
    from askance.lab.registry import ENTRIES

    sets = {name for part in _parts(grid) for given in part.datasets if (name := _set(given)) in ENTRIES}
    lacking = {row["name"] for row in listing() if row["state"] not in ("built in", "in the cache")}
    read = {name for part in _parts(grid) for name in map(_encoder, part.encoders)}
    return sorted(name for name in sets if _absent(ENTRIES[name], cache)), sorted(read & lacking)


def _absent(entry: Any, cache: Any) -> bool:
    return entry.package is not None and cache.state(entry) != "in the cache"


def _there(grid: Grid, without: bool) -> Grid:
    """The grid as it can be run here."""
    sets, encoders = missing(grid)
    if not sets and not encoders:
        return grid
    fetch = [
        f"askance {kind} fetch {' '.join(names)}"
        for kind, names in (("datasets", sets), ("encoders", encoders))
        if names
    ]
    if not without:
        raise BadInput(
            f"Not in the cache: {', '.join([*sets, *encoders])}. Fetch with: {' && '.join(fetch)}, or run without "
            f"with --without-missing; the report says so."
        )
    kept = _without(grid, frozenset(sets), frozenset(encoders))
    if kept is None:
        raise BadInput(f"Nothing is left of this grid: all its data is missing. Fetch with: {' && '.join(fetch)}")
    return replace(kept, said=(*kept.said, f"{LEFT_OUT} {', '.join([*sets, *encoders])} ({'; '.join(fetch)})."))


def _without(grid: Grid, sets: frozenset[str], encoders: frozenset[str]) -> Grid | None:
    """The grid less some data sets and encoders; the first part that is left stands in front. None: nothing is."""
    parts = []
    for part in _parts(grid):
        datasets = tuple(given for given in part.datasets if _set(given) not in sets)
        reads = tuple(value for value in part.encoders if _encoder(value) not in encoders)
        if datasets and reads:
            parts.append(replace(part, datasets=datasets, encoders=reads, more=()))
    if not parts:
        return None
    return replace(parts[0], more=tuple(parts[1:]), title=grid.title, said=grid.said)


def _parts(grid: Grid) -> Iterator[Grid]:
    """A grid and all that is beside it."""
    yield grid
    for other in grid.more:
        yield from _parts(other)


def _set(given: Any) -> str:
    """The name of a data set that is known by name; else nothing."""
    if isinstance(given, Mapping):
        return "" if "file" in given else str(given.get("name", ""))
    return given if isinstance(given, str) else ""


def _encoder(value: Any) -> str:
    return str(value.get("encoder", "")) if isinstance(value, Mapping) else str(value)

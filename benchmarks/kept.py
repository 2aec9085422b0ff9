"""Runs that are kept one by one, so that sessions add up: what is done is read, the rest is run until time is up.

A run is kept under its words and a mark of what it ran, with the day and the versions that made it. Whatever raises a
revision or changes a setting changes the mark, so that what is out of date is run again. Runs are packed into
docs/results/ledgers, to go on on another machine; delete the package and its folder in .cache/lab/kept to begin anew.
"""

from __future__ import annotations

import argparse
import json
import lzma
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askance.files import whole_bytes
from askance.lab.grid import versions
from askance.lab.identity import digest
from askance.lab.identity import identity as identity_of
from benchmarks.measure import ROOT, machine

FOLDER = ROOT / ".cache" / "lab" / "kept"
PACKED = ROOT / "docs" / "results" / "ledgers"


@dataclass(frozen=True)
class Kept:
    """A run that is done.

    Args:
        mark: Of what it ran.
        made: The day, and the machine and versions of then.
        told: What it found.
    """

    mark: str
    made: dict[str, Any]
    told: dict[str, Any]


def options(about: str, seeds: int) -> argparse.Namespace:
    """How many seeds, and until when, as they are typed."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seeds", type=int, default=seeds, metavar="N", help="from 0 to N - 1 (default: %(default)s)")
    parser.add_argument("--until", metavar="HH:MM", help="begin no run after this time of day (default: run them all)")
    return parser.parse_args()


def until(clock: str | None) -> float:
    """The time of day as seconds since 1970, tomorrow if it has passed; without one there is no end."""
    if clock is None:
        return float("inf")
    hours, minutes = map(int, clock.split(":"))
    now = time.localtime()
    at = time.mktime((*now[:3], hours, minutes, 0, 0, 0, -1))
    return at if at > time.time() else at + 86_400


def runs(
    name: str,
    wanted: Iterable[tuple[str, ...]],
    run: Callable[..., dict[str, Any]],
    decides: Callable[..., Any],
    end: float,
) -> dict[tuple[str, ...], Kept]:
    """The runs there are, after those not done yet were run until the time was up.

    Args:
        name: Of the folder that keeps them.
        wanted: What each is of; the last word is a seed.
        run: What runs one of them.
        decides: What decides the result of one but for its seed, as JSON: parts by `identity`, settings, and a
            revision of the benchmark for the rest.
        end: No run begins after this, in seconds since 1970.
    """
    found: dict[tuple[str, ...], Kept] = {}
    folder = FOLDER / name
    _unpack(PACKED / f"{name}.json.xz", folder)
    for words in wanted:
        mark = digest(decides(*words[:-1]))
        file = folder / named(words, mark)
        if not file.exists() and time.time() < end:
            begun = time.perf_counter()
            told = run(*words)
            told["seconds"] = round(time.perf_counter() - begun, 2)
            _write(file, {"made": _now(), "told": told})
            print(time.strftime("%H:%M:%S"), *words, told["seconds"], flush=True)
        if file.exists():
            found[words] = Kept(mark=mark, **json.loads(file.read_text("utf-8")))
    _pack(folder, PACKED / f"{name}.json.xz")
    return found


def identity(part: Any) -> Any:
    """As `askance.lab.identity.identity`, but for a benchmark's own classes its revision says when they change.

    The hash of their file would change with every word in it.
    """
    found = identity_of(part)
    marks = {name: mark for name, mark in found["marks"].items() if not name.startswith("benchmarks.")}
    return {**found, "marks": marks}


def named(words: Sequence[str], mark: str) -> str:
    """The name of the file that keeps a run.

    >>> named(("honeypot", "gate, beta 1", "0"), "1f")
    'honeypot--gate-beta-1--0--1f.json'
    """
    return f"{'--'.join((*words, mark)).replace(' ', '-').replace(',', '')}.json"


def made(found: Iterable[Kept]) -> dict[str, Any]:
    """When and by what runs were made, as pages say it: days from the first to the last, and all versions."""
    all_made = [one.made for one in found] or [_now()]
    days = sorted({one["date"] for one in all_made})
    versions = {name: _joined(one["versions"][name] for one in all_made) for name in all_made[0]["versions"]}
    return {
        "date": " to ".join(dict.fromkeys((days[0], days[-1]))),
        "machine": {name: _joined(one[name] for one in all_made) for name in ("processor", "python")},
        "versions": versions,
    }


def outdated(cases: Mapping[str, Mapping[str, Mapping[str, Any]]], decides: Callable[[str, str], Any]) -> str:
    """A remark on what was run before it changed; empty where nothing was.

    Args:
        cases: For each case and method its measures and its ``mark``, as `columns` gives them.
        decides: As for `runs`.
    """
    old: dict[str, list[str]] = {}
    for case, rows in cases.items():
        for method, row in rows.items():
            if row.get("mark") != digest(decides(case, method)):
                old.setdefault(method, []).append(case)
    if not old:
        return ""
    there = {method: sum(method in rows for rows in cases.values()) for method in old}
    told = [
        method if len(where) == there[method] else f"{method} ({', '.join(where)})" for method, where in old.items()
    ]
    return f"\n**To be run again**, as what they ran has changed since: {'; '.join(told)}.\n"


def _now() -> dict[str, Any]:
    here = machine()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": here["processor"],
        "python": here["python"],
        "versions": versions(),
    }


def _joined(values: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(values))


def _unpack(packed: Path, folder: Path) -> None:
    """Write what is packed and not in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    there = json.loads(lzma.decompress(packed.read_bytes())) if packed.is_file() else {}
    for file, told in there.items():
        if not (folder / file).exists():
            _write(folder / file, told)


def _pack(folder: Path, packed: Path) -> None:
    packed.parent.mkdir(parents=True, exist_ok=True)
    there = {file.name: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}
    with whole_bytes(packed) as out:
        out.write(lzma.compress(json.dumps(there).encode(), preset=9))


def _write(file: Path, told: dict[str, Any]) -> None:
    half = file.with_suffix(".part")
    half.write_text(json.dumps(told), "utf-8")
    half.replace(file)


def columns(found: Mapping[tuple[str, ...], Kept]) -> dict[str, dict[str, dict[str, Any]]]:
    """For each case and method its mark, the seeds, and each measure as a list over them, for `benchmarks.paired`."""
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for (case, method, seed), one in sorted(found.items(), key=lambda pair: int(pair[0][2])):
        row = out.setdefault(case, {}).setdefault(method, {"mark": one.mark, "seeds": []})
        row["seeds"].append(int(seed))
        for what, value in one.told.items():
            row.setdefault(what, []).append(value)
    return out

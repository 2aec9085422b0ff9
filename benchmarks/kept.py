"""Runs that are kept one by one, so that sessions add up: what is done is read, the rest is run until time is up.

They are packed into docs/results/ledgers, to go on on another machine; delete the package and its folder in
.cache/lab/papers to begin anew.
"""

from __future__ import annotations

import argparse
import json
import lzma
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from askance.files import whole_bytes
from benchmarks.measure import ROOT

FOLDER = ROOT / ".cache" / "lab" / "papers"
PACKED = ROOT / "docs" / "results" / "ledgers"


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
    name: str, wanted: Iterable[tuple[str, ...]], run: Callable[..., dict[str, Any]], end: float
) -> dict[tuple[str, ...], dict[str, Any]]:
    """The runs there are, after those not done yet were run until the time was up.

    Args:
        name: Of the folder that keeps them.
        wanted: What each is of; the last word is a seed.
        run: What runs one of them.
        end: No run begins after this, in seconds since 1970.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    folder = FOLDER / name
    _unpack(PACKED / f"{name}.json.xz", folder)
    for words in wanted:
        file = folder / f"{'--'.join(words).replace(' ', '-').replace(',', '')}.json"
        if not file.exists() and time.time() < end:
            begun = time.perf_counter()
            told = run(*words)
            told["seconds"] = round(time.perf_counter() - begun, 2)
            _write(file, told)
            print(time.strftime("%H:%M:%S"), *words, told["seconds"], flush=True)
        if file.exists():
            found[words] = json.loads(file.read_text("utf-8"))
    _pack(folder, PACKED / f"{name}.json.xz")
    return found


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


def columns(found: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """For each case and method each measure as a list over seeds, and the seeds, as `benchmarks.paired` reads them."""
    out: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for (case, method, seed), told in sorted(found.items(), key=lambda pair: int(pair[0][2])):
        row = out.setdefault(case, {}).setdefault(method, {"seeds": []})
        row["seeds"].append(int(seed))
        for what, value in told.items():
            row.setdefault(what, []).append(value)
    return out

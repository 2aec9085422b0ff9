"""A project from cold start to predictions, command by command: seconds and memory of each process."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from askance.errors import AskanceError
from askance.sources.csv import write_table

ROUNDS, BATCH = 6, 50
ASKANCE = (sys.executable, "-m", "askance.cli")


def walk(items: int) -> dict[str, Any]:
    """Generated tickets: ``init``, then rounds of ``ask`` and ``tell``, then ``status`` and ``predict``."""
    from examples.make_tickets import tickets

    numbers, subjects, bodies, kinds = tickets(items)
    columns = {"number": numbers, "subject": subjects, "body": bodies}
    return _walked(columns, dict(zip(numbers, kinds, strict=True)), ["--text", "subject,body", "--id", "number"])


def newsgroups() -> dict[str, Any] | None:
    """The same on 20 Newsgroups, whose labels are known; None where they are not in the cache."""
    from askance.lab.sets import load, texts

    try:
        posts, labels = texts("20-newsgroups"), load("20-newsgroups").labels
    except AskanceError:
        return None
    ids = [f"post-{row}" for row in range(len(posts))]
    truth = {id: str(label) for id, label in zip(ids, labels, strict=True)}
    return _walked({"number": ids, "text": posts}, truth, ["--text", "text", "--id", "number"])


def _walked(columns: dict[str, list[str]], truth: dict[str, str], options: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_table(place / "items.csv", columns)
        steps: list[dict[str, Any]] = [_run(place, "init", "items.csv", *options)]
        for number in range(ROUNDS):
            steps.append(_run(place, "ask", "-n", str(BATCH), "-o", f"{number}.csv"))
            _fill(place / f"{number}.csv", truth)
            steps.append(_run(place, "tell", f"{number}.csv", "--by", "Ada"))
        steps.append(_run(place, "status"))
        steps.append(_run(place, "predict", "-o", "out.csv"))
        with (place / "out.csv").open(encoding="utf-8", newline="") as file:
            right = [truth[row["id"]] == row["class"] for row in csv.DictReader(file) if row["class"]]
    asks = [step["seconds"] for step in steps if step["command"] == "ask"]
    by = {step["command"]: step["seconds"] for step in steps}
    return {
        "items": len(truth),
        "labels": ROUNDS * BATCH,
        "seconds to the first batch": steps[0]["seconds"] + asks[0],
        "seconds": {
            "init": by["init"],
            "asks": asks,
            "tell": by["tell"],
            "status": by["status"],
            "predict": by["predict"],
        },
        "most MiB": max(step["MiB"] for step in steps),
        "accuracy over all rows": sum(right) / len(right),
    }


def _run(folder: Path, *arguments: str) -> dict[str, Any]:
    """A command in a process of its own."""
    start = time.perf_counter()
    with (folder / "said").open("w") as said:
        child = subprocess.Popen([*ASKANCE, *arguments], cwd=folder, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        what = (folder / "said").read_text()
        raise RuntimeError(f"askance {' '.join(arguments)} ended with {child.returncode}: {what}")
    return {"command": arguments[0], "seconds": time.perf_counter() - start, "MiB": usage.ru_maxrss / 1024}


def _fill(file: Path, truth: dict[str, str]) -> None:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        row["label"] = truth[row["id"].removeprefix("'")]
    write_table(file, {name: [row[name] for row in rows] for name in rows[0]})

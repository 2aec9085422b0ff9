"""Files to take away, made by the commands of the command line: the web process has no torch."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from askance.errors import AskanceError
from askance.project.sheets import guarded

LIMIT = 600.0  # seconds an export may take
ENDINGS = {
    "csv": "labels.csv",
    "jsonl": "labels.jsonl",
    "parquet": "labels.parquet",
    "label-studio": "labels.label-studio.json",
    "coco": "labels.coco.json",
    "predictions": "predictions.csv",
}


class Exports:
    """Makes one file at a time for whoever asks."""

    def make(self, project: Path, kind: str) -> tuple[str, bytes]:
        """A file of one format: its name and content.

        Args:
            project: The project's folder.
            kind: One of ``ENDINGS``.

        Raises:
            AskanceError: If it cannot be made; the message says why.
        """
        name = ENDINGS[kind]
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / name)
            given = ["predict", "-o", out] if kind == "predictions" else ["export", out]
            if kind in ("label-studio", "coco"):
                given += ["--format", kind]
            command = [sys.executable, "-m", "askance.cli", given[0], "--project", str(project), *given[1:]]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
            if done.returncode:
                raise AskanceError(
                    done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "The export failed."
                )
            content = Path(out).read_bytes()
            return name, safe(content) if name.endswith(".csv") else content


def safe(content: bytes) -> bytes:
    r"""A CSV file in which no cell is computed when a spreadsheet opens it, as people do with what a page gives them.

    >>> safe(b"id,label\r\n1,=1+1\r\n")
    b"id,label\r\n1,'=1+1\r\n"
    """
    out = io.StringIO(newline="")
    usual = csv.field_size_limit(len(content) + 1)  # a cell may hold the answers of many people
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
        csv.writer(out).writerows([guarded(cell) for cell in row] for row in rows)
    finally:
        csv.field_size_limit(usual)
    return out.getvalue().encode("utf-8")

"""Reading files of a million rows, and folders of ten thousand images."""

from __future__ import annotations

import resource
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from askance.sources.opening import open_source

TEXT = "a ticket of about a hundred characters that nobody will ever read; number "
AFTER = 20_000  # rows; what was loaded until then is not counted


def grown(kind: str, items: int) -> dict[str, float]:
    """By how much memory grows while a file is read, and rows a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"items.{kind}"
        _write(path, kind, items)
        walk = iter(open_source(path))
        for _ in range(AFTER):
            next(walk)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        count = AFTER + sum(1 for _ in walk)
        took = time.perf_counter() - start
    assert count == items
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"MiB": more / 1024, "rows_a_second": (items - AFTER) / took}


def images(files: int, odd: int) -> dict[str, Any]:
    """A folder of images with odd files among them, made into a project."""
    from askance.project.starting import Wishes, init

    with tempfile.TemporaryDirectory() as folder:
        names = import_module("tests.sources.pictures").make_folder(Path(folder) / "photos", files, odd)
        start = time.perf_counter()
        wishes = Wishes(label="folder")
        started = init(Path(folder) / "photos", wishes, folder=Path(folder) / "photos.askance")
        took = time.perf_counter() - start
        named = sum(any(name in why for why in started.intake.broken) for name in names)
    return {
        "odd": odd,
        "named": named,
        "good": files,
        "encoded": started.encoded,
        "seconds": {**started.seconds, "all": took},
    }


def _write(path: Path, kind: str, items: int) -> None:
    if kind == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        with parquet.ParquetWriter(path, pa.schema({"text": pa.string()})) as writer:
            for start in range(0, items, 50_000):
                rows = range(start, min(items, start + 50_000))
                writer.write_table(pa.table({"text": [f"{TEXT}{row}" for row in rows]}))
        return
    with path.open("w", encoding="utf-8") as file:
        file.write("text\n" if kind == "csv" else "")
        file.writelines(f"{TEXT}{row}\n" if kind == "csv" else f'{{"text": "{TEXT}{row}"}}\n' for row in range(items))

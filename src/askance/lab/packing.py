"""A grid as one zip file for others: results, page, figures, tables, what was run, with what, and what to cite."""

from __future__ import annotations

import json
import platform
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from askance.files import whole_bytes
from askance.lab.across import across
from askance.lab.grid_table import grid_csv, grid_latex, grid_markdown
from askance.lab.saved import FILE, write_results
from askance.reports.page import write_figures, write_grid_page
from askance.reports.results import Results


def pack(
    title: str,
    conditions: Sequence[Results],
    path: str | Path,
    baseline: str = "random",
    citations: str = "",
) -> Path:
    """Write the zip file, whole or not at all.

    It holds ``results.json`` (every run), ``report.html``, ``figures/*.svg`` (and PDF, with that extra), ``tables/*``,
    ``settings.json``, ``versions.txt`` and ``citations.bib``; the same results give the same bytes.

    Args:
        title: Of the report.
        conditions: The results.
        path: The file.
        baseline: What strategies are compared with.
        citations: What to cite, as `askance.cite.cite_results` gives it.

    Raises:
        StorageError: If it cannot be written.
    """
    found = across(conditions, baseline, title)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_results(title, conditions, folder / FILE)
        write_grid_page(found, folder / "report.html")
        (folder / "figures").mkdir()
        write_figures(found, folder / "figures")
        (folder / "tables").mkdir()
        for name, text in (("csv", grid_csv), ("tex", grid_latex), ("md", grid_markdown)):
            (folder / "tables" / f"methods.{name}").write_text(text(found), "utf-8")
        settings = {results.title: {"dataset": results.dataset, **results.settings} for results in conditions}
        (folder / "settings.json").write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (folder / "versions.txt").write_text(_versions(conditions), "utf-8")
        (folder / "citations.bib").write_text(citations, "utf-8")
        with whole_bytes(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for place in sorted(folder.rglob("*")):
                if place.is_file():
                    info = zipfile.ZipInfo(str(place.relative_to(folder)), (1980, 1, 1, 0, 0, 0))  # no clock in it
                    info.external_attr = 0o644 << 16
                    archive.writestr(info, place.read_bytes(), zipfile.ZIP_DEFLATED)
    return Path(path)


def _versions(conditions: Sequence[Results]) -> str:
    pairs = sorted({pair for results in conditions for pair in results.versions.items()})
    lines = [f"{name} {version}" for name, version in pairs]
    return "\n".join([*lines, f"packed with Python {platform.python_version()}"]) + "\n"

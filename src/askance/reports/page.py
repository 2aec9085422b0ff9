"""Pages as files: each is one self-contained HTML file, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from askance.files import whole, whole_bytes
from askance.reports.across import Across
from askance.reports.compared import comparison_sections
from askance.reports.condensed import Condensed
from askance.reports.gridded import drawings, grid_sections, standalone
from askance.reports.pdf import has_pdf, pdf
from askance.reports.published import published_sections
from askance.reports.results import Comparison, Results, StudyContent
from askance.reports.studied import study_sections

# The page may load nothing at all; browsers enforce it even if a mistake got in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def write_lab_page(results: Results, comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write the page of an experiment.

    Args:
        results: All runs.
        comparison: Of these runs, as ``askance.lab.statistics.compare`` gives it.
        path: The HTML file; its folder must exist, a file that is there is replaced.

    Raises:
        StorageError: If it cannot be written; what was there is left as it was.
    """
    return _write(_page(results.title, comparison_sections(results, comparison)), Path(path))


def write_grid_page(across: Across, path: str | os.PathLike[str]) -> Path:
    """Write the page of a grid; errors as for ``write_lab_page``."""
    return _write(_page(across.title, grid_sections(across)), Path(path))


def write_figures(across: Across, folder: str | os.PathLike[str]) -> list[Path]:
    """Write every figure of a grid's page as SVG, and as PDF if the extra ``pdf`` is there; the folder must exist."""
    style = (files("askance.reports") / "page.css").read_text("utf-8")
    written = []
    for name, draw in drawings(across).items():
        svg = standalone(draw, name, f"{across.title}: {name}", style.replace("<", "&lt;"))
        written.append(_write(svg, Path(folder) / f"{name}.svg"))
        if has_pdf():
            with whole_bytes(path := Path(folder) / f"{name}.pdf") as file:
                file.write(pdf(svg, style))
            written.append(path)
    return written


def write_study_page(content: StudyContent, path: str | os.PathLike[str]) -> Path:
    """Write the page of one study; arguments and errors as for ``write_lab_page``."""
    return _write(_page(content.name, study_sections(content)), Path(path))


def write_published_page(grids: Sequence[Condensed], path: str | os.PathLike[str], about: str = "") -> Path:
    """Write the public page of several grids, with filters; errors as for ``write_lab_page``."""
    return _write(_page("askance: the lab", published_sections(grids, about), "published.js"), Path(path))


def _page(title: str, body: str, own: str = "page.js") -> str:
    room = files("askance.reports")
    style, script = ((room / name).read_text("utf-8") for name in ("page.css", own))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "<footer>Made by askance. This page is a single file and loads nothing from anywhere.</footer>\n"
        f"</main>\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _write(text: str, path: Path) -> Path:
    with whole(path) as file:
        file.write(text)
    return path

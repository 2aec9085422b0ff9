"""Pieces of HTML from plain values; everything that is handed in as text comes out escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from askance.reports.canvas import NARROW, WIDE, Frame


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, a smaller line below it, and a class of page.css."""

    text: str
    below: str = ""
    kind: str = ""


def heading(title: str, kicker: str, headline: str, findings: Sequence[str]) -> str:
    """The top of a page: what it is about, and the result in words."""
    text = paragraph(headline, "headline") + "".join(map(paragraph, findings))
    return f'<header><h1>{escape(title)}</h1>{paragraph(kicker, "kicker")}<div class="findings">{text}</div></header>'


def section(title: str, *parts: str) -> str:
    """A section with its heading; the parts are markup."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def figure(
    name: str, title: str, description: str, caption: str, draw: Callable[[Frame], str], numbers: str = ""
) -> str:
    """A figure drawn for wide and for narrow windows, of which the style sheet shows one.

    Args:
        name: Unique on the page.
        title: What is shown, for those who cannot see it.
        description: What is to be seen.
        caption: Plain text below it.
        draw: From a frame to SVG.
        numbers: A table of what was drawn, folded away.
    """
    both = "".join(
        f'<div class="{kind}">{draw(Frame(name, title, description, width))}</div>'
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    folded = f"<details><summary>Numbers behind this figure</summary>{numbers}</details>" if numbers else ""
    return f"<figure>{both}<figcaption>{escape(caption)}</figcaption>{folded}</figure>"


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell | str]], kind: str = "", marks: Sequence[str] = ()
) -> str:
    """A table whose first column names its rows.

    Args:
        caption: Plain text above it.
        heads: Column heads.
        rows: Cells; a text is a cell with nothing else.
        kind: A class of page.css.
        marks: A class for each row.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = []
    for place, row in enumerate(rows):
        first, *others = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
        cells = "".join(f"<td{_kind(cell.kind)}>{escape(cell.text)}{_small(cell.below)}</td>" for cell in others)
        mark = _kind(marks[place] if marks else "")
        body.append(f'<tr{mark}><th scope="row">{escape(first.text)}{_small(first.below)}</th>{cells}</tr>')
    top = f"<thead><tr>{head}</tr></thead>" if heads else ""
    # A region that scrolls must be reachable by keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table{_kind(kind)}>'
        f"<caption><span>{escape(caption)}</span></caption>{top}<tbody>{''.join(body)}</tbody></table></div>"
    )


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Words and what they mean."""
    return f"<dl>{''.join(f'<dt>{escape(word)}</dt><dd>{escape(text)}</dd>' for word, text in pairs)}</dl>"


def bullets(texts: Sequence[str]) -> str:
    """A list of plain sentences."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""

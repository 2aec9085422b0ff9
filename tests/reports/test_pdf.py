"""Figures as PDF: the style of the page, written out, and nothing that only a screen knows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib.resources import files

import pytest

from askance.optional import MissingPackage
from askance.reports import pdf as room
from askance.reports.canvas import Frame, color_of, text_at
from askance.reports.pdf import pdf, plain

STYLE = (files("askance.reports") / "page.css").read_text("utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def figure(name: str = "margin") -> str:
    body = (
        f'<g class="line" style="--c: {color_of(1)}"><path class="stroke" d="M0 0L9 9"/>'
        '<path class="touch" d="M0 0L9 9"/>'
        f'<path class="band" d="M0 0L9 9L0 9Z"/>{text_at("end", 5, 5, name)}</g>'
    )
    return Frame("f", "A title", "What it shows").svg(40, body).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1)


def test_what_the_sheet_says_stands_at_each_element() -> None:
    found = ET.fromstring(plain(figure(), STYLE))
    stroke, touch, band = found.iter(f"{SVG}path")
    assert (stroke.get("stroke"), stroke.get("fill"), stroke.get("stroke-width")) == ("#b34700", "none", "2")
    assert touch.get("stroke") == "none"
    assert band.get("fill") == "#b34700" and band.get("fill-opacity") == "0.13"
    (text,) = found.iter(f"{SVG}text")
    assert (text.get("fill"), text.get("font-family")) == ("#b34700", "Helvetica-Bold")
    assert (found.get("width"), found.get("height")) == ("880", "40")
    assert not {"title", "desc", "style"} & {one.tag.removeprefix(SVG) for one in found.iter()}
    assert not any("var(" in value for one in found.iter() for value in one.attrib.values())


def test_a_group_fades_what_is_in_it() -> None:
    svg = figure().replace('class="line"', 'class="line" opacity="0.5"')
    band = list(ET.fromstring(plain(svg, STYLE)).iter(f"{SVG}path"))[2]
    assert band.get("fill-opacity") == "0.065"


def test_the_same_figure_gives_the_same_bytes_and_another_others() -> None:
    assert pdf(figure(), STYLE).startswith(b"%PDF")
    assert pdf(figure(), STYLE) == pdf(figure(), STYLE) != pdf(figure("entropy"), STYLE)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "svglib", None)
    with pytest.raises(MissingPackage, match=r"askance\[pdf\]"):
        pdf(figure(), STYLE)
    assert room.LETTERS == 12.5 and "12.5px" in STYLE

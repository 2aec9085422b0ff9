"""Figures are well-formed, name what they show, and keep their labels apart."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askance.reports.canvas import NARROW, WIDE, Frame, apart, axis
from askance.reports.figures import Bar, Dot, Line, bars, dots, heat, lines
from askance.reports.grid_figures import Panel, _within

WIDTHS = pytest.mark.parametrize("width", [NARROW, WIDE])
ODD = '<b>&"odd"'


def frame(width: int) -> Frame:
    return Frame("f", f"title {ODD}", "what is to be seen", width)


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]


@WIDTHS
def test_lines_are_named_at_their_ends_and_names_are_escaped(width: int):
    svg = lines(frame(width), [Line(ODD, [1, 2], [0.1, 0.2], [0, 0], [1, 1], 0), Line("b", [1, 2], [1, 2])], "x", "y")
    assert {ODD, "b", "x", "y"} <= set(texts(svg))
    assert "<b>" not in svg


def test_a_picture_says_what_it_shows_to_those_who_cannot_see_it():
    root = ElementTree.fromstring(lines(frame(WIDE), [Line("a", [1, 2], [0, 1])], "x", "y"))
    title, description = root.attrib["aria-labelledby"].split()
    found = {node.attrib.get("id"): node.text for node in root}
    assert found[title] == f"title {ODD}" and found[description] == "what is to be seen"


@WIDTHS
@pytest.mark.parametrize("y", [[0.5, 0.5], [0.5, math.nan], [0.0, 1e6]])
def test_flat_broken_and_large_lines_are_drawn_with_finite_numbers(width: int, y: list[float]):
    svg = lines(frame(width), [Line("a", [10, 20], y, y, y, 3)], "x", "y", zero="zero")
    ElementTree.fromstring(svg)
    assert not re.search(r'="[^"]*\b(nan|inf)\b', svg)


@WIDTHS
def test_dots_bars_and_heat_are_well_formed_with_one_row_and_odd_names(width: int):
    spot = Dot(ODD, 0.1, math.nan, math.nan, None, "+0.1")
    assert "+0.1" in texts(dots(frame(width), [spot], "x"))
    assert "3 s" in texts(bars(frame(width), [Bar(ODD, [1, 2], "3 s"), Bar("none", [0, 0], "0 s")], ["one", "two"]))
    assert "0.5" in texts(heat(frame(width), [ODD], ["c"], [[0.5]], str))


@WIDTHS
def test_cells_of_many_columns_have_a_width_and_their_heads_keep_apart(width: int):
    names = [f"class {k}" for k in range(200)]
    root = ElementTree.fromstring(heat(frame(width), ["r", "s"], names, [[0.5] * 200, [1.0] * 200], str))
    assert all(float(node.attrib["width"]) > 0 for node in root.iter("rect"))
    heads = [float(node.attrib["x"]) for node in root.iter("text") if "rotate" in node.attrib.get("transform", "")]
    assert len(heads) > 5 and all(b - a >= 10.9 for a, b in pairwise(heads))
    assert all("s, class 199: 1.0" in "".join(group.itertext()) for group in [list(root.iter("g"))[-1]])
    few = ElementTree.fromstring(heat(frame(WIDE), ["r"], list("abc"), [[0.1, 0.2, 0.3]], str))
    assert len([node for node in few.iter("text") if node.text in list("abc")]) == 3


@WIDTHS
def test_a_long_name_of_the_zero_line_leaves_room_for_the_lines(width: int):
    svg = lines(frame(width), [Line("a", [10, 20], [0.1, 0.2])], "x", "y", zero="n" * 54)
    zero = re.search(r'class="zero" d="M50 [\d.]+H([\d.]+)"', svg)
    assert zero is not None and float(zero[1]) > width / 2
    assert any(text.startswith("nnn") and len(text) <= 20 for text in texts(svg))


def test_the_largest_cell_is_the_darkest_and_an_empty_one_has_no_shade():
    svg = heat(frame(WIDE), ["r"], ["a", "b", "c"], [[0.2, 0.4, math.nan]], str)
    shade = [float(node.attrib["fill-opacity"]) for node in ElementTree.fromstring(svg).iter("rect")]
    assert shade == pytest.approx([0.31, 0.62, 0.0])


def test_the_parts_of_a_bar_are_as_long_as_their_numbers():
    svg = bars(frame(WIDE), [Bar("a", [1.0, 3.0], "4")])
    first, second = (float(node.attrib["width"]) for node in ElementTree.fromstring(svg).iter("rect"))
    assert (second + 1) / (first + 1) == pytest.approx(3, rel=0.01)


@given(st.floats(-1e3, 1e3), st.floats(1e-4, 1e6))
def test_ticks_are_round_lie_inside_and_are_neither_few_nor_many(low: float, span: float):
    high = low + span
    ticks = axis(low, high, 0, 100, about=6).ticks
    assert all(low - 1e-6 * span <= tick <= high + 1e-6 * span for tick in ticks)
    assert 2 <= len(ticks) <= 8


@given(st.lists(st.integers(0, 400), min_size=1, max_size=25))
def test_labels_keep_apart_in_order_and_within_the_figure(places: list[int]):
    moved = apart(places, 15, 0, 400)
    order = sorted(range(len(places)), key=lambda i: places[i])
    gaps = [moved[b] - moved[a] for a, b in pairwise(order)]
    assert all(gap >= 15 - 1e-9 for gap in gaps)
    assert min(moved) >= -1e-9 and max(moved) <= 400 + 1e-9


def test_a_band_of_few_seeds_does_not_press_the_lines_of_a_panel_together() -> None:
    wide = Line("wide", [1, 2], [0.5, 0.6], low=[-8.0, math.nan], high=[9.0, 0.65], color=0)
    (cut,) = _within(Panel("set", [wide], [Line("beside", [1, 2], [0.4, 0.7])]))
    assert cut.low[0] == pytest.approx(0.1) and math.isnan(cut.low[1])
    assert list(cut.high) == pytest.approx([1.0, 0.65]) and cut.y == wide.y
    level = Line("level", [1, 2], [0.5, 0.5], low=[0.4, 0.4], high=[0.6, 0.6], color=0)
    assert _within(Panel("set", [level]))[0] == replace(level, low=[0.4, 0.4], high=[0.6, 0.6])
    assert _within(Panel("set", [Line("none", [], [])])) == [Line("none", [], [])]

"""Figures as PDF files, for papers: the SVG with its style written out, drawn by svglib and ReportLab."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from askance.optional import need

WHY = "A figure as PDF"
LETTERS = 12.5  # px, as page.css has them
FONTS = {False: "Helvetica", True: "Helvetica-Bold"}  # every reader of PDF has these
WRITTEN = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap")
UNSEEN = "transparent"
UNPRINTED = ("title", "desc", "style")
OTHERS = str.maketrans({"−": "–", "…": "..."})  # letters that the fonts do not have, and what stands in


def has_pdf() -> bool:
    """Whether the extra ``pdf`` is installed."""
    return find_spec("svglib") is not None


def pdf(svg: str, style: str) -> bytes:
    """A figure as PDF; the same figure gives the same bytes.

    Args:
        svg: The element, as `canvas.Frame.svg` gives it.
        style: The page's style sheet; what it says for print, or for a dark screen, is left out.

    Raises:
        MissingPackage: Without the extra ``pdf``.
    """
    need("svglib", "pdf", WHY)
    from reportlab.graphics import renderPDF
    from reportlab.pdfgen.canvas import Canvas
    from svglib.svglib import svg2rlg

    drawing: Any = svg2rlg(io.BytesIO(plain(svg, style)))
    made = io.BytesIO()
    canvas = Canvas(made, (drawing.width, drawing.height), invariant=1)
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.showPage()
    canvas.save()
    return made.getvalue()


def plain(svg: str, style: str) -> bytes:
    """The SVG without a style sheet: what the sheet says stands at each element, for readers that know no variables."""
    from lxml import etree

    root = etree.fromstring(svg.encode())
    _, _, width, height = (root.get("viewBox") or "0 0 0 0").split()
    root.set("width", width)
    root.set("height", height)
    etree.strip_elements(root, *(f"{{*}}{name}" for name in UNPRINTED), with_tail=False)
    rules = _Rules(style)
    for element, found in rules.through(root):
        _write(element, found)
    return bytes(etree.tostring(root))


class _Rules:
    """A style sheet, as far as figures need it."""

    def __init__(self, style: str) -> None:
        import cssselect2
        import tinycss2

        self._wrap = cssselect2.ElementWrapper.from_xml_root
        self._matcher = cssselect2.Matcher()
        self._top: dict[str, str] = {}
        for rule in tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True):
            if rule.type != "qualified-rule":  # for some media only
                continue
            said = _declared(tinycss2.parse_blocks_contents(rule.content))
            if tinycss2.serialize(rule.prelude).strip() == ":root":
                self._top = said
                continue
            try:
                selectors = cssselect2.compile_selector_list(rule.prelude)
            except cssselect2.SelectorError:  # of what a pointer does on a screen
                continue
            for selector in selectors:
                self._matcher.add_selector(selector, said)

    def through(self, root: Any) -> Iterator[tuple[Any, dict[str, str]]]:
        """Each element with what is said of it, variables filled in."""
        import tinycss2

        variables: dict[Any, Mapping[str, str]] = {}
        opacity: dict[Any, float] = {}
        for element in self._wrap(root).iter_subtree():
            node = element.etree_element
            said: dict[str, str] = {}
            for *_, own in self._matcher.match(element):
                said |= own
            said |= _declared(tinycss2.parse_blocks_contents(node.get("style") or ""))
            above = node.getparent()
            known = {**variables.get(above, self._top), **{k: v for k, v in said.items() if k.startswith("--")}}
            variables[node] = known
            found = {name: _filled(value, known) for name, value in said.items() if not name.startswith("--")}
            own_opacity = float(found.get("opacity") or node.get("opacity") or 1)
            opacity[node] = own_opacity * opacity.get(above, 1.0)
            found["opacity"] = f"{opacity[node]:.4g}"
            yield node, found


def _declared(content: Any) -> dict[str, str]:
    import tinycss2

    return {one.name: tinycss2.serialize(one.value).strip() for one in content if one.type == "declaration"}


def _filled(value: str, known: Mapping[str, str]) -> str:
    """A value with its variables filled in.

    >>> _filled("var(--c)", {"--c": "var(--c1)", "--c1": "#b34700"})
    '#b34700'
    """
    while value.startswith("var(") and value.endswith(")"):
        value = known.get(value[4:-1].strip(), "")
    return value


def _write(element: Any, found: Mapping[str, str]) -> None:
    """Write what is said of an element onto it."""
    for name in ("style", "class", "opacity", "pointer-events"):
        element.attrib.pop(name, None)
    for name in WRITTEN:
        if name in found:
            element.set(name, "none" if found[name] == UNSEEN else found[name])
    seen = float(found["opacity"])
    fill = float(found.get("fill-opacity") or element.get("fill-opacity") or 1) * seen
    for name, share in (("fill-opacity", fill), ("stroke-opacity", seen)):
        if share < 1:
            element.set(name, f"{share:.4g}")
    if element.tag.rpartition("}")[2] in ("text", "tspan"):
        element.set("font-family", FONTS[int(found.get("font-weight") or element.get("font-weight") or 400) >= 600])
        element.set("font-size", f"{LETTERS:g}")
        element.text = (element.text or "").translate(OTHERS)

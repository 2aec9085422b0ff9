"""What docs/fidelity.md says: for each method its definition, and the tests that pin it, read from the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from askance.strategies.catalogue import LEFT_OUT, names
from benchmarks.measure import ROOT

TESTS = ROOT / "tests"
UNPINNED = ("random",)  # the law of drawing at random is tested with the dice


@dataclass(frozen=True)
class Pin:
    """One test of one method.

    Args:
        kind: How it pins, as `tests/pins.py` lists.
        what: What is compared, in a sentence.
        equation: The definition, where this test says it.
        test: ``file::function``.
    """

    kind: str
    what: str
    equation: str
    test: str


def fidelity_page() -> str:
    """The page."""
    found = pinned(TESTS)
    lines = [
        "# Fidelity\n\n",
        "How every method is held to its definition. Each row is a test in `tests/`; this page is written from the "
        "marks on them. *Brute force* compares with a plain search over all there is; an *equivalence* with another "
        "method in a case where both must agree; a *law* with the exact frequencies of what is drawn; *peer* with "
        "another package, where it is installed. A *defect* is what published code is known to do otherwise: the test "
        "fails if ours did it too.\n\n",
    ]
    for name in names():
        if name in UNPINNED:
            continue
        lines.append(f"## `{name}`\n\n")
        pins = found.get(name, [])
        lines += [f"> {equation}\n\n" for equation in dict.fromkeys(pin.equation for pin in pins if pin.equation)]
        lines.append("| How | What | Test |\n| --- | --- | --- |\n")
        lines += [f"| {pin.kind} | {_cell(pin.what)} | `{pin.test}` |\n" for pin in pins]
        lines.append("\n")
    if LEFT_OUT:
        lines.append("## Left out\n\n")
        lines += [f"- `{name}`: {why}\n" for name, why in LEFT_OUT.items()]
    return "".join(lines)


def unpinned() -> list[str]:
    """The methods of the catalogue that no test pins."""
    found = pinned(TESTS)
    return [name for name in names() if name not in found and name not in UNPINNED]


def pinned(folder: Path) -> dict[str, list[Pin]]:
    """The marks of all tests in a folder, by the name of the method."""
    found: dict[str, list[Pin]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for function, mark in _marks(ast.parse(path.read_text("utf-8"))):
            given = [ast.literal_eval(argument) for argument in mark.args]
            named = {word.arg: ast.literal_eval(word.value) for word in mark.keywords}
            methods, kind, what = (given + [named.get(word) for word in ("method", "kind", "what")[len(given) :]])[:3]
            equation = given[3] if len(given) > 3 else named.get("equation", "")
            place = f"{path.relative_to(folder).as_posix()}::{function}"
            for method in methods.split(","):
                found.setdefault(method.strip(), []).append(Pin(kind, what, equation, place))
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "pins":
                    yield node.name, mark


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

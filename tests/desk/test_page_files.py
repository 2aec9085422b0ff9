"""The page's files: nothing inline, nothing from elsewhere, and types that hold where a checker is at hand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake import STATIC

SCRIPTS = sorted(STATIC.glob("*.js"))
CHECKER = Path(sys.prefix) / "page" / "node_modules" / ".bin" / "tsc"


def test_the_page_has_neither_inline_scripts_nor_inline_styles() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r"<script([^>]*)>([^<]*)", page) == [(' type="module" src="/static/app.js"', "")]


@pytest.mark.parametrize("file", [*SCRIPTS, STATIC / "index.html", STATIC / "style.css"], ids=lambda file: file.name)
def test_nothing_is_loaded_from_another_place(file: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", file.read_text()))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_text_never_goes_in_as_markup(script: Path) -> None:
    found = re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextual",
        script.read_text(),
    )
    assert not found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_module_that_is_imported_is_there(script: Path) -> None:
    wanted = re.findall(r"from \"\./([\w.]+)\"", script.read_text())
    assert all((STATIC / name).is_file() for name in wanted)


def test_every_module_says_what_it_holds() -> None:
    assert all(script.read_text().startswith("/* ") for script in SCRIPTS)


@pytest.mark.slow
@pytest.mark.skipif(not CHECKER.exists(), reason="no TypeScript: make page")
def test_the_types_hold() -> None:
    done = subprocess.run(
        [str(CHECKER), "-p", str(Path(__file__).parent / "jsconfig.json")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout

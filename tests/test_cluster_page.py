"""docs/cluster.md: its commands can be typed, its code runs, its tests are there, its figures are those measured."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from askance.cli import parser
from askance.executors.local import Processes, Workers
from benchmarks.on_ray import about, read, table

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "cluster.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_commands_can_be_typed() -> None:
    typed = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    ours = [words[1:] for words in typed if words[:1] == ["askance"]]
    assert len(ours) == 3
    for words in ours:
        assert parser().parse_args(words).on == "ray"


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) >= 5
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_its_figures_are_those_that_were_measured() -> None:
    assert table(read()) in PAGE and about(read()) in PAGE


def test_its_code_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With this process in the place of a cluster; that those give the same has a test of its own."""

    class Here(Processes):
        def begin(self, function: Any, shared: Any, workers: int | None = None) -> Workers:
            return super().begin(function, shared, 1)

    monkeypatch.setattr("askance.executors.ray.Ray", Here)
    (code,), (said,) = blocks("python"), blocks("text")
    exec(compile(code, "docs/cluster.md", "exec"), {"__name__": "page"})
    assert capsys.readouterr().out == said

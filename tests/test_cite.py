"""Every work that the source names can be cited."""

from __future__ import annotations

from pathlib import Path

import pytest

import askance
from askance.cite import KEY, cite, keys
from askance.errors import UnknownName
from askance.works import REFERENCES

SOURCE = [path for path in Path(askance.__file__).parent.rglob("*.py") if path.name != "cite.py"]


def test_every_key_in_the_source_is_a_work_and_every_work_is_named_somewhere() -> None:
    named = {key for path in SOURCE for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert named == REFERENCES.keys()


def test_a_work_that_is_named_twice_is_cited_once() -> None:
    assert keys("First. [ash2020badge] Then [sener2018active], then [ash2020badge, Eq. 1].") == [
        "ash2020badge",
        "sener2018active",
    ]


def test_a_strategy_is_cited_by_its_name() -> None:
    assert cite("badge") == cite("ash2020badge")
    assert cite("badge").startswith("@inproceedings{ash2020badge,")


def test_what_is_neither_a_work_nor_a_strategy_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'badge'"):
        cite("badgee")

"""Every method of the catalogue is pinned to its definition by a test that says so."""

from __future__ import annotations

from pathlib import Path

from askance.strategies.catalogue import LEFT_OUT, names, strategy
from benchmarks.fidelity_page import pinned, unpinned


def test_every_method_is_pinned() -> None:
    assert not unpinned(), f"No test in tests/ is marked with @pins for {', '.join(unpinned())}. Write one."


def test_every_pin_is_of_a_method_that_there_is() -> None:
    root = Path(__file__).parent
    strangers = pinned(root).keys() - set(names())
    assert not strangers, f"{', '.join(sorted(strangers))} is pinned by a test and is not in the catalogue."


def test_every_method_says_what_a_batch_costs() -> None:
    assert not [name for name in names() if not strategy(name).cost]


def test_what_is_left_out_is_not_there() -> None:
    assert not LEFT_OUT.keys() & set(names())
    assert all(why.endswith(".") for why in LEFT_OUT.values())

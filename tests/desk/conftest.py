"""Lets the tests of this folder share `desks`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desks import Desk, desk
from started import Started


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes desks in one project folder, and closes them at the end."""
    made: list[Desk] = []

    def one(**options: object) -> Desk:
        made.append(desk(tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    """End the servers that a test left running because it failed."""
    yield
    for process in Started.running:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
    Started.running.clear()


@pytest.fixture
def here(make: Callable[..., Desk]) -> Desk:
    """A desk at its usual port, with a token and without a password."""
    return make()

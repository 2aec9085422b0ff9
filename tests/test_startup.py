"""The front door: importing askance costs nothing, and what it offers is found when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import askance

HEAVY = ("torch", "numba", "sklearn", "pandas", "sqlalchemy", "scipy", "numpy")


def loaded_after(code: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after some code."""
    watch = f"import sys\n{code}\nprint(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True, timeout=60)
    return done.stderr.split()


def test_importing_askance_loads_nothing_heavy() -> None:
    assert loaded_after("import askance; askance.__version__; dir(askance)") == []


def test_a_name_loads_what_it_needs_and_no_more() -> None:
    assert loaded_after("from askance import BadInput") == []
    assert "torch" in loaded_after("from askance import Pool")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["--version"]])
def test_help_on_the_command_line_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"from askance.cli import main\ntry: main({arguments!r})\nexcept SystemExit as end: assert end.code == 0"
    assert loaded_after(code) == []


def test_opening_a_study_in_memory_needs_no_database() -> None:
    code = "from askance import Pool, Study; Study(Pool.from_arrays([[0.0], [1.0]]), classes=['a', 'b'])"
    assert not {"sqlalchemy", "pandas", "sklearn"} & set(loaded_after(code))


def test_every_name_that_is_offered_is_there() -> None:
    assert dir(askance) == sorted(askance.__all__)
    for name in askance.__all__:
        assert getattr(askance, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Poool'"):
        askance.Poool  # noqa: B018
    with pytest.raises(ImportError, match="Poool"):
        from askance import Poool  # noqa: F401

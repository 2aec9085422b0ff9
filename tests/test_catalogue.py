"""Parts by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from sklearn.naive_bayes import GaussianNB

from askance import catalogue
from askance.errors import BadInput, UnknownName
from askance.learners import catalogue as learners
from askance.learners.linear import Linear
from askance.learners.sklearn import Sklearn
from askance.strategies import catalogue as strategies
from askance.strategies.gradient import Badge
from askance.strategies.uncertainty import Margin

MINE = '''
from dataclasses import dataclass
from askance.strategies.uncertainty import Margin

@dataclass(frozen=True)
class Mine(Margin):
    """Margin under another name."""

@dataclass(frozen=True)
class Wanting(Margin):
    """Wants an argument."""
    share: float = None
    def __post_init__(self):
        if self.share is None:
            raise TypeError("share is missing")
'''


def test_every_name_makes_a_strategy_that_knows_its_name() -> None:
    for name in strategies.names():
        assert strategies.name_of(strategies.strategy(name)) == name


def test_the_readme_says_how_many_there_are() -> None:
    readme = Path(__file__).resolve().parent.parent / "README.md"
    assert "over ninety by name" in readme.read_text("utf-8") and 90 < len(strategies.names()) <= 100


def test_a_strategy_may_be_a_name_a_class_or_an_object() -> None:
    assert strategies.strategy("badge") == strategies.strategy(Badge) == strategies.strategy(Badge()) == Badge()


def test_an_unknown_name_comes_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'entropy'"):
        strategies.strategy("entropi")


def test_a_strategy_in_a_loose_file_works_wherever_a_name_does(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    found = strategies.strategy(f"{file}:Mine")
    assert isinstance(found, Margin)
    assert strategies.name_of(found) == "Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}:Yours", "has no 'Yours'. It holds: Mine, Wanting"),
        ("{}:Wanting", "wants arguments: share is missing"),
        ("missing.py:Mine", "There is no file missing.py"),
        ("no.such.module:Mine", "There is no module 'no.such.module'"),
        ("pathlib:Path", "not a strategy"),
    ],
)
def test_what_is_no_strategy_is_refused_in_words(tmp_path: Path, name: str, message: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    with pytest.raises(BadInput) as caught:
        strategies.strategy(name.format(file))
    assert message in str(caught.value)


def test_a_plug_in_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("close-call", "askance.strategies.uncertainty:Margin", "askance.strategies")
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point] if group == "askance.strategies" else [])
    own = catalogue.Catalogue("strategy", "askance.strategies", {"badge": "askance.strategies.gradient:Badge"})
    assert own.names() == ["badge", "close-call"]
    assert own.make("close-call") == Margin()
    assert own.name_of(Margin()) == "close-call"


def test_a_learner_may_be_a_name_a_class_path_an_estimator_or_nothing() -> None:
    assert learners.learner(None) == learners.learner("linear") == Linear()
    assert isinstance(learners.learner("sklearn.naive_bayes:GaussianNB"), Sklearn)
    assert isinstance(learners.learner(GaussianNB()), Sklearn)


@pytest.mark.parametrize("thing", [42, GaussianNB])
def test_what_is_no_learner_is_refused(thing: object) -> None:
    with pytest.raises(BadInput, match="is no learner"):
        learners.learner(thing)

"""What `askance check` finds in a file, and what `askance new` writes."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from askance.cli import main
from askance.describe import load_file
from askance.errors import BadInput, StorageError, UnknownName
from askance.testing import strategy_promises
from askance.testing.checking import check
from askance.testing.scaffold import new_strategy

MINE = '''
from dataclasses import dataclass
from askance import Learner, Strategy
from askance.learners.base import Model, Outputs
from askance.signals.base import Signal
from askance.strategies.uncertainty import Margin

@dataclass(frozen=True)
class FirstCome(Strategy):
    """No dice.

    >>> FirstCome().query(view(embeddings=[[1.0], [2.0]]), 1).ids
    [0]
    """

    def query(self, view, n):
        return view.batch(view.candidates[:n])

@dataclass(frozen=True)
class Loud(Signal):
    @property
    def needs(self):
        return frozenset({"volume"})

    def rows(self, outputs, task):
        return outputs.extras["volume"]

@dataclass(frozen=True)
class Hears(Model):
    width: int

    def outputs(self, items):
        return Outputs(scores=items[:, :1].repeat(1, self.width), extras={"volume": items[:, 0]})

@dataclass(frozen=True)
class Ear(Learner):
    @property
    def gives(self):
        return frozenset({"scores", "volume"})

    def fit(self, lesson):
        return Hears(lesson.task.width)

@dataclass(frozen=True)
class Wants(Strategy):
    share: float

class _Hidden(Strategy):
    pass

ready = Wants(0.5)
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_every_part_of_a_file_is_held_to_its_own_contract(mine: Path) -> None:
    rows = list(check(str(mine)))
    assert {row.part for row in rows} == {"FirstCome", "Loud", "Ear", "Wants"}
    broken = {(row.part, row.promise): row.why for row in rows if not row.ok}
    walks = broken.pop(("FirstCome", "does not care about the order of the pool but for exact ties"))
    assert "once the pool is in another order" in walks
    wants = broken.pop(("Wants", "can be made without arguments"))
    assert "'share'" in wants and "Give its fields defaults" in wants
    assert broken == {}
    assert sum(row.part == "FirstCome" for row in rows) == len(strategy_promises())


def test_one_part_of_a_file_a_module_or_a_catalogue_is_checked_by_its_name(mine: Path) -> None:
    for what, part in [
        (f"{mine}:FirstCome", "FirstCome"),
        (f"{mine}:ready", "Wants"),
        ("askance.strategies.uncertainty:Margin", "Margin"),
        ("margin", "Margin"),
        ("linear", "Linear"),
    ]:
        assert {row.part for row in check(what)} == {part}


def test_a_part_that_no_learner_serves_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "deaf.py"
    path.write_text(MINE.replace('"scores", "volume"', '"scores"').replace('extras={"volume": items[:, 0]}', ""))
    (row,) = [row for row in check(str(path)) if row.part == "Loud"]
    assert not row.ok
    assert "reads volume, and Linear does not give it" in row.why


def test_a_learner_is_tried_on_a_task_that_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "numbers.py"
    only = """        assert type(lesson.task).__name__ == "Targets", "numbers only"
        return Hears("""
    path.write_text(MINE.replace("        return Hears(", only))
    assert [row for row in check(f"{path}:Ear") if not row.ok] == []


def test_what_a_part_throws_while_it_is_made_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sour.py"
    path.write_text(
        "from dataclasses import dataclass\nfrom askance import Strategy\n\n\n@dataclass(frozen=True)\n"
        "class Sour(Strategy):\n    def __post_init__(self) -> None:\n        raise ValueError('no lemons')\n"
    )
    (row,) = check(str(path))
    assert (row.part, row.ok) == ("Sour", False) and row.why.startswith("ValueError: no lemons. Give its fields")


def test_what_a_study_takes_for_a_learner_is_checked(tmp_path: Path) -> None:
    rows = list(check("sklearn.naive_bayes:GaussianNB"))
    assert {row.part for row in rows} == {"Sklearn"} and rows[0].ok
    with pytest.raises(BadInput, match="StackingClassifier.*wants arguments"):
        list(check("sklearn.ensemble:StackingClassifier"))


def test_a_name_that_is_too_long_for_a_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written into .*: File name too long. Choose another name"):
        new_strategy("a" * 300, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_checked_is_refused_with_a_reason(mine: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("from askance.strategies.uncertainty import Margin\n")
    for what, why in [
        (str(empty), "holds no part of its own"),
        (str(tmp_path / "gone.py"), "There is no file"),
        (f"{mine}:MINE", "has no 'MINE'"),
        ("askance.pool:Pool", "is no strategy"),
    ]:
        with pytest.raises(BadInput, match=why):
            list(check(what))
    with pytest.raises(UnknownName, match="Did you mean 'margin'"):
        list(check("margn"))


def test_the_command_prints_a_line_for_each_promise_and_fails_if_one_is_broken(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", f"{mine}:FirstCome"]) == 1
    told = capsys.readouterr().out
    assert "BROKEN   FirstCome: does not care about the order of the pool but for exact ties" in told
    assert "ok       FirstCome: picks distinct candidates" in told
    assert main(["check", "margin"]) == 0


@pytest.mark.parametrize(
    ("name", "file", "title"),
    [
        ("far-corner", "far_corner.py", "FarCorner"),
        ("FarCorner", "far_corner.py", "FarCorner"),
        ("far_corner", "far_corner.py", "FarCorner"),
        ("BALD2", "bald2.py", "BALD2"),
        ("KMeansOf", "k_means_of.py", "KMeansOf"),
    ],
)
def test_a_new_strategy_keeps_its_contract_and_its_doctest(name: str, file: str, title: str, tmp_path: Path) -> None:
    path = new_strategy(name, tmp_path)
    assert path == tmp_path / file
    rows = list(check(str(path)))
    assert {row.part for row in rows} == {title}
    assert [row for row in rows if not row.ok] == []
    found = doctest.testmod(load_file(path))
    assert (found.attempted, found.failed) == (3, 0)


@pytest.mark.parametrize(
    "name", ["2fast", "a corner", "", "far--corner", "../far", "None", "far.py", "Strategy", "top"]
)
def test_a_name_that_is_none_or_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        new_strategy(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = new_strategy("far-corner", tmp_path)
    path.write_text("mine")
    with pytest.raises(BadInput, match="is there already"):
        new_strategy("FarCorner", tmp_path)
    assert path.read_text() == "mine"
    with pytest.raises(BadInput, match="There is no folder"):
        new_strategy("far-corner", tmp_path / "gone")

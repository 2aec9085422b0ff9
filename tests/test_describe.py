"""A part is written down as JSON and comes back the same; what another process could not find is refused."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from askance.describe import build, describe, find, load_file
from askance.errors import BadInput
from askance.learners.linear import Linear
from askance.learners.sklearn import Sklearn
from askance.learners.wrappers import Untrained
from askance.meta.schedule import Until
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Scores
from askance.strategies.coverage import TypiClust
from askance.strategies.uncertainty import Margin
from askance.task import Classes


@dataclass(frozen=True)
class Held:
    """Holds anything."""

    value: Any


class Pathlike:
    """Made in two ways."""

    @classmethod
    def made(cls) -> Pathlike:
        """The one way."""
        return cls()


class Child(Pathlike):
    """Has no name for what it inherits."""


@pytest.mark.parametrize(
    "part",
    [
        Linear(),
        Until(30, early=TypiClust(), late=Margin(signal=Scores(of=Untrained(Linear(ridge=2.0)), age=1))),
        Embeddings(),
        Classes(("a", 2)),
        Held(("a", (1, 2.5), None, True)),
        Held([1, [2, (3,)]]),
        Held({"name": "x", "part": 1}),
        Held({1: "one", "two": (2,)}),
        Held(math.inf),
        Held(math.sqrt),
        Held(Linear),
        Held(np.log1p),
        Held(torch.sigmoid),
        Held(torch.nn.functional.max_pool2d),
        Held(Pathlike.made),
    ],
)
def test_a_part_comes_back_through_json(part: Any) -> None:
    text = json.dumps(describe(part))
    again = build(json.loads(text))
    assert again == part
    assert json.dumps(describe(again)) == text


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(C=0.3, class_weight={0: 1.0, 1: 3.0}),
        make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p), RandomForestClassifier(7)),
        make_pipeline(TfidfVectorizer(ngram_range=(1, 2), stop_words=["the"]), MLPClassifier((5, 4))),
    ],
)
def test_a_scikit_learn_estimator_comes_back_with_its_parameters(estimator: Any) -> None:
    text = json.dumps(describe(Sklearn(estimator)))
    again = build(json.loads(text)).estimator
    assert repr(again) == repr(estimator)
    assert json.dumps(describe(Sklearn(again))) == text
    again.get_params(deep=True)


def test_a_description_equals_itself_after_json_even_where_a_number_is_nan() -> None:
    described = describe(Held(math.nan))
    assert json.loads(json.dumps(described)) == described
    assert math.isnan(build(described).value)


def test_sets_are_described_in_one_order_and_numbers_of_numpy_as_plain_ones() -> None:
    assert describe(frozenset({"b", "a", "c"})) == ["a", "b", "c"]
    assert describe(Held(np.float64(0.5))) == describe(Held(0.5))


def local() -> Any:
    def inside() -> None:
        """A function that nobody can name."""

    return inside


@pytest.mark.parametrize(
    "live",
    [
        *(lambda: 0, local(), torch.nn.Linear(1, 1), np.zeros(2), torch.zeros(2), [1].append, object(), iter([])),
        *(dict.fromkeys, str.lower, Child.made),
    ],
)
def test_a_live_object_is_refused(live: Any) -> None:
    with pytest.raises(BadInput, match="journal"):
        describe(Held(live))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("askance", "not of the form module:Class"),
        ("nowhere.at_all:X", "no module 'nowhere.at_all'"),
        ("askance.learners.linear:Lineal", "has no 'Lineal'. It holds: Linear"),
        ("/no/such/file.py:X", "no file /no/such/file.py"),
    ],
)
def test_a_name_that_leads_nowhere_says_where_it_ended(name: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        find(name)


def test_a_class_that_was_defined_anew_is_named_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Held(1)
    newer = type("Held", (), {"__module__": __name__})
    monkeypatch.setitem(globals(), "Held", newer)
    assert describe(old) == {"part": f"{__name__}:Held", "value": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", "module 'own_part' fails when it is imported: ZeroDivisionError: division by zero. Mend it first"),
        ("from askance import nothing_there", "fails when it is imported: ImportError: cannot import name 'nothing_"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'. Mend it first, or install"),
    ],
)
def test_a_module_that_fails_is_named_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    (tmp_path / "own_part.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadInput, match=says):
        find("own_part:Mine")


def test_a_file_that_changed_in_the_same_moment_and_length_is_run_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    for width in (4, 5):
        path.write_text(f"WIDTH: int = {width}\n")
        os.utime(path, (1_000_000, 1_000_000))
        found = load_file(path)
        assert vars(found)["WIDTH"] == width and found.__annotations__ == {"WIDTH": int}  # no future of ours either
    assert [file.name for file in tmp_path.iterdir()] == ["mine.py"]


def test_a_part_of_a_loose_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Mine:\n    n: int = 1\n")
    mine = find(f"{path}:Mine")(n=3)
    assert describe(mine) == {"part": f"{path}:Mine", "n": 3}
    assert build(describe(mine)) == mine
    assert load_file(path) is load_file(path)
    path.write_text("1 / 0")
    with pytest.raises(BadInput, match=r"mine\.py fails when it is run: ZeroDivisionError"):
        load_file(path)


@pytest.mark.parametrize(
    "description",
    [
        {"part": "os:system", "params": {"command": "true"}},
        {"part": "subprocess:Popen", "args": ["true"]},
        {"part": "subprocess:Popen", "params": {"args": ["true"]}},
        {"part": "pathlib:Path"},
    ],
)
def test_a_description_builds_parts_and_calls_nothing_else(description: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="neither a dataclass nor an estimator"):
        build(description)

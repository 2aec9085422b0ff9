"""A model in a folder: whole, harmless to open, and of the same mind as the study it came from."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import ITEMS, POOL, labeled, pets, take_away

import askance
from askance.encoders.numbers import AsIs
from askance.encoders.table import TableColumns
from askance.encoders.text import TfidfSvd
from askance.errors import BadInput, StorageError
from askance.learners.torch import Torch
from askance.project import predictor, takeaway
from askance.project.intake import Reading
from askance.project.predictor import Predictions
from askance.task import Classes, Targets

TEXTS = [f"{'cats purr softly' if row % 2 else 'dogs bark loudly'} at house number {row}" for row in range(30)]


@pytest.mark.parametrize("task", ["classes", "labels", "numbers"])
def test_what_was_taken_away_says_what_the_study_says(tmp_path: Path, task: str) -> None:
    study = labeled(task)
    found = askance.load(take_away(study, tmp_path / "m")).predict(ITEMS)
    assert torch.allclose(found.probabilities, study.predict(), atol=1e-6)
    assert list(found) == [study.task.answer(row) for row in study.predict()]
    assert found.probabilities.shape == (30, study.task.width)


def test_classes_have_a_certainty_and_doubtful_ones_can_be_left_out(tmp_path: Path) -> None:
    found = askance.load(take_away(labeled(), tmp_path / "m")).predict(ITEMS)
    assert found.names == ("cat", "dog") and len(found) == 30 and found[0] in found.names
    assert torch.equal(found.certainty, found.probabilities.amax(1))
    sure = found.above(0.9)
    assert [value is not None for value in sure] == (found.certainty >= 0.9).tolist() and None in sure
    assert "Predictions of 30 items" in repr(found) and len(repr(found)) < 100


def test_labels_are_certain_where_each_of_them_is_and_numbers_refuse_to_say(tmp_path: Path) -> None:
    found = askance.load(take_away(labeled("labels"), tmp_path / "l")).predict(ITEMS)
    row = found.probabilities[0].tolist()
    assert float(found.certainty[0]) == pytest.approx(max(row[0], 1 - row[0]) * max(row[1], 1 - row[1]))
    numbers = askance.load(take_away(labeled("numbers"), tmp_path / "n")).predict(ITEMS)
    with pytest.raises(BadInput, match="predicts numbers and does not say how certain it is. Read the values"):
        numbers.above(0.5)


def test_neither_the_journal_nor_the_pool_is_needed_and_what_is_known_comes_along(tmp_path: Path) -> None:
    study = labeled(storage=tmp_path / "study.db")
    expected = study.predict()
    take_away(study, tmp_path / "m", facts={"labels": 20, "scores": {"accuracy": 0.9}, "by": {10: 1, 9: 2}})
    study.close()
    for path in tmp_path.glob("study.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.move(tmp_path / "m", tmp_path / "elsewhere")
    model = askance.load(str(tmp_path / "elsewhere"))
    assert torch.allclose(model.predict(ITEMS).probabilities, expected, atol=1e-6)
    assert model.facts["labels"] == 20 and model.facts["scores"] == {"accuracy": 0.9}
    assert model.facts["askance"] == askance.__version__ and model.facts["made"].endswith("Z")


def test_texts_are_read_as_the_project_read_them(tmp_path: Path) -> None:
    encoder = TfidfSvd(dimensions=8)
    encoding = encoder.fit(TEXTS)
    pool = askance.Pool.from_arrays(encoding.encode(TEXTS))
    study = askance.Study(pool, classes=["dog", "cat"])
    study.tell({row: ["dog", "cat"][row % 2] for row in range(30)})
    how = Reading("text", ("subject", "body"))
    model = askance.load(take_away(study, tmp_path / "m", encoder=encoder, encoding=encoding, how=how))
    assert torch.allclose(model.predict(TEXTS).probabilities, study.predict(), atol=1e-6)
    assert list(model.predict(text for text in TEXTS)) == list(model.predict(TEXTS))
    rows = [{"subject": "dogs bark", "body": "loudly", "id": 7}, {"subject": None, "body": "cats purr"}]
    assert list(model.predict(rows)) == list(model.predict(["dogs bark\nloudly", "cats purr"])) == ["dog", "cat"]


def test_tables_are_mappings_of_columns(tmp_path: Path) -> None:
    rows = [{"a": f"{value:.3f}", "kind": "xy"[int(value > 0)]} for value in ITEMS[:, 0]]
    encoder = TableColumns()
    encoding = encoder.fit(rows)
    study = askance.Study(askance.Pool.from_arrays(encoding.encode(rows)), classes=["x", "y"])
    study.tell({row: cells["kind"] for row, cells in enumerate(rows)})
    how = Reading("table", ("a", "kind"))
    model = askance.load(take_away(study, tmp_path / "m", encoder=encoder, encoding=encoding, how=how))
    assert torch.allclose(model.predict(rows).probabilities, study.predict(), atol=1e-6)
    with pytest.raises(BadInput, match="Item 1 lacks the column 'kind'. Give a, kind."):
        model.predict([rows[0], {"a": 1}])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("one text", "got a str, and needs a list"),
        (b"bytes", "got a bytes, and needs a list"),
        ({"a": 1}, "got a dict, and needs a list"),
        (["text"], "Item 0 is a str, and this model reads rows of numbers. Hand in a list of those"),
        ([[1.0, 2.0, 3.0], [1.0, 2.0]], "shape"),
        ([[1.0, 2.0, float("nan")]], "NaN"),
    ],
)
def test_items_of_another_kind_are_refused(tmp_path: Path, items: Any, message: str) -> None:
    model = askance.load(take_away(labeled(), tmp_path / "m"))
    with pytest.raises(BadInput, match=message):
        model.predict(items)


def test_a_data_frame_is_refused_with_what_to_hand_in(tmp_path: Path) -> None:
    frame = type("DataFrame", (), {"columns": ["a"], "__iter__": lambda self: iter(["a"])})()
    with pytest.raises(BadInput, match=r'got a DataFrame.*to_dict\("records"\)'):
        askance.load(take_away(labeled(), tmp_path / "m")).predict(frame)


def test_items_are_encoded_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = askance.load(take_away(labeled(), tmp_path / "m"))
    expected = model.predict(ITEMS)
    monkeypatch.setattr(predictor, "AT_ONCE", 7)
    found = model.predict(row for row in ITEMS)
    assert list(found) == list(expected) and torch.allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert len(model.predict([])) == 0


# What cannot be stored, or not there


@pytest.mark.parametrize("kind", ["sklearn", "own"])
def test_a_model_that_only_a_pickle_could_hold_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    from sklearn.naive_bayes import GaussianNB

    from askance.learners.own import Own

    study = labeled(learner=GaussianNB() if kind == "sklearn" else Own(GaussianNB), start=None, strategy="margin")
    with pytest.raises(BadInput, match=f"{type(study.learner).__name__} cannot be stored without pickles.*linear"):
        take_away(study, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_model_gives_way_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    folder = take_away(labeled(), tmp_path / "m")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match="m is there already. Name another folder"):
        take_away(labeled(), folder)
    with pytest.raises(BadInput, match="facts about the model cannot be written as JSON"):
        take_away(labeled(), folder, replace=True, facts={"labels": object()})
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    take_away(labeled("labels"), folder, replace=True)
    assert askance.load(folder).task.names == ("up", "even")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_folder_that_holds_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.txt").write_text("four years")
    with pytest.raises(BadInput, match="holds no model, so it is not written over. Name another folder"):
        take_away(labeled(), tmp_path / "m", replace=True)
    assert (tmp_path / "m" / "thesis.txt").read_text() == "four years"
    with pytest.raises(StorageError, match="cannot be made: there is no folder"):
        take_away(labeled(), tmp_path / "no" / "m")


KILLED = """
import os, signal, sys
from pathlib import Path
from small import labeled, take_away
from askance import files
files._move = lambda made, place, replace: os.kill(os.getpid(), signal.SIGKILL)
take_away(labeled(), Path(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_a_kill_in_the_middle_leaves_no_half_of_a_model(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "m")], env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL and not (tmp_path / "m").exists()
    assert len(askance.load(take_away(labeled(), tmp_path / "m")).predict(ITEMS)) == 30


# What was damaged, or tampered with


@pytest.mark.parametrize(
    "file", ["model.json", "head.safetensors", "encoder/encoding.json", "encoder/encoding.safetensors"]
)
def test_a_byte_that_flipped_is_found_wherever_it_is(tmp_path: Path, file: str) -> None:
    encoder = TfidfSvd(dimensions=4)
    encoding = encoder.fit(TEXTS)
    study = askance.Study(askance.Pool.from_arrays(encoding.encode(TEXTS)), classes=["dog", "cat"])
    study.tell({row: ["dog", "cat"][row % 2] for row in range(30)})
    folder = take_away(study, tmp_path / "m", encoder=encoder, encoding=encoding, how=Reading("text", ("t",)))
    expected = askance.load(folder).predict(TEXTS).probabilities
    whole = (folder / file).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        (folder / file).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = askance.load(folder).predict(TEXTS).probabilities
        except (BadInput, StorageError) as error:
            assert str(folder) in str(error)
        else:  # a space between two words of JSON, or the width that nobody reads
            assert torch.equal(found, expected), f"byte {place} of {file}"


@pytest.mark.parametrize("file", ["model.json", "head.safetensors", "encoder/encoding.json", "encoder"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, file: str) -> None:
    folder = take_away(labeled(), tmp_path / "m")
    place = folder / file
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises((BadInput, StorageError), match=place.name):
        askance.load(folder)


def forge(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what the folder says, with a sum that is right again, as somebody who means harm would."""
    about = json.loads((folder / takeaway.ABOUT).read_text())
    del about["sum"]
    change(about)
    (folder / takeaway.ABOUT).write_text(json.dumps({**about, "sum": takeaway._sum(about)}))


EVIL = (
    "from pathlib import Path\nfrom dataclasses import dataclass\nPath('ran').touch()\n@dataclass\nclass Evil: pass\n"
)
CALL = {"name": "askance.files:os.system"}


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.update(learner={"part": "evil.py:Evil"}),
        lambda about: about.update(task={"part": "evil.py:Evil"}),
        lambda about: about["task"].update(names=[{"part": "evil.py:Evil"}, {"name": "evil.py:Evil"}]),
        lambda about: about["learner"].update(strengths={"pairs": [[1, {"part": "evil.py:Evil"}]]}),
        lambda about: about["learner"].update(strengths={"list": [{"name": "evil.py:Evil"}]}),
        lambda about: about.update(learner={"part": "askance.learners.torch:Torch", "network": CALL}),
        lambda about: about.update(learner={"part": "askance.learners.torch:Torch", "network": "evil.py:Evil"}),
        lambda about: about.update(learner={"part": "subprocess:Popen", "params": {"args": "touch ran"}}),
        lambda about: about.update(learner={"part": "askance.files:Path", "params": {}}),
        lambda about: about.update(learner={"part": "askance.learners.torch:Network"}),
        lambda about: about.update(learner={"part": "askance.encoders.store:FeatureStore", "folder": "ran"}),
    ],
)
def test_no_code_that_a_folder_names_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(EVIL)
    folder = take_away(labeled(), tmp_path / "m")
    forge(folder, change)
    with pytest.raises((BadInput, StorageError), match="m/model.json names|is damaged"):
        askance.load(folder)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "encoder",
    [
        {"part": "evil.py:Evil"},
        {"part": "askance.encoders.module:TorchModule", "module": "evil.py:Evil", "kind": "array"},
        {"part": "askance.encoders.module:TorchModule", "module": "askance.files:os.getcwd", "kind": "array"},
    ],
)
def test_no_code_that_an_encoder_names_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(EVIL)
    place = take_away(labeled(), tmp_path / "m") / "encoder" / "encoding.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "encoder": encoder}))
    with pytest.raises(BadInput, match=r"encoding.json names .* could run. .*trust=True"):
        askance.load(tmp_path / "m")
    assert not Path("ran").exists()


def test_parts_of_different_models_do_not_pass_for_one(tmp_path: Path) -> None:
    folder, other = take_away(labeled(), tmp_path / "m"), tmp_path / "o"
    wide = askance.Study(askance.Pool.from_arrays(ITEMS[:, :2]), classes=["a", "b", "c"])
    wide.tell({row: "abc"[row % 3] for row in range(9)})
    take_away(wide, other, encoding=AsIs().fit(list(ITEMS[:, :2])))
    shutil.rmtree(folder / "encoder")
    shutil.copytree(other / "encoder", folder / "encoder")
    with pytest.raises(StorageError, match="encoder is that of another model"):
        askance.load(folder)
    forge(other, lambda about: about["task"].update(names=["a", "b"]))
    with pytest.raises(StorageError, match="other scores than the 2"):
        askance.load(other)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"format": 1}', '{"format": 9}', "\xff"])
def test_what_is_no_model_file_says_so(tmp_path: Path, text: str) -> None:
    folder = take_away(labeled(), tmp_path / "m")
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StorageError, match="m is damaged|format 9, and this askance reads 1. Update"):
        askance.load(folder)


NETWORK = """
from torch import nn

class SmallNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
"""


def test_a_network_of_your_own_runs_when_you_trust_the_folder(tmp_path: Path) -> None:
    from askance.describe import find

    (tmp_path / "mine.py").write_text(NETWORK)
    study = labeled(learner=Torch(find(f"{tmp_path / 'mine.py'}:SmallNet"), steps=3))
    folder = take_away(study, tmp_path / "m")
    with pytest.raises(BadInput, match=r"names .*mine.py:SmallNet, which is code outside of askance.*trust=True"):
        askance.load(folder)
    found = askance.load(folder, trust=True).predict(ITEMS)
    assert torch.allclose(found.probabilities, study.predict(), atol=1e-6)
    (tmp_path / "mine.py").write_text(NETWORK.replace("4", "5"))
    with pytest.raises(StorageError, match="does not fit the learner"):
        askance.load(folder, trust=True)


def test_classes_may_be_called_anything(tmp_path: Path) -> None:
    study = pets(classes=["os:system", "evil.py:Evil"])
    study.tell({f"i{row}": study.task.names[row % 2] for row in range(9)})  # type: ignore[attr-defined]
    model = askance.load(take_away(study, tmp_path / "m"))
    assert model.predict(ITEMS).names == ("os:system", "evil.py:Evil") and len(POOL) == 30


def test_an_answer_is_left_out_where_it_is_wrong_with_a_greater_probability_than_none_costs() -> None:
    found = Predictions(
        ("cat", "dog", "cat"), torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.55, 0.45]]), Classes(("cat", "dog"))
    )
    assert found.abstaining(0.1) == ["cat", None, None]  # 0.9 in float32 is a little less
    assert found.abstaining(0.4) == ["cat", "dog", None]
    assert found.abstaining(0.5) == ["cat", "dog", "cat"]
    assert found.abstaining(0.0) == [None, None, None]


@pytest.mark.parametrize("cost", [-0.1, 0.6])
def test_what_is_no_cost_is_refused(cost: float) -> None:
    with pytest.raises(BadInput, match=r"Use a cost from 0 to 0.5"):
        Predictions((), torch.zeros(0, 2), Classes(("cat", "dog"))).abstaining(cost)


def test_numbers_cannot_be_abstained_from() -> None:
    with pytest.raises(BadInput, match="predicts numbers"):
        Predictions((1.0,), torch.ones(1, 1), Targets()).abstaining(0.4)

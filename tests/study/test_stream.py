"""Items that go by: asked about or inferred, the prediction kept, whatever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from worlds import World, asked_ids, blobs

from askance.errors import BadInput
from askance.learners.linear import Linear
from askance.reports.study import content
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.strategies.region import ClosedForm, NeuralCalPlusPlus
from askance.study.audit import audit
from askance.study.journal import SqlJournal
from askance.study.study import Study
from askance.task import Labels, Targets
from askance.view import Batch, View

GATE = NeuralCalPlusPlus(ClosedForm(beta=1.0))


class Killed(BaseException):
    """The process dies here, as far as the journal can tell."""


@dataclass(frozen=True)
class Unsure(Strategy):
    """Ask where the likeliest class has less than 0.8, and for no more than the next to last pending item.

    >>> Unsure().query(view(probabilities=[[0.7, 0.3], [0.9, 0.1]]), 2).ids
    [0]
    """

    signal: Signal = Probabilities()
    most: int = 100

    def query(self, view: View, n: int) -> Batch:
        sure = view[self.signal][view.candidates].amax(1)
        rows = view.candidates[(sure < 0.8) & (len(view.pending) < self.most)][:n]
        return view.batch(rows, reason="passed", notes=[{"utility": 1.0} for _ in rows])


def started(world: World, labels: int = 12, **options: Any) -> Study:
    study = world.study(**{"strategy": GATE, **options})
    study.tell(world.oracle.of(list(range(labels))))
    return study


def kinds(study: Study) -> list[str]:
    return [line.kind for line in study.lines()]


def test_an_item_is_asked_or_inferred_and_the_prediction_given_is_kept() -> None:
    world = blobs()
    study = started(world)
    passage = study.consider(range(12, 40))
    assert len(passage) == 28 and 0 < len(passage.asked) < 28
    assert study.pending == passage.asked and set(passage.inferred) == set(range(12, 40)) - set(passage.asked)
    then = dict(passage.inferred)
    study.tell({name: world.classes[1] for name in passage.asked})  # another model from here on
    assert study.inferred == then
    passed = [line.body for line in study.lines() if line.kind == "passed"]
    assert {body["id"]: body["prediction"] for body in passed} == then
    assert all(0.5 <= body["probability"] <= 1 and "is settled" in body["why"] for body in passed)
    (asked,) = (line.body for line in study.lines() if line.kind == "asked")
    assert asked["considered"] == list(range(12, 40)) and asked["reason"] == "passed"
    assert [note["prediction"] for note in asked["notes"]] == [one.prediction for one in passage if one.asked]
    assert not study.progress.stopped and study.progress.unlabeled == 68 - len(passage.asked)


def test_one_item_and_several_are_decided_alike_by_one_model() -> None:
    together, alone = started(blobs()), started(blobs())
    passage = together.consider(range(12, 30))
    one_by_one = [alone.consider(name)[0] for name in range(12, 30)]
    assert [one.asked for one in passage] == [one.asked for one in one_by_one]
    assert [one.prediction for one in passage] == [one.prediction for one in one_by_one]
    assert kinds(together).count("asked") == 1 and kinds(alone).count("fitted") == 1


def test_one_call_is_one_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = started(blobs(), storage=tmp_path / "x.db")
    study.model()
    writes = []
    append = SqlJournal.append
    monkeypatch.setattr(
        SqlJournal, "append", lambda self, drafts, after: (writes.append(len(drafts)), append(self, drafts, after))[1]
    )
    passage = study.consider(range(12, 40))
    assert writes == [1 + len(passage.inferred)]


def test_an_item_that_was_asked_is_pending_for_the_next_one() -> None:
    study = started(blobs(), strategy=Unsure(most=2))
    assert len(study.consider(range(12, 80)).asked) == 2
    assert len(started(blobs(), strategy=Unsure()).consider(range(12, 80)).asked) > 2


def test_answers_are_learned_from_before_the_next_item() -> None:
    world = blobs()
    study = started(world)
    answers = 0
    for name in range(12, 40):
        if study.consider(name).asked:
            answers += study.tell(world.oracle.of([name]))
    study.consider(40)
    assert answers > 1 and kinds(study).count("fitted") == 1 + answers


def test_a_budget_that_is_spent_in_mid_stream_leaves_inferring_and_says_so() -> None:
    world = blobs()
    free = started(world).consider(range(12, 80))
    study = started(world)
    passage = study.consider(range(12, 80), budget=12 + 3)
    assert passage.asked == free.asked[:3] and passage.left == 0
    behind = [one for one in passage if one.id > passage.asked[-1]]
    assert all(one.why == "the budget is spent" and one.prediction is not None for one in behind)
    assert (
        passage.said
        == f"The budget of 15 labels is spent: {len(behind)} of 68 items were inferred without weighing a question."
    )
    again = study.consider(passage[-1].id, budget=15)
    assert not again.asked and "1 of 1 item was inferred" in repr(again)
    assert study.consider([one.id for one in behind[:20]], budget=16).left in (0, 1)
    assert all(row.ok for row in study.audit())


def test_without_a_label_everything_is_asked_and_nothing_is_predicted() -> None:
    study = blobs().study(strategy=GATE)
    passage = study.consider(range(10), budget=6)
    assert passage.asked == list(range(6))
    assert [one.prediction for one in passage] == [None] * 10
    with pytest.raises(BadInput, match="no label to learn from"):
        blobs().study(strategy=GATE, start=None).consider(0)


@pytest.mark.parametrize(
    ("task", "answer", "predicted"),
    [(Labels(("up", "far")), ["up"], ["up"]), (Targets(n=2), [1.0, 2.0], [1.0, 2.0]), (Targets(), 3.0, [3.0])],
    ids=["labels", "two numbers", "a number"],
)
def test_labels_and_numbers_are_predicted_as_they_are_told(task: Any, answer: Any, predicted: Any) -> None:
    study = Study(blobs().pool, task=task, learner=Linear(ridge=1.0), strategy="random")
    study.tell({row: answer for row in range(8)})
    passage = study.consider(range(8, 20), budget=10)
    assert passage.asked == [8, 9] and passage[0].probability is None
    wanted = predicted if isinstance(task, Labels) else pytest.approx(predicted)
    assert all(one.prediction == wanted for one in passage)
    assert study.inferred == passage.inferred


def test_a_stream_can_be_audited_beside_a_pool(tmp_path: Path) -> None:
    world = blobs(classes=3, named=True)
    names = list(world.truth)
    study = world.study(strategy=GATE, storage=tmp_path / "x.db")
    study.run(world.oracle, 12, batch=6)
    study.ask(4)
    study.consider([name for name in names if name not in study.labels and name not in study.pending][:20])
    study.tell(world.oracle.of(study.pending))
    free = [name for name in names if name not in study.labels]
    study.consider(free[:15], budget=len(study.labels) + 2)
    study.ask(3)
    study.close()
    again = Study(world.pool, storage=tmp_path / "x.db")
    rows = again.audit(refit=True)
    assert len(rows) == len(again.history.asked) >= 5 and [row.why for row in rows if not row.ok] == []


def test_the_audit_finds_an_item_that_would_not_have_been_asked(tmp_path: Path) -> None:
    study = started(blobs())
    passage = study.consider(range(12, 40))
    lines = study.journal.read()
    (asked,) = (line for line in lines if line.kind == "asked")
    asked.body["budget"] = 13
    (row,) = audit(study.pool, lines, study.parts, study.models)
    assert row.why == "other items come out" and row.again == passage.asked[:1]


def test_a_client_that_lost_the_reply_gets_the_same_passage(tmp_path: Path) -> None:
    world = blobs(named=True)
    names = list(world.truth)
    study = world.study(strategy=GATE, storage=tmp_path / "x.db")
    study.tell(world.oracle.of(names[:12]))
    first = study.consider(names[12:40], budget=15, once="k")
    study.close()
    again = Study(world.pool, storage=tmp_path / "x.db")
    second = again.consider(names[12:40], budget=15, once="k")
    assert (second.asked, second.inferred, second.said) == (first.asked, first.inferred, first.said)
    assert list(second) == list(first) and second.left == first.left == 0 and len(again.history.asked) == 1
    again.ask(2, once="other")
    with pytest.raises(BadInput, match="used for a line of kind 'asked'"):
        again.consider(names[50], once="other")


def test_what_cannot_go_by_is_refused_and_nothing_is_written() -> None:
    study = started(blobs())
    study.ask(2)
    before = len(study.lines())
    for what, match in (
        ([20, 21, 20], "Item 20 goes by twice"),
        (3, "Item 3 is labeled already"),
        (study.pending[0], "is pending already"),
        (999, "no item with id 999"),
        ([], "lets nothing go by"),
    ):
        with pytest.raises(BadInput, match=match):
            study.consider(what)
    for budget in (-1, 2.5, "many"):
        with pytest.raises(BadInput, match="is no number of labels"):
            study.consider(30, budget=budget)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="draws no control items"):
        started(blobs(), control=0.2).consider(30)
    assert len(study.lines()) == before


def test_the_page_counts_what_went_by() -> None:
    study = started(blobs())
    passage = study.consider(range(12, 40))
    said = f"{len(passage.inferred)} of 28 items of a stream went by unasked; the predictions given are in the journal."
    assert said in content(study).remarks


def through(study: Study, world: World, names: list[Any]) -> None:
    """The same stream, from wherever it was left."""
    for start in range(12, 72, 12):
        passage = study.consider(names[start : start + 12], budget=30, once=f"passage {start}")
        study.tell(world.oracle.of([name for name in passage.asked if name in study.pending]))


@pytest.mark.parametrize("when", range(1, 12, 2))
def test_a_stream_that_ends_between_two_writes_goes_on_as_if_nothing_had_happened(
    when: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = blobs(named=True)
    names = list(world.truth)
    whole, broken = started_in(world, tmp_path / "whole.db"), started_in(world, tmp_path / "broken.db")
    through(whole, world, names)
    left, write = [when], SqlJournal._write

    def dying(*given: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return write(*given)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(SqlJournal, "_write", dying)
        through(broken, world, names)
    broken.close()
    again = Study(world.pool, storage=tmp_path / "broken.db")
    through(again, world, names)
    assert asked_ids(again) == asked_ids(whole) and again.inferred == whole.inferred
    assert all(row.ok for row in again.audit())


def started_in(world: World, path: Path) -> Study:
    study = world.study(strategy=GATE, storage=path)
    study.tell(world.oracle.of(list(world.truth)[:12]))
    return study


SCRIPT = """
import os, signal, sys
from pathlib import Path
from test_stream import started_in, through
from worlds import blobs
from askance.study.journal import SqlJournal
from askance.study.study import Study

path, when = sys.argv[1], int(sys.argv[2])
world = blobs(named=True)
study = Study(world.pool, storage=path) if Path(path).exists() else started_in(world, path)
count, write = 0, SqlJournal._write
def dying(*given):
    global count
    count += 1
    if count == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(*given)
SqlJournal._write = dying
through(study, world, list(world.truth))
print([line.body["ids"] for line in study.lines() if line.kind == "asked"], study.inferred)
"""


@pytest.mark.slow
def test_a_stream_whose_process_is_killed_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    def run(name: str, when: int) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / name), str(when)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )

    whole = run("whole.db", 0)
    assert whole.returncode == 0, whole.stderr
    for when in (2, 3, 4):
        assert run("killed.db", when).returncode == -signal.SIGKILL
    ended = run("killed.db", 0)
    assert ended.returncode == 0 and ended.stdout == whole.stdout, ended.stderr

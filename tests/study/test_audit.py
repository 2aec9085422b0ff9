"""Every batch ever asked comes out again, from stored weights or without, whatever was told meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from worlds import World, blobs

from askance import Pool
from askance.learners.linear import Linear
from askance.strategies.augmentation import Lada
from askance.study.study import Study


def eventful(world: World, storage: Path | None = None, **options: Any) -> Study:
    """A study in which everything happens that may happen between two batches."""
    options = {"strategy": "margin", "start": "random", "control": 0.25, "storage": storage, **options}
    study = world.study(**options)
    study.run(world.oracle, 12, batch=6)
    late = study.ask(5)
    study.tell(world.oracle.of([name for name in late.ids[:3]]), by="ann")
    study.tell({late.ids[0]: world.classes[0]}, by="bob")
    study.ask(4)  # another round, while two are pending
    study.withdraw(late.ids[:1], by="ann")
    study.tell({late.ids[1]: None}, kind="unsure", by="ann")
    study.release(late.ids[3:4])
    study.ask(3)
    study.tell(world.oracle.of(study.pending))
    study.score()
    study.model()
    study.declare("class 9")
    study.run(world.oracle, 40, batch=6)
    return study


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {path.name: load_file(path)["coefficients"] for path in (folder / "x.db.models").glob("*.safetensors")}


def whys(study: Study, **options: Any) -> list[str]:
    return [row.why for row in study.audit(**options) if not row.ok]


@pytest.mark.parametrize("learner", [Linear(ridge=1.0), Linear()])
def test_an_eventful_study_can_be_audited(learner: Linear) -> None:
    study = eventful(blobs(classes=3), learner=learner)
    assert len(study.audit()) == len(study.history.asked) > 7
    assert whys(study) == []
    assert whys(study, refit=True) == []


@pytest.mark.parametrize("learner", [Linear(ridge=1.0), Linear()])
def test_a_reopened_study_can_be_audited_with_and_without_its_weights(tmp_path: Path, learner: Linear) -> None:
    world = blobs(classes=3, named=True)
    eventful(world, tmp_path / "x.db", learner=learner).close()
    assert whys(Study(world.pool, storage=tmp_path / "x.db")) == []
    before = weights(tmp_path)
    shutil.rmtree(tmp_path / "x.db.models")
    assert whys(Study(world.pool, storage=tmp_path / "x.db")) == []
    after = weights(tmp_path)
    assert len(after) > 5
    assert all(torch.equal(found, before[key]) for key, found in after.items())  # fitted again to the last bit


def test_batches_of_earlier_strategies_and_learners_can_be_audited(tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB

    world = blobs(classes=3)
    storage = tmp_path / "x.db"
    world.study(storage=storage, strategy="margin", start="random").run(world.oracle, 20)
    world.study(storage=storage, strategy="entropy", learner=GaussianNB()).run(world.oracle, 30)
    world.study(storage=storage, strategy="least-confidence", learner=Linear()).run(world.oracle, 40)
    study = world.study(storage=storage, strategy="random", learner=Linear(folds=3))
    study.run(world.oracle, 50)
    assert [row.ok for row in study.audit()] == [True] * 5
    assert whys(study, refit=True) == []
    strategies = [asked.strategy for asked in study.history.asked]
    assert strategies == ["random", "margin", "entropy", "least-confidence", "random"]


def test_an_audit_says_what_differs() -> None:
    world = blobs()
    study = world.study(strategy="margin", start="random", control=0.5)
    study.run(world.oracle, 20)
    lines = study.lines()
    asked = [line for line in lines if line.kind == "asked"]
    asked[0].body["ids"].reverse()
    asked[1].body["probabilities"][0] = 0.123
    from askance.study.audit import audit

    rows = audit(study.pool, lines, study.parts, study.models)
    assert [row.why for row in rows] == ["other items come out", "the probabilities of being drawn differ"]
    assert rows[0].asked == rows[0].again[::-1]


def test_an_audit_writes_nothing() -> None:
    study = eventful(blobs(classes=3))
    before = study.lines()
    study.audit(refit=True)
    assert study.lines() == before


def test_two_studies_in_one_file_do_not_share_a_model_that_learned_from_other_notes(tmp_path: Path) -> None:
    """LADA's learner mixes what the notes of a batch say, so the same labels make other models."""
    draws = torch.Generator().manual_seed(0)
    items = torch.randn(60, 4, generator=draws)
    labels = {row: int(items[row, 0] > 0) for row in range(60)}
    pool = Pool.from_arrays(items)

    def asked(tau: float) -> Study:
        options: dict[str, Any] = {"start": None, "learner": Linear(ridge=0.1), "storage": tmp_path / "both.db"}
        study = Study(pool, classes=(0, 1), strategy=Lada(taus=(tau,)), name=str(tau), seed=3, **options)
        study.tell({row: labels[row] for row in range(10)})
        study.ask(8)
        return study

    studies = [asked(0.05), asked(50.0)]
    for study in studies:
        study.tell(labels)
        study.model()
    first, second = (study.state.fits[-1].key for study in studies)
    assert first != second
    weights = [study.model().weights() for study in studies]
    assert weights[0] is not None and weights[1] is not None
    assert not torch.equal(weights[0]["coefficients"], weights[1]["coefficients"])
    for study in studies:
        study.close()
    for name in ("0.05", "50.0"):
        assert whys(Study(pool, storage=tmp_path / "both.db", name=name), refit=True) == []

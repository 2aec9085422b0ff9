"""The same call opens a journal and goes on; what contradicts it is refused, what changed is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from worlds import asked_ids, blobs

from askance.errors import BadInput, MissingSignal
from askance.learners.linear import Linear
from askance.learners.sklearn import Sklearn
from askance.pool import Pool
from askance.strategies.base import Strategy
from askance.strategies.coverage import TypiClust
from askance.strategies.uncertainty import Entropy, Margin
from askance.study.study import Study
from askance.task import Targets


def changed(study: Study) -> list[str]:
    return [line.body["what"] for line in study.lines() if line.kind == "changed"]


def test_the_same_call_goes_on_where_it_was(tmp_path: Path) -> None:
    world = blobs(named=True)
    whole = world.study(strategy="margin")
    whole.run(world.oracle, 40)
    for budget in (10, 20, 40):
        study = world.study(strategy="margin", storage=tmp_path / "x.db")
        study.run(world.oracle, budget)
        study.close()
    again = world.study(strategy="margin", storage=tmp_path / "x.db")
    assert asked_ids(again) == asked_ids(whole)
    assert (again.progress, again.labels) == (whole.progress, whole.labels)
    assert changed(again) == []


@pytest.mark.parametrize(("options", "says"), [({"seed": 1}, "seed=0"), ({"control": 0.5}, "control=0.0")])
def test_dice_and_control_cannot_change(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    world = blobs()
    world.study(storage=tmp_path / "x.db")
    with pytest.raises(BadInput, match=rf"opened with {says}.*open another study"):
        world.study(storage=tmp_path / "x.db", **options)


def test_what_changed_is_written_once_and_is_in_force(tmp_path: Path) -> None:
    world = blobs()
    storage = tmp_path / "x.db"
    world.study(storage=storage, strategy="margin", start="random").run(world.oracle, 10)
    options = {"strategy": Entropy(), "learner": LogisticRegression(), "start": None}
    for _ in range(2):
        study = world.study(storage=storage, **options)
        assert changed(study) == ["strategy", "learner", "start"]
    assert study.ask(2).strategy == "entropy"
    assert isinstance(study.learner, Sklearn)
    assert study.lines()[-2].body["learner"]["part"] == "askance.learners.sklearn:Sklearn"


def test_the_journal_rebuilds_what_is_not_handed_in(tmp_path: Path) -> None:
    world = blobs()
    estimator = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, class_weight={0: 1.0, 1: 2.0}))
    storage = tmp_path / "x.db"
    first = Study(world.pool, classes=world.classes, storage=storage, learner=estimator, strategy=Entropy(), seed=3)
    first.run(world.oracle, 20)
    again = Study(world.pool, storage=storage)
    assert changed(again) == []
    assert (again.strategy, again.task, again.state.seed) == (first.strategy, first.task, 3)
    assert repr(again.learner) == repr(first.learner)
    assert torch.equal(again.predict(), first.predict())
    assert all(row.ok for row in again.audit())


def test_a_pool_in_another_order_keeps_labels_with_their_items(tmp_path: Path) -> None:
    world = blobs(named=True)
    whole = world.study(strategy="margin")
    whole.run(world.oracle, 30)
    world.study(strategy="margin", storage=tmp_path / "x.db").run(world.oracle, 10)
    order = np.random.default_rng(1).permutation(len(world.pool)).tolist()
    shuffled = world._replace(pool=world.pool.arranged(order)).study(strategy="margin", storage=tmp_path / "x.db")
    shuffled.run(world.oracle, 30)
    assert asked_ids(shuffled) == asked_ids(whole)
    assert changed(shuffled) == []
    assert all(row.ok for row in shuffled.audit(refit=True))


def test_new_items_are_offered_and_old_batches_stay_auditable(tmp_path: Path) -> None:
    world = blobs(items=60, named=True)
    part = world._replace(pool=world.pool.first(40))
    study = part.study(strategy="margin", storage=tmp_path / "x.db")
    study.run(world.oracle, 20)
    study.ask(10)
    order = [*range(50, 60), *range(40), *range(40, 50)]  # new items may stand anywhere
    grown = world._replace(pool=world.pool.arranged(order)).study(strategy="margin", storage=tmp_path / "x.db")
    assert [line.body["items"] for line in grown.lines() if line.kind == "offered"] == [40, 20]
    assert (grown.progress.labeled, grown.progress.pending, grown.progress.unlabeled) == (20, 10, 30)
    assert grown.labels == {name: world.truth[name] for name in grown.labels}
    grown.run(world.oracle, 60)
    assert grown.progress.labeled == 60
    for refit in (False, True):
        assert [row.why for row in grown.audit(refit=refit) if not row.ok] == []
    with pytest.raises(BadInput, match=r"The study has 60 items now, and this pool has 40.*larger pool"):
        study.ask(1)


def test_a_lost_item_is_refused_by_name(tmp_path: Path) -> None:
    world = blobs(named=True)
    world.study(storage=tmp_path / "x.db")
    with pytest.raises(BadInput, match="1 of the study's 80 items are not in the pool, first 'item 79'"):
        world._replace(pool=world.pool.first(79)).study(storage=tmp_path / "x.db")


def test_other_features_are_noticed_and_learned_from(tmp_path: Path) -> None:
    world = blobs()
    world.study(storage=tmp_path / "x.db", strategy="margin").run(world.oracle, 20)
    wider = Pool.from_arrays(torch.cat([world.pool.items, world.pool.items.square()], dim=1))
    study = world._replace(pool=wider).study(storage=tmp_path / "x.db", strategy="margin")
    assert changed(study) == ["digest"]
    study.run(world.oracle, 30)
    rows = study.audit()
    assert [row.ok for row in rows] == [False, False, True]
    assert "the items looked different then" in rows[0].why


def test_classes_that_were_declared_since_do_not_close_the_door(tmp_path: Path) -> None:
    world = blobs()
    world.study(storage=tmp_path / "x.db").declare("other")
    assert world.study(storage=tmp_path / "x.db").task.names == ("class 0", "class 1", "other")
    more = world._replace(classes=[*world.classes[::-1], "other", "fourth"]).study(storage=tmp_path / "x.db")
    assert more.task.names == ("class 0", "class 1", "other", "fourth")
    with pytest.raises(BadInput, match="A task can only gain classes"):
        world._replace(classes=["class 0", "fifth"]).study(storage=tmp_path / "x.db")


def test_studies_in_one_file_do_not_see_each_other(tmp_path: Path) -> None:
    world = blobs()
    one, two = (world.study(storage=tmp_path / "x.db", name=name, seed=seed) for seed, name in enumerate(("a", "b")))
    one.run(world.oracle, 20)
    assert (one.progress.labeled, two.progress.labeled) == (20, 0)
    assert asked_ids(two) == []


@dataclass(frozen=True)
class Holding(Strategy):
    """Has a field of any kind."""

    held: Any = field(default=None, hash=False)


@pytest.mark.parametrize(
    "held", [lambda x: x, torch.nn.Linear(2, 2), np.zeros(3), np.random.default_rng(0), [].append, object()]
)
def test_what_another_process_could_not_find_is_refused_as_a_field(held: Any) -> None:
    with pytest.raises(BadInput, match=r"journal.*(top level|Hand in a name)"):
        blobs().study(strategy=Holding(held))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": None}, "Nobody said what the items are labeled with"),
        ({"classes": []}, "holds no class. Declare at least one"),
        ({"classes": ["a", "a"]}, "'a' is declared twice"),
        ({"classes": [1, "1"]}, "'1' is declared twice"),
        ({"task": Targets()}, "classes= and task= are both given"),
        ({"control": 2}, r"control=2 is no share of a batch. Use a number from 0 to 1"),
        ({"control": -0.1}, r"control=-0.1 is no share"),
        ({"seed": "three"}, "seed='three' names no dice. Use a whole number"),
        ({"threads": 0}, "threads=0 cannot compute"),
        ({"strategy": "marjin"}, "no strategy named 'marjin'. Did you mean 'margin'"),
        ({"start": "typiclus"}, "Did you mean 'typiclust'"),
        ({"learner": 3}, "3 is no learner"),
        ({"durability": "some"}, "Choose one of: full, normal"),
    ],
)
def test_a_wrong_argument_is_named_when_the_study_is_opened(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        blobs().study(storage=tmp_path / "x.db", **options)


def test_an_empty_pool_is_refused() -> None:
    for items in ([], np.zeros((0, 3))):
        with pytest.raises(BadInput, match=r"The pool is empty\. Hand in at least one item"):
            Study(Pool.from_arrays(items), classes=["a", "b"])


@dataclass(frozen=True)
class Blind(Linear):
    """Gives no embeddings."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores"})


def test_a_strategy_is_checked_against_its_learner_before_anything_is_trained(tmp_path: Path) -> None:
    world = blobs()
    with pytest.raises(MissingSignal, match="TypiClust reads embeddings, and Blind does not give it"):
        world.study(strategy=Margin(), learner=Blind())
    storage = tmp_path / "x.db"
    world.study(strategy=Margin(), start=None, storage=storage, learner=Blind())
    for options in ({"strategy": TypiClust()}, {"start": TypiClust()}):
        with pytest.raises(MissingSignal, match="Blind"):
            world.study(**{"start": None, "learner": Blind(), "storage": storage, **options})
    assert changed(world.study(strategy=Margin(), start=None, storage=storage, learner=Blind())) == []

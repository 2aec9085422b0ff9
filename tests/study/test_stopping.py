"""When to stop: what criteria find, what they say, and that a run ends where they say so."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from test_kills import dying, forked
from torch import Tensor
from worlds import World, asked_ids, blobs

from askance.errors import BadInput
from askance.history import Answer
from askance.learners.base import Learner, Lesson, Model
from askance.learners.linear import Linear
from askance.oracles.known import Known
from askance.pool import Pool
from askance.strategies.base import Strategy
from askance.study import early, looks
from askance.study.journal import Draft
from askance.study.looks import SHARES, STOP_SET, Evidence, concordance, kappa
from askance.study.stopping import (
    DEFAULT,
    Budget,
    Criterion,
    Either,
    EmptyRegion,
    Every,
    Foreseen,
    Gain,
    Part,
    Stable,
    Stop,
    forecast,
    verdict,
)
from askance.study.study import Study
from askance.task import Labels, Targets
from askance.view import Batch, View


def clear(items: int = 400, classes: int = 2, seed: int = 0) -> World:
    """Clouds that hardly overlap, so that a model has soon learned all there is."""
    dice = np.random.default_rng(seed)
    truth = dice.integers(0, classes, items)
    array = torch.tensor(6 * np.eye(classes)[truth] + dice.normal(size=(items, classes)) * 0.8, dtype=torch.float32)
    names = [f"class {name}" for name in range(classes)]
    return World(Pool.from_arrays(array), names, {row: names[int(one)] for row, one in enumerate(truth)})


def grown(world: World, labels: int, batch: int = 5, **options: Any) -> Study:
    """A study that was run for so many labels, with a model of all of them."""
    study = world.study(**{"start": "random", "strategy": "margin", **options})
    study.run(world.oracle, labels, batch)
    study.model()
    return study


def one_part(study: Study, criterion: Criterion) -> Part:
    (part,) = verdict(study, criterion).parts
    return part


# What is measured


def test_kappa_is_cohens_and_its_error_that_of_fleiss_cohen_and_everitt() -> None:
    dice = np.random.default_rng(1)
    first = dice.integers(0, 4, 2000)
    second = np.where(dice.random(2000) < 0.9, first, dice.integers(0, 4, 2000))
    value, error = kappa(torch.from_numpy(first), torch.from_numpy(second))
    assert value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    shares = np.zeros((4, 4))
    np.add.at(shares, (first, second), 1 / 2000)
    rows, columns = shares.sum(1), shares.sum(0)
    chance = rows @ columns
    variance = -((value - chance * (1 - value)) ** 2)
    for i in range(4):
        variance += shares[i, i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2
        variance += (1 - value) ** 2 * sum(shares[i, j] * (columns[i] + rows[j]) ** 2 for j in range(4) if i != j)
    assert error == pytest.approx(math.sqrt(variance / 2000) / (1 - chance), rel=0.01)


def test_kappa_of_answers_that_are_all_the_same_is_no_number() -> None:
    same = torch.zeros(5, dtype=torch.int64)
    assert math.isnan(kappa(same, same)[0])


def test_concordance_punishes_a_shift_that_correlation_does_not_see() -> None:
    numbers = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert concordance(numbers, numbers) == (1.0, 0.0)
    value, error = concordance(numbers, numbers + 1)
    assert value == pytest.approx(2 * 1.25 / (1.25 + 1.25 + 1))
    left = [concordance(numbers[kept], numbers[kept] + 1)[0] for kept in ([1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2])]
    assert error == pytest.approx(math.sqrt(3 * np.var(left)))


def test_a_forecast_grows_with_what_changed_and_with_how_far_it_looks_and_is_sure_of_large_samples() -> None:
    gain, low, high = forecast(0.1, 2000, 200, 300, 350)
    assert low < gain < high
    assert forecast(0.2, 2000, 200, 300, 350)[0] == pytest.approx(2 * gain, rel=0.01)
    assert forecast(0.1, 2000, 200, 300, 900)[0] > forecast(0.1, 2000, 200, 300, 600)[0] > gain
    assert forecast(0.1, 2000, 100, 300, 350)[0] < gain  # the same change over a longer way
    _, wide_low, wide_high = forecast(0.1, 100, 200, 300, 350)
    assert wide_high - wide_low > high - low


def test_no_changed_answer_of_few_is_no_proof_that_nothing_is_to_be_gained() -> None:
    assert forecast(0.0, 30, 200, 300, 900)[2] > 0.01 > forecast(0.0, 2000, 200, 300, 900)[2]


# What is compared


def test_models_are_compared_over_labels_however_often_they_are_fitted() -> None:
    world = clear()
    often, seldom = grown(world, 120, batch=4), grown(world, 120, batch=15)
    assert [look.labels for look in Evidence(often).looks] == [120, 104, 88, 80]
    assert [look.labels for look in Evidence(seldom).looks] == [120, 90, 75]  # each model once


def test_a_verdict_asks_models_about_two_pools_in_all_and_the_stop_set_has_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def counted(model: Model, items: Any, *given: Any) -> Tensor:
        asked.append(len(items))
        return original(model, items, *given)

    original = looks.predict
    monkeypatch.setattr(looks, "predict", counted)
    for items in (60, 301, 9000):
        study = grown(clear(items), 40, batch=4)
        asked.clear()
        verdict(study, DEFAULT | Gain(times=2) | Stable(certain=True))
        assert len(asked) == len(SHARES) and sum(asked) <= 2 * items and max(asked) <= STOP_SET
        study.close()


def test_the_stop_set_does_not_depend_on_the_order_of_the_pool() -> None:
    pool = clear(300).pool
    mixed = pool.arranged(np.random.default_rng(0).permutation(300).tolist())
    sets = [{*one.names(Evidence(Study(one, classes=["a", "b"], seed=3)).rows)} for one in (pool, mixed)]
    assert sets[0] == sets[1] and len(sets[0]) == 150


def test_a_verdict_is_the_same_twice_writes_nothing_and_needs_no_stored_model(tmp_path: Path) -> None:
    world = blobs(items=200, classes=3)
    options: dict[str, Any] = {"storage": tmp_path / "x.db", "learner": Linear(), "seed": 5}
    study = grown(world, 80, **options)
    found, lines = verdict(study, DEFAULT | Foreseen(answers=20)), len(study.lines())
    assert verdict(study, DEFAULT | Foreseen(answers=20)) == found and len(study.lines()) == lines
    study.close()
    weights = list((tmp_path / "x.db.models").iterdir())
    assert weights
    for file in weights:
        file.unlink()
    again = world.study(start="random", strategy="margin", **options)
    assert verdict(again, DEFAULT | Foreseen(answers=20)) == found and len(again.lines()) == lines
    assert any(part.value for part in found.parts)
    again.close()


def test_labels_that_no_model_has_learned_from_change_only_what_is_left() -> None:
    world = clear()
    study = grown(world, 60)
    before = verdict(study, Stable())
    study.tell(world.oracle.of(study.ask(10).ids))
    assert verdict(study, Stable()) == before
    study.model()
    assert verdict(study, Stable()) != before


def test_another_name_or_one_class_more_changes_no_answer() -> None:
    world = blobs(items=200, classes=3)
    study = grown(world, 90)
    before = verdict(study, Gain() & Stable()).parts
    study.rename("class 0", "zero")
    study.declare("nobody")
    study.model()
    after = Evidence(study)
    assert len({look.labels for look in after.looks}) == len(after.looks)
    assert after.agreement(after.looks[0], after.looks[-1])[0] == pytest.approx(
        Evidence(study).agreement(after.looks[0], after.looks[-1])[0]
    )
    assert [part.value for part in verdict(study, Gain() & Stable()).parts] == pytest.approx(
        [part.value for part in before], abs=0.01
    )


def test_answers_that_only_change_within_merged_classes_are_no_change() -> None:
    study = grown(blobs(items=600, classes=3, seed=4), 60)
    before = Evidence(study)
    study.merge("class 2", "class 1")
    after = Evidence(study)
    for look, same in zip(before.looks, after.looks, strict=True):
        assert torch.equal(look.answers.clamp(max=1), same.answers)
    changed = [seen.changed(seen.looks[0], seen.looks[-1]) for seen in (before, after)]
    assert changed[0] > changed[1] > 0


# What criteria find


def test_more_labels_make_answers_stable_and_what_is_to_be_gained_small() -> None:
    world = blobs(items=2000, classes=4, seed=1)
    few, many = grown(world, 40), grown(world, 400, batch=20)
    assert verdict(few, Gain() & Stable()).now is False
    some, most = (one_part(study, Gain()) for study in (few, many))
    assert some.value is not None and most.value is not None and some.value > 2 * most.value > 0
    assert some.low is not None and some.high is not None and some.low < some.value < some.high
    agreed, agrees = (one_part(study, Stable()) for study in (few, many))
    assert agreed.value is not None and agrees.value is not None and agreed.value < agrees.value <= 1


def test_stability_that_must_be_certain_looks_at_the_lower_end() -> None:
    study = grown(blobs(items=300), 100)
    value = one_part(study, Stable())
    assert value.value is not None and value.low is not None and value.low < value.value
    between = (value.low + value.value) / 2
    assert one_part(study, Stable(between)).met and not one_part(study, Stable(between, certain=True)).met


def test_what_was_drawn_before_there_was_a_model_was_foreseen_by_none() -> None:
    world = blobs(items=60)
    study = world.study(start="random", learner=Always(), strategy="random")
    names = list(world.pool.ids)
    first = early.drawn((int(name) for name in names), 0)[:8]
    study.journal.add([Draft("asked", early.asked(first, 60, study.state.line, 0))])
    study.tell({name: world.truth[name] for name in first})
    assert Evidence(study).foreseen(5) == (0, 0)
    assert verdict(study, Foreseen(answers=5)).now is False
    study.model()
    assert Evidence(study).foreseen(5) == (0, 0)
    study.tell({name: world.truth[name] for name in study.ask(6).ids})
    assert Evidence(study).foreseen(20)[1] == 6


def test_what_is_foreseen_are_the_answers_to_what_the_strategy_asked_last() -> None:
    world = blobs(items=200)
    study = grown(world, 60, control=0.3, learner=Always(), strategy="random")
    streams: dict[Any, str] = {}
    for line in study.lines():
        if line.kind == "asked":
            streams |= dict(zip(line.body["ids"], line.body["streams"], strict=True))
    active = [name for batch in asked_ids(study) for name in batch if streams[name] == "active"]
    assert len(active) < 60
    right, looked = Evidence(study).foreseen(17)
    assert 17 <= looked <= 21
    assert right == sum(world.truth[name] == "class 1" for name in active[-looked:])
    part = one_part(study, Foreseen(share=0.9, answers=17))
    assert part.value == right / looked and part.met is False
    assert one_part(study, Foreseen(share=0.2, answers=17)).met is True
    assert one_part(study, Foreseen(answers=100)).met is None


@dataclass(frozen=True)
class Always(Learner):
    """Says the second class, whatever it was taught."""

    def fit(self, lesson: Lesson) -> Model:
        return _SecondClass()

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model:
        return _SecondClass()


class _SecondClass(Model):
    def outputs(self, items: Any) -> Any:
        from askance.learners.base import Outputs

        return Outputs(scores=torch.tensor([[0.0, 1.0]]).expand(len(items), 2))


def test_a_model_that_gives_every_item_the_same_answer_is_no_reason_to_stop() -> None:
    study = grown(blobs(items=200), 60, learner=Always())
    found = verdict(study, Gain() | Stable())
    assert not found.now and "every item the same answer" in found.sentence
    assert [part.met for part in found.parts] == [None, None]


@dataclass(frozen=True)
class Tired(Strategy):
    """Asks the first candidates until so many labels are there."""

    labels: int = 12

    def query(self, view: View, n: int) -> Batch:
        take = max(0, min(n, self.labels - len(view.known)))
        return view.batch(view.candidates[:take], reason="" if take == n else "stop: all else is alike")


def test_a_strategy_that_finds_nothing_worth_a_label_is_heard() -> None:
    world = blobs()
    study = world.study(strategy=Tired(), start=None)
    study.run(world.oracle, 8)
    assert not verdict(study, EmptyRegion()).now
    study.run(world.oracle, 30)
    assert verdict(study).sentence == "You can stop: the strategy finds nothing worth a label (all else is alike)."


def test_where_every_item_was_asked_there_is_nothing_to_go_on_with() -> None:
    found = verdict(grown(blobs(items=20), 20))
    assert found.now and "every item has been asked" in found.sentence


def test_items_that_were_put_aside_cost_budget() -> None:
    world = blobs()
    study = world.study(strategy="random")
    study.tell({0: Answer(None, kind="unsure"), 1: "class 0"})
    assert one_part(study, Budget(2)).met and not one_part(study, Budget(3)).met


# How they combine


def test_both_must_say_stop_or_either() -> None:
    study = grown(blobs(), 20)
    yes, no = Budget(10), Budget(50)
    assert verdict(study, yes | no).now and not verdict(study, yes & no).now
    assert verdict(study, yes & yes | no).now and not verdict(study, (yes | no) & no).now
    found = verdict(study, (yes | no) & no)
    assert found.sentence == "Go on: 20 of the 50 answers of the budget are there."
    assert [part.met for part in found.parts] == [True, False, False]


def test_operators_keep_one_list_of_each_kind() -> None:
    a, b, c = Budget(1), Budget(2), Budget(3)
    assert a & b & c == Every((a, b, c)) and a | (b | c) == Either((a, b, c))
    assert a | b & c == Either((a, Every((b, c))))


def test_what_cannot_tell_yet_does_not_stop_a_run_and_says_so() -> None:
    world = clear()
    study = world.study()
    for criterion in (DEFAULT, Gain(), Stable(), Foreseen()):
        assert not verdict(study, criterion).now
    assert "too early to tell, as 0 of the 4 labels" in verdict(study).sentence
    study = grown(world, 10, batch=10)
    assert one_part(study, Stable()).met is None and one_part(study, Gain()).met is None
    assert verdict(study).sentence == "Go on: too few models have been trained to see what more labels change."


# What is said


def test_a_sentence_tells_what_the_next_labels_are_worth() -> None:
    study = grown(blobs(items=2000, classes=4, seed=1), 60)
    sentence = verdict(study, Gain(points=0.5)).sentence
    number = r"−?\d+\.\d"
    assert _fits(
        rf"Go on: another 50 labels are worth about \+\d+\.\d points \({number} to {number}\), "
        rf"and three times the labels about \+\d+\.\d points \({number} to {number}\)\.",
        sentence,
    )


def test_a_sentence_tells_why_one_can_stop() -> None:
    study = grown(clear(items=2000), 120, batch=10)
    found = verdict(study, Gain() & Stable())
    assert _fits(
        r"You can stop: even three times the labels would add less than 1 point, and the model's answers have changed "
        r"on only \d\.\d% of the items over the last 40 labels\.",
        found.sentence,
    )
    assert (
        verdict(study, Gain(2, times=None)).sentence == "You can stop: another 50 labels are worth less than 2 points."
    )
    assert "even twice the labels" in verdict(study, Gain(times=2)).sentence
    assert "even labels for all 1880 items that are left" in verdict(study, Gain(times=100)).sentence


def _fits(pattern: str, text: str) -> bool:
    import re

    assert re.fullmatch(pattern, text), text
    return True


def test_a_verdict_is_json() -> None:
    found = verdict(grown(clear(), 60), DEFAULT | Budget(10) | Foreseen())
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told.keys() == {"now", "sentence", "parts"} and told["now"] is True
    assert [part["criterion"] for part in told["parts"]] == ["Gain", "Stable", "EmptyRegion", "Budget", "Foreseen"]
    assert told["parts"][3]["wanted"] == 10 and told["parts"][3]["value"] == 60


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Gain(points=0),
        lambda: Gain(times=1),
        lambda: Gain(batch=0),
        lambda: Stable(kappa=1.5),
        lambda: Foreseen(share=0),
        lambda: Foreseen(answers=0),
        lambda: Budget(0),
    ],
)
def test_a_criterion_that_could_never_hold_or_always_does_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput, match=r"Use \w+=[\d.]+\.$"):
        wrong()


def test_what_is_no_criterion_is_refused() -> None:
    with pytest.raises(BadInput, match="no criterion for stopping"):
        verdict(blobs().study(), "stable")  # type: ignore[arg-type]


# Other tasks


def test_sets_of_labels_are_compared_as_a_whole() -> None:
    dice = np.random.default_rng(0)
    array = torch.tensor(dice.normal(size=(400, 3)), dtype=torch.float32)
    truth = {
        row: [name for name, value in zip("ab", array[row, :2].tolist(), strict=True) if value > 0]
        for row in range(400)
    }
    study = Study(Pool.from_arrays(array), task=Labels(("a", "b")), learner=Linear(ridge=1.0), strategy="random")
    study.run(Known(truth), 90, 10)
    study.model()
    seen = Evidence(study)
    assert seen.looks[0].answers.shape == (200, 2)
    found = verdict(study, Gain() & Stable() & Foreseen())
    assert all(part.known for part in found.parts)
    assert seen.changed(seen.looks[0], seen.looks[-1]) == pytest.approx(
        float((seen.looks[0].answers != seen.looks[-1].answers).any(1).double().mean())
    )


def test_numbers_are_stable_when_they_move_little_and_have_no_accuracy_to_gain() -> None:
    dice = np.random.default_rng(0)
    array = torch.tensor(dice.normal(size=(400, 3)), dtype=torch.float32)
    truth = {row: [float(array[row] @ torch.tensor([1.0, 2.0, 3.0]))] for row in range(400)}
    study = Study(Pool.from_arrays(array), task=Targets(), learner=Linear(ridge=1e-3), strategy="random")
    study.run(Known(truth), 60, 5)
    study.model()
    found = verdict(study)
    assert found.now and _fits(
        r"You can stop: the model's numbers have moved by only \d\.\d% of their spread over the last 20 labels\.",
        found.sentence,
    )
    assert [part.criterion for part in found.parts] == ["Stable", "EmptyRegion"]
    assert verdict(study, Gain()) == Stop(
        False, "Go on: numbers have no accuracy that could grow.", verdict(study, Gain()).parts
    )


# Runs that end by one


def test_a_run_ends_between_two_rounds_where_its_criterion_says_so() -> None:
    world = clear()
    study = world.study(strategy="margin", start="random")
    progress = study.run(world.oracle, 300, 7, until=DEFAULT)
    assert progress.labeled < 130 and progress.labeled % 7 == 0 and not progress.stopped
    assert verdict(study).now
    whole = world.study(strategy="margin", start="random")
    says: list[bool] = []

    def look(one: Study) -> None:
        one.model()
        says.append(verdict(one).now)

    whole.run(world.oracle, 140, 7, each=look)
    assert says.index(True) == progress.labeled // 7 - 1
    assert asked_ids(whole)[: len(asked_ids(study))] == asked_ids(study)
    assert study.run(world.oracle, 300, 7, until=DEFAULT) == progress  # and stays where it is
    assert study.run(world.oracle, 300, 7).labeled == 300  # until somebody goes on


def test_a_budget_ends_a_run_at_the_end_of_its_round() -> None:
    world = blobs()
    assert world.study().run(world.oracle, 60, 7, until=Budget(20)).labeled == 21
    assert world.study().run(world.oracle, 10, 7, until=Budget(20)).labeled == 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_a_run_that_was_killed_stops_where_an_unbroken_one_stops(tmp_path: Path, durability: str) -> None:
    world = clear(items=200)
    until = Gain(2) & Stable(0.98)

    def run(storage: Path | None) -> Study:
        study = world.study(storage=storage, durability=durability, strategy="margin", start="random")
        study.run(world.oracle, 150, 10, until=until)
        return study

    whole = run(None)
    assert 20 < whole.progress.labeled < 150
    for at in range(3, 400, 37):
        storage = tmp_path / f"{at}.db"
        killed = forked(dying(lambda: run(storage).close(), at))  # noqa: B023
        study = run(storage)
        assert asked_ids(study) == asked_ids(whole) and study.progress == whole.progress
        assert verdict(study, until) == verdict(whole, until)
        study.close()
        if not killed:
            assert at > 40
            return
    raise AssertionError("the run never ended")

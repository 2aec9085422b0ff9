"""Learners that choose their own architecture: what they try, what they remember, and what they give."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from askance import Known, Study
from askance.errors import BadInput, UnknownName
from askance.learners import trials
from askance.learners.architecture import FACTS, RECIPES, Architectures, Searched
from askance.learners.base import Lesson, Model
from askance.learners.beside import Beside
from askance.learners.catalogue import learner, learner_with
from askance.learners.dropout import Dropout
from askance.learners.ensemble import Ensemble, Mean
from askance.learners.families import Dense, Residual
from askance.learners.networks import Mlp
from askance.learners.rules import RULES, EveryShape, Halving, Incremental, KernelChoice, LargestThatFits, RandomShapes
from askance.learners.torch import Torch
from askance.task import Labels, Targets, Task
from askance.testing import check_learner
from askance.testing.worlds import small_labels, small_pool
from tests.learners.test_loop import Kept, Killed
from tests.learners.trainings import DIGITS, PIXELS, lesson, same_network

QUICK = Torch(Dense(most=(3, 2)), steps=12, batch=8, rate=0.01)
FREE = Incremental(guard=0.0)  # without a guard it moves by chance, as the paper's does


def chosen(model: Model) -> tuple[int, int]:
    return model.facts[FACTS]["blocks"], model.facts[FACTS]["stacks"]


def tried(model: Model) -> list[tuple[int, int]]:
    return [(one["blocks"], one["stacks"]) for one in model.facts[FACTS]["tried"]]


def grown(model: Model, shape: tuple[int, int]) -> Model:
    """What a learner would remember if it had chosen a shape."""

    past = Model()
    past.facts = {**model.facts, FACTS: {**model.facts[FACTS], "blocks": shape[0], "stacks": shape[1]}}
    return past


def test_a_search_goes_on_from_the_shape_of_the_round_before() -> None:
    search = Searched(replace(QUICK, network=Dense()), folds=2)
    first = search.fit(lesson())
    assert tried(first) == [(1, 1), (2, 1), (1, 2)]
    second = search.fit(lesson(previous=grown(first, (2, 2))))
    assert tried(second) == [(2, 2), (3, 2), (2, 3)] and search.remembers
    assert tried(search.fit(lesson(previous=grown(first, (10, 4))))) == [(10, 4)]
    memoryless = Searched(replace(QUICK, network=Dense()), rule="largest-that-fits")
    assert not memoryless.remembers


def test_a_shape_beyond_the_bounds_of_now_is_brought_back() -> None:
    search = Searched(QUICK)
    assert tried(search.fit(lesson(previous=grown(search.fit(lesson()), (9, 4))))) == [(3, 2)]


def test_what_is_chosen_is_trained_as_its_recipe_trains_it_bit_for_bit() -> None:
    for rule in (FREE, RandomShapes()):
        model = Searched(QUICK, rule=rule).fit(lesson())
        alone = replace(QUICK, network=Dense(*chosen(model), most=(3, 2))).fit(lesson())
        assert same_network(model, alone)
        assert {**alone.facts, FACTS: model.facts[FACTS]} == model.facts


def test_trials_never_see_what_they_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[set[int], set[int], set[int]]] = []
    real = Torch.fit_at

    def fit_at(self: Torch, own: Lesson, marks: Any) -> Any:
        asked.append(
            (set(own.labeled.tolist()), set(own.unlabeled.tolist()), set(range(40)) - set(own.labeled.tolist()))
        )
        return real(self, own, marks)

    monkeypatch.setattr(Torch, "fit_at", fit_at)
    Searched(QUICK).fit(lesson())
    tries, whole = asked[:-1], asked[-1]
    assert len(tries) == 15 and whole[0] == set(range(40)) and not whole[2]
    assert all(out and len(seen) == 40 - len(out) and out <= is_open for seen, is_open, out in tries)
    for shape in range(3):  # each label is held out once, and all shapes are asked the same
        outs = [out for _, _, out in tries[5 * shape : 5 * shape + 5]]
        assert Counter(row for out in outs for row in out) == Counter(range(40))
        assert outs == [out for _, _, out in tries[:5]]


def test_folds_hold_every_class_as_evenly_as_can_be() -> None:
    held, why = trials.held_out(Searched(QUICK), lesson(100))
    assert not why
    for number in range(10):
        counts = [int((DIGITS[out.numpy()] == number).sum()) for out in held]
        assert max(counts) - min(counts) <= 1


def test_with_many_labels_one_fixed_fifth_is_held_out() -> None:
    search = Searched(QUICK, held=20)
    once, _ = trials.held_out(search, lesson(100))
    assert len(once) == 1 and len(once[0]) == 20
    later, _ = trials.held_out(search, replace(lesson(100), dice=replace(lesson().dice, number=7)))
    assert torch.equal(once[0], later[0])  # another fit of the study holds out the same
    assert len(trials.held_out(search, lesson(99))[0]) == 5
    model = search.fit(lesson(100))
    assert model.facts[FACTS]["trainings"] == 3 and model.facts[FACTS]["held"] == 20


def test_too_few_labels_or_one_class_keep_the_shape_and_say_why() -> None:
    search = Searched(replace(QUICK, network=Dense(2, 1, most=(3, 2))))
    few = search.fit(lesson(4))
    assert chosen(few) == (2, 1) and "4 labels are too few to validate by 5 folds" in few.facts[FACTS]["kept"]
    alike = replace(lesson(20), targets=torch.eye(10, dtype=torch.float64)[[3] * 20])
    one = search.fit(alike)
    assert chosen(one) == (2, 1) and one.facts[FACTS]["kept"] == "all labels are of one class"
    assert not tried(one) and one.facts[FACTS]["trainings"] == 0
    none = search.fit(replace(lesson(0)))
    assert chosen(none) == (2, 1) and none.facts["labels"] == 0
    grew = search.fit(lesson(4, previous=grown(few, (3, 2))))
    assert chosen(grew) == (3, 2)  # it stays where it was


def test_rules_that_try_nothing_need_no_validation() -> None:
    four = lesson(4)
    assert chosen(Searched(QUICK, rule=LargestThatFits(ratio=1e9)).fit(four)) == (3, 2)
    assert Searched(QUICK, rule=KernelChoice()).fit(four).facts[FACTS]["kept"] == ""
    assert Searched(QUICK, rule=KernelChoice()).fit(lesson(0)).facts[FACTS]["kept"] == "no label"


def test_every_rule_of_trials_spends_what_the_incremental_one_spends() -> None:
    recipe = replace(QUICK, network=Dense(), steps=32)
    spent = {
        name: Searched(recipe, rule=name, search=0.5, folds=2).fit(lesson(50)).facts[FACTS]
        for name in ("incremental", "random", "halving")
    }
    assert {told["search_steps"] for told in spent.values()} == {3 * 2 * 16}
    assert [told["trainings"] for told in spent.values()] == [6, 6, 28]  # halving has more of them, and shorter ones


def test_the_guard_asks_for_more_than_chance() -> None:
    free = [chosen(Searched(QUICK, rule=FREE).fit(replace(lesson(), dice=lesson().dice.of(str(n))))) for n in range(6)]
    kept = [chosen(Searched(QUICK, rule=Incremental(guard=9.0)).fit(lesson()))]
    assert set(kept) == {(1, 1)} and len(set(free)) > 1


def test_a_trial_is_judged_at_its_best_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([torch.tensor(row).double() for row in ([0.0, 0.0], [1.0, 1.0], [1.0, 0.0])] * 100)
    monkeypatch.setattr(trials, "_quality", lambda model, items, targets, own: next(looks)[: len(items)])
    two = lesson(10)
    model = Searched(QUICK, rule=EveryShape(), looks=3).fit(two)
    assert {one["quality"] for one in model.facts[FACTS]["tried"]} == {1.0}


def test_a_training_that_diverges_is_a_trial_that_fails_and_no_error() -> None:
    model = Searched(replace(QUICK, rate=1e30)).fit(lesson())
    assert chosen(model) == (1, 1) and model.facts["diverged"]


def test_facts_are_json_and_restore_the_network_of_the_shape() -> None:
    search = Searched(QUICK, rule=EveryShape())
    model = search.fit(lesson())
    facts, weights = json.loads(json.dumps(dict(model.facts))), model.weights()
    assert weights is not None
    again = search.restore(weights, facts)
    assert again is not None and same_network(model, again) and dict(again.facts) == facts
    assert search.restore(weights, {name: fact for name, fact in facts.items() if name != FACTS}) is None


@pytest.mark.parametrize("killed", [1, 5, 12])
def test_a_killed_search_goes_on_where_it_was(killed: int) -> None:
    search = Searched(QUICK, rule=FREE)
    whole = search.fit(lesson())
    place = Kept()
    for part in ("trials", "trials[2x1x3][2]", "chosen"):
        place.parts[part] = Kept(killed)
    with pytest.raises(Killed):
        search.fit(lesson(resume=place))
    for part in place.parts.values():
        part.killed = 10**9
    again = search.fit(lesson(resume=place))
    assert again.facts == whole.facts and same_network(again, whole)


def test_trials_that_were_finished_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place, made = Kept(), []
    search = Searched(QUICK, rule=FREE)
    whole = search.fit(lesson(resume=place))
    real = Torch.fit_at
    monkeypatch.setattr(Torch, "fit_at", lambda self, own, marks: made.append(1) or real(self, own, marks))
    again = search.fit(lesson(resume=place))
    assert len(made) == 1 and again.facts == whole.facts  # only what was chosen
    made.clear()
    search.fit(replace(lesson(resume=place), weights=torch.full((40,), 2.0, dtype=torch.float64)))
    assert len(made) == 16  # other labels are another search


def test_a_killed_study_chooses_as_it_would_have(tmp_path: Any) -> None:
    pool, oracle = small_pool(), Known(small_labels(small_pool()))
    search = Searched(replace(QUICK, steps=6), rule=FREE, folds=2)

    def study(path: Any) -> Study:
        return Study(pool, learner=search, strategy="least-confidence", classes=range(3), storage=path, start=None)

    whole = study(tmp_path / "whole.db")
    whole.tell(oracle.of(pool.names(range(9))))
    whole.run(oracle, budget=24, batch=5)
    part = study(tmp_path / "part.db")
    part.tell(oracle.of(pool.names(range(9))))
    part.run(oracle, budget=14, batch=5)
    part.close()
    again = study(tmp_path / "part.db")
    again.run(oracle, budget=24, batch=5)

    def fits(one: Study) -> list[Any]:
        return [line.body["facts"][FACTS] for line in one.lines() if line.kind == "fitted"]

    assert fits(again) == fits(whole) and len(fits(whole)) > 2
    assert all(row.ok for row in again.audit()) and all(row.ok for row in again.audit(refit=True))


def test_any_strategy_runs_on_it_softmax_response_dropout_and_core_set() -> None:
    pool, oracle = small_pool(), Known(small_labels(small_pool()))
    search = Searched(replace(QUICK, steps=4), folds=2)
    with_dropout = Dropout(replace(search, recipe=Torch(Dense(most=(3, 2), dropout=0.3), steps=4)), passes=4)
    for learned, strategy in (
        (search, "least-confidence"),
        (with_dropout, "bald"),
        (search, "k-center"),
    ):
        study = Study(pool, learner=learned, strategy=strategy, classes=range(3), start=None)
        study.tell(oracle.of(pool.names(range(9))))
        study.run(oracle, budget=19, batch=5)
        told = [line.body["facts"][FACTS] for line in study.lines() if line.kind == "fitted"]
        depths = [one["blocks"] * one["stacks"] for one in told]
        assert depths == sorted(depths) and all(one["trainings"] for one in told)


def test_a_searched_network_has_what_is_trained_beside_it_and_is_a_member() -> None:
    class Part(Beside):
        pass

    assert Searched(QUICK).beside(Part()).recipe.parts == (Part(),)  # type: ignore[union-attr]
    both = Ensemble(Searched(QUICK, rule=FREE), members=2)
    first = both.fit(lesson())
    assert len({json.dumps(one[FACTS]["tried"]) for one in first.facts["members"]}) == 2  # each searches on its own
    assert both.fit(lesson(previous=first)).facts["members"][1][FACTS]["tried"][0]["blocks"] >= 1


def test_architectures_are_members_of_one_model() -> None:
    several = Architectures(QUICK, members=3, count=6)
    model = several.fit(lesson())
    assert isinstance(model, Mean)
    shapes = [(one[FACTS]["blocks"], one[FACTS]["stacks"]) for one in model.facts["members"]]
    quality = {(one["blocks"], one["stacks"]): one["quality"] for one in model.facts[FACTS]["tried"]}
    assert len(set(shapes)) == 3 and len(quality) == 6
    assert min(quality[shape] for shape in shapes) >= max(q for shape, q in quality.items() if shape not in shapes)
    samples = model.outputs(lesson().items).samples
    assert samples is not None and samples.shape == (120, 3, 10) and bool((samples.std(1) > 0).all())


def test_a_family_of_one_still_has_members_that_differ() -> None:
    several = Architectures(replace(QUICK, network=Dense(most=(1, 1))), members=3, count=3)
    samples = several.fit(lesson()).outputs(lesson().items).samples
    assert samples is not None and bool((samples.std(1) > 0).all())
    assert "too few" in several.fit(lesson(3)).facts["members"][2][FACTS]["kept"]


def test_pictures_are_searched_up_to_the_stacks_that_they_have_room_for() -> None:
    recipe = Torch(Residual(1, 3, width_of_stem=2), steps=4)
    model = Searched(recipe, looks=1).fit(lesson())
    assert tried(model) == [(1, 3), (2, 3)]  # 8 x 8 pixels have room for 3 stacks


@pytest.mark.parametrize("rule", RULES)
def test_it_keeps_the_contract_of_learners(rule: str) -> None:
    check_learner(Searched(Torch(Dense(most=(2, 2)), steps=3, batch=8), rule=rule, folds=2, looks=2))


@pytest.mark.parametrize("task", [Targets(n=2), Labels(("urgent", "billing"))], ids=["numbers", "labels"])
def test_it_keeps_the_contract_with_numbers_and_labels(task: Task) -> None:
    check_learner(Searched(Torch(Dense(most=(2, 1)), steps=3, batch=8), rule=FREE, folds=2, looks=2), task)


def test_architectures_keep_the_contract_of_learners() -> None:
    check_learner(Architectures(Torch(Dense(most=(2, 2)), steps=3, batch=8), members=2, count=3, folds=2, looks=2))


def test_it_is_found_by_name_with_options_as_a_grid_writes_them() -> None:
    assert learner("active-inas") == Searched(RECIPES["dense"], rule=Incremental())
    found = learner_with("active-inas", {"recipe": "residual", "rule": "halving"})
    assert found == Searched(Torch(Residual()), rule=Halving())
    assert learner_with("dense", {"blocks": 5, "stacks": 2, "steps": 9}) == Torch(Dense(5, 2), steps=9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="of a family"):
        Searched(Torch(Mlp()))
    with pytest.raises(UnknownName, match="residual"):
        Searched("resdual")
    with pytest.raises(UnknownName, match="incremental"):
        Searched(rule="incrementl")
    with pytest.raises(BadInput, match="Begin smaller"):
        Searched(Torch(Dense(5, 2, most=(4, 4))))
    for wrong in ({"search": 0.0}, {"validation": 0.6}, {"folds": 1}, {"looks": 0}, {"held": 0}):
        with pytest.raises(BadInput, match="Use"):
            Searched(QUICK, **wrong)
    with pytest.raises(BadInput, match="least as many"):
        Architectures(QUICK, members=5, count=4)
    with pytest.raises(BadInput, match="Encode the items first"):
        Searched(QUICK).fit(replace(lesson(), items=["a text"] * 120))


@pytest.mark.slow
def test_where_capacity_helps_a_search_ends_larger_than_it_began_and_beats_the_smallest() -> None:
    accuracies = []
    for seed in range(3):
        given = replace(lesson(300, 300), dice=replace(lesson().dice, seed=seed))
        recipe = Torch(Dense(), steps=400, rate=5e-3)
        model: Model | None = None
        search = Searched(recipe)
        for number in range(4):
            model = search.fit(replace(given, previous=model, dice=replace(given.dice, number=number)))
        assert model is not None and chosen(model)[0] * chosen(model)[1] > 1
        items = torch.tensor(PIXELS[300:].reshape(-1, 8, 8) / 16, dtype=torch.float32)

        def right(one: Model, items: Tensor = items) -> float:
            scores = one.outputs(items).scores
            assert scores is not None
            return float((scores.argmax(1).numpy() == DIGITS[300:]).mean())

        accuracies.append((right(model), right(recipe.fit(given))))
    assert sum(searched for searched, _ in accuracies) > sum(smallest for _, smallest in accuracies)


def test_a_trial_that_diverges_is_never_right_however_common_the_first_class(monkeypatch: pytest.MonkeyPatch) -> None:
    given = lesson()
    first = torch.zeros_like(given.targets)
    first[:, 0] = 1.0
    first[::8] = first[::8].roll(1, 1)
    search = Searched(replace(QUICK, rate=1e30)).fit(replace(given, targets=first))
    assert [one["quality"] for one in search.facts[FACTS]["tried"]] == [0.0] * 3
    numbers = replace(given, task=Targets(10))
    told = Searched(replace(QUICK, rate=1e30)).fit(numbers).facts[FACTS]["tried"]
    assert [one["quality"] for one in told] == [trials.LOST] * 3 and json.dumps(told)


@pytest.mark.parametrize("share", [0.2, 0.3, 0.35, 0.4, 0.45, 0.5])
def test_the_share_that_is_held_out_is_the_one_that_was_said(share: float) -> None:
    out = trials.held_out(Searched(QUICK, held=20, validation=share), lesson(100))[0]
    assert [len(rows) for rows in out] == [int(share * 100)]

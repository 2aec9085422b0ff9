"""What control and known items stand for, on paper and in the long run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from worlds import blobs

from askance.history import Asked
from askance.pool import LABELED
from askance.study.evidence import Evidence, evidence, gathered


def sides(items: int, labeled: list[int]) -> torch.Tensor:
    made = torch.zeros(items, dtype=torch.int8)
    made[labeled] = LABELED
    return made


def ask(number: int, control: list[int], active: list[int]) -> Asked:
    rows, streams = (*control, *active), ("control",) * len(control) + ("active",) * len(active)
    return Asked(number, number, rows, streams, ({},) * len(rows), "margin")


def test_a_control_item_stands_for_the_open_items_and_labeled_ones_for_themselves() -> None:
    asked = [ask(0, [0], [2, 1]), ask(1, [3], [4])]
    found = gathered(sides(10, [0, 1, 2, 3, 4]), asked, {0, 3}, ())
    assert found.control.tolist() == [0, 3] and found.known.tolist() == [1, 2, 4] and found.active.tolist() == [2, 1, 4]
    # item 0 was drawn from all 10; item 3 from 7 open ones, when 0, 1 and 2 were labeled; each draw counts a half
    assert found.weights.drawn.tolist() == pytest.approx([(1 + 0.1) / 2, 0.7 / 2])
    assert found.weights.known.tolist() == pytest.approx([0.1 / 2, 0.1 / 2, 0])


def test_a_label_that_nobody_asked_for_is_known_from_the_start_and_of_no_arm() -> None:
    found = gathered(sides(10, [0, 1, 9]), [ask(0, [0], [1])], {0}, ())
    assert found.known.tolist() == [1, 9] and found.active.tolist() == [1]
    assert found.weights.known.tolist() == pytest.approx([0, 0.1])


def test_in_a_large_pool_known_items_are_left_out_and_control_items_count_alike() -> None:
    asked = [ask(0, [0], [2, 1]), ask(1, [3], [4])]
    found = gathered(sides(1000, [0, 1, 2, 3, 4]), asked, {0, 3}, ())
    assert len(found.known) == 0 and found.weights.drawn.tolist() == pytest.approx([0.5, 0.5], abs=2e-3)
    assert float(found.weights.drawn.sum()) == pytest.approx(1)


def test_whatever_a_strategy_takes_away_the_mean_is_that_of_the_pool() -> None:
    losses = torch.arange(40, dtype=torch.float64) / 40
    dice = np.random.default_rng(0)
    means, plain = [], []
    for _ in range(2000):
        open_, asked, controls = list(range(40)), [], set()
        for number in range(5):
            control = int(dice.choice(open_))
            open_.remove(control)
            hardest = [open_.pop() for _ in range(4)]  # the strategy wants the largest losses
            asked.append(ask(number, [control], hardest))
            controls.add(control)
        labeled = [row for one in asked for row in one.rows]
        found = gathered(sides(40, labeled), asked, controls, ())
        assert float(found.weights.drawn.sum() + found.weights.known.sum()) == pytest.approx(1)
        means.append(float(found.weights.drawn @ losses[found.control] + found.weights.known @ losses[found.known]))
        plain.append(float(losses[found.control].mean()))
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - float(losses.mean())) < 4 * error
    assert np.mean(plain) < float(losses.mean()) - 20 * error  # what is left looks easier than the pool


def test_items_that_were_asked_twice_count_from_the_last_asking() -> None:
    found = gathered(sides(10, [1, 2]), [ask(0, [], [1, 2]), ask(1, [], [1])], (), ())
    assert found.active.tolist() == [2, 1]


def skipping(skipped: set[int]) -> tuple[Evidence, list[int]]:
    study = blobs(items=60).study(strategy="random", start=None, control=0.5)
    rows = study.ask(20).rows.tolist()
    streams = study.history.asked[0].streams
    control = [row for row, stream in zip(rows, streams, strict=True) if stream == "control"]
    study.tell({row: "class 0" for row in rows if row not in control[:3]})
    study.tell({control[0]: None}, kind="unsure")
    return evidence(study.state, {control[place] for place in skipped}), control


def test_an_unsure_control_item_counts_as_skipped_and_so_does_one_that_people_passed_over() -> None:
    found, control = skipping(set())
    assert found.skipped.tolist() == [control[0]] and set(found.control.tolist()) == set(control[3:])
    found, control = skipping({1})
    assert found.skipped.tolist() == sorted([control[0], control[1]])
    assert float(found.bounds.drawn.sum() + found.bounds.known.sum()) == pytest.approx(1)
    assert len(found.bounds.drawn) == len(found.control) + 2


def test_what_has_a_label_or_was_no_control_item_was_not_skipped() -> None:
    found, control = skipping({4})
    assert found.skipped.tolist() == [control[0]]
    study = blobs(items=60).study(strategy="random", start=None, control=0.0)
    rows = study.ask(5).rows.tolist()
    assert evidence(study.state, rows).skipped.tolist() == []


def test_a_label_that_came_unasked_counts_from_when_it_came() -> None:
    asked = [ask(0, [0], []), ask(1, [1], [])]
    found = gathered(sides(10, [0, 1, 8, 9]), asked, {0, 1}, (), {8: 1, 9: 1})  # between the two draws
    # item 0 was drawn from 10 open ones; item 1 from 7, beside 0, 8 and 9, which stand for themselves
    assert found.weights.drawn.tolist() == pytest.approx([(1 + 0.1) / 2, 0.7 / 2])
    assert found.weights.known.tolist() == pytest.approx([0.1 / 2, 0.1 / 2])


def test_whatever_is_brought_in_between_the_mean_is_that_of_the_pool() -> None:
    losses = torch.arange(40, dtype=torch.float64) / 40
    dice = np.random.default_rng(0)
    means, early = [], []
    for _ in range(2000):
        open_, asked, controls = list(range(40)), [], set()
        brought: dict[int, int] = {}
        for number in range(6):
            if number == 3:  # somebody brings labels of the easier half
                brought = {row: number for row in open_ if row < 20}
                open_ = [row for row in open_ if row >= 20]
            control = int(dice.choice(open_))
            open_.remove(control)
            asked.append(ask(number, [control], []))
            controls.add(control)
        labeled = [*(row for one in asked for row in one.rows), *brought]
        for found, mean in (
            (gathered(sides(40, labeled), asked, controls, (), brought), means),
            (gathered(sides(40, labeled), asked, controls, ()), early),
        ):
            own = found.weights.drawn @ losses[found.control] + found.weights.known @ losses[found.known]
            mean.append(float(own))
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - float(losses.mean())) < 4 * error
    assert abs(np.mean(early) - float(losses.mean())) > 20 * error  # had they been known from the start


def test_a_study_remembers_when_unasked_labels_came() -> None:
    world = blobs(items=60)
    study = world.study(strategy="random", start=None, control=0.5)
    study.tell(world.oracle.of([50]))
    batch = study.ask(4)
    study.tell(world.oracle.of([*batch.ids, *(row for row in (51, 52) if row not in batch.ids)]))
    assert study.state.brought[50] == 0
    assert {study.state.brought[row] for row in (51, 52) if row not in batch.ids} == {1}
    assert not study.state.brought.keys() & set(batch.rows.tolist())

"""Which typed names are slips and which are classes of their own."""

from __future__ import annotations

from random import Random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from askance.project.names import edits, looks_like, sort_out


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("billing", "Billing"), ("billing", "biling"), ("billing", "bililng"), ("e-mail", "Email"), ("café", "cafe"),
        ("shipping costs", "shiping cots"), ("refund", "refunds"), ("a b", "ab"),
        ("help", "ehlp"), ("1", "01"), ("2", "2.0"), ("2,5", "2.5"), ("доставка", "доставкa"), ("naïve", "naive"),
    ],
)  # fmt: skip
def test_a_slip_looks_like_what_was_meant(one: str, two: str) -> None:
    assert looks_like(one, two) and looks_like(two, one)


@pytest.mark.parametrize(
    ("one", "two"),
    [("class 1", "class 2"), ("v1", "v2"), ("male", "female"), ("A", "B"), ("positive", "negative"), ("cat", "car"),
     ("billing", "shipping"), ("yes", "no"), ("1", "2"), ("3-4", "34 5"),
     ("-1", "1"), ("1.5", "15"), ("C", "C++"), ("C", "C#"), ("A", "A-"), ("A+", "A-"), ("relevant", "irrelevant"),
     ("legal", "regal"), ("की", "कि"), ("か", "が"), ("국내", "국외"), ("👍", "👎")],
)  # fmt: skip
def test_names_of_their_own_are_not_slips(one: str, two: str) -> None:
    assert not looks_like(one, two) and not looks_like(two, one)


def test_known_accepted_and_aliased_names_need_no_decision() -> None:
    found = sort_out(
        {"billing": 3, "biling": 1, "blling": 1}, ["billing"], accepted=["biling"], aliases={"blling": "billing"}
    )
    assert found.taken == {"billing": "billing", "blling": "billing", "biling": "biling"}
    assert found.new == ["biling"] and found.doubtful == []


def test_among_new_names_the_commoner_one_is_right() -> None:
    found = sort_out({"refnd": 1, "refund": 12}, [])
    assert found.new == ["refund"] and [(one.name, one.near) for one in found.doubtful] == [("refnd", "refund")]


def test_the_nearest_name_is_the_one_it_looks_like() -> None:
    found = sort_out({"subscriptoins": 1}, ["subscription", "subscriptions"])
    assert [one.near for one in found.doubtful] == ["subscriptions"]


def test_a_column_of_texts_told_by_mistake_is_sorted_out_in_seconds() -> None:
    words = {
        f"{number * 7919 % 10_007:05d} a text of some length that nobody means as a class": 1 for number in range(500)
    }
    words |= {text.translate(str.maketrans("0123456789", "abcdefghij")): 1 for text in words}
    begin = perf_counter()
    found = sort_out(words, [])
    assert len(found.new) + len(found.doubtful) == 1000
    assert perf_counter() - begin < 20  # it took minutes when every pair was compared to its end


@given(some.text(max_size=8), some.text(max_size=8))
def test_looks_are_symmetric(one: str, two: str) -> None:
    assert looks_like(one, two) == looks_like(two, one)


@given(some.dictionaries(some.text(min_size=1, max_size=6), some.integers(1, 9), max_size=8), some.randoms())
def test_the_order_of_a_file_does_not_matter(typed: dict[str, int], random: Random) -> None:
    names = list(typed)
    random.shuffle(names)
    found = sort_out({name: typed[name] for name in names}, ["abc"])
    assert (found.new, found.doubtful) == (sort_out(typed, ["abc"]).new, sort_out(typed, ["abc"]).doubtful)
    again = sort_out(typed, ["abc"], accepted=[one.name for one in found.doubtful])
    assert not again.doubtful and set(again.taken) == set(typed)


@given(some.text(max_size=8), some.text(max_size=8))
def test_edits_are_symmetric_and_bounded(one: str, two: str) -> None:
    found = edits(one, two, 2)
    assert found == edits(two, one, 2) and 0 <= found <= 3
    assert (found == 0) == (one == two)


@given(
    some.dictionaries(some.text(min_size=1, max_size=6), some.integers(1, 9), max_size=8),
    some.lists(some.text(min_size=1, max_size=6), max_size=4, unique=True),
)
def test_every_name_is_taken_or_doubtful_and_never_both(typed: dict[str, int], known: list[str]) -> None:
    found = sort_out(typed, known)
    assert set(found.taken) | {one.name for one in found.doubtful} == set(typed)
    assert not set(found.taken) & {one.name for one in found.doubtful}
    assert all(one.near in {*known, *found.new} for one in found.doubtful)

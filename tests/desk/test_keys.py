"""Keys in addresses say nothing of ids, mean the same after a restart, and cost nothing to make up."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from askance.desk.keys import Keys, opaque

SECRET = b"s" * 32


@given(st.text(), st.text())
def test_two_ids_have_two_keys_and_each_is_safe_in_an_address(one: str, other: str) -> None:
    first, second = opaque(one, SECRET), opaque(other, SECRET)
    assert (first == second) == (one == other)
    assert len(first) == 22 and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in first)


def test_without_the_secret_a_key_cannot_be_made() -> None:
    assert opaque("t1", SECRET) != opaque("t1", b"t" * 32)
    assert Keys(SECRET, lambda: ["t1"]).id(opaque("t1", b"t" * 32)) is None


def test_ids_that_are_no_text_have_keys_too() -> None:
    odd = "half a pair \ud800, a byte \udcff, nothing \0"
    assert Keys(SECRET, lambda: [odd]).id(opaque(odd, SECRET)) == odd


def test_after_a_restart_a_key_is_found_by_making_all_again_and_then_all_are_known() -> None:
    searches = 0

    def ids() -> Iterator[str]:
        nonlocal searches
        searches += 1
        yield from (f"t{number}" for number in range(100))

    keys = Keys(SECRET, ids)
    assert keys.id(opaque("t7", SECRET)) == "t7" and keys.id(opaque("t99", SECRET)) == "t99"
    assert searches == 1


def test_a_stranger_who_makes_keys_up_gets_one_search_and_then_none_for_a_while() -> None:
    now, searches = 0.0, 0

    def ids() -> Iterator[str]:
        nonlocal now, searches
        searches += 1
        now += 3.0  # seconds that the search takes
        yield "t1"

    keys = Keys(SECRET, ids, clock=lambda: now)
    for number in range(50):
        assert keys.id(f"{number:022}") is None
    assert searches == 1
    now += 6.0
    assert keys.id("A" * 22) is None and searches == 2


def test_what_is_no_key_is_never_searched_for() -> None:
    def ids() -> list[str]:
        raise AssertionError("nobody should look")

    keys = Keys(SECRET, ids)
    assert keys.ids(["", "../..", "A" * 21, "A" * 23, "A" * 21 + "=", "A" * 21 + "\n", "é" * 22]) == {}


def test_another_spelling_of_a_key_is_no_key() -> None:
    key = opaque("t1", SECRET)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    start = letters.index(key[-1])
    twins = [key[:-1] + letters[start + step] for step in range(1, 16)]  # the same 16 bytes for a lenient decoder
    assert Keys(SECRET, lambda: ["t1"]).ids([key, *twins]) == {key: "t1"}


def test_memory_is_bounded_and_the_key_used_longest_ago_is_forgotten_first() -> None:
    keys = Keys(SECRET, most=2)
    first, second = keys.give("t1"), keys.give("t2")
    assert keys.id(first) == "t1"
    keys.give("t3")
    assert keys.id(second) is None and keys.id(first) == "t1"

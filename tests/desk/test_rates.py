"""How often somebody may ask: people hardly notice, and guessing gets slower and slower."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askance.desk import rates
from askance.desk.rates import Attempts, Buckets, neighborhood


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 20), max_size=200))
def test_no_stretch_of_time_has_more_requests_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(rate=2, burst=5, clock=clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("ann")
        if wait == 0.0:
            taken.append(clock.now)
        assert 0.0 <= wait <= 0.5
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= 5 + 2 * (taken[last] - start) + 1e-6


def test_whoever_waits_as_long_as_told_is_served() -> None:
    clock = Clock()
    buckets = Buckets(rate=50, burst=1, clock=clock)
    assert buckets.take("ann") == 0.0
    wait = buckets.take("ann")
    assert wait == pytest.approx(0.02)
    clock.now += wait
    assert buckets.take("ann") == 0.0


def test_in_the_first_minute_there_are_five_guesses_and_in_a_day_a_hundred() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock)
    guesses = []
    while clock.now < 86_400:
        if attempts.begin("eve") == 0.0:
            guesses.append(clock.now)
        clock.now += 1.0
    assert sum(at < 60 for at in guesses) == 5
    assert len(guesses) == pytest.approx(100, abs=5)
    waits = [later - earlier for earlier, later in pairwise(guesses[4:])]
    assert waits[:5] == [60, 120, 240, 480, 900] and set(waits[5:]) == {900}


def test_asking_again_during_the_wait_does_not_make_it_longer() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock)
    waits = [attempts.begin("eve") for _ in range(50)]
    assert waits[:5] == [0.0] * 5 and set(waits[5:]) == {60.0}


def test_an_attempt_that_succeeds_is_taken_back() -> None:
    attempts = Attempts(clock=Clock())
    for _ in range(100):
        assert attempts.begin("a class room behind one address") == 0.0
        attempts.succeeded("a class room behind one address")


def test_strangers_without_number_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST", 100)
    buckets, attempts = Buckets(1, 1), Attempts()
    for number in range(1000):
        buckets.take(number)
        attempts.begin(number)
    assert len(buckets._left) == len(attempts._failed) == 100


@given(st.text())
def test_any_address_is_some_neighborhood(address: str) -> None:
    assert isinstance(neighborhood(address), str)


def test_addresses_of_one_household_are_one_neighbor() -> None:
    assert neighborhood("2001:db8:0:1::5") == neighborhood("2001:db8:0:1:ffff::9") != neighborhood("2001:db8:0:2::5")
    assert neighborhood("192.0.2.1") != neighborhood("192.0.2.2")

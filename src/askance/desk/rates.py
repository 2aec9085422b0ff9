"""How often somebody may ask: a bucket of tokens each, and patience with those who guess passwords."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import TypeVar

_T = TypeVar("_T")
MOST = 10_000  # visitors remembered; whoever has been away longest is forgotten first


class Buckets:
    """A bucket of tokens for each visitor: a request takes one, and time puts them back.

    Args:
        rate: Tokens that come back in a second.
        burst: Tokens in a full bucket.
        clock: Seconds that only grow.

    >>> now = [0.0]
    >>> buckets = Buckets(rate=2, burst=3, clock=lambda: now[0])
    >>> [buckets.take("ann") for _ in range(4)], buckets.take("ben")
    ([0.0, 0.0, 0.0, 0.5], 0.0)
    """

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens, and when that was
        self._lock = Lock()

    def take(self, who: Hashable) -> float:
        """Take a token: 0.0, or how many seconds it is until there is one."""
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(who, (self._burst, now))
            left = min(self._burst, left + self._rate * (now - then))
            short = max(0.0, 1.0 - left)
            self._left[who] = (left if short else left - 1.0, now)
            _forget(self._left)
            return short / self._rate


class Attempts:
    """Failed sign-ins of each address: some are free, and after them each costs twice the wait of the one before.

    An attempt counts as failed from its beginning, so that many at once are no way around; one that succeeds is taken
    back, and with it all that failed before.

    Args:
        free: How many may fail before there is any wait.
        first: The first wait, in seconds.
        longest: The longest.
        clock: Seconds that only grow.

    >>> now = [0.0]
    >>> attempts = Attempts(clock=lambda: now[0])
    >>> [attempts.begin("ann") for _ in range(6)]
    [0.0, 0.0, 0.0, 0.0, 0.0, 60.0]
    >>> now[0] = 60.0
    >>> attempts.begin("ann"), attempts.begin("ann")
    (0.0, 120.0)
    """

    def __init__(
        self,
        free: int = 5,
        first: float = 60.0,
        longest: float = 900.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free, self._first, self._longest, self._clock = free, first, longest, clock
        self._failed: OrderedDict[Hashable, _Failed] = OrderedDict()
        self._lock = Lock()

    def begin(self, who: Hashable) -> float:
        """Count an attempt: 0.0, or how many seconds it is until there may be one."""
        with self._lock:
            now = self._clock()
            failed = self._failed.get(who)
            if failed is None or now > failed.until + 4 * self._longest:
                failed = _Failed(0, now)
            if now < failed.until:
                return failed.until - now
            count = failed.count + 1
            doublings = min(count - self._free, 30)  # more are no number of seconds
            wait = 0.0 if doublings < 0 else min(self._longest, self._first * 2.0**doublings)
            self._failed[who] = _Failed(count, now + wait)
            self._failed.move_to_end(who)
            _forget(self._failed)
            return 0.0

    def succeeded(self, who: Hashable) -> None:
        """Take back what failed."""
        with self._lock:
            self._failed.pop(who, None)


@dataclass(frozen=True)
class _Failed:
    count: int
    until: float  # when the next one may be


def neighborhood(address: str) -> str:
    """What counts as one visitor: an address, of IPv6 the network that one household gets.

    >>> neighborhood("192.0.2.7"), neighborhood("2001:db8::7"), neighborhood("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((int(found), 64), strict=False))


def _forget(known: OrderedDict[Hashable, _T]) -> None:
    while len(known) > MOST:
        known.popitem(last=False)

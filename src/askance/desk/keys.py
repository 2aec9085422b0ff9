"""Keys that stand for items in addresses, so that no id of somebody's data ends up in a history or a log."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from threading import Lock

MOST = 100_000  # keys remembered, some 20 MB
REST = 2.0  # after a search, so many times what it took: made-up keys cost a third of one thread at most
_KEY = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)  # 16 bytes


def opaque(id: str, secret: bytes) -> str:
    """The key of an item: without the secret nobody can tell what it stands for, nor make one up.

    It is a keyed BLAKE2b of the id, 16 bytes, made in a quarter of the time of an HMAC with SHA-256.

    >>> opaque("photos/ann.png", b"secret"), opaque("photos/ann.png", b"other")
    ('9iG9cLtTYvOTu8NKq3uchQ', '1pA-tVMoSR16-oQ2RjYc1g')
    """
    return _text(_code(id, secret))


class Keys:
    """What keys stand for: those given out lately are remembered, and others are found by making all keys again.

    May be used by several threads.

    Args:
        secret: The project's, so that a key means the same after a restart; see `Sessions.secret`.
        ids: The ids of all items, for a search; without it only what was given out is known.
        most: How many keys are remembered; of a project with no more items, one search finds all for good.
        clock: Seconds that only grow.

    >>> keys = Keys(b"secret", lambda: ["t1", "t2"])
    >>> keys.id(keys.give("t1")), keys.id(opaque("t2", b"secret")), keys.id("made-up")
    ('t1', 't2', None)
    """

    def __init__(
        self,
        secret: bytes,
        ids: Callable[[], Iterable[str]] = tuple,
        *,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret, self._ids, self._most, self._clock = secret, ids, most, clock
        self._known: OrderedDict[str, str] = OrderedDict()
        self._again = -float("inf")  # when there may be the next search
        self._lock, self._searching = Lock(), Lock()

    def give(self, id: str) -> str:
        """The key of an item, remembered."""
        key = opaque(id, self._secret)
        with self._lock:
            self._remember(key, id)
        return key

    def id(self, key: str) -> str | None:
        """What a key stands for, None if it stands for nothing."""
        return self.ids([key]).get(key)

    def ids(self, keys: Iterable[str]) -> dict[str, str]:
        """What some keys stand for; those that stand for nothing are left out."""
        wanted = {key for key in keys if _KEY.fullmatch(key)}
        found = self._remembered(wanted)
        if len(found) < len(wanted):
            with self._searching:  # whoever waited here may find what the one before found
                found |= self._remembered(wanted - found.keys())
                if len(found) < len(wanted) and self._clock() >= self._again:
                    found |= self._search(wanted - found.keys())
        return found

    def _remembered(self, keys: Iterable[str]) -> dict[str, str]:
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
            for key in found:
                self._known.move_to_end(key)
            return found

    def _search(self, missing: set[str]) -> dict[str, str]:
        began = self._clock()
        decoded = ((urlsafe_b64decode(f"{key}=="), key) for key in missing)
        codes = {code: key for code, key in decoded if _text(code) == key}  # other spellings are no keys
        found: dict[str, str] = {}
        for id in self._ids():
            code = _code(id, self._secret)
            if code in codes:
                found[codes[code]] = id
            if code in codes or len(self._known) < self._most:
                with self._lock:
                    self._remember(_text(code), id)
        self._again = self._clock() + REST * (self._clock() - began)
        return found

    def _remember(self, key: str, id: str) -> None:
        self._known[key] = id
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


def _code(id: str, secret: bytes) -> bytes:
    return blake2b(id.encode("utf-8", "surrogatepass"), key=secret, digest_size=16).digest()


def _text(code: bytes) -> str:
    return urlsafe_b64encode(code).decode("ascii").rstrip("=")

"""Who may come in: a link with a token, a password, and the cookie that either of them earns."""

from __future__ import annotations

import hmac
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator, MutableMapping
from itertools import islice

from askance.desk.places import Place, is_loopback
from askance.desk.sessions import DAYS, Session, Sessions
from askance.errors import BadInput

VARIABLE = "ASKANCE_PASSWORD"
SHORTEST, LONGEST = 10, 1000  # characters of a password
_HASH = "password"  # under which name the desk's file has it
_COOKIES = 4  # of one name that are tried: a page at another port may have set some beside ours


class Door:
    """Lets people in by token or password, and knows them again by their cookie.

    The token lasts as long as the process, so that its link may be opened again. A password outlives it: as long as it
    stays the same, so do the sessions; another one signs everybody out.

    Args:
        sessions: Where sessions are kept.
        port: Where the server listens; the cookie's name has it, for cookies do not tell ports apart.
        token: What the link holds; by default 32 random bytes. Empty: nobody comes in by link.
        password: What people type; empty: nobody comes in by password. Its hash alone is kept.

    Raises:
        BadInput: If nobody could come in.
        StorageError: If the sessions cannot be written.
    """

    def __init__(self, sessions: Sessions, port: int, *, token: str | None = None, password: str = "") -> None:
        self.sessions, self._port = sessions, port
        self._token = secrets.token_urlsafe(32) if token is None else token
        self._hash = _kept(sessions, password) if password else ""
        if not self._token and not self._hash:
            raise BadInput("Nobody could sign in at this desk. Give a token or a password.")

    @property
    def link(self) -> str:
        """Path and query of the link that signs in, empty if there is none."""
        return f"/?token={self._token}" if self._token else ""

    @property
    def has_password(self) -> bool:
        """Whether people may sign in with a password."""
        return bool(self._hash)

    def token_fits(self, given: str) -> bool:
        """Whether a token is ours; how long this takes says nothing about ours."""
        return bool(self._token) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token.encode())

    def password_fits(self, given: str) -> bool:
        """Whether a password is ours; takes a tenth of a second and 64 MB, as argon2id should."""
        return self.has_password and len(given) <= LONGEST and _verified(self._hash, given)

    def admit(self, cookies: bytes, place: Place) -> bytes:
        """Sign somebody in: what ``Set-Cookie`` says. Whatever session the browser had ends, and its name goes on."""
        person = ""
        for id in self._ids(cookies, place):
            old = self.sessions.find(id)
            if old is not None:
                person = person or old.person
                self.sessions.end(old.key)
        id = self.sessions.start(person)
        secure = "; Secure" if place.secure else ""
        cookie = f"{self._name(place)}={id}; Path=/; Max-Age={86_400 * DAYS}; HttpOnly; SameSite=Strict{secure}"
        return cookie.encode("ascii")

    def recent(self, cookies: bytes, place: Place) -> Session | None:
        """Whose cookie this is, as far as memory knows."""
        return next(filter(None, map(self.sessions.recent, self._ids(cookies, place))), None)

    def known(self, cookies: bytes, place: Place) -> Session | None:
        """Whose cookie this is.

        Raises:
            StorageError: If the sessions cannot be read.
        """
        return next(filter(None, map(self.sessions.find, self._ids(cookies, place))), None)

    def _name(self, place: Place) -> str:
        # With this prefix browsers take a cookie only over TLS, and from no other machine of the same domain.
        return f"__Host-askance-{self._port}" if place.secure else f"askance-{self._port}"

    def _ids(self, cookies: bytes, place: Place) -> Iterator[str]:
        ours = f"{self._name(place)}=".encode()
        found = (part.strip()[len(ours) :] for part in cookies.split(b";") if part.strip().startswith(ours))
        return (id.decode("latin-1") for id in islice(found, _COOKIES))


def check_address(host: str, password: str) -> None:
    """Refuse to serve others than this machine without a password, or with one that is easily guessed.

    Args:
        host: Where the server would listen.
        password: What people would have to type; empty for none.

    Raises:
        BadInput: If that would let strangers in.
    """
    if not password and not is_loopback(host):
        raise BadInput(
            f"At {host or 'every address'} others than this machine can reach the desk, and it has no password. "
            f"Put one into the environment variable {VARIABLE}, or listen at 127.0.0.1."
        )
    if password and not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(
            f"The password has {len(password)} characters. Use {SHORTEST} or more, such as five words drawn at random, "
            f"and no more than {LONGEST:,}."
        )


def take_password(environment: MutableMapping[str, str] = os.environ, ask: Callable[[str], str] | None = None) -> str:
    """The password for this run, from the environment or from a prompt; never from the command line, which others see.

    It is taken out of the environment, so that no process that is started later has it.

    Args:
        environment: Where it may be.
        ask: How to ask for it, such as `getpass.getpass`; None: nobody is asked.

    Returns:
        The password, empty if there is none.

    Raises:
        BadInput: If it was typed differently the second time.
    """
    found = environment.pop(VARIABLE, "")
    if found or ask is None:
        return found
    typed = ask("Password for this desk: ")
    if typed and ask("The same once more: ") != typed:
        raise BadInput("The two passwords differ. Start again and type the same twice.")
    return typed


def _kept(sessions: Sessions, password: str) -> str:
    """The hash of a password; whoever signed in with another one is signed out."""
    old = sessions.kept(_HASH)
    if old is not None and _verified(old.decode("ascii"), password):
        return old.decode("ascii")
    from argon2 import PasswordHasher

    made = PasswordHasher().hash(_bytes(password))
    sessions.end_all()
    sessions.keep(_HASH, made.encode("ascii"))
    return made


def _verified(hash: str, given: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(hash, _bytes(given))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(text: str) -> bytes:
    """The same bytes for the same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")

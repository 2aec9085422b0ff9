"""The page's server put together: desk, doors, guard and keys."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request

from askance.desk.app import Doors, make_app
from askance.desk.board import FILE
from askance.desk.desk import NAME, OURS, Desk
from askance.desk.door import Door
from askance.desk.guard import Guard
from askance.desk.keys import Keys
from askance.desk.objections import BOUNDS, Bounds
from askance.desk.pictures import Pictures, Shown
from askance.desk.places import LOOPBACK, Places, is_loopback
from askance.desk.sessions import Sessions
from askance.desk.showing import Showing
from askance.errors import BadInput

if TYPE_CHECKING:
    from askance.desk.serving import Wish

ANY = ("", "0.0.0.0", "::", "[::]")  # hosts that mean every address


@contextmanager
def mounted(folder: Path, port: int, wish: Wish, bounds: Bounds = BOUNDS) -> Iterator[tuple[Any, str]]:
    """The server's app, and the link that signs in.

    Args:
        folder: The project's folder.
        port: Where the server listens.
        wish: How it is to be served.
        bounds: What requests may cost.

    Raises:
        BadInput: If a name is none.
        StorageError: If one of the project's files cannot be used.
    """
    places = Places(port, names_of(wish))
    sessions = Sessions(folder / FILE)  # first: it makes the file for this user alone
    desk = Desk(folder)
    pictures = Pictures(_roots(desk), lambda: _roots(desk))
    column = desk.items.fact("how")["columns"][0]
    try:
        door = Door(sessions, port, password=wish.password)
        keys = Keys(sessions.secret("keys"), desk.ids)
        doors = Doors(
            showing=Showing(desk, _name(folder), _suggest(desk, wish)),
            person=lambda request: _person(request, wish),
            name=lambda request, name: sessions.name(request.state.session.key, name),
            key=keys.give,
            ids=keys.ids,
            picture=lambda id: _picture(desk, pictures, column, id),
        )
        yield Guard(make_app(doors), door, places, bounds), f"http://{visited(wish.host)}:{port}{door.link}"
    finally:
        pictures.close()
        desk.close()
        sessions.close()


def names_of(wish: Wish) -> list[str]:
    """Under which names a desk is visited, besides those of this machine to itself."""
    own = [socket.gethostname()] if wish.host in ANY else [] if wish.host in LOOPBACK else [wish.host]
    return [*own, *wish.names]


def visited(host: str) -> str:
    """Where a browser at this machine finds what listens at a host.

    >>> [visited(host) for host in ("127.0.0.1", "0.0.0.0", "::", "::1", "192.168.1.7", "desk.lan")]
    ['127.0.0.1', '127.0.0.1', '[::1]', '[::1]', '192.168.1.7', 'desk.lan']
    """
    bare = host.strip("[]")
    if bare == "::":
        return "[::1]"
    return "127.0.0.1" if host in ANY else f"[{bare}]" if ":" in bare else bare


def _person(request: Request, wish: Wish) -> str:
    """Who sent a request; at this machine, whoever uses it, until they say another name."""
    session = request.state.session
    if session.person or not is_loopback(wish.host):
        return str(session.person)
    return wish.person or _user()


def _user() -> str:
    """The name of this machine's user, if people can be called so."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
    return "" if name.casefold() in OURS else name[:NAME]


async def _picture(desk: Desk, pictures: Pictures, column: str, id: str) -> Shown:
    row = desk.stored(id)
    if row.data is not None:
        return await pictures.of_data(row.data)
    name = row.cells.get(column, "")
    if not name:
        raise BadInput(f"The item {id!r} has no image.")
    return await pictures.of_file(str(row.source), name)


def _roots(desk: Desk) -> dict[str, Path]:
    """The folders that paths of images start from, by the number of their file."""
    with desk.lock:
        paths = [Path(source["path"]) for source in desk.items.fact("sources")]
    roots = {str(number): path if path.is_dir() else path.parent for number, path in enumerate(paths)}
    return {number: root for number, root in roots.items() if root.is_dir()}


def _suggest(desk: Desk, wish: Wish) -> str:
    if wish.suggest is not None:
        desk.board.put("suggest", wish.suggest)
    return str(desk.board.fact("suggest", "after"))


def _name(folder: Path) -> str:
    return folder.absolute().name.removesuffix(".askance")

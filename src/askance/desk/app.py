"""The routes of the page: thin doors to the desk. Who may come in is the guard's affair."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi import Path as Place
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from askance.desk.desk import check_person
from askance.desk.exports import ENDINGS, Exports
from askance.desk.objections import LOGIN
from askance.desk.pictures import Shown
from askance.desk.showing import Showing
from askance.errors import AskanceError, BadInput, StorageError
from askance.study.sql import sqlite_driver

STATIC = Path(__file__).with_name("static")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SHOWN = 50  # answers in a list
MANY = 20_000  # items that one lasso may label
Id = Annotated[str, Field(min_length=1, max_length=1000)]
Key = Annotated[str, Place(max_length=200)]
Once = Annotated[str, Field(min_length=1, max_length=100)]
Value = str | float | list[Annotated[str, Field(max_length=300)]] | None


@dataclass(frozen=True)
class Doors:
    """What the routes stand on, and others make.

    Args:
        showing: The desk, in words.
        person: Gives the name of whoever sent a request; empty before they said it.
        name: Remembers it.
        key: What an item is called in addresses.
        ids: The items of such keys; what stands for nothing is left out.
        picture: An item's image.
        exports: Makes files to take away.
    """

    showing: Showing
    person: Callable[[Request], str]
    name: Callable[[Request, str], None]
    key: Callable[[str], str]
    ids: Callable[[Sequence[str]], Mapping[str, str]]
    picture: Callable[[str], Awaitable[Shown]]
    exports: Exports = field(default_factory=Exports)


class Body(BaseModel):
    """What a client sends: these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Claim(Body):
    """Give me the next items."""

    n: int = Field(default=1, ge=1, le=10)


class Saw(Body):
    """The model's guess that was on the screen."""

    guess: Value
    mode: Literal["after", "before"]


class Answer(Body):
    """One answer."""

    id: Id
    value: Value = None
    kind: Literal["label", "unsure", "none-of-these", "broken"] = "label"
    seconds: float | None = Field(default=None, ge=0, le=1e7)
    once: Once
    how: Literal["", "key", "click", "touch", "suggestion", "lasso"] = ""
    saw: Saw | None = None


class Answers(Body):
    """One answer to many items."""

    ids: list[Id] = Field(min_length=1, max_length=MANY)
    value: Value = None
    kind: Literal["label", "unsure", "none-of-these", "broken", "withdrawn"] = "label"
    once: Once
    how: Literal["", "lasso"] = "lasso"
    deed: Once | None = None


class Undo(Body):
    """Take my last answer back, or all of my last lasso."""

    once: Once


class Note(Body):
    """A flag, a comment, a skip."""

    id: Id
    once: Once
    flag: bool | None = None
    comment: str | None = Field(default=None, max_length=2000)
    skip: bool = False


class Names(Body):
    """A change of the classes."""

    do: Literal["add", "rename", "merge"]
    name: str = Field(max_length=300)
    to: str | None = Field(default=None, max_length=300)


class Task(Body):
    """What an item gets."""

    kind: Literal["classes", "labels", "number"]


class Person(Body):
    """Who I am."""

    name: str = Field(max_length=300)


class Suggest(Body):
    """When the model's guess is shown."""

    mode: Literal["never", "after", "before"]


class Export(Body):
    """A file to take away."""

    format: str = Field(max_length=30)


def make_app(doors: Doors) -> FastAPI:
    """The page's server, without its guard."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _errors(app)
    _page(app)
    _reading(app, doors)
    _labeling(app, doors)
    _settings(app, doors)
    return app


def _labeling(app: FastAPI, doors: Doors) -> None:
    showing, desk = doors.showing, doors.showing.desk

    def shown(id: str, person: str) -> dict[str, Any]:
        return showing.item(id, doors.key(id), person)

    @app.post("/api/claim")
    def claim(body: Claim, request: Request) -> dict[str, Any]:
        person = _named(doors, request)
        items = [shown(id, person) for id in desk.claim(person, body.n)]
        state = showing.state(person) if not items else None
        return {"items": items, "why_none": state["queue"]["why_empty"] if state else ""}

    @app.post("/api/answer")
    def answer(body: Answer, request: Request) -> dict[str, Any]:
        person = _named(doors, request)
        saw = body.saw.model_dump() if body.saw else None
        new = desk.answer(
            person, body.id, _finite(body.value), body.kind, seconds=body.seconds, once=body.once, how=body.how, saw=saw
        )
        return {"saved": True, "declared": new, "progress": showing.progress(person)}

    @app.post("/api/answers")
    def answers(body: Answers, request: Request) -> dict[str, Any]:
        person = _named(doors, request)
        saved = desk.answer_many(
            person, body.ids, _finite(body.value), body.kind, once=body.once, how=body.how, deed=body.deed
        )
        return {"saved": saved}

    @app.post("/api/undo")
    def undo(body: Undo, request: Request) -> dict[str, Any]:
        person = _named(doors, request)
        found = desk.undo(person, body.once)
        if found is None:
            raise HTTPException(404, "You have answered nothing yet.")
        item = shown(found.id, person) if found.deed is None else None
        undone = {"value": found.value, "kind": found.kind}
        return {"item": item, "undone": undone, "count": found.count, "deed": found.deed}

    @app.post("/api/note")
    def note(body: Note, request: Request) -> dict[str, Any]:
        person = _named(doors, request)
        desk.note(person, body.id, flag=body.flag, comment=body.comment, skip=body.skip, once=body.once)
        return {"saved": True}

    @app.get("/api/item/{key}")
    def item(key: Key, request: Request) -> dict[str, Any]:
        return shown(_id(doors, key), doors.person(request))


def _reading(app: FastAPI, doors: Doors) -> None:
    showing, desk = doors.showing, doors.showing.desk

    @app.get("/api/state")
    def state(request: Request) -> dict[str, Any]:
        return showing.state(doors.person(request))

    @app.get("/api/mine")
    def mine(request: Request, before: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> dict[str, Any]:
        return showing.mine(doors.person(request), before, SHOWN, doors.key)

    @app.get("/api/why/{key}")
    def why(key: Key) -> dict[str, Any]:
        return showing.why(_id(doors, key))

    @app.get("/api/image/{key}")
    async def image(key: Key) -> Response:
        shown = await doors.picture(await run_in_threadpool(_id, doors, key))
        return Response(shown.data, media_type=shown.kind, headers={"Cache-Control": "private, max-age=3600"})

    @app.get("/api/map")
    def map_() -> dict[str, Any]:
        found = desk.board.fact("map")
        if found is None:
            raise HTTPException(404, "The map is not drawn yet.")
        return showing.map(found, doors.key)

    @app.get("/api/map/text")
    def texts(keys: Annotated[str, Query(max_length=20_000)]) -> dict[str, str]:
        return {key: showing.short(id) for key, id in doors.ids(keys.split(",")[:100]).items()}

    @app.get("/api/proof")
    def proof() -> dict[str, Any]:
        found: dict[str, Any] = desk.board.fact("proof") or {
            "verdict": "unknown",
            "sentence": "Nothing has been measured yet; that begins with the first model.",
        }
        return {"accuracy": None, "gain": None, "saved": None, "more": 0, "curve": [], **found}


def _settings(app: FastAPI, doors: Doors) -> None:
    showing, desk = doors.showing, doors.showing.desk

    @app.post("/api/names")
    def names(body: Names, request: Request) -> dict[str, Any]:
        _named(doors, request)
        if body.do == "add":
            desk.declare(body.name)
        elif body.to is None:
            raise BadInput(f"The field 'to' is missing: {body.do} {body.name!r} into what?")
        else:
            (desk.rename if body.do == "rename" else desk.merge)(body.name, body.to)
        return {"names": list(desk.fold().names)}

    @app.post("/api/task")
    def task(body: Task) -> dict[str, Any]:
        desk.choose_task(body.kind)
        return {"kind": body.kind}

    @app.post("/api/person")
    def person(body: Person, request: Request) -> dict[str, Any]:
        name = check_person(body.name)
        doors.name(request, name)
        return {"person": name}

    @app.post("/api/suggest")
    def suggest(body: Suggest) -> dict[str, Any]:
        showing.choose(body.mode)
        return {"mode": body.mode}

    @app.post("/api/export")
    def export(body: Export) -> Response:
        if body.format not in ENDINGS:
            raise BadInput(f"There is no format {body.format!r}. Choose one of: {', '.join(ENDINGS)}.")
        name, content = doors.exports.make(desk.folder, body.format)
        return Response(
            content,
            media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _page(app: FastAPI) -> None:
    """The page and its parts: files of this package, by name."""
    parts = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES} if STATIC.is_dir() else {}

    @app.get("/")
    @app.get(LOGIN)  # the page asks for the password itself
    def page() -> FileResponse:
        return FileResponse(parts["index.html"], media_type="text/html")

    @app.get("/static/{name}")
    def part(name: str) -> FileResponse:
        if name not in parts:
            raise HTTPException(404, "There is no such part of the page.")
        return FileResponse(parts[name], media_type=TYPES[parts[name].suffix])


def _errors(app: FastAPI) -> None:
    """Every error is one sentence for people, and a word for the page."""

    @app.exception_handler(BadInput)
    def bad(_: Request, error: Exception) -> JSONResponse:
        return _error(422, "input", str(error))

    @app.exception_handler(sqlite_driver().Error)
    @app.exception_handler(StorageError)
    def storage(_: Request, error: Exception) -> JSONResponse:
        return _error(503, "disk", str(error))

    @app.exception_handler(AskanceError)
    def other(_: Request, error: Exception) -> JSONResponse:
        return _error(409, "askance", str(error))

    @app.exception_handler(RequestValidationError)
    def fields(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"][1:]) or "body"
        return _error(422, "fields", f"The field {place!r} is not right: {first['msg']}.")

    @app.exception_handler(HTTPException)
    def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _error(error.status_code, "http", str(error.detail))


def _error(status: int, what: str, said: str) -> JSONResponse:
    return JSONResponse({"error": said, "what": what}, status_code=status)


def _named(doors: Doors, request: Request) -> str:
    """Whoever sent a request, who must have said their name."""
    person = doors.person(request)
    if not person:
        raise BadInput("Nobody has said who labels here. Type your name first.")
    return person


def _id(doors: Doors, key: str) -> str:
    found = doors.ids([key]).get(key)
    if found is None:
        raise HTTPException(404, "There is no such item. Reload the page.")
    return found


def _finite(value: Any) -> Any:
    """A number that a label can be; JSON of some clients knows infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{value} is not a finite number. Type a finite one.")
    return value

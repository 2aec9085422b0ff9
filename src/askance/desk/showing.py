"""What the page is told: items, progress and people, as plain values of JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from askance.desk.desk import OURS, Desk
from askance.desk.fold import Fold, Question, Remark
from askance.project.intake import Reading
from askance.project.items import Stored
from askance.task import Classes, Labels, Task

P = ParamSpec("P")
T = TypeVar("T")
SHORT = 120  # signs of a text in a list


def _alone(method: Callable[Concatenate[Showing, P], T]) -> Callable[Concatenate[Showing, P], T]:
    """A method that reads the state while nobody adds to it."""

    @wraps(method)
    def alone(self: Showing, /, *given: P.args, **named: P.kwargs) -> T:
        with self.desk.lock:
            return method(self, *given, **named)

    return alone


class Showing:
    """A desk in the words of its page.

    Args:
        desk: The desk.
        name: What people call the project.
        suggest: ``never``, ``after`` or ``before``: when the model's guess is shown.
    """

    def __init__(self, desk: Desk, name: str, suggest: str) -> None:
        self.desk, self.name, self.suggest = desk, name, suggest
        kept = desk.items.fact("how")
        self.how = Reading(kept["reads"], tuple(kept["columns"]), kept["id"], kept["label"], tuple(kept["unlabeled"]))

    @_alone
    def item(self, id: str, key: str, person: str) -> dict[str, Any]:
        """An item for one person.

        Args:
            id: The item.
            key: What it is called in addresses.
            person: Who looks at it.
        """
        fold, row = self.desk.fold(), self.desk.stored(id)
        question = fold.questions.get(id)
        guess, _ = self.desk.board.told(id)
        standing = fold.answers.get(id, {})
        own = standing.get(person)
        remark = fold.remarks.get(id, {}).get(person, Remark())
        others = [
            {"by": by, "value": fold.today(said.value), "kind": said.kind}
            for by, said in standing.items()
            if by not in (person, "gone")
        ]
        return {
            "id": id,
            "key": key,
            "fields": self._fields(row),
            "image": f"/api/image/{key}" if self.how.reads == "image" else None,
            "stream": "early" if not self.desk.begun else question.stream if question else "unasked",
            "guess": None if self.suggest == "never" else _aged(guess, fold),
            "answer": None if own is None else {"value": fold.today(own.value), "kind": own.kind},
            "flag": remark.flag,
            "comment": remark.comment,
            "others": others,
        }

    @_alone
    def progress(self, person: str) -> dict[str, int]:
        """How far the project is, and how many answers a person gave."""
        fold = self.desk.fold()
        return {
            "items": fold.items,
            "labeled": fold.labeled,
            "aside": fold.aside,
            "pending": len(fold.open),
            "unlabeled": fold.unlabeled,
            "mine": len(fold.mine.get(person, ())),
        }

    @_alone
    def state(self, person: str, now: float | None = None) -> dict[str, Any]:
        """Where the project stands, for one person."""
        desk, now = self.desk, time.time() if now is None else now
        fold = desk.fold()
        dealer = _dealer(desk.board.fact("dealer", {}), now)
        waiting = len(desk.claims.free(fold))
        present = desk.claims.present()
        people = ({by for by, own in fold.mine.items() if own} - set(OURS)) | present | {person}
        done = {by: len(fold.mine.get(by, ())) for by in people if by}
        return {
            "project": self.name,
            "key": desk.key,
            "reads": self.how.reads,
            "person": person,
            "people": [
                {"name": by, "answers": done[by], "now": by in present} for by in sorted(done, key=str.casefold)
            ],
            "task": {
                "kind": kind_of(fold.task),
                "names": [{"name": name, "count": count} for name, count in fold.counts().items()],
                "unset": desk.unset,
            },
            "progress": self.progress(person),
            "queue": {"waiting": waiting, "why_empty": "" if waiting else self.why_none(fold, dealer)},
            "dealer": dealer,
            "model": _model(fold),
            "suggest": self.suggest,
            "banner": _banner(dealer, fold),
            "stop": desk.board.fact("stop") or {"now": False, "sentence": ""},
            "proof": {name: (desk.board.fact("proof") or {}).get(name, "") for name in ("sentence", "verdict", "at")},
            "version": fold.line,
        }

    def why_none(self, fold: Fold, dealer: Mapping[str, Any]) -> str:
        """Why there is no item to deal."""
        if fold.items and fold.labeled + fold.aside >= fold.items:
            return "All items are answered."
        if fold.stopped:
            return f"{fold.strategy} says that no item is worth a label any more: {fold.stopped}."
        if dealer["doing"] == "failed":
            return str(dealer["said"])
        if len(fold.open):
            return "The open items are with other people. New ones come in a moment."
        return "The next items come in a moment."

    @_alone
    def mine(self, person: str, before: int | None, count: int, key: Callable[[str], str]) -> dict[str, Any]:
        """A person's latest answers, the newest first.

        Args:
            person: Who.
            before: Only those of earlier lines.
            count: How many.
            key: Gives what an item is called in addresses.
        """
        fold = self.desk.fold()
        own = [
            (line, id) for id, line in reversed(fold.mine.get(person, {}).items()) if before is None or line < before
        ]
        shown = []
        for line, id in own[:count]:
            said = fold.answers[id][person]
            text = self.short(id)
            told = {"id": id, "key": key(id), "value": fold.today(said.value), "kind": said.kind, "at": said.at}
            shown.append({**told, "text": text, "line": line})
        return {"answers": shown, "more": len(own) > count}

    @_alone
    def why(self, id: str) -> dict[str, Any]:
        """Why an item was asked, with the texts of its neighbors."""
        found = _why(self.desk.fold().questions.get(id), self.desk.board.told(id)[1], id)
        neighbors = [{**one, "text": self.short(one["id"])} for one in found.get("neighbors") or ()]
        return {**found, "neighbors": neighbors}

    @_alone
    def map(self, found: Mapping[str, Any], key: Callable[[str], str]) -> dict[str, Any]:
        """The map with what is known of its points by now.

        Args:
            found: What the dealer drew: ``ids``, ``x``, ``y`` and ``method``.
            key: Gives what an item is called in addresses.
        """
        fold = self.desk.fold()
        places = {str(name): place for place, name in enumerate(fold.names)}
        labels = [fold.label(id) for id in found["ids"]]
        firsts = [label[0] if isinstance(label, list) and label else label for label in labels]
        return {
            **{name: found[name] for name in ("method", "x", "y")},
            "points": len(labels),
            "side": "".join(fold.side(id)[0] for id in found["ids"]),
            "label": [places.get(str(first), -1) for first in firsts],
            "keys": [key(id) for id in found["ids"]],
            "ids": list(found["ids"]),
            "names": [str(name) for name in fold.names],
            "of": fold.items,
            "at": fold.line,
        }

    def choose(self, suggest: str) -> None:
        """Show guesses from now on never, after, or before the answer; the project remembers it."""
        self.suggest = suggest
        self.desk.board.put("suggest", suggest)

    def short(self, id: str) -> str:
        """An item in a line."""
        fields = self._fields(self.desk.stored(id))
        text = " · ".join(" ".join(field["text"].split()) for field in fields[: 1 if self.how.reads == "text" else 4])
        return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"

    def _fields(self, row: Stored) -> list[dict[str, Any]]:
        """What is shown of a row: its own columns first, which are the item, and then what else the file says."""
        own = [name for name in self.how.columns if name in row.cells]
        aside = {self.how.id, self.how.label, *own}
        more = [name for name in row.cells if name not in aside]
        shown = own + more if self.how.reads != "image" else own
        fields = [{"name": _sent(name), "text": _sent(row.cells[name]), "main": name in own} for name in shown]
        return [field for field in fields if str(field["text"]).strip()]


def _sent(text: str) -> str:
    """A text as it can be sent: half a surrogate pair, of a text or a file's name, is no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def kind_of(task: Task) -> str:
    """``classes``, ``labels`` or ``number``."""
    return "classes" if isinstance(task, Classes) else "labels" if isinstance(task, Labels) else "number"


def _why(question: Question | None, why: Mapping[str, Any] | None, id: str) -> dict[str, Any]:
    """Why an item was asked: what the dealer wrote down, else what the journal says."""
    if why is not None:
        return dict(why)
    nothing: dict[str, Any] = {
        "utility": None,
        "rank": None,
        "doubt": [],
        "neighbors": [],
        "stands_for": 0,
        "model": None,
        "labels": 0,
    }
    if question is None:
        said = "It was not asked: somebody chose it."
        return {**nothing, "id": id, "strategy": "", "sentence": said, "stream": "unasked"}
    chance = question.stream == "control"
    said = f"Asked by {question.strategy}."
    if chance:
        said = "Drawn at random: it measures how good the model is."
    elif question.fit < 0:
        said = "Drawn at random: nothing was known yet that could choose."
    return {**nothing, "id": id, "strategy": question.strategy, "sentence": said, "stream": question.stream}


def _aged(guess: Mapping[str, Any] | None, fold: Fold) -> dict[str, Any] | None:
    """A guess, with the answers that came after the model that made it."""
    return None if guess is None else {**guess, "since": fold.since_fit(int(guess["model"]))}


def _model(fold: Fold) -> dict[str, Any] | None:
    if not fold.fits:
        return None
    fit = fold.fits[-1]
    part = fit["learner"]
    learner = str(part.get("part", part) if isinstance(part, dict) else part).rpartition(":")[2]
    kept = {name: fit[name] for name in ("number", "labels", "seconds", "at")}
    return {**kept, "since": fold.since, "learner": learner, "strategy": fold.strategy}


def _dealer(told: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What the dealer does, with the seconds it still takes where that can be told."""
    doing, done, of = told.get("doing", "starting"), told.get("done", 0), told.get("of", 0)
    spent = told.get("seconds", 0.0)
    eta = spent / done * (of - done) if done and of else told.get("takes")
    if eta is not None and not (done and of):
        eta = max(0.0, eta - (now - told.get("at", now)))
    return {"doing": doing, "done": done, "of": of, "eta": eta, "said": told.get("said", "")}


def _banner(dealer: Mapping[str, Any], fold: Fold) -> dict[str, str] | None:
    if dealer["doing"] == "failed":
        return {"level": "error", "text": dealer["said"]}
    if fold.fits and fold.fits[-1]["diverged"]:
        said = f"The last model failed and knows nothing, so items are drawn at random: {fold.fits[-1]['diverged']}"
        return {"level": "warn", "text": said}
    return None

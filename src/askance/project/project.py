"""A project: a folder that holds your items, their features, and the journal of their labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from askance.describe import build, describe
from askance.encoders.base import Encoder
from askance.errors import BadInput
from askance.project.beginning import ENDING, find_place
from askance.project.early import transfer
from askance.project.features import Features, Progress, Raws, root_of
from askance.project.intake import Intake, Reading, take_in
from askance.project.items import BEGUN, Items, Stored
from askance.project.kinds import TASKS
from askance.project.learning import check_learner
from askance.project.settling import Settled, settle
from askance.sources.opening import open_source
from askance.study.journal import Draft
from askance.study.study import Study
from askance.task import Task
from askance.view import Batch


def _quiet(what: str, done: int, of: int, seconds: float) -> None:
    """Nobody watches."""


class Project:
    """Your own items, from a cold start to predictions.

    Args:
        folder: The project's folder, which `askance.project.starting.init` or ``askance init`` made.
        watch: Told how far encoding is, where opening the study finds items that were not encoded yet.

    Attributes:
        folder: The same.
        items: The rows of its files.

    Raises:
        BadInput: If there is no project.
        StorageError: If it cannot be read.
    """

    def __init__(self, folder: str | Path, watch: Progress = _quiet) -> None:
        self.folder, self._watch = Path(folder), watch
        if not (self.folder / "project.db").is_file():
            raise BadInput(f"{folder} is no project. Make one with: askance init FILE")
        self.items = Items(self.folder / "project.db")

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"

    def close(self) -> None:
        """Let go of its files."""
        if "study" in self.__dict__:
            self.study.close()
        self.items.close()

    # What it is made of

    @property
    def name(self) -> str:
        """What people call it, with marks where the folder's name is no UTF-8."""
        return os.fsencode(self.folder.name.removesuffix(ENDING)).decode("utf-8", "replace")

    @cached_property
    def how(self) -> Reading:
        """How a row of its files becomes an item."""
        kept = self.items.fact("how")
        return Reading(kept["reads"], tuple(kept["columns"]), kept["id"], kept["label"], tuple(kept["unlabeled"]))

    @cached_property
    def encoder(self) -> Encoder:
        """What turns its items into features."""
        known = self.items.fact("encoder")
        if known is None or isinstance(known, str):  # as yet a name, or the best at hand; from now on this one
            from askance.encoders import catalogue

            known = describe(catalogue.encoder(known, self.how.reads))
            self.items.put("encoder", known)
        made = build(known)
        assert isinstance(made, Encoder)
        return made

    @property
    def kind(self) -> str:
        """What its items are labeled with: ``classes``, ``labels`` or ``number``."""
        return str(self.items.fact("task")["kind"])

    @property
    def features(self) -> Features:
        """Its features on disk."""
        roots = [root_of(Path(source["path"])) for source in self.items.fact("sources")]
        return Features(self.folder, self.items, Raws(self.items, self.how, roots), self.encoder)

    @cached_property
    def study(self) -> Study:
        """Its study, opened with all items that have features; what its files say is told to it first."""
        return self._opened()[0]

    # What people do

    def encode(self, limit: int | None = None, progress: Progress = _quiet) -> int:
        """Encode what has no features yet, and anew what is damaged on disk.

        Args:
            limit: So many items in all at most.
            progress: Told how far it is.

        Returns:
            How many items were encoded.
        """
        features = self.features
        if (self.folder / "encoder").is_dir():
            store = features.store()
            store.drop(store.verify())
        done = features.bring_up(limit, progress)
        self.items.put("limit", limit)
        self.forget()
        return done

    def add(
        self,
        path: str | Path,
        *,
        update: bool = False,
        scope: str = "",
        encoding: str = "utf-8",
        split: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Intake:
        """Take in a file that has grown, or another one: what is new comes in, what is lost is marked.

        Args:
            path: The file or folder.
            update: Whether known ids may come with other content; their labels stay.
            scope: ``more``: the file holds further items, and nothing is lost. ``replace``: it takes the place of all
                files so far. By default a file that is known is a newer version of itself, and another one is a newer
                version of all.
            encoding: How a CSV file is encoded.
            split: Which split of a Hugging Face folder.
            progress: Told how many rows were read.

        Raises:
            BadInput: For changed content under a known id, repeated or empty ids, a missing column; nothing is changed.
        """
        source = open_source(path, encoding=encoding, split=split)
        with self.items.write():
            sources = self.items.fact("sources")
            place = str(Path(path).absolute())
            known = [number for number, one in enumerate(sources) if one["path"] == place]
            if not known:
                sources.append({"path": place})
                self.items.put("sources", sources)
            number = known[0] if known else len(sources) - 1
            of = {"more": "none", "replace": "all", "": "own" if known else "all"}[scope]
            done = take_in(self.items, source, self.how, number=number, update=update, scope=of, progress=progress)
        self.forget()
        return done

    def settle(self) -> Settled:
        """Open the study and tell it what the files say: their labels, and which items are gone."""
        self.forget()
        study, settled = self._opened()
        self.__dict__["study"] = study
        return settled

    def ask(self, n: int = 50, once: str | None = None) -> Batch:
        """The next items to label.

        Args:
            n: How many.
            once: A client's key; the same key gets the same batch.
        """
        return self.study.ask(n, once)

    def rows(self, ids: Iterable[Any]) -> list[Stored]:
        """The rows of some items."""
        return self.items.of(str(id) for id in ids)

    def strategy(self, name: str) -> None:
        """Ask by another strategy from now on."""
        self._reopen("strategy", name)

    def learner(self, name: str) -> None:
        """Learn by another learner from now on.

        Raises:
            BadInput: If there is no such learner, or it learns something else than what the items are labeled with.
        """
        check_learner(name, self.kind)
        self._reopen("learner", name)

    @contextmanager
    def by(self, strategy: str | None = None, learner: str | None = None) -> Iterator[None]:
        """Ask by another strategy and learn by another learner from now on, unless what is done inside fails.

        Args:
            strategy: What asks; None changes nothing.
            learner: What learns; None changes nothing.
        """
        if strategy is None and learner is None:
            yield
            return
        settings, parts = self.items.fact("study"), dict(self.study.state.parts)
        try:
            if strategy is not None:
                self.strategy(strategy)
            if learner is not None:
                self.learner(learner)
            yield
        except BaseException:
            self._back(settings, parts)
            raise

    def forget(self) -> None:
        """Open the study anew when it is next needed."""
        study = self.__dict__.pop("study", None)
        if study is not None:
            study.close()

    # Within

    def _reopen(self, what: str, name: str) -> None:
        """Open the study with another part, and remember it once the study has taken it."""
        settings: Mapping[str, Any] = {**self.items.fact("study"), what: name}
        pool = self.study.pool
        self.forget()
        self.__dict__["study"] = Study(pool, storage=self.folder / "study.db", task=self._task(), **settings)
        self.items.put("study", settings)

    def _back(self, settings: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
        """Put strategy and learner back, in the journal too: where nobody wished for one, the journal's stays."""
        self.items.put("study", settings)
        study = self.study
        now = study.state.parts
        drafts = [
            Draft("changed", {"what": what, "old": now[what], "new": parts[what]})
            for what in ("strategy", "learner")
            if now[what] != parts[what]
        ]
        if drafts:
            study.insist(lambda: study.append(drafts))

    def _opened(self) -> tuple[Study, Settled]:
        limit = self.items.fact("limit")
        if limit is None or self.items.fact("edited", []) or not self.items.fact(BEGUN, False):
            self.features.bring_up(limit, self._watch)
        pool = self.features.pool()
        study = Study(pool, storage=self.folder / "study.db", task=self._task(), **self.items.fact("study"))
        mark = [self.items.fact("reading"), len(pool)]
        done = Settled()
        if self.items.fact("settled") != mark:
            done = settle(self.items, study, self.value)
            self.items.put("settled", mark)
        transfer(self.items, study)
        return study, done

    def _task(self) -> Task:
        said = self.items.fact("task")
        return TASKS[said["kind"]](said["names"])

    def value(self, text: str) -> Any:
        """The text of a label as a value of the task.

        Raises:
            BadInput: If it is none.
        """
        from askance.project.answers_file import parse_label

        return parse_label(text, self.kind)


def find_project(given: str | None, here: Path | None = None, watch: Progress = _quiet) -> Project:
    """The project that is meant: the one that is named, or the only one in this folder.

    Args:
        given: Its folder, if somebody named it.
        here: Where to look otherwise; by default the current folder.
        watch: Told how far encoding is.

    Raises:
        BadInput: If there is none, or there are several.
    """
    return Project(find_place(given, here), watch)

"""A grid: data sets x encoders x learners x strategies x first labels x batch sizes x seeds, written in TOML."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from askance.describe import find
from askance.encoders import catalogue as encoders
from askance.encoders.base import Encoder
from askance.errors import BadInput, unknown
from askance.lab import ceilings
from askance.lab.datasets import Dataset
from askance.lab.identity import PROTOCOL, content, digest, identity
from askance.lab.items import named
from askance.lab.plan import PER_CLASS, Plan, check
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.strategies import catalogue as strategies
from askance.strategies.base import Strategy

SEEDS = 50  # three runs mislead
TEST = 0.3  # of the items
MOST_TEST = 5000
LEFT_OUT = "Left out, as not in the cache:"  # how a remark on a grid begins that runs without what it lacks


@dataclass(frozen=True)
class Cell:
    """One strategy with one seed under one condition.

    Args:
        condition: Its number.
        strategy: Its name, or that of an upper bound.
        seed: The seed.
        key: What decides its result, see `identity`.
    """

    condition: int
    strategy: str
    seed: int
    key: str


@dataclass(frozen=True, eq=False)
class Condition:
    """All that strategies have in common when they are compared.

    Args:
        name: The name shown: the data set, and what else differs in the grid.
        dataset: Items and labels.
        plan: How strategies are compared.
        settings: What the name was made of.
        bound_seeds: The seeds that upper bounds are run with.
        said: Remarks of its grid.
    """

    name: str
    dataset: Dataset
    plan: Plan
    settings: Mapping[str, Any]
    bound_seeds: tuple[int, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Grid:
    """What is to be compared. Every list in it but ``seeds`` and ``bounds`` is a dimension.

    Args:
        datasets: Names that ``askance datasets`` lists, tables (``name`` and ``items``, or ``file``, ``label``, and
            ``text``, ``id``, ``ignore``, ``encoding``; ``side`` makes pictures of so many pixels a side), or
            `Dataset`s.
        strategies: Names, ``path/mine.py:Mine``, tables (``strategy``, ``name`` and its fields), or `Strategy`s.
        learners: Names, ``module:Class``, tables (``learner``, ``name`` and its fields), or `Learner`s.
        encoders: What reads data sets of prose or pictures: ``default`` (the features a data set comes with, of prose
            TF-IDF of all its items), names, folders, ``module:Class``, tables (``encoder``, ``name`` and its fields),
            or `Encoder`s.
        start: What picks the first labels: ``random``, ``per-class`` (equally many of each class, as benchmarks do
            who know them), or a strategy that needs no model.
        initial: First labels.
        batch: Labels in a round.
        budget: Labels bought in the end; None: the first ones and 20 rounds.
        test: Items held out: a number, or a share.
        seeds: Each is one run of every strategy.
        title: Of the report.
        more: Grids of other dimensions that make one report with this one; the title is this one's.
        bounds: Upper bounds, which read test data: names, or tables (``bound``, ``name`` and its fields).
        bound_seeds: How many of the seeds, the first ones, they are run with.
        said: What a reader must know of the whole.
    """

    datasets: tuple[Any, ...]
    strategies: tuple[Any, ...]
    learners: tuple[Any, ...] = ("linear",)
    encoders: tuple[Any, ...] = ("default",)
    start: tuple[str, ...] = ("random",)
    initial: tuple[int, ...] = ()
    batch: tuple[int, ...] = (10,)
    budget: int | None = None
    test: float = TEST
    seeds: tuple[int, ...] = tuple(range(SEEDS))
    title: str = ""
    more: tuple[Grid, ...] = ()
    bounds: tuple[Any, ...] = ()
    bound_seeds: int = ceilings.SEEDS
    said: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("datasets", "strategies", "learners", "encoders", "start", "initial", "batch", "seeds"):
            values = getattr(self, name)
            if not values and name != "initial":
                raise BadInput(f"The grid has no {name}. Name at least one.")
            shown = [_shown(value) for value in values]
            twice = [value for value, count in Counter(shown).items() if count > 1]
            if twice:
                raise BadInput(
                    f"{twice[0]!r} stands twice under {name}. Leave one out, or give a table another name = ..."
                )

    @cached_property
    def parts(self) -> dict[str, Strategy]:
        """The strategies by the names shown.

        Raises:
            BadInput: If two have one name.
        """
        found: dict[str, Strategy] = {}
        for name, part in map(strategy_of, self.strategies):
            if name in found:
                raise BadInput(f"Two strategies are called {name!r}. Leave one out, or give a table another name = ...")
            found[name] = part
        return found

    @cached_property
    def above(self) -> dict[str, ceilings.Ceiling]:
        """The upper bounds by the names shown.

        Raises:
            BadInput: If one has the name of a strategy, or of another.
        """
        found: dict[str, ceilings.Ceiling] = {}
        for name, part in map(ceilings.ceiling_of, self.bounds):
            if name in found or name in self.parts:
                raise BadInput(f"Two parts of the grid are called {name!r}. Give a table another name = ...")
            found[name] = part
        return found

    @cached_property
    def conditions(self) -> list[Condition]:
        """Every combination but for strategies and seeds, checked.

        Raises:
            BadInput: If something in the grid cannot be run: before anything is.
        """
        found = self._own()
        for other in self.more:
            found += other.conditions
        named = [replace(one, name=_name(one.settings, found)) for one in found]
        names = [one.name for one in named]
        for one in named:
            if names.count(one.name) > 1:
                raise BadInput(
                    f'Two conditions are called "{one.name}". Give a data set another name = ... in a table.'
                )
            try:
                check(one.dataset, one.plan)
            except BadInput as error:
                raise type(error)(f"{one.name}: {error}") from None
        return named

    def _own(self) -> list[Condition]:
        """The combinations of this grid's own dimensions, without names."""
        made = [learner_of(value) for value in self.learners]
        asking = self.parts
        found = []
        for given, encoder_name, dataset in self._read():
            for (learner_name, learner), start, initial, batch in product(
                made, self.start, self.initial or (max(20, 2 * len(dataset.classes)),), self.batch
            ):
                test = self.test
                held_out = min(MOST_TEST, round(test * len(dataset.pool))) if test < 1 else int(test)
                left = len(dataset.pool) - held_out
                budget = self.budget if self.budget is not None else min(initial + 20 * batch, left)
                plan = Plan(
                    strategies=tuple(asking),
                    seeds=self.seeds,
                    initial=initial,
                    batch=batch,
                    budget=budget,
                    test=held_out,
                    learner=learner,
                    start=start,
                    parts=asking,
                    bounds=self.above,
                )
                settings = {
                    "dataset": _shown(given) if isinstance(given, Mapping) and "items" in given else dataset.name,
                    "encoder": encoder_name,
                    "learner": learner_name,
                    "start": start,
                    "initial": initial,
                    "batch": batch,
                }
                found.append(Condition("", dataset, plan, settings, self.seeds[: self.bound_seeds], self.said))
        return found

    def _read(self) -> Iterator[tuple[Any, str, Dataset]]:
        """Each value of the data sets with the name of each encoder, and what that makes of it."""
        reading = [encoder_of(value) for value in self.encoders]
        for given in self.datasets:
            held = named(given)
            for name, encoder in reading:
                yield given, name, held.read(name, encoder)

    def cells(self) -> Iterator[Cell]:
        """Every cell: seed by seed, all conditions and strategies of one before the next."""
        marks = [self._marks(condition) for condition in self.conditions]
        for turn in range(max(len(condition.plan.seeds) for condition in self.conditions)):
            for number, condition in enumerate(self.conditions):
                shared, own = marks[number]
                for seed in condition.plan.seeds[turn : turn + 1]:
                    names = [
                        *condition.plan.strategies,
                        *(condition.plan.bounds if turn < len(condition.bound_seeds) else ()),
                    ]
                    for name in names:
                        yield Cell(number, name, seed, digest([shared, own[name], seed]))

    def _marks(self, condition: Condition) -> tuple[Any, dict[str, Any]]:
        plan = condition.plan
        shared = {
            "protocol": PROTOCOL,
            "data": content(condition.dataset),
            "learner": identity(learners.learner(plan.learner)),
            "start": PER_CLASS if plan.start == PER_CLASS else identity(strategies.strategy(plan.start)),
            **{name: getattr(plan, name) for name in ("initial", "batch", "budget", "test")},
        }
        own = {name: identity(plan.strategy(name)) for name in plan.strategies}
        return shared, own | {name: identity(part) for name, part in plan.bounds.items()}


def read_grid(path: str | Path) -> Grid:
    """A grid from a TOML file; paths in it are relative to its folder.

    Raises:
        BadInput: If it is no TOML, or has a key that no grid has.
    """
    place = Path(path)
    try:
        found = tomllib.loads(place.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no TOML: {error}. See docs/lab.md for an example.") from error
    return grid_of(found, place)


def grid_of(found: Mapping[str, Any], place: Path) -> Grid:
    """A grid from what TOML gave."""
    known = {entry.name for entry in fields(Grid)} | {"first_seed"}
    for name in found:
        if name not in known:
            raise BadInput(f"{place}: {unknown('key of a grid', name, known)}")
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name in ("title", "budget", "test", "first_seed", "seeds", "bound_seeds", "more"):
            continue
        values[name] = tuple(value) if isinstance(value, list) else (value,)
    for name in ("datasets", "strategies"):
        if name not in values:
            raise BadInput(f"{place} names no {name}. Write {name} = [...].")
    values |= {name: found[name] for name in ("title", "budget", "test", "bound_seeds") if name in found}
    if "more" in found:
        values["more"] = tuple(_beside(one, found, place) for one in found["more"])
    values["seeds"] = _seeds(found, place)
    for name in ("initial", "batch"):
        for number in values.get(name, ()):
            _whole(number, name, place)
    for name in ("budget", "bound_seeds"):
        if name in values:
            _whole(values[name], name, place)
    if "test" in values and not (isinstance(values["test"], int | float) and values["test"] > 0):
        raise BadInput(f"{place}: test = {values['test']!r} holds out nothing. Use a share such as 0.3, or a number.")
    values.setdefault("title", place.stem)
    for name in ("datasets", "strategies", "learners", "encoders", "start"):
        if name in values:
            values[name] = tuple(_placed(value, place.parent) for value in values[name])
    return Grid(**values)


def _beside(own: Any, found: Mapping[str, Any], place: Path) -> Grid:
    """A grid of ``[[more]]``: what it does not say itself is as in the first one."""
    if not isinstance(own, Mapping) or "more" in own:
        raise BadInput(f"{place}: more = {own!r} is no table of a grid. Write [[more]] and its keys below.")
    return grid_of({name: value for name, value in found.items() if name != "more"} | dict(own), place)


def _seeds(found: Mapping[str, Any], place: Path) -> tuple[int, ...]:
    given, first = found.get("seeds", SEEDS), found.get("first_seed", 0)
    if isinstance(given, list):
        if "first_seed" in found:
            raise BadInput(f"{place}: seeds is a list, which has a first one already. Leave out first_seed.")
        for seed in given:
            _whole(seed, "seeds", place, least=0)
        return tuple(given)
    _whole(given, "seeds", place)
    _whole(first, "first_seed", place, least=0)
    return tuple(range(first, first + given))


def _whole(value: Any, name: str, place: Path, least: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadInput(f"{place}: {name} = {value!r} is no whole number of {least} or more. Write one.")


def _placed(value: Any, folder: Path) -> Any:
    """Paths relative to the grid's file, as its writer sees them."""
    if isinstance(value, dict):
        moved = {k: _placed(v, folder) if k in ("strategy", "learner", "encoder") else v for k, v in value.items()}
        return moved | ({"file": str(folder / value["file"])} if "file" in value else {})
    if isinstance(value, str) and ".py:" in value:
        path, _, name = value.rpartition(":")
        return f"{folder / path}:{name}"
    return value


def _shown(value: Any) -> str:
    """The name of a value of a dimension."""
    if isinstance(value, Mapping):
        plain = (
            value.get("name")
            or value.get("strategy")
            or value.get("learner")
            or value.get("encoder")
            or value.get("file")
        )
        return f"{plain} ({value['items']} items)" if "items" in value else str(plain)
    if isinstance(value, Dataset):
        return value.name
    if isinstance(value, str) and ".py:" in value:
        return value.rpartition(":")[2]
    return str(value)


def strategy_of(value: Any) -> tuple[str, Any]:
    """The name shown and the strategy of a value of that dimension."""
    if isinstance(value, Mapping):
        return _part(value, "strategy", _strategy_with)
    part = strategies.strategy(value)
    return (_shown(value) if isinstance(value, str) else strategies.name_of(part)), part


def learner_of(value: Any) -> tuple[str, Any]:
    """The name shown and the learner of a value of that dimension."""
    if isinstance(value, Mapping):
        return _part(value, "learner", _learner_with)
    part = learners.learner(value)
    return (_shown(value) if isinstance(value, str) else type(part).__name__), part


def encoder_of(value: Any) -> tuple[str, Encoder | None]:
    """The name shown and the encoder of a value of that dimension; None for the features a data set comes with."""
    if value == "default":
        return "default", None
    if isinstance(value, Mapping):
        return _part(value, "encoder", _encoder_with)
    return _shown(value) if isinstance(value, str) else encoders.name_of(value), encoders.encoder(value, _reads(value))


def _part(value: Mapping[str, Any], kind: str, make: Callable[[Any, Mapping[str, Any]], Any]) -> tuple[str, Any]:
    """The name shown and the part of a table: which it is, and other fields than its defaults."""
    if kind not in value:
        raise BadInput(f'The table {dict(value)} does not say which {kind}. Write {kind} = "..." in it.')
    if not isinstance(value[kind], str):  # in Python a table may hold the object itself, to give it a name
        return str(value.get("name") or type(value[kind]).__name__), make(value[kind], {})
    name = value[kind]
    own = {
        key: tuple(given) if isinstance(given, list) else given
        for key, given in value.items()
        if key not in (kind, "name")
    }
    fallback = name.rpartition(":")[2] if ":" in name else name
    shown = value.get("name") or (f"{fallback} ({', '.join(f'{k} {v}' for k, v in own.items())})" if own else fallback)
    return str(shown), make(name, own)


def _strategy_with(name: Any, own: Mapping[str, Any]) -> Strategy:
    if isinstance(name, Strategy):
        return name
    if ":" not in name and name not in strategies.STRATEGIES.places:
        raise unknown("strategy", name, strategies.STRATEGIES.places)
    cls = find(strategies.STRATEGIES.places.get(name, name))
    try:
        return strategies.strategy(cls(**own))
    except TypeError as error:
        raise BadInput(
            f"The strategy {name!r} cannot be made with {dict(own)}: {error}. Check the names of its fields."
        ) from None


def _learner_with(name: Any, own: Mapping[str, Any]) -> Learner:
    return learners.learner_with(name, own) if isinstance(name, str) else learners.learner(name)


def _encoder_with(name: Any, own: Mapping[str, Any]) -> Encoder:
    places = encoders.ENCODERS.places
    if not own:
        return encoders.encoder(name, _reads(name))
    if name not in places and ":" not in name:
        raise unknown("encoder with fields", name, places)
    try:
        made = find(places.get(name, name))(**own)
    except TypeError as error:
        raise BadInput(
            f"The encoder {name!r} cannot be made with {dict(own)}: {error}. Check the names of its fields."
        ) from None
    return encoders.encoder(made, getattr(made, "reads", "text"))


def _reads(value: Any) -> str:
    """What an encoder reads, as far as its name tells: texts otherwise."""
    places = encoders.ENCODERS.places
    found = find(places[value]) if isinstance(value, str) and value in places else value
    return str(getattr(found, "reads", "text"))


def _name(settings: Mapping[str, Any], all_of_them: Sequence[Condition]) -> str:
    """The data set, and what differs among the conditions of one data set."""
    words = [str(settings["dataset"])]
    for key in ("encoder", "learner", "start", "initial", "batch"):
        beside = {one.settings[key] for one in all_of_them if one.settings["dataset"] == settings["dataset"]}
        if len(beside) > 1:
            words.append(str(settings[key]) if key in ("encoder", "learner") else f"{key} {settings[key]}")
    return ", ".join(words)

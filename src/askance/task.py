"""Tasks: what an answer may be, and how answers become targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from askance.errors import BadInput, unknown
from askance.history import Answer

if TYPE_CHECKING:
    from torch import Tensor  # only the learning side brings torch: the desk reads answers without it

Target = tuple[list[float], float]

_ROUNDING = 5e-7  # how far from 1 a distribution may sum; heads are solved for 1e-6 at most


@dataclass(frozen=True)
class Task:
    """What the items are labeled with. One subclass per kind of label.

    A task reads a person's value, turns several people's answers to one item into one target, and knows the link
    and loss that fit its targets.
    """

    @property
    def width(self) -> int:
        """Columns of targets and scores: classes, labels or numbers."""
        raise TypeError(f"{type(self).__name__} does not say how wide its targets are")

    def read(self, value: Any, kind: str = "label") -> Any:
        """The value as the journal keeps it.

        Raises:
            BadInput: If the task has no word for the value.
        """
        raise TypeError(f"{type(self).__name__} does not read values")

    def vector(self, value: Any, kind: str) -> list[float]:
        """One read value as a target row of `width` numbers."""
        raise TypeError(f"{type(self).__name__} does not make targets")

    def target(self, answers: Sequence[Answer]) -> Target | None:
        """One target and its weight from everyone's standing answers to one item.

        The mean of the answers that carry a label; None where none does: the item goes aside.
        """
        rows = [self.vector(a.value, a.kind) for a in answers if a.kind in ("label", "soft")]
        if not rows:
            return None
        return [sum(column) / len(rows) for column in zip(*rows, strict=True)], 1.0

    def keeps_columns(self, before: Task) -> bool:
        """Whether the columns of scores mean what they meant under the task as it was before a change."""
        return type(self) is type(before) and self.width == before.width

    def link(self, scores: Tensor) -> Tensor:
        """Scores (items, width) to what they mean: probabilities, or the numbers themselves."""
        raise TypeError(f"{type(self).__name__} has no link")

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """The loss of each item, (items,)."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def answer(self, row: Tensor) -> Any:
        """The value a model would answer with, given one row of linked scores."""
        raise TypeError(f"{type(self).__name__} gives no answers")

    def missing(self, targets: Tensor) -> str:
        """Why a model is not worth asking yet, in words; empty when it is.

        Args:
            targets: Targets of the labeled side, (labeled, width).
        """
        raise TypeError(f"{type(self).__name__} does not say when it can start")


@dataclass(frozen=True)
class Named(Task):
    """What classes and labels have in common: names, which people may add, rename and merge.

    Args:
        names: In the order of the score columns.
        aliases: Names that answers of the past carry, each with the name it has today.
    """

    names: tuple[str | int, ...]
    aliases: tuple[tuple[str | int, str | int], ...] = ()

    word: ClassVar[str] = "name"

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(plain(name) for name in self.names))
        object.__setattr__(self, "aliases", tuple((plain(old), plain(now)) for old, now in self.aliases))
        _distinct(self.names)

    @property
    def width(self) -> int:
        return len(self.names)

    def index(self, name: Any) -> int:
        """The column of a name, or of what it is called today; a number and its spelling are one name."""
        column = self._columns.get(str(plain(name)))
        if column is None:
            raise _no_word(self.names, name)
        return column

    def keeps_columns(self, before: Task) -> bool:
        if not (isinstance(before, Named) and super().keeps_columns(before)):
            return False
        return all(self._columns.get(str(name)) == column for column, name in enumerate(before.names))

    def knows(self, name: Any) -> bool:
        """Whether a name is one of today's, or one that was renamed or merged."""
        return str(plain(name)) in self._columns

    def grown(self, name: Any) -> Self:
        """The task with one name more, as its last column.

        Raises:
            BadInput: If the name is known, also as one that was renamed or merged, or blank.
        """
        new = self._readable(name)
        now = dict(self._aliased).get(str(new))
        if now is not None:
            raise BadInput(f"{new!r} is an old name of {now!r}, and old answers still carry it. Choose another name.")
        return replace(self, names=(*self.names, new))

    def renamed(self, old: Any, new: Any) -> Self:
        """The task with another name for one column; answers that carry the old name mean the new one.

        Raises:
            BadInput: If there is no such name, or the new one is another column's, or blank.
        """
        column, name = self.index(old), self._readable(new)
        before = self.names[column]
        if str(before) == str(name):
            raise BadInput(f"The {self.word} {before!r} has that name already. Give another one.")
        if str(name) in {str(known) for known in self.names}:
            raise BadInput(f"There is a {self.word} {name!r} already. To make one of both: merge {before!r} into it.")
        if dict(self._aliased).get(str(name), before) != before:
            raise BadInput(f"{name!r} is an old name of another {self.word}. Choose another name.")
        names = tuple(name if place == column else known for place, known in enumerate(self.names))
        return replace(self, names=names, aliases=self._pointing(before, name))

    def merged(self, old: Any, into: Any) -> Self:
        """The task with one column less; answers that carry its name mean another.

        Raises:
            BadInput: If one of them does not exist, or both are the same.
        """
        column, kept = self.index(old), self.names[self.index(into)]
        before = self.names[column]
        if before == kept:
            raise BadInput(f"{str(plain(old))!r} and {str(plain(into))!r} are the same {self.word}. Name two.")
        names = tuple(known for known in self.names if known != before)
        return replace(self, names=names, aliases=self._pointing(before, kept))

    def _readable(self, name: Any) -> str | int:
        """A new name as a plain value; signs of every kind may stand in it, and something has to.

        Raises:
            BadInput: If it is blank.
        """
        new: str | int = plain(name)
        if not str(new).strip():
            raise BadInput(f"The {self.word} {new!r} has no name. Give it a word that people can read.")
        return new

    def _pointing(self, old: str | int, now: str | int) -> tuple[tuple[str | int, str | int], ...]:
        """The aliases, after a name has become another one."""
        moved = [(alias, now if name == old else name) for alias, name in self.aliases]
        return tuple((alias, name) for alias, name in [*moved, (old, now)] if str(alias) != str(now))

    @property
    def _aliased(self) -> list[tuple[str, str | int]]:
        return [(str(alias), name) for alias, name in self.aliases]

    @cached_property
    def _columns(self) -> dict[str, int]:
        today = {str(name): column for column, name in enumerate(self.names)}
        return {**{alias: today[str(name)] for alias, name in self._aliased}, **today}


@dataclass(frozen=True)
class Classes(Named):
    """One class out of several.

    Args:
        names: The classes, in the order of the score columns; none yet, if people find them while they label.
        aliases: Names that answers of the past carry, each with the name it has today.

    >>> Classes(("cat", "dog")).target([Answer("dog"), Answer("dog"), Answer("cat"), Answer(None, kind="unsure")])
    ([0.3333333333333333, 0.6666666666666666], 1.0)
    >>> Classes(("cat", "kitten", "dog")).merged("kitten", "cat").target([Answer("kitten")])
    ([1.0, 0.0], 1.0)
    """

    word: ClassVar[str] = "class"

    def read(self, value: Any, kind: str = "label") -> Any:
        if kind != "soft":
            return self.names[self.index(value)]
        shares = {str(self.names[self.index(name)]): share for name, share in _shares(value).items()}
        if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-3:
            raise BadInput(f"The soft label {value!r} does not sum to 1. Hand in one share per class, none negative.")
        return shares

    def vector(self, value: Any, kind: str) -> list[float]:
        shares = value if kind == "soft" else {value: 1.0}
        row = [0.0] * self.width
        for name, share in shares.items():
            row[self.index(name)] += share
        total = sum(row)
        if abs(total - 1) > _ROUNDING:  # `read` takes shares that were rounded; what sums to 1 keeps its last bits
            row = [share / total for share in row]
        return row

    def link(self, scores: Tensor) -> Tensor:
        return scores.softmax(-1)

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        return -(targets * scores.log_softmax(-1)).sum(-1)

    def answer(self, row: Tensor) -> Any:
        return self.names[int(row.argmax())]

    def missing(self, targets: Tensor) -> str:
        if not self.width:
            return "no class is named yet"
        need = max(2, 2 * self.width)
        seen = len(set(targets.argmax(-1).tolist())) if len(targets) else 0
        if len(targets) >= need and seen >= 2:
            return ""
        return (
            f"{len(targets)} of the {need} labels and {seen} of the {min(2, max(1, self.width))} "
            f"classes that a model needs are there"
        )


@dataclass(frozen=True)
class Labels(Named):
    """Any number of labels out of several.

    Args:
        names: The labels, in the order of the score columns; answers from before a label was added count as without it.
        aliases: Names that answers of the past carry, each with the name it has today.

    >>> Labels(("urgent", "billing")).target([Answer(["billing"])])
    ([0.0, 1.0], 1.0)
    """

    word: ClassVar[str] = "label"

    def read(self, value: Any, kind: str = "label") -> Any:
        if isinstance(value, str | int):
            raise BadInput(f"An item of this task has a list of labels, not {value!r}. Hand in a list; [] is no label.")
        if kind == "soft":
            shares = {str(self._name(name)): share for name, share in _shares(value).items()}
            if any(not 0 <= share <= 1 for share in shares.values()):
                raise BadInput(f"The soft labels {value!r} are not between 0 and 1. Hand in a probability per label.")
            return shares
        found = [self._name(name) for name in value]
        return [name for name in self.names if name in found]

    def _name(self, name: Any) -> str | int:
        return self.names[self.index(name)]

    def vector(self, value: Any, kind: str) -> list[float]:
        shares = value if kind == "soft" else dict.fromkeys(value, 1.0)
        row = [0.0] * self.width
        for name, share in shares.items():
            column = self.index(name)
            row[column] = max(row[column], float(share))  # of labels that were merged, the surer one
        return row

    def link(self, scores: Tensor) -> Tensor:
        return scores.sigmoid()

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(scores, targets, reduction="none").mean(-1)

    def answer(self, row: Tensor) -> Any:
        return [name for name, share in zip(self.names, row.tolist(), strict=True) if share >= 0.5]

    def missing(self, targets: Tensor) -> str:
        if not self.width:
            return "no label is named yet"
        need = max(2, 2 * self.width)
        return "" if len(targets) >= need else f"{len(targets)} of the {need} labels that a model needs are there"


@dataclass(frozen=True)
class Targets(Task):
    """One or several numbers.

    Args:
        n: How many numbers an answer holds.

    >>> Targets().target([Answer([1.0]), Answer([2.0])])
    ([1.5], 1.0)
    """

    n: int = 1

    def __post_init__(self) -> None:
        if self.n < 1:
            raise BadInput(f"Targets(n={self.n}) has no number to learn. Use n=1 or more.")

    @property
    def width(self) -> int:
        return self.n

    def read(self, value: Any, kind: str = "label") -> Any:
        if kind == "soft":
            raise BadInput("A number has no soft label. Tell the number itself, with kind 'label'.")
        given = value.tolist() if hasattr(value, "tolist") else value
        numbers = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        if len(numbers) != self.n:
            raise BadInput(f"{value!r} holds {len(numbers)} numbers; this task has {self.n}. Hand in {self.n}.")
        return [_number(number) for number in numbers]

    def vector(self, value: Any, kind: str) -> list[float]:
        return [float(number) for number in value]

    def link(self, scores: Tensor) -> Tensor:
        return scores

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        return (scores - targets).square().mean(-1)

    def answer(self, row: Tensor) -> Any:
        return [float(number) for number in row]

    def missing(self, targets: Tensor) -> str:
        return "" if len(targets) >= 2 else f"{len(targets)} of the 2 labels that a model needs are there"


def plain(value: Any) -> Any:
    """A numpy or torch scalar as Python's own."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"{value!r} is not a number. Hand in a finite number.") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise BadInput(f"{value!r} is not a finite number. Hand in a finite number.")
    return number


def _shares(value: Any) -> dict[Any, float]:
    if not isinstance(value, Mapping):
        raise BadInput(f"The soft label {value!r} is no mapping. Hand in a share for each class, by its name.")
    return {name: _number(share) for name, share in value.items()}


def _distinct(names: tuple[str | int, ...]) -> None:
    spellings = [str(name) for name in names]
    twice = sorted({name for name in spellings if spellings.count(name) > 1})
    if twice:
        raise BadInput(f"The class {twice[0]!r} is declared twice. Declare each class once.")


def _no_word(names: tuple[str | int, ...], name: Any) -> BadInput:
    error = unknown("class", str(plain(name)), [str(known) for known in names])
    return BadInput(f"{error} To add a class to this project: study.declare({plain(name)!r}).")

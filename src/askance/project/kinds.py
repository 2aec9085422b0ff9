"""What a project's items can be labeled with, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from askance.task import Classes, Labels, Targets, Task

TASKS: dict[str, Callable[[Sequence[str]], Task]] = {
    "classes": lambda names: Classes(tuple(names)),
    "labels": lambda names: Labels(tuple(names)),
    "number": lambda names: Targets(),
}

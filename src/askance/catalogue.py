"""Catalogues: parts by name, our own and those of installed plug-ins, imported only when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

from askance.describe import describe, find
from askance.errors import BadInput, UnknownName, unknown


@dataclass(frozen=True)
class Catalogue:
    """Names for parts of one kind.

    Args:
        kind: What the parts are called in errors, such as ``strategy``.
        group: The entry-point group of plug-ins.
        own: Our names, each with its ``module:Class``.
    """

    kind: str
    group: str
    own: Mapping[str, str] = field(hash=False)

    def names(self) -> list[str]:
        """Our names, then those of installed plug-ins."""
        return [*self.own, *sorted(set(self.places) - set(self.own))]

    def make(self, name: str) -> Any:
        """The part of a name, of ``module:Class`` or of ``path/mine.py:Class``, with its defaults.

        Raises:
            UnknownName: If there is no such name; the nearest one is told.
            BadInput: If the class wants arguments.
        """
        if ":" not in name and name not in self.places:
            hint = f"Any other {self.kind}: module:Class or path/mine.py:Class."
            raise UnknownName(f"{unknown(self.kind, name, self.places)} {hint}")
        found = find(self.places.get(name, name))
        if not isinstance(found, type):
            return found
        try:
            return found()
        except TypeError as error:
            raise BadInput(
                f"The {self.kind} {name!r} wants arguments: {error}. Give its fields defaults, or hand in the object."
            ) from None

    def name_of(self, part: Any) -> str:
        """The name people know a part by; its class where it is in no catalogue."""
        place = describe(part)["part"]
        return next((name for name, where in self.places.items() if where == place), type(part).__name__)

    @cached_property
    def places(self) -> dict[str, str]:
        """Where each named part is, as ``module:Class``."""
        return {**{point.name: point.value for point in entry_points(group=self.group)}, **self.own}

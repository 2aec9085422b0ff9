"""Makers: the user's classes, functions and dataclasses that make a network or an object anew for each fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from inspect import isfunction, ismethod, signature
from typing import Any


def is_maker(thing: Any) -> bool:
    """Whether something can make an object and can be named in a journal.

    Built-in functions cannot: a journal names makers, and must not be able to have the operating system called.
    """
    return isinstance(thing, type) or isfunction(thing) or ismethod(thing) or (is_dataclass(thing) and callable(thing))


def takes(maker: Callable[..., Any], arguments: int) -> bool:
    """Whether something can be called with so many arguments by position.

    >>> takes(lambda features, width, hidden=64: None, 2)
    True
    """
    try:
        signature(maker).bind(*range(arguments))
    except TypeError:
        return False
    return True


def named(thing: Any) -> str:
    """What people call a class, a function or an object."""
    return str(getattr(thing, "__name__", type(thing).__name__))

"""Optional packages: what to install is said once, here."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from askance.errors import AskanceError


class MissingPackage(AskanceError, ImportError):
    """A feature needs a package that is not installed."""


def need(module: str, extra: str, why: str) -> ModuleType:
    """Import a module of an optional extra, or say how to install it.

    Args:
        module: The module to import.
        extra: The extra of askance that brings it.
        why: What needs it, the subject of the sentence.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackage(
            f"{why} needs the package {module!r}, which is not installed. "
            f"Install it with: pip install 'askance[{extra}]'"
        ) from error

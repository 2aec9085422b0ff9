"""Parts as JSON and back: what the journal stores of a strategy, a learner or a signal."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import pickle
import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from askance.errors import BadInput

_FILE = "askance_file_"  # how modules of loose files are called, before a digest of path and text


def describe(part: Any) -> Any:
    """Name a part and its fields as JSON.

    Dataclasses and scikit-learn estimators are described by ``module:Class`` (a loose file by ``path.py:Class``)
    and their fields or parameters; functions by name. What has no name that another process could find is refused.

    Raises:
        BadInput: If a field is a lambda, a local function, an array or a live module.
    """
    if isinstance(part, float) and part != part:
        return {"name": "math:nan"}  # a bare NaN would never equal itself
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, list | tuple | frozenset | set):
        items = [describe(item) for item in part]
        if isinstance(part, list):
            return {"list": items}  # a bare list of JSON is a tuple, as fields of frozen dataclasses are
        return sorted(items, key=json.dumps) if isinstance(part, frozenset | set) else items
    if isinstance(part, dict):
        if all(isinstance(key, str) for key in part) and not _WORDS & part.keys():
            return {key: describe(value) for key, value in part.items()}
        return {"pairs": [[describe(key), describe(value)] for key, value in part.items()]}
    if isinstance(part, Enum):
        return part.value
    if hasattr(part, "item") and getattr(part, "ndim", None) == 0:
        return part.item()
    if is_dataclass(part) and not isinstance(part, type):
        own = {field.name: describe(getattr(part, field.name)) for field in fields(part) if field.init}
        return {"part": _name(type(part)), **own}
    if hasattr(part, "get_params") and not isinstance(part, type):
        params = {name: describe(value) for name, value in part.get_params(deep=False).items()}
        return {"part": _name(type(part)), "params": params}
    if hasattr(part, "__qualname__") and not _bound(part):
        return {"name": _name(part)}
    raise BadInput(
        f"{type(part).__name__} cannot be written to the journal as JSON. "
        f"Hand in a name, a number or a dataclass, or a function of a module that makes the object."
    )


def build(description: Any) -> Any:
    """The part that a description names; the inverse of `describe`.

    Raises:
        BadInput: If the class or file is not there any more, or it is no part.
    """
    if isinstance(description, list):
        return tuple(build(item) for item in description)
    if not isinstance(description, dict):
        return description
    if "list" in description:
        return [build(item) for item in description["list"]]
    if "pairs" in description:
        return {build(key): build(value) for key, value in description["pairs"]}
    if "name" in description and "part" not in description:
        return find(description["name"])
    if "part" not in description:
        return {key: build(value) for key, value in description.items()}
    part = find(description["part"])
    own = hasattr(part, "get_params") if "params" in description else is_dataclass(part)
    if not isinstance(part, type) or not own:  # a journal names parts; it must not be able to call anything else
        raise BadInput(
            f"{description['part']} is neither a dataclass nor an estimator, so no journal of ours names it. "
            f"Open a journal only if you know where it comes from."
        )
    if "params" in description:
        return part(**{key: build(value) for key, value in description["params"].items()})
    return part(**{key: build(value) for key, value in description.items() if key != "part"})


def find(name: str) -> Any:
    """The object that ``module:Name`` or ``path/file.py:Name`` stands for.

    Raises:
        BadInput: If the module, the file or the name in it is not there, or the file fails when it is run.
    """
    place, _, qualname = name.rpartition(":")
    if not place or not qualname:
        raise BadInput(
            f"{name!r} is not of the form module:Class or path/file.py:Class. Write it in one of these forms."
        )
    module = load_file(place) if place.endswith(".py") else _module(place)
    found: Any = module
    for step in qualname.split("."):
        if not hasattr(found, step):
            public = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__]
            raise BadInput(f"{place} has no {qualname!r}. It holds: {', '.join(public) or 'no class of its own'}.")
        found = getattr(found, step)
    return found


def load_file(path: str | Path) -> ModuleType:
    """Run a loose Python file as a module; the same text is run once per process.

    Raises:
        BadInput: If there is no such file or it fails when it is run.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise BadInput(f"There is no file {path}. Check the path before the colon.")
    text = file.read_bytes()
    name = f"{_FILE}{hashlib.blake2b(os.fsencode(file) + text, digest_size=8).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        # Not by the loader: it would run its bytecode of before, had the file changed within a second in equal length.
        exec(compile(text, str(file), "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        raise BadInput(f"{path} fails when it is run: {type(error).__name__}: {error}. Mend the file first.") from error
    return module


def packed(thing: Any) -> bytes:
    """A pickle that another process can read even if classes or functions of loose files are in it."""
    buffer = io.BytesIO()
    _Packer(buffer, pickle.HIGHEST_PROTOCOL).dump(thing)
    return buffer.getvalue()


class _Packer(pickle.Pickler):
    """Names what comes from a loose file by the file's path: another process has no module of that name."""

    def reducer_override(self, thing: Any) -> Any:
        loose = isinstance(thing, type | FunctionType) and str(thing.__module__).startswith(_FILE)
        return (find, (_name(thing),)) if loose else NotImplemented


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:  # whatever the code of somebody else's module does
        lacking = error.name if isinstance(error, ModuleNotFoundError) else None
        if lacking is not None and f"{name}.".startswith(f"{lacking}."):
            raise BadInput(f"There is no module {name!r} here ({error}). Install it, or put it on the path.") from error
        raise BadInput(
            f"The module {name!r} fails when it is imported: {type(error).__name__}: {error}. Mend it first, or "
            f"install what it needs."
        ) from error


_WORDS = {"part", "params", "name", "list", "pairs"}  # what a description says itself


def _bound(part: Any) -> bool:
    """Whether a function hangs on a live object, which its name would lose."""
    owner = getattr(part, "__self__", None)
    return owner is not None and not isinstance(owner, type | ModuleType)


def _name(thing: Any) -> str:
    place, qualname = getattr(thing, "__module__", None), thing.__qualname__
    module = sys.modules.get(place) if isinstance(place, str) else None
    called = next(
        (name for name in (qualname, getattr(thing, "__name__", qualname)) if _leads(module, name, thing)), None
    )
    if called is None and place == "__main__" and isinstance(thing, type | FunctionType) and "<" not in qualname:
        called = qualname  # a script's own, in a process that was started to help it
    if called is None:
        raise BadInput(
            f"{qualname} cannot be named in the journal: another process could not find it. "
            f"Define it at the top level of a module or file."
        )
    if module is not None and str(place).startswith(_FILE):
        place = getattr(module, "__file__", "?")
    return f"{place}:{called}"


def _leads(module: ModuleType | None, name: str, thing: Any) -> bool:
    """Whether a name in a module leads to a class or function, or to a newer version of it, as in a notebook."""
    found: Any = module
    for step in name.split("."):
        found = getattr(found, step, None)
    if found is thing or (isinstance(thing, MethodType) and found == thing):
        return True
    defined = isinstance(thing, type | FunctionType) and isinstance(found, type | FunctionType)
    return defined and (found.__module__, found.__qualname__) == (thing.__module__, thing.__qualname__)

"""Example data from what is installed: docstrings to tell packages apart, and three of scikit-learn's tables.

Run it as ``python examples/make_data.py OUT_DIR``; nothing is downloaded.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from hashlib import blake2b
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from askance.sources.csv import write_table

PACKAGES = (
    "networkx",
    "numpy",
    "scipy.signal",
    "scipy.sparse",
    "scipy.special",
    "scipy.stats",
    "sklearn.metrics",
    "sqlalchemy.orm",
    "sympy.combinatorics",
    "sympy.geometry",
    "sympy.physics",
    "sympy.polys",
    "torch.distributions",
    "torch.nn",
)
FEWEST, MOST = 60, 400  # rows per label
WORDS = 6  # a shorter text says too little for anyone to label
PRIVATE = ("_", "test", "conftest", "setup")

# What gives a label away: the packages' names however they are written, and the parts of the labels themselves.
ALIASES = {"np", "nx", "pytorch", "scikit-learn", "scikit", "sa"}
NAMES = ALIASES | {part for package in PACKAGES for part in package.split(".")}
GIVEAWAY = re.compile(rf"(?i)(?<!\w)_?(?:{'|'.join(sorted(NAMES, key=len, reverse=True))})(?:[._]\w+)*(?!\w)")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sets = {
        "docstrings.csv": docstrings(),
        "breast_cancer.csv": science(load_breast_cancer),
        "wine.csv": science(load_wine),
        "digits.csv": science(load_digits),
    }
    for name, columns in sets.items():
        write_table(folder / name, columns)
        label, cells = list(columns.items())[-1]
        print(f"{folder / name}: {len(cells):,} rows, {len(set(cells))} labels in column {label!r}")


def science(load: Callable[[], Any]) -> dict[str, list[str]]:
    """One of scikit-learn's tables: its measurements, then the label."""
    bunch = load()
    columns = {
        str(name).replace("_", " "): [f"{value:.10g}" for value in column]
        for name, column in zip(bunch.feature_names, bunch.data.T, strict=True)
    }
    return columns | {"label": [str(bunch.target_names[target]).replace("_", " ") for target in bunch.target]}


def docstrings() -> dict[str, list[str]]:
    """What public objects say of themselves, and the package each is from."""
    packages: dict[str, set[str]] = {}
    for package in PACKAGES:
        for text in said_in(package):
            packages.setdefault(text, set()).add(package)
    texts: dict[str, list[str]] = {package: [] for package in PACKAGES}
    for text in sorted(packages, key=digest):
        if len(packages[text]) == 1:  # a text found in two packages has no right answer
            texts[packages[text].pop()].append(text)
    rows = [(text, package) for package in PACKAGES for text in texts[package][:MOST] if len(texts[package]) >= FEWEST]
    rows.sort(key=lambda row: digest(row[0]))
    return {
        "id": [digest(text) for text, _ in rows],
        "text": [text for text, _ in rows],
        "package": [package for _, package in rows],
    }


def digest(text: str) -> str:
    """An order and an id that say nothing about the package and do not move when rows are added."""
    return blake2b(text.encode(), digest_size=6).hexdigest()


def said_in(package: str) -> Iterator[str]:
    """The opening paragraph of every public function, class and method that a package defines, masked."""
    for module in modules(package):
        for name, thing in members(module, package):
            yield from opening(name, thing)
            if inspect.isclass(thing):
                for part, method in vars(thing).items():
                    if callable(method) and not part.startswith("_"):
                        yield from opening(part, method)


def modules(name: str) -> Iterator[ModuleType]:
    """A package and the public modules under it, except those that need something that is not installed."""
    try:
        module = import_module(name)
    except Exception:  # an optional part of somebody else's package may fail in any way it likes
        return
    yield module
    for inner in pkgutil.iter_modules(getattr(module, "__path__", [])):
        full = f"{name}.{inner.name}"
        if not inner.name.startswith(PRIVATE) and full not in PACKAGES:
            yield from modules(full)


def members(module: ModuleType, package: str) -> Iterator[tuple[str, object]]:
    """The public things in a module that the package itself defines."""
    for name, thing in list(vars(module).items()):
        # Compiled functions may not know their module: believe the package's own front door only.
        home = getattr(thing, "__module__", None) or (package if module.__name__ == package else "")
        inside = f"{home}.".startswith(f"{package}.")
        elsewhere = any(f"{home}.".startswith(f"{other}.") for other in PACKAGES if len(other) > len(package))
        if callable(thing) and not name.startswith("_") and inside and not elsewhere:
            yield name, thing


def opening(name: str, thing: object) -> Iterator[str]:
    """The first paragraph of a docstring, on one line and without the names that give it away."""
    doc = getattr(thing, "__doc__", None)
    if not isinstance(doc, str):
        return
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(doc))
    if re.match(rf"{re.escape(name)}\(", paragraphs[0]):  # compiled functions open with their signature
        paragraphs = paragraphs[1:]
    text = " ".join(" ".join(paragraphs[:1]).split())
    text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "NAME", GIVEAWAY.sub("MODULE", text))
    if len(text.split()) >= WORDS:
        yield text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where the files shall go: python examples/make_data.py OUT_DIR")
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # importing every corner of a package is noisy
        warnings.simplefilter("ignore")
        main(Path(sys.argv[1]))

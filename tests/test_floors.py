"""The direction of imports: every room of askance stands on a floor, and goes downstairs only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import askance

SOURCE = Path(askance.__file__).parent

ROOMS = [  # by floor, from the cellar up
    [
        "arrays",
        "cached",
        "catalogue",
        "describe",
        "errors",
        "executors",
        "files",
        "images",
        "kernels",
        "optional",
        "packages",
        "seeds",
        "unbuilt",
        "unpacking",
        "works",
    ],
    ["task", "history", "pool", "metrics", "learners", "signals", "utilities", "selection", "sources", "encoders"],
    ["view"],
    ["strategies"],
    ["meta"],
    ["look", "checked", "given", "oracles", "study"],
    ["project"],
    ["scoring"],
    ["reports"],
    ["lab", "desk"],
    ["cli", "cite"],
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
SPINE = FLOOR["study"]

NEIGHBORS = {  # on floor 1 all know `task` and `history`, and these one neighbor more
    "signals": {"learners.base"},
    "learners": {"utilities.history"},  # pure functions of what was recorded, which strategies read, too
    "pool": {"sources.csv", "encoders.table", "encoders.text"},  # Pool.from_csv loads them when a file is read
}
ALONE: dict[str, str | tuple[str, ...] | None] = {  # heavy packages, and where each may be imported
    "numba": "kernels/",
    "ray": "executors/ray.py",
    "sqlalchemy": "study/sql.py",
    "PIL": "images.py",
    "fastapi": "desk/",
    "starlette": "desk/",
    "uvicorn": "desk/",
    "argon2": "desk/",
    "transformers": ("encoders/", "learners/huggingface"),
    "tokenizers": "encoders/",
    "torchvision": None,
    "timm": None,
    "pytest": None,
}


def test_every_room_stands_on_a_floor() -> None:
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__", "testing"} <= FLOOR.keys(), "Put the new room into ROOMS, and into the design."


def test_imports_go_downstairs() -> None:
    wrong = [f"{module}: {why}" for module, name in imports("askance") if (why := objection(module, name))]
    assert not wrong, "\n".join(wrong)


def test_heavy_packages_stay_in_their_rooms() -> None:
    for package, place in ALONE.items():
        users = {module.replace(".", "/") + ".py" for module, _ in imports(package)}
        strays = sorted(user for user in users if place is None or not user.startswith(place))
        assert not strays, f"{package} belongs into {place or 'no file'}, and is imported by {strays}: move it there."


@pytest.mark.parametrize(
    ("module", "name", "why"),
    [
        ("arrays", "errors", ""),
        ("arrays", "task", "upstairs"),
        ("selection.top", "view", "upstairs"),
        ("signals.losses", "learners.base", ""),
        ("signals.losses", "learners.linear", "neighbor"),
        ("utilities.density", "selection.space", "neighbor"),
        ("utilities.density", "task", ""),
        ("view", "signals.base", ""),
        ("view", "signals.embeddings", "signals.base"),
        ("strategies.base", "study.study", "upstairs"),
        ("study.pick", "strategies.catalogue", ""),
        ("study.pick", "strategies.random", "by name"),
        ("look", "meta.schedule", "by name"),
        ("lab.grid", "reports.results", ""),
        ("lab.grid", "desk.app", "visitor"),
        ("study.study", "testing.worlds", "only tests"),
        ("cli", "testing.checking", ""),
        ("study.opening", "__version__", ""),
        ("study.opening", "Study", "front door"),
    ],
)
def test_the_rules_say_what_the_design_says(module: str, name: str, why: str) -> None:
    found = objection(module, name)
    assert why in found
    assert bool(found) == bool(why)


def objection(module: str, name: str) -> str:
    """Why a module may not import something, and which room to move a thing to; both without ``askance.``."""
    room, other = module.partition(".")[0], name.partition(".")[0]
    if room == other or room in ("__init__", "testing") or name == "__version__":
        return ""
    if other == "testing":
        return "" if room == "cli" else f"imports {name}, which only tests import. Move what it needs downstairs."
    if other not in FLOOR:
        return f"imports {name} through the front door. Import it from the room it is in."
    here, there = FLOOR[room], FLOOR[other]
    if there > here:
        return (
            f"is on floor {here} and imports {name}, upstairs on floor {there}. Move {module} to one of "
            f"{', '.join(ROOMS[there])}, or what it needs of {name} to one of {', '.join(ROOMS[here])}."
        )
    if there == here == 1 and other not in ("task", "history") and name not in NEIGHBORS.get(room, ()):
        return f"imports its neighbor {name}. Move what both need to {', '.join(ROOMS[0])}, or join them in view."
    if room == "view" and there == 1 and name not in ("pool", "task", "history", "signals.base"):
        return f"imports {name}, and of floor 1 a view knows pool, task, history and signals.base. Move it upstairs."
    if here == SPINE and other in ("strategies", "meta") and name not in ("strategies.base", "strategies.catalogue"):
        return f"imports {name}; the spine finds strategies by name. Ask strategies.catalogue for it."
    if here == there == FLOOR["lab"]:
        return f"imports the other visitor's {name}. Move what both need to reports."
    return ""


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Every import of a package in the source: the module that imports, and what, both without ``askance.``."""
    for module, name in _all_imports():
        if name.partition(".")[0] == package:
            yield module, name.removeprefix("askance.")


@cache
def _all_imports() -> list[tuple[str, str]]:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(module, name) for node in ast.walk(tree) for name in _names(node)]
    return found


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        assert node.level == 0, "relative imports hide the room; name it"
        room = node.module == "askance" or (SOURCE / node.module.removeprefix("askance.").replace(".", "/")).is_dir()
        return [f"{node.module}.{alias.name}" for alias in node.names] if room else [node.module]
    return []

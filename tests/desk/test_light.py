"""The web process stays light: none of its parts brings what trains models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import askance.desk

HEAVY = ("torch", "sklearn", "scipy", "numba", "pandas", "transformers")
PARTS = ["door", "folders", "guard", "keys", "objections", "pictures", "places", "rates", "sessions"]


def test_every_part_is_there() -> None:
    folder = Path(askance.desk.__file__).parent
    assert {f"{part}.py" for part in PARTS} <= {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_web_process_loads_nothing_heavy(part: str) -> None:
    code = f"import sys, askance.desk.{part}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_drawing_a_picture_and_signing_in_load_nothing_heavy(tmp_path: Path) -> None:
    code = f"""
import io, sys
from pathlib import Path
from PIL import Image
from askance.desk.door import Door
from askance.desk.guard import Guard
from askance.desk.pictures import picture
from askance.desk.places import Places
from askance.desk.sessions import Sessions
file = io.BytesIO()
Image.new("RGB", (9, 9)).save(file, "PNG")
picture(file.getvalue())
sessions = Sessions(Path({str(tmp_path)!r}) / "desk.db")
Guard(None, Door(sessions, 8000, password="five words drawn at random"), Places(8000))
sessions.close()
print(*[name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []

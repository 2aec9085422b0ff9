"""The folder of odd images that the tests of sources make, for projects."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from pictures import make_folder as write_photos

__all__ = ["write_photos"]

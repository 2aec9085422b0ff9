"""With an empty cache somebody who waits is told why, once; with kernels in the cache nothing is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALL = """
import numpy as np
from askance import select
select("k-center", 3, embeddings=np.eye(5, dtype="float32"))
select("badge", 3, embeddings=np.eye(5, dtype="float32"), probabilities=np.full((5, 2), 0.5))
"""


@pytest.mark.slow
def test_it_is_said_once_that_kernels_are_compiled(tmp_path: Path) -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", CALL],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert said == ["compiling kernels (some seconds, once on this machine)\n", ""]

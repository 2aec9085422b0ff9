"""Machine code from the cache gives the bits that the process gave which compiled it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib
import sys

import numpy as np
import torch

from askance.kernels.softmax_head import solve_softmax_head
from askance.seeds import Dice
from askance.selection.space import Features, Product
from askance.selection.spread import FarthestFirst, KMeansPlusPlus, LargestCluster

dice = np.random.default_rng(0)
digest = hashlib.sha256()
for items, features, classes in ((60, 37, 3), (30, 90, 5), (90, 12, 2)):
    x = dice.normal(size=(1, items, features)) + 1
    y = np.eye(classes)[dice.permutation(np.arange(items) % classes)][None]
    for part in solve_softmax_head(x, y, dice.uniform(0.5, 2, (1, items)), [0.3]):
        digest.update(part.tobytes())
rows, known = torch.arange(5, 3000), torch.arange(5)
for kind in (torch.float32, torch.float64):
    left, right = (torch.from_numpy(dice.normal(size=(3000, width))).to(kind) for width in (7, 45))
    for selector in (FarthestFirst(), KMeansPlusPlus(), LargestCluster()):
        for space in (Features(right), Product(left, right)):
            picked = selector.pick(
                80, candidates=rows, known=known, keys=torch.arange(3000), dice=Dice(0, "ask"), space=space
            )
            digest.update(picked.rows.numpy().tobytes() + picked.utility.numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_loads_give_the_same_bits(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCRIPT]
    compiled, loaded = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbc"))
    assert compiled == loaded

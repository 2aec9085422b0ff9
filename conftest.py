"""Names that doctests may use without importing them, and a short folder for tests whose sockets need one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    import torch

    from askance.given import view

    doctest_namespace.update(torch=torch, tensor=torch.tensor, view=view)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder of its own for temporary files of this process and of those that it starts."""
    folder = tempfile.mkdtemp(prefix="at-", dir="/tmp")
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("TMPDIR", folder)
    yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)

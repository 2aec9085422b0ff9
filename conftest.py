"""Names that doctests may use without importing them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    import torch

    from askance.given import view

    doctest_namespace.update(torch=torch, tensor=torch.tensor, view=view)

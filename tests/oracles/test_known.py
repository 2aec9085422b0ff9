"""An oracle that knows answers with plain values, and says what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from askance.errors import BadInput
from askance.given import view
from askance.oracles.known import Known


def test_labels_of_numpy_become_plain() -> None:
    told = Known(dict(enumerate(np.array([3, 1, 2])))).of([2, 0])
    assert told == {2: 2, 0: 3}
    assert {type(label) for label in told.values()} == {int}


def test_a_batch_is_answered_in_its_order() -> None:
    import torch

    batch = view(embeddings=[[0.0], [1.0], [2.0]]).batch(torch.tensor([2, 0]))
    assert list(Known({0: "a", 1: "b", 2: "c"}).answer(batch).items()) == [(2, "c"), (0, "a")]


def test_an_item_it_does_not_know_is_named() -> None:
    with pytest.raises(BadInput, match=r"no label for the item 'x'\. Give it a label for every item"):
        Known({"y": 1}).of(["y", "x"])

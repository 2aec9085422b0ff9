"""The runs behind docs/papers/dpp.md."""

from __future__ import annotations

import numpy as np

from benchmarks.dpp_page import _verdict, copied, sets


def test_no_copy_of_a_test_item_is_in_the_pool() -> None:
    features, labels = sets()["wine"]
    data = copied("wine", features, labels, 3)
    rows, held = data.split(seed=1, test=50)
    assert len(rows) == 3 * (len(features) - 50) and len(held) == 50
    assert not set((rows % len(features)).tolist()) & set(held.tolist())
    assert max(held.tolist()) < len(features)
    assert [data.labels[row] for row in rows.tolist()] == [labels[row % len(features)] for row in rows.tolist()]


def test_a_verdict_needs_an_interval_on_one_side() -> None:
    assert [_verdict(np.array(found)) for found in ([1.0, 1.1], [-1.0, -1.1], [1.0, -1.0])] == ["more", "less", "equal"]

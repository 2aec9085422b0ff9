"""Arrays of any framework come in without a copy; what is broken is refused where it is; pieces are always whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.arrays import piece, spans, take, tensor
from askance.errors import BadInput

TABLE = np.arange(6, dtype=np.float64).reshape(3, 2)


class Elsewhere:
    """An array of another framework, as the protocols see it."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._array


class Exported(Elsewhere):
    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    "door", [lambda a: a, torch.from_numpy, Elsewhere, Exported], ids=["numpy", "torch", "__array__", "__dlpack__"]
)
def test_floats_of_any_framework_are_shared(kind: type, door: Any) -> None:
    array = TABLE.astype(kind)
    found = tensor(door(array), "x")
    assert found.data_ptr() == array.ctypes.data
    assert found.tolist() == TABLE.tolist()


@pytest.mark.parametrize(
    "given",
    [
        TABLE.tolist(),
        TABLE.astype(np.float16),
        TABLE.astype(np.int8),
        TABLE.astype(np.uint64),
        np.ma.masked_equal(TABLE, -999.0),
        TABLE.astype(">f4"),
        np.asfortranarray(TABLE),
        TABLE[::-1].copy()[::-1],
        torch.tensor(TABLE).to(torch.bfloat16),
        torch.tensor(TABLE, requires_grad=True),
    ],
    ids=str,
)
def test_what_cannot_be_shared_is_converted(given: Any) -> None:
    found = tensor(given, "x")
    assert found.dtype in (torch.float32, torch.float64)
    assert not found.requires_grad
    assert found.tolist() == TABLE.tolist()


def test_read_only_and_mapped_arrays_are_taken_without_a_warning(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", TABLE)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert tensor(mapped, "x").tolist() == TABLE.tolist()


@pytest.mark.parametrize(
    ("given", "dims", "says"),
    [
        (TABLE[0], 2, r"x has 1 axes, shape \(2,\); it needs 2. Reshape"),
        (TABLE, 3, "x has 2 axes"),
        ([["a"]], 2, "not numbers"),
        ([[1.0], [1.0, 2.0]], 2, "rows of different lengths"),
        (np.array([[object()]]), 2, "not numbers"),
        ([[1.0, 2.0], [np.nan, 0.0]], 2, "x holds nan at row 1, column 0. Clean"),
        (
            np.array([[1, 2**63]], dtype=np.uint64),
            2,
            r"x holds 9223372036854775808, and whole numbers go up to 2\^63 - 1",
        ),
        (np.array([[2**64 - 1]], dtype=">u8"), 2, "x holds 18446744073709551615"),
        (np.ma.masked_equal([[1.0, 2.0], [-999.0, 0.0]], -999.0), 2, r"x is masked at \[1, 0\], .* fill them in with"),
        (np.full((2, 2, 2), -np.inf), 3, "x holds -inf at row 0, index 0, index 0"),
    ],
)
def test_what_is_no_array_of_finite_numbers_is_refused_where_it_is(given: Any, dims: int, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        tensor(given, "x", dims)


def test_a_bad_value_far_down_a_long_array_is_found() -> None:
    long = torch.zeros(3_000_000, 2)
    long[2_999_999, 1] = torch.nan
    with pytest.raises(BadInput, match="row 2999999, column 1"):
        tensor(long, "x")


@pytest.mark.parametrize(("items", "step"), [(0, 3), (1, 3), (3, 3), (7, 3)])
def test_spans_cover_everything_once(items: int, step: int) -> None:
    found = [row for start, stop in spans(items, step) for row in range(start, stop)]
    assert found == list(range(items))


@pytest.mark.parametrize("items", [torch.arange(10).reshape(5, 2), np.arange(10).reshape(5, 2), list("abcde")])
def test_the_last_piece_is_padded_with_its_last_row(items: Any) -> None:
    last = piece(items, 3, 4)
    rows = [4 if row > 4 else row for row in range(3, 7)]
    expected = [list(items)[row] for row in rows]
    assert len(last) == 4
    assert all(np.array_equal(a, b) for a, b in zip(last, expected, strict=True))
    assert type(last) is type(items)


def test_a_whole_piece_is_a_view() -> None:
    items = torch.zeros(8, 2)
    assert piece(items, 4, 4).data_ptr() == items[4:].data_ptr()


@pytest.mark.parametrize("items", [torch.arange(5), np.arange(5), list(range(5))])
@pytest.mark.parametrize("rows", [[3, 0], torch.tensor([3, 0])])
def test_rows_are_taken_from_any_kind_of_items(items: Any, rows: Any) -> None:
    assert [int(item) for item in take(items, rows)] == [3, 0]

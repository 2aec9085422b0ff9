"""A pool holds items under distinct ids, and knows when it is another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.errors import BadInput, UnknownName
from askance.pool import Pool

ARRAY = np.arange(12.0, dtype=np.float32).reshape(4, 3)


def test_an_array_is_shared_and_not_copied() -> None:
    pool = Pool.from_arrays(ARRAY)
    assert pool.items.data_ptr() == ARRAY.ctypes.data
    assert pool.ids.tolist() == [0, 1, 2, 3] and pool.numbered


@pytest.mark.parametrize("ids", [["a", "b", "c", "d"], [7, 5, 3, 1], np.array(["x", "y", "z", "w"]), [3, 2, 1, 0]])
def test_ids_are_strings_or_whole_numbers_and_lead_to_rows(ids: Any) -> None:
    pool = Pool.from_arrays(ARRAY, ids)
    names = list(ids)
    assert pool.names([2, 0]) == [names[2], names[0]]
    assert pool.rows(names) == [0, 1, 2, 3]
    assert all(type(name) in (int, str) for name in pool.names(range(4)))


@pytest.mark.parametrize(
    ("items", "ids", "says"),
    [
        (ARRAY, [1, 2, 3], "3 ids for 4 items"),
        (ARRAY, ["a", "b", "a", "c"], "'a' stands in row 0 and in row 2"),
        (ARRAY, [1, 2, 3, "d"], "'d' is neither|1 is neither"),
        (ARRAY, [2**64, 2, 3, 4], "more than 64 bits"),
        (ARRAY, [1.5, 2, 3, 4], "1.5 is neither a whole number nor a string"),
        ([[1.0, 2.0], [3.0, np.nan]], None, "items holds nan at row 1, column 1"),
        ([[1.0, np.inf]], None, "items holds inf at row 0, column 1"),
        ([[1.0, 2.0], [3.0]], None, "rows of different lengths"),
        (ARRAY[0], None, r"items has 1 axes, shape \(3,\); it needs 2 or more"),
        (np.full((2, 1, 3, 3), np.nan), None, "holds nan at row 0, index 0, index 0, index 0. Clean"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], None, "rows of different lengths"),
    ],
)
def test_what_makes_no_pool_is_refused_and_named(items: Any, ids: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Pool.from_arrays(items, ids)


@pytest.mark.parametrize("ids", [None, ["a", "b", "c", "d"]])
@pytest.mark.parametrize("unknown", [4, -1, "0", "e", 1.5, None])
def test_an_unknown_id_is_refused(ids: Any, unknown: Any) -> None:
    with pytest.raises(BadInput, match=r"The pool has no item with id .*Check the id and its type"):
        Pool.from_arrays(ARRAY, ids).row(unknown)


def test_pictures_are_a_pool() -> None:
    pictures = np.arange(4.0 * 3 * 2 * 5).reshape(4, 3, 2, 5)
    pool = Pool.from_arrays(pictures)
    assert pool.items.shape == (4, 3, 2, 5) and pool.items.data_ptr() == pictures.ctypes.data
    assert pool.digest == Pool.from_arrays(list(pictures)).digest != Pool.from_arrays(pictures + 1).digest
    assert pool.arranged([3, 1]).items.shape == (2, 3, 2, 5)


def test_a_list_of_anything_is_a_pool() -> None:
    texts = Pool.from_arrays(["one", "two"], ids=["a", "b"])
    assert (len(texts), texts.items) == (2, ["one", "two"])
    assert len(Pool.from_arrays([])) == 0
    for column in (np.array(["one", "two"]), np.array(["one", "two"], dtype=object)):
        assert Pool.from_arrays(column).items == ["one", "two"]


def test_a_fingerprint_hangs_on_ids_and_content_and_on_nothing_else() -> None:
    pool = Pool.from_arrays(ARRAY)
    assert pool.digest == Pool.from_arrays(ARRAY.copy(order="F")).digest
    others = [ARRAY + np.eye(4, 3, dtype=np.float32), ARRAY[::-1].copy()]
    digests = {pool.digest, *(Pool.from_arrays(other).digest for other in others)}
    digests.add(Pool.from_arrays(ARRAY, [1, 2, 3, 4]).digest)
    assert len(digests) == 4
    long = [np.zeros(5000), np.zeros(5000)]
    longer = [np.zeros(5000), np.eye(1, 5000, 2500)[0]]
    pools = [Pool(items, np.arange(2)) for items in (long, longer)]
    assert pools[0].digest != pools[1].digest


class Plain:
    """An object whose repr is an address."""


def test_a_fingerprint_shows_no_address_of_this_process() -> None:
    assert Pool([Plain()], np.arange(1)).digest == Pool([Plain()], np.arange(1)).digest


def test_an_arranged_pool_holds_the_same_items_elsewhere() -> None:
    pool = Pool.from_arrays(ARRAY, ["a", "b", "c", "d"])
    other = pool.arranged([3, 1])
    assert other.names([0, 1]) == ["d", "b"]
    assert torch.equal(other.items, pool.items[[3, 1]])
    assert other.keys.tolist() == pool.keys[[3, 1]].tolist()


def test_the_first_items_alone_are_not_copied() -> None:
    pool = Pool.from_arrays(ARRAY, ["a", "b", "c", "d"])
    part = pool.first(2)
    assert (len(part), part.items.data_ptr()) == (2, pool.items.data_ptr())
    assert pool.first(4) is pool
    assert part.digest == Pool.from_arrays(ARRAY[:2], ["a", "b"]).digest


def test_a_csv_file_is_a_pool_without_its_label(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("name,size,color,label\na,1,red,yes\nb,3,blue,no\nc,4,red,no\nd,2,blue,no\n")
    pool = Pool.from_csv(path, id="name", ignore=["label"])
    assert pool.names([0, 1]) == ["a", "b"]
    assert pool.items.shape == (4, 3)  # one number, two colors
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        Pool.from_csv(path, id="name", ignore=["lable"])

"""Features of tables: numbers standardized, levels one-hot, nothing dropped in silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askance.encoders.table import LEVELS, table_features
from askance.errors import BadInput


def test_numbers_get_mean_zero_and_deviation_one() -> None:
    table = table_features({"size": ["2", "4", "4", "4", "5", "5", "7", "9"]})  # mean 5, deviation 2
    np.testing.assert_allclose(table.array[:, 0], [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2])
    assert table.array.dtype == np.float32
    assert table.said == ["size: numbers, standardized"]


def test_an_empty_cell_gets_the_mean_and_a_mark() -> None:
    table = table_features({"size": ["1", "", "3", "NA", "nan"]})
    assert table.names == ["size", "size is missing"]
    np.testing.assert_allclose(table.array, [[-1, 0], [0, 1], [1, 0], [0, 1], [0, 1]])
    assert table.said == ["size: numbers, standardized; 3 empty cells marked"]


def test_words_become_one_feature_per_level_the_commonest_first() -> None:
    table = table_features({"color": ["red", "blue", "blue", "NA", " red "]})
    assert table.names == ["color = blue", "color = red", "color is missing"]
    np.testing.assert_array_equal(table.array, [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])


def test_rare_levels_past_the_limit_share_one_feature() -> None:
    cells = [f"level {i:02d}" for i in range(LEVELS + 3) for _ in range(2)] + ["level 52"]
    table = table_features({"city": cells})
    assert len(table.names) == LEVELS + 1
    assert table.names[0] == "city = level 52"  # three rows; all others have two
    assert table.names[-1] == "city = (other)"
    assert table.array[:, -1].sum() == 2 * 3  # levels 49, 50 and 51, the last by name
    np.testing.assert_array_equal(table.array.sum(axis=1), 1)
    assert table.said == ["city: the 50 commonest of 53 levels one-hot, the other 3 as one"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["7", "7.0", "7"], "says '7' in every row"),
        (["cm", "cm", "cm"], "says 'cm' in every row"),
        (["a1", "a2", "a3"], "all 3 cells differ"),
        (["", "NA", "nan"], "empty in every row"),
    ],
)
def test_a_column_that_tells_nothing_is_dropped_and_named(cells: list[str], reason: str) -> None:
    table = table_features({"useless": cells, "size": ["1", "2", "3"]})
    assert table.names == ["size"]
    assert table.said[0].startswith("useless: dropped")
    assert reason in table.said[0]


def test_a_constant_with_gaps_keeps_only_what_its_gaps_say() -> None:
    table = table_features({"size": ["5", "", "5"], "unit": ["cm", "cm", ""]})
    np.testing.assert_array_equal(table.array[:, 0], 0)
    np.testing.assert_array_equal(table.array[:, 1], [0, 1, 0])
    assert table.names == ["size", "size is missing", "unit = cm", "unit is missing"]


def test_a_repeated_decimal_is_a_constant_in_spite_of_rounding() -> None:
    assert table_features({"x": ["0.1"] * 3, "y": ["1", "2", "3"]}).names == ["y"]


@pytest.mark.parametrize("bad", ["inf", "-Infinity", "1e400"])
def test_an_infinite_number_is_refused_by_row_and_column(bad: str) -> None:
    with pytest.raises(BadInput, match=f"Column 'size', row 3: '{bad}'"):
        table_features({"size": ["1", "", bad, "2"]})


def test_a_code_with_an_underscore_is_not_a_number() -> None:
    assert table_features({"code": ["1_0", "1_1", "1_0"]}).names == ["code = 1_0", "code = 1_1"]


def test_huge_numbers_do_not_overflow() -> None:
    np.testing.assert_allclose(table_features({"x": ["1e300", "-1e300"]}).array[:, 0], [1, -1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_any_numbers_come_out_finite_and_standard(numbers: list[float]) -> None:
    table = table_features({"x": [repr(x) for x in numbers], "y": ["1", *["0"] * (len(numbers) - 1)]})
    assert np.isfinite(table.array).all()
    column = table.array[:, 0].astype(float)
    assert abs(column.mean()) < 1e-5
    assert abs(column.std() - 1) < 1e-5


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(BadInput, match="'a': 1, 'b': 2"):
        table_features({"a": ["1"], "b": ["1", "2"]})


@pytest.mark.parametrize("columns", [{}, {"a": []}])
def test_a_table_without_cells_is_refused(columns: dict[str, list[str]]) -> None:
    with pytest.raises(BadInput, match="at least one column and item"):
        table_features(columns)


def test_a_table_of_ids_alone_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match=r"No column is left.*all 2 cells differ"):
        table_features({"id": ["a", "b"]})

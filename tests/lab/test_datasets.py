"""Labeled data for comparisons."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from askance.errors import BadInput
from askance.lab.datasets import digits, from_csv


def test_the_digits_are_pixels_between_zero_and_one() -> None:
    data = digits()
    assert data.pool.items.shape == (1797, 64)
    assert float(data.pool.items.min()) == 0 and float(data.pool.items.max()) == 1
    assert data.classes == tuple(range(10))
    assert sum(data.balance) == 1797


def test_a_split_hangs_on_seed_and_ids_alone() -> None:
    data = digits()
    pool, test = data.split(3, 500)
    assert len(test) == 500
    assert torch.equal(torch.cat([pool, test]).sort().values, torch.arange(1797))
    assert torch.equal(data.split(3, 500)[1], test)
    assert not torch.equal(data.split(4, 500)[1], test)


def test_a_labeled_file_becomes_features_that_no_label_went_into(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    rows = [(i, i * 2, "ab"[i % 2]) for i in range(8)]
    one.write_text("x,y,label\n" + "".join(f"{x},{y},{z}\n" for x, y, z in rows))
    other.write_text("x,y,label\n" + "".join(f"{x},{y},{'ba'[x % 2]}\n" for x, y, z in rows))
    first, second = from_csv(one, label="label"), from_csv(other, label="label")
    assert first.pool.items.shape == (8, 2)
    assert torch.equal(first.pool.items, second.pool.items)
    assert first.classes == ("a", "b")


def test_a_column_of_prose_becomes_text_features(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("name,post,topic\n" + "".join(f"n{i},{w} {w} dish,{t}\n" for i, (w, t) in enumerate(_POSTS)))
    data = from_csv(file, label="topic", text="post", id="name")
    assert data.pool.names([0, 1]) == ["n0", "n1"]
    assert any("prose" in remark for remark in data.said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,label\n1,a\n2,a\n", "holds 1 class"),
        ("x,label\n1,0.5\n2,0.25\n3,0.75\n", "3 different values in 3 rows"),
        ("x,label\n1,a\n2,\n", "line 3"),
    ],
)
def test_a_column_that_holds_no_classes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=message):
        from_csv(file, label="label")


_POSTS = [("soup", "food"), ("stew", "food"), ("goal", "sport"), ("match", "sport")]

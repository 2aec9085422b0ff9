"""Features of texts: alike for texts alike, the same for the same seed, honest about texts without a word."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from askance.encoders.text import text_features
from askance.errors import BadInput

WORDS = np.array(["red", "blue", "fox", "jay", "hen", "tit", "runs", "flies", "sleeps", "sings", "far", "near"])


def sentences(count: int, seed: int = 100) -> list[str]:
    dice = np.random.default_rng(seed)
    return [" ".join(dice.choice(WORDS, size=5)) for _ in range(count)]


def test_every_row_with_words_has_length_one() -> None:
    features = text_features(sentences(40), dimensions=6, seed=0)
    assert features.shape == (40, 6)
    assert features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)


def test_the_same_seed_gives_the_same_features() -> None:
    texts = sentences(40)
    np.testing.assert_array_equal(
        text_features(texts, dimensions=4, seed=3), text_features(texts, dimensions=4, seed=3)
    )


def test_at_full_rank_the_geometry_is_that_of_weighted_counts() -> None:
    texts = ["red fox", "red red hen", "blue hen"]
    # By hand: idf = ln(4 / (1 + df)) + 1, a count n weighs 1 + ln n, rows have length 1.
    rare, common = np.log(4 / 2) + 1, np.log(4 / 3) + 1
    red, blue, fox, hen = range(4)
    weights = np.zeros((3, 4))
    weights[0, [red, fox]] = common, rare
    weights[1, [red, hen]] = common * (1 + np.log(2)), common
    weights[2, [blue, hen]] = rare, common
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    features = text_features(texts, seed=0)
    np.testing.assert_allclose(features @ features.T, weights @ weights.T, atol=1e-5)


def test_a_small_vocabulary_gives_fewer_dimensions() -> None:
    assert text_features(["red fox", "red hen", "fox", "hen", "red"], seed=0).shape == (5, 3)


def test_one_word_in_one_text_is_enough() -> None:
    np.testing.assert_allclose(np.abs(text_features(["fox"], seed=0)), [[1]])


def test_texts_without_a_word_are_zero_rows_and_counted() -> None:
    with pytest.warns(UserWarning, match="2 of 4 texts have no word"):
        features = text_features(["red fox", "", "?!", "red hen"], seed=0)
    np.testing.assert_array_equal(features.any(axis=1), [True, False, False, True])


def test_nothing_is_said_when_all_texts_have_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text_features(sentences(10), seed=0)


def test_a_text_the_kept_dimensions_do_not_touch_is_a_zero_row() -> None:
    features = text_features(["red fox"] * 5 + ["blue"], dimensions=1, seed=0)
    np.testing.assert_allclose(np.abs(features[:5]), 1, atol=1e-6)
    np.testing.assert_array_equal(features[5], [0])


@pytest.mark.parametrize("texts", [["", " "], ["...", "?"], []])
def test_a_pool_without_a_word_is_refused(texts: list[str]) -> None:
    with pytest.raises(BadInput, match=f"None of the {len(texts)} texts has a word"):
        text_features(texts, seed=0)


def test_dimensions_must_be_positive() -> None:
    with pytest.raises(BadInput, match="dimensions is 0"):
        text_features(["red"], dimensions=0, seed=0)

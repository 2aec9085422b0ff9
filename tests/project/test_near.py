"""Near duplicates: what is counted is near, and nearly all that is near is counted."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from askance.images import decode, look_of
from askance.project import near as near_module
from askance.project.near import ALIKE, NearDuplicates, NearImages

DICE = np.random.default_rng(0)
WORDS = ["".join(DICE.choice(list("abcdefghij"), 6)) for _ in range(2000)]


def sentence(length: int = 20) -> list[str]:
    return list(DICE.choice(WORDS, length, replace=False))


def counted(texts: list[str]) -> int:
    near = NearDuplicates()
    for start in range(0, len(texts), 700):
        near.add(texts[start : start + 700])
    return near.count()


def test_one_word_of_twenty_changed_is_near_and_half_of_them_is_not() -> None:
    texts = [sentence() for _ in range(1500)]
    edited = [[*text[:-1], "other"] for text in texts]
    half = [[*text[:10], *sentence(10)] for text in texts]
    assert counted([" ".join(text) for text in texts]) == 0
    assert counted([" ".join(text) for text in [*texts, *edited]]) > 0.97 * 1500
    assert counted([" ".join(text) for text in [*texts, *half]]) < 0.01 * 1500


def test_case_digits_and_punctuation_make_no_difference_and_pairs_are_named() -> None:
    near = NearDuplicates()
    near.add(["Order 17 is late, again!", "something else altogether here", "order 99 IS late again"])
    assert near.count() == 1 and near.examples(5) == [(0, 2)]


def test_what_is_named_near_shares_that_many_words() -> None:
    texts = [" ".join(DICE.choice(WORDS[:60], 12, replace=False)) for _ in range(3000)]
    near = NearDuplicates()
    near.add(texts)
    pairs = near.examples(10_000)
    shares = [
        len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in ((texts[i].split(), texts[j].split()) for i, j in pairs)
    ]
    assert all(share > ALIKE - 0.3 for share in shares)


def test_nothing_is_near_nothing() -> None:
    assert counted([]) == 0 and counted(["one"]) == 0


def test_the_same_picture_in_another_size_or_quality_is_near_and_another_one_is_not() -> None:
    import io

    from PIL import Image

    near, alone = NearImages(), NearImages()
    for number in range(30):
        smooth = Image.fromarray(np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8))
        picture = smooth.resize((96, 96), Image.Resampling.BICUBIC)
        alone.add(look_of(picture))
        near.add(look_of(picture))
        file = io.BytesIO()
        picture.resize((64, 64)).save(file, "JPEG", quality=70)
        near.add(look_of(decode(file.getvalue(), "copy")))
    assert alone.count() == 0 and near.count() >= 27


def test_looks_that_differ_in_two_bits_are_found_wherever_the_bits_are() -> None:
    dice = np.random.default_rng(1)
    looks = [int(look) for look in dice.integers(0, 2**63, 200)]
    for one, two in ((0, 63), (21, 22), (30, 31), (42, 43)):
        near = NearImages()
        for look in looks:
            near.add(look)
        for look in looks:
            near.add(look ^ (1 << one) ^ (1 << two))
        assert near.count() == 200
    far = NearImages()
    for look in looks:
        far.add(look)
        far.add(look ^ 0b111)
    assert far.count() == 0


def test_texts_without_a_letter_are_near_none_and_signs_without_spaces_are_words() -> None:
    assert counted(["4711", "0815", "?!", ""]) == 0
    assert (
        counted(["我的发票金额不对请帮我检查一下", "我的发票金额不对请帮我检查一下吧", "包裹还没有送到我家里来"]) == 1
    )


def test_however_texts_are_handed_in_the_pairs_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(sentence()) for _ in range(300)]
    texts += [f"{text} twice" for text in texts[:40]]
    whole, single = NearDuplicates(), NearDuplicates()
    whole.add(texts)
    monkeypatch.setattr(near_module, "LETTERS", 500)  # a few texts at a time
    monkeypatch.setattr(near_module, "KNOWN", 50)
    for text in texts:
        single.add([text])
    assert single.count() == 40
    assert single.examples(100) == whole.examples(100) == [(place, 300 + place) for place in range(40)]


def test_memory_is_some_tens_of_bytes_an_item_and_long_texts_do_not_fill_it() -> None:
    near = NearDuplicates()
    texts = [" ".join(DICE.choice(WORDS, 20)) for _ in range(6144)]
    long = " ".join(WORDS)
    near.add(texts[:2048])  # every word is known from here on
    tracemalloc.start()
    near.add(texts[2048:])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    near.add([long] * 80)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4096 * 100  # the list of texts that wait to be hashed included
    assert peak < 30_000_000


def test_many_images_that_look_the_same_are_counted_once_less_and_even_ones_not_at_all() -> None:
    near = NearImages()
    for look in [7] * 50_000 + [0] * 50_000:
        near.add(look)
    assert near.count() == 49_999

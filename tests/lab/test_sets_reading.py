"""Formats: tiny files of each, made by hand, and files that are not what they should be."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from askance.lab.preparing import Numbers, Pixels
from askance.lab.reading import Content, Idx, LabeledTexts, Mail, PickledArrays, RatedTexts, RData, Shipped
from askance.packages import FetchError


def idx(values: list[Any]) -> bytes:
    array = np.array(values, dtype=np.uint8)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


IDX = Idx(("train", "test"), ("train labels", "test labels"), ("boot", "coat"))
IMAGES = {
    "train": idx([[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
    "test": idx([[[8, 9], [10, 255]]]),
    "train labels": idx([1, 0]),
    "test labels": idx([1]),
}


def test_images_are_flattened_and_the_test_set_comes_last() -> None:
    content = IDX.read(IMAGES)
    assert np.asarray(content.items).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 255]]
    assert content.labels == ["coat", "boot", "coat"]
    assert content.official_test == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": b"plain"}, "train holds no gzip file"),
        ({"train": gzip.compress(b"\0\0\x0d\x03")}, "train holds no IDX array"),
        ({"train": gzip.compress(gzip.decompress(IMAGES["train"])[:-1])}, "7 values where its header says"),
        ({"train": IMAGES["train"][:-9]}, "train holds no gzip file"),
        ({"test labels": idx([1, 1])}, r"shape \(1, 2, 2\) for labels of shape \(2,\)"),
        ({"test labels": idx([2])}, "labels from 2 to 2 for 2 classes"),
    ],
)
def test_images_that_are_broken_are_refused(change: dict[str, bytes], message: str) -> None:
    with pytest.raises(FetchError, match=message):
        IDX.read(IMAGES | change)


PICKLED = PickledArrays("images", "labels", ("bear", "bird"))


def pickled(value: object) -> bytes:
    return gzip.compress(pickle.dumps(value))


@pytest.mark.parametrize("core", [b"numpy._core", b"numpy.core"])
def test_pickled_arrays_are_read_as_numpy_1_and_2_wrote_them(core: bytes) -> None:
    images = pickle.dumps(np.arange(8, dtype=np.uint8).reshape(2, 2, 2), 3).replace(b"numpy._core", core)
    content = PICKLED.read({"images": gzip.compress(images), "labels": pickled(np.array([1, 0]))})
    assert core + b"." in images
    assert np.asarray(content.items).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert content.labels == ["bird", "bear"]


class Evil:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def test_a_pickle_that_would_run_something_is_refused_and_not_run(tmp_path: Path) -> None:
    evil = pickled(Evil(tmp_path / "made"))
    with pytest.raises(FetchError, match=r"posix\.mkdir|nt\.mkdir"):
        PICKLED.read({"images": evil, "labels": evil})
    assert not (tmp_path / "made").exists()
    pickle.loads(gzip.decompress(evil))  # any other reader would have run it
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("module", [b"numpy\nload\n", b"numpy._core.multiarray\nfromfile\n", b"builtins\neval\n"])
def test_no_other_function_of_numpy_or_python_is_admitted(module: bytes) -> None:
    call = gzip.compress(b"c" + module + b"(S'x'\ntR.")
    with pytest.raises(FetchError, match="was not run"):
        PICKLED.read({"images": call, "labels": call})


@pytest.mark.parametrize("value", [[1, 2], np.array([{}], dtype=object), np.zeros((2, 2, 2))])
def test_a_pickle_of_something_else_is_refused(value: object) -> None:
    with pytest.raises(FetchError, match=r"no array of whole numbers|was not run"):
        PICKLED.read({"images": pickled(value), "labels": pickled(value)})


def test_a_cut_pickle_is_refused() -> None:
    cut = gzip.compress(pickle.dumps(np.arange(100), 4)[:-20])
    with pytest.raises(FetchError, match=r"a broken pickle|was not run"):
        PICKLED.read({"images": cut, "labels": cut})


HEADER = b"Category\tText\nd\tstring\nclass\t\n"


def test_texts_stand_under_three_lines_of_header_and_lines_without_a_label_and_text_are_skipped() -> None:
    train = HEADER + b'\t\nearn\tprofit is up\nacq\tthey bought "it"\n'
    content = LabeledTexts("train", "test").read({"train": train, "test": HEADER + "\nearn\tcafé\r\n".encode()})
    assert content.items == ["profit is up", 'they bought "it"', "café"]
    assert content.labels == ["earn", "acq", "earn"]
    assert content.official_test == 1


@pytest.mark.parametrize("train", [b"", HEADER, HEADER + b"earn\n", HEADER + b"a\tb\tc\n", b"x\ny\nz\na\tb\n", b"\xff"])
def test_texts_in_another_form_are_refused(train: bytes) -> None:
    with pytest.raises(FetchError, match="train holds"):
        LabeledTexts("train", "test").read({"train": train, "test": HEADER + b"a\tb\n"})


def test_mail_is_labeled_by_its_folder_and_odd_bytes_do_no_harm() -> None:
    files = {"data/spam-1/00002.ff.txt": b"buy \xff now", "data/easy-ham-1/00001.aa.txt": b"From ann\nhello"}
    content = Mail("data/*/*.txt").read(files)
    assert content.items == ["From ann\nhello", "buy � now"]
    assert content.labels == ["ham", "spam"]
    assert content.ids == ["easy-ham-1/00001", "spam-1/00002"]


def test_a_data_frame_of_r_is_numbers_and_a_factor(tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata", reason="reading R's files needs askance[datasets]")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"kind": pandas.Categorical(["b", "a"]), "x": [1.5, 2.0], "bit": pandas.Categorical(["0", "1"])}
    )
    rdata.write_rda(tmp_path / "pets.rda", {"pets": frame})
    files = {"pets.rda": (tmp_path / "pets.rda").read_bytes()}
    content = RData("pets.rda", "pets", "kind").read(files)
    assert np.asarray(content.items).tolist() == [[1.5, 0], [2, 1]]
    assert content.labels == ["b", "a"]
    with pytest.raises(FetchError, match="no data frame 'dogs'"):
        RData("pets.rda", "dogs", "kind").read(files)
    with pytest.raises(FetchError, match=r"pets\.rda holds no data frame"):
        RData("pets.rda", "pets", "kind").read({"pets.rda": b"RDX3\nodd"})


def test_a_shipped_set_has_the_names_of_its_classes() -> None:
    content = Shipped("load_iris").read({})
    assert np.asarray(content.items).shape == (150, 4)
    assert content.labels[0] == "setosa" and content.labels[-1] == "virginica"


def test_pixels_go_from_zero_to_one_and_columns_are_standardized() -> None:
    assert Pixels().features(np.array([[0, 51, 255]], dtype=np.uint8)).tolist() == [[0, np.float32(0.2), 1]]
    table = Content(np.array([[1.0, 5.0], [3.0, 5.0]]), ["a", "b"])
    assert Numbers().features(Numbers().kept(table)).tolist() == [[-1, 0], [1, 0]]


def tarred(content: bytes, name: str = "ratings/films.txt") -> dict[str, bytes]:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        file.addfile(info, io.BytesIO(content))
    return {"inner.tar.gz": made.getvalue()}


RATED = RatedTexts("inner.tar.gz", "ratings/films.txt")


def test_rated_texts_have_the_class_of_the_nearest_whole_step() -> None:
    lines = b"1\t2.3\tA joy.\r\n2_1\t0.49\tIt is a film.\r\n3\t-0.5\tNot mine.\r\n4\t0.5\tFine.\r\n"
    content = RATED.read(tarred(lines))
    assert content.items == ["A joy.", "It is a film.", "Not mine.", "Fine."]
    assert content.labels == ["positive", "neutral", "negative", "positive"]
    assert content.ids == ["1", "2_1", "3", "4"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (tarred(b"1\t2.3\n"), "films.txt holds lines that are not"),
        (tarred(b"1\tmuch\tA joy.\n"), "films.txt holds lines that are not"),
        (tarred(b"1\t4.5\tA joy.\n"), "ratings that are not from -4 to 4"),
        (tarred(b"1\tnan\tA joy.\n"), "ratings that are not from -4 to 4"),
        (tarred(b"1\t2.3\tA joy.\n", name="else.txt"), "inner.tar.gz holds no file ratings/films.txt"),
        (tarred(b"1\t2.3\t\xff\n"), "inner.tar.gz holds no gzipped tar with text"),
        ({"inner.tar.gz": b"plain"}, "inner.tar.gz holds no gzipped tar with text"),
    ],
)
def test_rated_texts_that_are_broken_are_refused(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(FetchError, match=message):
        RATED.read(files)

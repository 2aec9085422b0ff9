"""The formats data are published in: each reader turns the files of a package into items, labels and ids."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.optional import need
from askance.packages import FetchError
from askance.unpacking import BYTES

Files = Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class Content:
    """What a package says, nothing added.

    Args:
        items: Numbers (items, features), or texts.
        labels: The class of each item.
        ids: The name of each item; None counts rows.
        official_test: How many items at the end are the published test set.
    """

    items: NDArray[Any] | list[str]
    labels: list[str | int]
    ids: list[str] | None = None
    official_test: int = 0


class Reader:
    """Reads one data set out of the files of a package.

    One that needs no package says where its data is from and under which license.
    """

    source: ClassVar[str] = ""
    license: ClassVar[str] = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names or patterns of the files it reads."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse before anything is downloaded, if something that reading needs is not installed."""

    def read(self, files: Files) -> Content:
        """The data set.

        Raises:
            FetchError: If a file is not what it should be.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Shipped(Reader):
    """A data set of scikit-learn, which is installed.

    Args:
        loader: The function of ``sklearn.datasets`` that loads it.
    """

    source: ClassVar[str] = "scikit-learn"
    license: ClassVar[str] = "BSD-3-Clause"
    loader: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return ()

    def read(self, files: Files) -> Content:
        import sklearn.datasets

        loaded = getattr(sklearn.datasets, self.loader)()
        names = np.asarray(loaded.target_names).tolist()
        return Content(loaded.data, [names[number] for number in loaded.target])


@dataclass(frozen=True)
class Idx(Reader):
    """Images and labels as gzipped IDX files, the training set first.

    Args:
        images: The files of images.
        labels: The files of labels, in the same order.
        names: What the classes are called, by number.
    """

    images: tuple[str, str]
    labels: tuple[str, str]
    names: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        return self.images + self.labels

    def read(self, files: Files) -> Content:
        images = [_idx(name, files[name]) for name in self.images]
        labels = [_idx(name, files[name]) for name in self.labels]
        for name, pixels, numbers in zip(self.images, images, labels, strict=True):
            _fitting(name, pixels, numbers, self.names)
        rows = np.concatenate(images)
        return Content(
            rows.reshape(len(rows), -1), _named(np.concatenate(labels), self.names), official_test=len(images[1])
        )


@dataclass(frozen=True)
class PickledArrays(Reader):
    """Images and labels as gzipped pickles of NumPy arrays; a pickle that holds anything else is refused.

    Args:
        images: The file of images.
        labels: The file of labels.
        names: What the classes are called, by number.
    """

    images: str
    labels: str
    names: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.images, self.labels)

    def read(self, files: Files) -> Content:
        images, labels = (_array(name, _gunzipped(name, files[name])) for name in self.wanted)
        _fitting(self.images, images, labels, self.names)
        return Content(images.reshape(len(images), -1), _named(labels, self.names))


@dataclass(frozen=True)
class LabeledTexts(Reader):
    """A label and a text a line, parted by a tab, under three lines of header; the training set first.

    Args:
        train: The file of the training set.
        test: The file of the test set.
    """

    train: str
    test: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.train, self.test)

    def read(self, files: Files) -> Content:
        train, test = (_lines(name, files[name]) for name in self.wanted)
        return Content(
            [text for _, text in train + test], [label for label, _ in train + test], official_test=len(test)
        )


@dataclass(frozen=True)
class Mail(Reader):
    """A message a file, headers and all, in folders whose names begin with ``spam`` or hold ``ham``.

    Args:
        pattern: Which files are messages.
    """

    pattern: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.pattern,)

    def read(self, files: Files) -> Content:
        places = {name: PurePosixPath(name) for name in sorted(files)}
        return Content(
            [files[name].decode("utf-8", errors="replace") for name in places],  # many encodings, few of them declared
            ["spam" if place.parent.name.startswith("spam") else "ham" for place in places.values()],
            [f"{place.parent.name}/{place.name.partition('.')[0]}" for place in places.values()],
        )


@dataclass(frozen=True)
class RData(Reader):
    """A data frame of numbers and a factor, saved by R.

    Args:
        file: The file.
        frame: The name of the data frame in it.
        label: The column of labels.
    """

    file: str
    frame: str
    label: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.file,)

    def check(self) -> None:
        need("rdata", "datasets", "Reading R's data files")

    def read(self, files: Files) -> Content:
        rdata = need("rdata", "datasets", "Reading R's data files")
        try:
            frame = rdata.read_rda(io.BytesIO(files[self.file]), default_encoding="utf-8")[self.frame]
            numbers = frame.drop(columns=[self.label]).astype("float64").to_numpy()
            labels = [str(label) for label in frame[self.label]]
        except (LookupError, ValueError, TypeError, AttributeError, RuntimeError, EOFError, OSError) as error:
            raise _odd(self.file, f"no data frame {self.frame!r} with a column {self.label!r} and numbers") from error
        return Content(numbers, list(labels))


@dataclass(frozen=True)
class RatedTexts(Reader):
    """Texts that people rated from -4 to 4, in a tar inside of the package: an id, the mean rating and a text a line.

    The class is the whole step of the scale that the mean is nearest to: below 0, 0 (means of less than 0.5 either
    way) or above. What lies half-way is further from 0.

    Args:
        archive: The gzipped tar.
        file: The file in it.
    """

    archive: str
    file: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.archive,)

    def read(self, files: Files) -> Content:
        lines = self._text(files[self.archive]).replace("\r\n", "\n").split("\n")
        rows = [line.split("\t") for line in lines if line.strip()]
        try:
            ids, means, texts = zip(*rows, strict=True)
            ratings = [float(mean) for mean in means]
        except ValueError as error:
            raise _odd(self.file, "lines that are not an id, a mean rating and a text") from error
        if not all(-4 <= rating <= 4 for rating in ratings) or not all(texts):
            raise _odd(self.file, "ratings that are not from -4 to 4, or an empty text")
        labels = ["neutral" if abs(r) < 0.5 else "positive" if r > 0 else "negative" for r in ratings]
        return Content(list(texts), list(labels), list(ids))

    def _text(self, archive: bytes) -> str:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
                member = opened.getmember(self.file)
                content = opened.extractfile(member) if member.isreg() and member.size <= BYTES else None
                if content is None:
                    raise _odd(self.archive, f"{self.file}, which is no plain file of less than {BYTES >> 20} MiB")
                return content.read().decode("utf-8")
        except KeyError as error:
            raise _odd(self.archive, f"no file {self.file}") from error
        except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
            raise _odd(self.archive, "no gzipped tar with text in UTF-8") from error


def _idx(name: str, content: bytes) -> NDArray[np.uint8]:
    """An array of bytes: two zeros, type 8, the number of axes, their lengths as big-endian words, then the values."""
    data = _gunzipped(name, content)
    axes = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    start = 4 + 4 * axes
    if not axes or len(data) < start:
        raise _odd(name, "no IDX array of bytes")
    shape = struct.unpack(f">{axes}I", data[4:start])
    values = np.frombuffer(data, dtype=np.uint8, offset=start)
    if len(values) != int(np.prod(shape, dtype=object)):
        raise _odd(name, f"{len(values):,} values where its header says {shape}")
    return values.reshape(shape)


def _gunzipped(name: str, content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            data = file.read(BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _odd(name, "no gzip file") from error
    if len(data) > BYTES:
        raise _odd(name, f"more than {BYTES >> 20} MiB")
    return data


class _ArraysOnly(pickle.Unpickler):
    """Admits what an array of numbers is made of; anything else a pickle could call is refused."""

    ADMITTED = (("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"))

    def find_class(self, module: str, name: str) -> Any:
        place = module.replace("numpy.core.", "numpy._core.")  # as NumPy 1 called it
        if (place, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(place, name)


def _array(name: str, data: bytes) -> NDArray[Any]:
    try:
        array = _ArraysOnly(io.BytesIO(data)).load()
    except pickle.UnpicklingError as error:
        raise _odd(name, f"a pickle of more than an array of numbers ({error}), which was not run") from error
    except (EOFError, ValueError, TypeError, AttributeError, LookupError, MemoryError) as error:
        raise _odd(name, "a broken pickle") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "ui":
        raise _odd(name, "no array of whole numbers")
    return array


def _fitting(name: str, images: NDArray[Any], labels: NDArray[Any], names: Sequence[str]) -> None:
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise _odd(name, f"images of shape {images.shape} for labels of shape {labels.shape}")
    if labels.size and not 0 <= labels.min() <= labels.max() < len(names):
        raise _odd(name, f"labels from {labels.min()} to {labels.max()} for {len(names)} classes")


def _named(numbers: NDArray[Any], names: Sequence[str]) -> list[str | int]:
    return [names[number] for number in numbers.tolist()]


def _lines(name: str, content: bytes) -> list[tuple[str, str]]:
    """Label and text of every line that has any; R52 has one line with a tab alone."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _odd(name, "text that is not UTF-8") from error
    rows = [tuple(line.rstrip("\r").split("\t")) for line in lines[3:] if line.strip()]
    if lines[0].split("\t")[:1] != ["Category"] or not rows or any(len(row) != 2 or not all(row) for row in rows):
        raise _odd(name, "lines that are not a label, a tab and a text")
    return [(label, text) for label, text in rows]


def _odd(name: str, found: str) -> FetchError:
    return FetchError(f"{name} holds {found}. Do not use this package; bring askance up to date and fetch again.")

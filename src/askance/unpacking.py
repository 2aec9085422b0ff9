"""Package files opened in memory: zip, tar and Debian's ar, with nothing written and limits on what is read."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath

from askance.packages import FetchError

MEMBERS = 100_000  # files in a package, at most
BYTES = 512 << 20  # what is read of one package, unpacked, at most

Member = tuple[str, int, Callable[[], bytes] | None]  # name, size, and how to read it; None is no plain file
Opened = dict[str, bytes]


def unpack(path: Path, wanted: Sequence[str]) -> Opened:
    """The contents of some files of a package, by their names in it.

    Args:
        path: A wheel (zip), a .tgz, a .tar.gz or a .deb.
        wanted: Names or patterns; each must match something.

    Raises:
        FetchError: If the package is broken, lacks a wanted file, holds a name that leads out of its folder, or is
            larger than any package of ours.
    """
    try:
        found = _read(path, _MEMBERS[path.suffix](path), wanted)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise FetchError(f"{path.name} cannot be unpacked: {error}. Fetch it again.") from error
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise FetchError(f"{path.name} holds no file {pattern}. Fetch it again, or bring askance up to date.")
    return found


def _read(path: Path, members: Iterator[Member], wanted: Sequence[str]) -> Opened:
    found: Opened = {}
    total = 0
    for number, (raw, size, read) in enumerate(members):
        name = _inside(path, raw)
        if number >= MEMBERS:
            raise FetchError(f"{path.name} holds more than {MEMBERS:,} files, too many. Do not use this package.")
        if not any(fnmatchcase(name, pattern) for pattern in wanted):
            continue
        if read is None or name in found:
            what = "is no plain file" if read is None else "is there twice"
            raise FetchError(f"{path.name}: {name} {what}. Do not use this package.")
        total += size
        if total > BYTES:  # sizes are declared ahead of the content, so a bomb is never unpacked
            raise FetchError(
                f"{path.name}: the files wanted have more than {BYTES >> 20} MiB unpacked, with {name} of {size:,} "
                f"bytes. Do not use this package."
            )
        found[name] = read()
    return found


def _inside(path: Path, raw: str) -> str:
    """A member's name without a leading dot; one that leads elsewhere is refused, even though nothing is written."""
    name = PurePosixPath(raw)
    if name.is_absolute() or ".." in name.parts or "\\" in raw or str(name)[1:2] == ":":
        raise FetchError(f"{path.name} holds {raw!r}, which leads out of its folder. Do not use this package.")
    return str(name)


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            link = info.external_attr >> 16 & 0o170000 == 0o120000
            # orig_filename, because filename is cut and changed by zipfile
            yield info.orig_filename, info.file_size, None if link or info.is_dir() else partial(file.read, info)


def _of_tar(file: tarfile.TarFile) -> Iterator[Member]:
    for info in file:
        content = file.extractfile(info) if info.isreg() else None
        yield info.name, info.size, content.read if content is not None else None


def _of_tgz(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:gz") as file:
        yield from _of_tar(file)


def _of_deb(path: Path) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(_data_of_deb(path)), mode="r:*") as file:
        yield from _of_tar(file)


def _data_of_deb(path: Path) -> bytes:
    """The tar of files in a Debian package, which is an ar archive: a magic line, then headers of 60 bytes."""
    with path.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise FetchError(f"{path.name} is no Debian package. Fetch it again.")
        while len(header := file.read(60)) == 60:
            name, size = header[:16].rstrip(b" /"), header[48:58].strip()
            if header[58:] != b"`\n" or not size.isdigit() or int(size) > BYTES:
                break
            if name.startswith(b"data.tar"):
                return file.read(int(size))
            file.seek(int(size) + int(size) % 2, io.SEEK_CUR)  # contents begin at even places
    raise FetchError(f"{path.name} is broken: it holds no data.tar. Fetch it again.")


_MEMBERS = {".whl": _of_zip, ".tgz": _of_tgz, ".gz": _of_tgz, ".deb": _of_deb}

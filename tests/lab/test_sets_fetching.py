"""Packages: what the clients are asked for, what is refused, and what is read of an archive."""

from __future__ import annotations

import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from askance import packages, unpacking
from askance.lab.registry import ENTRIES
from askance.packages import APT, NPM, PIP, PIP_SOURCE, Client, FetchError, Package, download
from askance.unpacking import unpack

Files = dict[str, bytes]
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of b"abc", from FIPS 180-2


def wheel(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tar(files: Iterable[tuple[str, bytes]], mode: str = "w:gz", link: str | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as file:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
            file.addfile(info)
    return made.getvalue()


def tgz(path: Path, files: Files) -> Path:
    path.write_bytes(tar(files.items()))
    return path


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    made = b"!<arch>\n"
    for name, content in members:
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        made += content + b"\n" * (len(content) % 2)
    return made


def deb(path: Path, files: Files) -> Path:
    data = lzma.compress(
        tar([(name if name.startswith("/") else f"./{name}", content) for name, content in files.items()], mode="w")
    )
    path.write_bytes(ar([("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data)]))
    return path


FORMATS = [("x.whl", wheel), ("x.tgz", tgz), ("x.deb", deb)]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Make every client leave these files and end like this; gives what was asked for."""

    def make(files: Files, status: int = 0, said: str = "") -> list[list[str]]:
        asked = []

        def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
            asked.append(command)
            for name, content in files.items():
                (folder / name).write_bytes(content)
            return subprocess.CompletedProcess(command, status, "", said)

        monkeypatch.setattr(packages, "run_client", run)
        monkeypatch.setattr(packages.shutil, "which", lambda name: name)
        return asked

    return make


@pytest.mark.parametrize(
    ("made_by", "begins", "ends"),
    [
        (PIP, [sys.executable, "-m", "pip"], "thing==1.2"),
        (APT, ["apt-get"], "thing=1.2"),
        (NPM, ["npm", "pack"], "thing@1.2"),
    ],
)
def test_a_client_is_asked_for_the_exact_version_and_its_file_is_checked(
    client: Callable[..., list[list[str]]], tmp_path: Path, made_by: Client, begins: list[str], ends: str
) -> None:
    asked = client({f"thing{made_by.suffix}": b"abc", "notes.txt": b"chatter"})
    assert download(Package(made_by, "thing", "1.2", ABC, "MIT"), tmp_path).read_bytes() == b"abc"
    (command,) = asked
    assert command[: len(begins)] == begins and command[-1] == ends


def test_no_client_runs_code_of_a_package() -> None:
    assert ":all:" in PIP.command[PIP.command.index("--only-binary") :]  # a source package runs its build
    assert "--no-deps" in PIP.command and "--ignore-scripts" in NPM.command
    assert all("install" not in client.command for client in (PIP, APT, NPM))


@pytest.mark.slow
def test_the_build_of_a_source_package_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        f"open({str(tmp_path / 'was run')!r}, 'w')\nfrom setuptools import setup\nsetup(name='thing', version='1.2')"
    )
    places = {"thing-1.2/setup.py": script.encode(), "thing-1.2/PKG-INFO": b"Metadata-Version: 1.1\nName: thing\n"}
    shelf, folder = tmp_path / "shelf", tmp_path / "folder"
    shelf.mkdir()
    folder.mkdir()
    made = tgz(shelf / "thing-1.2.tar.gz", places)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    found = download(Package(PIP_SOURCE, "thing", "1.2", packages.checksum(made), "MIT"), folder)
    assert found.name == "thing-1.2.tar.gz" and unpack(found, ["*/setup.py"]) == {"thing-1.2/setup.py": script.encode()}
    assert not (tmp_path / "was run").exists()
    with pytest.raises(FetchError, match="could not download thing==1.2"):  # pip itself refuses another file
        download(Package(PIP_SOURCE, "thing", "1.2", "0" * 64, "MIT"), tmp_path)
    assert not (tmp_path / "was run").exists()


def test_pip_is_told_the_checksum_of_a_source_package(client: Callable[..., list[list[str]]], tmp_path: Path) -> None:
    asked = client({"thing-1.2.tar.gz": b"abc"})
    download(Package(PIP_SOURCE, "thing", "1.2", ABC, "MIT"), tmp_path)
    assert asked == [[sys.executable, "-m", "askance.unbuilt", "thing==1.2", ABC]]


def test_a_file_with_another_checksum_is_refused_with_both(
    client: Callable[..., list[list[str]]], tmp_path: Path
) -> None:
    client({"thing.whl": b"abd"})
    with pytest.raises(FetchError, match=rf"thing\.whl has the SHA-256 [0-9a-f]{{64}}, .* should have {ABC}"):
        download(Package(PIP, "thing", "1.2", ABC, "MIT"), tmp_path)


@pytest.mark.parametrize("files", [{}, {"one.whl": b"abc", "two.whl": b"abc"}])
def test_one_package_file_is_expected(client: Callable[..., list[list[str]]], tmp_path: Path, files: Files) -> None:
    client(files)
    with pytest.raises(FetchError, match=f"left {len(files)} files"):
        download(Package(PIP, "thing", "1.2", ABC, "MIT"), tmp_path)


@pytest.mark.parametrize(
    ("made_by", "said", "shown"),
    [
        (PIP, "WARNING: slow\nERROR: No match at https://me:secret@index.example/simple\nbye", "No match at (address)"),
        (APT, "E: Could not resolve 'mirror.example.org'", "Could not resolve '(address)'"),
        (NPM, "npm error code E404\nnpm error 404 Not found\nnpm error A log is at /x", "npm error 404 Not found"),
        (APT, "", "it said nothing"),
    ],
)
def test_a_client_that_fails_is_quoted_without_addresses_and_with_what_to_do(
    client: Callable[..., list[list[str]]], tmp_path: Path, made_by: Client, said: str, shown: str
) -> None:
    client({}, status=7, said=said)
    with pytest.raises(FetchError) as caught:
        download(Package(made_by, "thing", "1.2", ABC, "MIT"), tmp_path)
    assert "exit status 7" in str(caught.value) and shown in str(caught.value)
    assert "secret" not in str(caught.value) and "example" not in str(caught.value)
    assert str(caught.value).endswith(made_by.advice)


def test_a_missing_client_is_said_with_a_way_round(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=r"apt-get is not on this machine.*copy the data set's folder"):
        download(Package(APT, "thing", "1.2", ABC, "MIT"), tmp_path)


def test_a_client_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = Client("sleep", (sys.executable, "-c", "import time; time.sleep(60)"), "=", ".deb", "")
    monkeypatch.setattr(packages, "MINUTES", 0.005)
    with pytest.raises(FetchError, match="was stopped"):
        download(Package(hanging, "thing", "1.2", ABC, "MIT"), tmp_path)


@pytest.mark.parametrize(("name", "make"), FORMATS)
def test_wanted_files_are_read_and_others_are_not(
    tmp_path: Path, name: str, make: Callable[[Path, Files], Path]
) -> None:
    path = make(tmp_path / name, {"a/one.txt": b"1", "a/two.txt": b"22", "b/code.py": b"import os"})
    assert unpack(path, ["a/*.txt"]) == {"a/one.txt": b"1", "a/two.txt": b"22"}
    assert list(tmp_path.iterdir()) == [path]  # nothing is written


@pytest.mark.parametrize(("name", "make"), FORMATS)
@pytest.mark.parametrize("evil", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "a\\..\\out.txt", "C:out.txt"])
def test_a_name_that_leads_out_of_the_package_is_refused_even_if_it_is_not_wanted(
    tmp_path: Path, name: str, make: Callable[[Path, Files], Path], evil: str
) -> None:
    path = make(tmp_path / name, {"a/one.txt": b"1", evil: b"2"})
    with pytest.raises(FetchError, match="leads out of its folder"):
        unpack(path, ["a/one.txt"])


@pytest.mark.parametrize(("name", "make"), FORMATS)
def test_a_package_that_lacks_a_file_or_is_cut_off_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path, Files], Path]
) -> None:
    path = make(tmp_path / name, {"a/one.txt": bytes(range(256)) * 40})
    with pytest.raises(FetchError, match=r"holds no file a/two\.txt"):
        unpack(path, ["a/two.txt"])
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(FetchError, match="Fetch it again"):
        unpack(path, ["a/one.txt"])


@pytest.mark.parametrize(("name", "make"), FORMATS)
def test_a_file_larger_than_the_limit_is_refused_by_its_declared_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path, Files], Path]
) -> None:
    path = make(tmp_path / name, {"a/one.txt": bytes(3 << 20), "a/two.txt": bytes(2 << 20)})
    monkeypatch.setattr(unpacking, "BYTES", 4 << 20)
    assert len(unpack(path, ["a/one.txt"])) == 1
    with pytest.raises(FetchError, match="more than 4 MiB"):
        unpack(path, ["a/*.txt"])


def test_a_link_in_place_of_a_wanted_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(tar([], link="a/one.txt"))
    with pytest.raises(FetchError, match=r"a/one\.txt is no plain file"):
        unpack(tmp_path / "x.tgz", ["a/one.txt"])


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(tar([("a.txt", b"1"), ("./a.txt", b"2")]))
    with pytest.raises(FetchError, match="is there twice"):
        unpack(tmp_path / "x.tgz", ["a.txt"])


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MEMBERS", 3)
    with pytest.raises(FetchError, match="more than 3 files"):
        unpack(wheel(tmp_path / "x.whl", {f"{i}.txt": b"" for i in range(4)}), ["0.txt"])


@pytest.mark.parametrize("content", [b"no archive", ar([("data.tar.xz", b"odd")]), ar([("control.tar", b"c")])])
def test_a_broken_debian_package_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.deb").write_bytes(content)
    with pytest.raises(FetchError, match="Fetch it again"):
        unpack(tmp_path / "x.deb", ["a"])


@pytest.mark.parametrize("name", [name for name, known in ENTRIES.items() if known.package])
def test_an_entry_names_a_version_a_checksum_and_files_alone(name: str) -> None:
    known = ENTRIES[name]
    assert known.package is not None and len(bytes.fromhex(known.package.sha256)) == 32
    assert known.reader.wanted and not any(file.endswith(".py") for file in known.reader.wanted)
    assert 0 <= known.official_test < known.items and known.classes < known.items
    assert known.cite and known.license

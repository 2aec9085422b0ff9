"""Source packages downloaded by pip without running their code: ``python -m askance.unbuilt NAME==VERSION SHA256``.

To learn the name of a source package pip runs its build, even where it shall only download it. Here a stand-in takes
the place of setuptools, so that the build of a package that names no build system says name and version and does
nothing else; and pip compares the checksum before that. A package that names a build system in a file pyproject.toml
would bring its own: look into it before it gets into a registry of data.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_STAND_IN = '''\
"""Says what a package is called, and builds nothing."""
from pathlib import Path

NAME, VERSION = {name!r}, {version!r}


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = Path(metadata_directory) / f"{{NAME}}-{{VERSION}}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n", "utf-8")
    return info.name


class _Legacy:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)


__legacy__ = _Legacy()
'''


def main(arguments: Sequence[str]) -> int:
    """Download into the working folder.

    Args:
        arguments: The package as pip names it, with its version, and its SHA-256.

    Returns:
        The exit status of pip.
    """
    wanted, sha256 = arguments
    name, _, version = wanted.partition("==")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "setuptools").mkdir()
        (place / "setuptools" / "__init__.py").touch()
        (place / "setuptools" / "build_meta.py").write_text(_STAND_IN.format(name=name, version=version), "utf-8")
        (place / "wanted.txt").write_text(f"{wanted} --hash=sha256:{sha256}\n", "utf-8")
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        done = subprocess.run(_command(place), env={**os.environ, "PYTHONPATH": path}, check=False)
    return done.returncode


def _command(place: Path) -> list[str]:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--no-deps"]
    unbuilt = ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
    return [*pip, *unbuilt, "--require-hashes", "--requirement", str(place / "wanted.txt")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

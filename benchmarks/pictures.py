"""The picture in the README: the top of the page that ``askance demo`` writes, seen by headless Chromium.

``python -m benchmarks.pictures`` runs the demo, about a minute on two cores, and writes docs/pictures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from askance.cli import main as askance

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "report.png"
SIZE = "1000,1300"  # down to the end of the differences over the whole curve
LARGEST = 300_000  # bytes
NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    browser = next((found for name in NAMES if (found := which(name))), None)
    if browser is None:
        print("No Chromium is on the PATH. On Debian: apt-get install chromium", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        done = askance(["demo", "--out", folder])
        if done:
            return done
        photograph(browser, Path(folder) / "report.html", PICTURE)
    size = PICTURE.stat().st_size
    print(f"{PICTURE}: {size:,} bytes")
    return 0 if size <= LARGEST else 1


def photograph(browser: str, page: Path, picture: Path) -> None:
    """The top of a page, in the colors that a light screen shows."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",  # a container's root has no other way; the page is our own and loads nothing
                "--disable-gpu",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                "--blink-settings=preferredColorScheme=1",  # light
                f"--user-data-dir={profile}",
                f"--window-size={SIZE}",
                f"--screenshot={picture}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main())

"""The pictures in the README, seen by headless Chromium: the report of ``askance demo``, and the labeling page.

``python -m benchmarks.pictures`` runs the demo and labels some prose at the page, a few minutes on two cores, and
writes docs/pictures. ``--only report`` or ``--only desk`` makes one of them.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from askance.cli import main as askance
from askance.project.beginning import Wishes, begin
from askance.sources.csv import write_table

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
LABELED = 160  # items labeled at the page before it is seen
WAIT = 120.0  # seconds until what is on the page has been measured
SIZE = "1000,1300"  # down to the end of the differences over the whole curve
LARGEST = 300_000  # bytes
NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("report", "desk"))
    only = parser.parse_args().only
    browser = next((found for name in NAMES if (found := which(name))), None)
    if browser is None:
        print("No Chromium is on the PATH. On Debian: apt-get install chromium", file=sys.stderr)
        return 1
    made = []
    with TemporaryDirectory() as folder:
        if only != "desk":
            done = askance(["demo", "--out", folder])
            if done:
                return done
            photograph(browser, (Path(folder) / "report.html").as_uri(), FOLDER / "report.png")
            made.append(FOLDER / "report.png")
        if only != "report":
            label(browser, Path(folder), FOLDER / "desk.png")
            made.append(FOLDER / "desk.png")
    for picture in made:
        print(f"{picture}: {picture.stat().st_size:,} bytes")
    return 0 if all(picture.stat().st_size <= LARGEST for picture in made) else 1


def label(browser: str, folder: Path, picture: Path) -> None:
    """Label documentation of installed packages at the page, as somebody would who knows which package it is from."""
    from benchmarks.desk import Client, Desk

    subprocess.run([sys.executable, str(EXAMPLES / "make_data.py"), str(folder)], check=True, capture_output=True)
    with (folder / "docstrings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = {row["id"]: row["package"] for row in rows}
    write_table(folder / "documentation.csv", {name: [row[name] for row in rows] for name in ("id", "text")})
    place = begin(
        folder / "documentation.csv", Wishes(text=("text",), id="id"), folder=folder / "documentation.askance"
    )
    desk = Desk(place.place)
    try:
        link = desk.start("--by", "Ada")
        client, done = Client(link, "Ada"), 0
        while done < LABELED:
            items = client.post("/api/claim", {"n": 1})[1]["items"]
            if items:
                body = {"id": items[0]["id"], "value": truth[items[0]["id"]], "once": str(done)}
                done += client.post("/api/answer", body)[0] == 200
            time.sleep(0.5)  # nobody reads faster
        end = time.monotonic() + WAIT
        while not client.get("/api/proof")[1]["curve"] and time.monotonic() < end:
            time.sleep(1)
        time.sleep(10)  # and the newest measurement
        photograph(browser, link, picture, "1280,860")
    finally:
        desk.stop()


def photograph(browser: str, page: str, picture: Path, size: str = SIZE) -> None:
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
                f"--window-size={size}",
                "--virtual-time-budget=8000",
                f"--screenshot={picture}",
                page,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main())

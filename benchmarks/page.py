"""The labeling page in a real Chromium: how soon the first item is there, how soon the next, and what cannot harm it.

python -m benchmarks.page first       from the command to the first item, and to items that a strategy chose
python -m benchmarks.page keys        from a key to the next item, while a model trains
python -m benchmarks.page hostile     mails and markup that would run scripts if a page let them
python -m benchmarks.page disk        a disk that is full, and one that takes nothing (needs a user who may mount)
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from PIL import Image

from askance.project.beginning import Wishes, begin
from askance.sources.csv import write_table
from benchmarks.browser import Page, browser
from benchmarks.desk import Client, Desk, desk_at
from benchmarks.measure import ROOT

ITEM = "(document.querySelector('#about .id')?.textContent ?? '')"
SAVED = "document.body.innerText.includes('All saved')"
PATIENCE = 120.0
MOST = 60  # answers until a page must have said that they cannot be kept

# Each would set `hacked`, open a box, fetch something or move away if it were more than text.
HOSTILE = (
    "<script>hacked = 1</script>",
    "<SCRIPT SRC=http://192.0.2.1/x.js></SCRIPT>",
    '<img src=x onerror="hacked = 2">',
    '<img src="javascript:hacked=3">',
    '"><svg onload=hacked=4>',
    "'><svg/onload=hacked=5>",
    "<svg><script>hacked=6</script></svg>",
    "<svg><animate onbegin=hacked=7 attributeName=x></svg>",
    "<iframe srcdoc='<script>parent.hacked = 8</script>'></iframe>",
    "<iframe src=javascript:hacked=9></iframe>",
    "<object data=javascript:hacked=10></object>",
    "<embed src=javascript:hacked=11>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=hacked=12>",
    "<noscript><p title='</noscript><img src=x onerror=hacked=13>'>",
    "</div></article></main></body><script>hacked = 14</script>",
    "</div></article><style>*{display:none}</style>",
    "<body onload=hacked=15>",
    "<input autofocus onfocus=hacked=16>",
    "<a href='javascript:hacked=17' autofocus onfocus='hacked=18'>x</a>",
    "<details open ontoggle=hacked=19>",
    "<video><source onerror=hacked=20></video>",
    "<audio src=x onerror=hacked=21>",
    "<marquee onstart=hacked=22>x</marquee>",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<base href=http://192.0.2.1/>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "<style>@import url(http://192.0.2.1/x.css);</style>",
    "<form action=http://192.0.2.1/><button autofocus>x</button></form>",
    "<template><img src=x onerror=hacked=23></template>",
    "javascript:hacked=24",
    "data:text/html,<script>hacked=25</script>",
    "${hacked = 26} {{hacked = 27}} <%= hacked = 28 %> #{hacked = 29}",
    "{{constructor.constructor('hacked=30')()}}",
    "<scr<script>ipt>hacked = 31</scr</script>ipt>",
    "&lt;script&gt;hacked=32&lt;/script&gt;",
    "\\u003cscript\\u003ehacked=33\\u003c/script\\u003e",
    "<img src=x onerror=\\x68acked=34>",
    "<!--<img src='--><img src=x onerror=hacked=35>//'>",
    "<![CDATA[<script>hacked=36</script>]]>",
    "<?xml version='1.0'?><x xmlns='http://www.w3.org/1999/xhtml'><script>hacked=37</script></x>",
    "<img/src='x'/onerror='hacked=38'>",
    "<a href='&#106;avascript:hacked=39'>x</a>",
    "<button popovertarget=x onclick=hacked=40>x</button>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=hacked=41>#x'/></svg>",
    "\u202egnirts eht nrut\u202c \U0001f600 \u200b\u0007\u001b[31m",
    "__proto__",
    "constructor",
    "=cmd|' /C calc'!A0",
    "x" * 20_000,
    "\n" * 500 + "the end",
)

# What of an item may be in the page: the page's own elements, and never one that loads, runs or leads away.
LOADED = "script:not([src='/static/app.js']), iframe, object, embed, video, audio, base, meta[http-equiv], style"


# The first item


def first(items: int = 10_000) -> dict[str, Any]:
    """Seconds from the command, on a file nobody has seen, to the first item on the screen, and to the cold start."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make = [sys.executable, str(ROOT / "examples" / "make_tickets.py"), str(items), str(place / "tickets.csv")]
        subprocess.run(make, check=True, capture_output=True)
        with browser() as ours, ours.page() as page:
            begun = time.monotonic()
            desk = Desk(place / "tickets.askance")
            try:
                link = desk.start(str(place / "tickets.csv"), "--text", "subject,body", "--classes", "bug,billing")
                answers = time.monotonic() - begun
                page.open(link)
                page.until(ITEM, PATIENCE)
                shown = time.monotonic() - begun
                cold = _taken_over(Client(link, "looker")) - begun
            finally:
                desk.stop()
    return {"items": items, "server": answers, "first item": shown, "cold start": cold}


def _taken_over(client: Client) -> float:
    """When the first item is there that a strategy chose."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = client.post("/api/claim", {"n": 1})[1]["items"]
        if found and found[0]["stream"] not in ("early", "control"):
            return time.monotonic()
        for item in found:
            client.post("/api/note", {"id": item["id"], "once": item["id"], "skip": True})
        time.sleep(0.1)
    raise RuntimeError(f"after {PATIENCE:.0f} seconds no strategy had chosen anything: {client.get('/api/state')[1]}")


# Keys


def keys(turns: int = 60) -> dict[str, Any]:
    """Milliseconds from a key to the next item, with a model that trains behind: texts, pictures and tables."""
    found = {}
    for kind, make in (("text", _texts), ("image", _images), ("table", _rows)):
        with tempfile.TemporaryDirectory() as folder:
            project = make(Path(folder), turns * 4)
            with desk_at(project) as (_, link), browser() as ours, ours.page() as page:
                page.open(link)
                page.until(ITEM, PATIENCE)
                took = sorted(_pressed(page, turns))
                fits = (Client(link, "looker").get("/api/state")[1]["model"] or {"number": -1})["number"] + 1
        found[kind] = {
            "50": statistics.median(took),
            "95": took[max(0, round(0.95 * len(took)) - 1)],
            "most": took[-1],
            "keys": len(took),
            "fits": fits,
        }
    return found


def _pressed(page: Page, turns: int) -> list[float]:
    """Milliseconds from each key to the frame that shows the next item, picture and all."""
    page.run(
        "took = []; addEventListener('keydown', event => { pressed = event.timeStamp }, true);"
        "new MutationObserver(() => { const seen = setInterval(() => {"
        "  const picture = document.querySelector('#stage img');"
        "  if (picture && !(picture.complete && picture.naturalWidth > 0)) return;"
        "  clearInterval(seen); requestAnimationFrame(() => took.push(performance.now() - pressed)) }, 1) })"
        ".observe(document.querySelector('#about'), {childList: true})"
    )
    for turn in range(turns):
        page.until(ITEM, PATIENCE)
        before = page.run(ITEM)
        page.press(str(1 + turn % 2))
        page.until(f"{ITEM} && {ITEM} !== {json.dumps(before)}", PATIENCE)
        time.sleep(0.3)  # a quick reader
    return [float(one) for one in page.run("took")]


def _texts(folder: Path, items: int) -> Path:
    texts = [
        f"number {row}: " + ("the printer is out of paper " if row % 2 else "a refund please ") * 9
        for row in range(items)
    ]
    write_table(folder / "texts.csv", {"number": [str(row) for row in range(items)], "body": texts})
    return begin(
        folder / "texts.csv",
        folder=folder / "texts.askance",
        wishes=Wishes(text=("body",), id="number", classes=("a", "b")),
    ).place


def _images(folder: Path, items: int) -> Path:
    (folder / "shots").mkdir()
    for number in range(items):
        plain = Image.new("RGB", (640, 480), (200, 40, number % 256))
        picture = plain if number % 2 else Image.effect_noise((640, 480), 60).convert("RGB")
        picture.save(folder / "shots" / f"shot{number:04}.jpg")
    return begin(folder / "shots", folder=folder / "shots.askance", wishes=Wishes(classes=("noise", "plain"))).place


def _rows(folder: Path, items: int) -> Path:
    columns = {f"x{column}": [f"{(row * 37 + column * 11) % 9973}" for row in range(items)] for column in range(12)}
    write_table(folder / "rows.csv", {"number": [str(row) for row in range(items)], **columns})
    return begin(
        folder / "rows.csv",
        folder=folder / "rows.askance",
        wishes=Wishes(id="number", table=tuple(columns), classes=("a", "b")),
    ).place


# What may be in a file


def hostile(mails: int | None = None) -> dict[str, Any]:
    """Show mails and hostile markup, one after the other; what ran, what was fetched, and what became an element.

    Args:
        mails: So many of the SpamAssassin corpus, where it is in the cache; None: all.
    """
    texts = [*HOSTILE, *_mails(mails)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mails.csv"
        write_table(file, {"number": [str(row) for row in range(len(texts))], "body": texts})
        wishes = Wishes(text=("body",), id="number", classes=("ham", "spam"), strategy="random")
        project = begin(file, wishes, folder=Path(folder) / "mails.askance").place
        with desk_at(project) as (_, link), browser() as ours, ours.page() as page:
            page.open(link)
            seen: set[str] = set()
            problems: list[str] = []
            while len(seen) < len(texts) and len(problems) < 20:
                page.until(f"{ITEM} || document.body.innerText.includes('All items are answered')", PATIENCE)
                item = page.run(ITEM)
                if not item:
                    break
                if item in seen:
                    problems.append(f"{item} came twice")
                seen.add(item)
                problems += [f"{item}: {one}" for one in harm(page)]
                page.press("1")
                page.until(f"{ITEM} !== {json.dumps(item)}", PATIENCE)
            page.until(SAVED, PATIENCE)
            host = link.split("/", 3)[2]
            away = sorted(
                {url for url in page.requests() if url.split("/", 3)[2] != host and not url.startswith("data:image")}
            )
            problems += [f"asked for {url}" for url in away] + page.complaints()
            labeled = Client(link, "looker").get("/api/state")[1]["progress"]["labeled"]
    if labeled != len(texts):
        problems.append(f"{labeled} of {len(texts)} are labeled")
    return {"mails": len(texts) - len(HOSTILE), "markup": len(HOSTILE), "shown": len(seen), "problems": problems}


def harm(page: Page) -> list[str]:
    """What an item did that a text must not do."""
    found = page.run(
        f"[typeof hacked, document.querySelectorAll({json.dumps(LOADED)}).length,"
        " document.querySelectorAll('#stage a, #stage form, #stage input, #stage img, #stage svg').length,"
        " getComputedStyle(document.querySelector('#stage')).display, {}.polluted === undefined]"
    )
    said = (
        "a script ran",
        "an element was loaded",
        "markup became elements",
        "the page was hidden",
        "an object changed",
    )
    wanted: list[Any] = ["undefined", 0, 0, None, True]
    return [
        f"{what} ({value})"
        for what, value, good in zip(said, found, wanted, strict=True)
        if (value == "none" if good is None else value != good)
    ]


def _mails(count: int | None) -> list[str]:
    from askance.errors import AskanceError
    from askance.lab.sets import texts

    try:
        return texts("spam-assassin")[:count]
    except AskanceError:
        return []


# Disks


def disk(labels: int = 40) -> dict[str, Any]:
    """Label on a disk that fills up, and then on one that takes nothing: what the page says, and whether all is kept.

    The disk is a small one in memory; where this process may not mount one, `mounted` is False and nothing was tried.
    """
    with tempfile.TemporaryDirectory() as folder, _small_disk(Path(folder) / "disk") as mounted:
        if not mounted:
            return {"mounted": False, "problems": []}
        return {"mounted": True, **_on_disk(Path(folder) / "disk", labels)}


def _on_disk(place: Path, labels: int) -> dict[str, Any]:
    project = _texts(place, 600)
    problems: list[str] = []
    with desk_at(project) as (_, link), browser() as ours, ours.page() as page:
        page.open(link)
        given = _answer(page, labels)
        page.until(SAVED, PATIENCE)
        _fill(place / "fill")
        more = 0
        while not (said := page.text("#banners")) and more < MOST:
            more += _answer(page, 1, patience=5)
            time.sleep(0.3)
        waiting = page.text("#saved")
        (place / "fill").unlink()
        page.until(SAVED, PATIENCE)
        given += more + _answer(page, labels)
        page.until(f"{SAVED} && !document.querySelector('#banners').innerText", PATIENCE)
        kept = Client(link, "looker").get("/api/state")[1]["progress"]["labeled"]
    if not said:
        problems.append(f"the page said nothing during {more} answers that could not be kept")
    _remount(place, "ro")
    command = [sys.executable, "-m", "askance.cli", "label", "--project", str(project), "--port", "0", "--json"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    _remount(place, "rw")
    if not refused.returncode or "Traceback" in refused.stderr:
        problems.append(f"a disk that takes nothing: {refused.returncode}, {refused.stderr[-300:]}")
    with desk_at(project) as (_, link):
        again = Client(link, "looker").get("/api/state")[1]["progress"]["labeled"]
    if not kept == again == given:
        problems.append(f"{given} answers were given, {kept} were kept, {again} after another start")
    said, why = (text.replace(str(place), "DISK") for text in (said, refused.stderr.strip()))
    full = {"the page says": said, "beside it": waiting, "answered meanwhile": more}
    return {"full": full, "read-only": why[-300:], "kept": again, "problems": problems}


def _answer(page: Page, count: int, patience: float = PATIENCE) -> int:
    """Answer items by keys; how many were there to answer."""
    for turn in range(count):
        try:
            page.until(ITEM, patience)
        except AssertionError:  # what was fetched ahead is answered
            return turn
        before = page.run(ITEM)
        page.press(str(1 + turn % 2))
        page.until(f"{ITEM} !== {json.dumps(before)}", PATIENCE)
    return count


@contextmanager
def _small_disk(place: Path) -> Iterator[bool]:
    """A disk of 24 MiB at a place, if this process may mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)]
    mounted = which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


def _remount(place: Path, how: str) -> None:
    """Let a disk take nothing, or all again; nobody may have a file open there."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True, capture_output=True)


def _fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue


MEASURES: dict[str, Callable[[], dict[str, Any]]] = {"first": first, "keys": keys, "hostile": hostile, "disk": disk}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", choices=MEASURES)
    print(json.dumps(MEASURES[parser.parse_args(arguments).measure](), indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())

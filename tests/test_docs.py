"""The documents: code runs, output is what comes out, nothing generated is stale, links lead somewhere."""

from __future__ import annotations

import inspect
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import askance
from askance.cli import parser
from askance.lab.grids import grid_of
from askance.learners.catalogue import LEARNERS
from askance.strategies.catalogue import STRATEGIES

ROOT = Path(__file__).resolve().parents[1]
RUN = (
    "README.md",
    "docs/tour.md",
    "docs/own-data.md",
    "docs/export.md",
    "docs/own-model.md",
    "docs/statistics.md",
    "docs/lab.md",
    "docs/large-pools.md",
    "docs/adding-a-strategy.md",
)
PAGES = sorted(str(page.relative_to(ROOT)) for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [name for name in askance.__all__ if name != "__version__"]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it starts on, and the comment right above it."""

    language: str
    text: str
    line: int
    mark: str


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text("utf-8")
    for found in re.finditer(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        mark, language, inside = found.groups()
        yield Block(language, inside, text[: found.start(3)].count("\n"), mark or "")


@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs_and_says_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    place = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", place)  # classes of the page are found by name
    said = ""
    for block in blocks(page):
        if block.mark.startswith("file: "):
            Path(block.mark.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            said = run_python(block, page, place)
        elif block.language == "sh":
            code = int(block.mark.removeprefix("exit ")) if block.mark.startswith("exit ") else 0
            said = "".join(run_command(line, block.mark == "long", code) for line in block.text.splitlines())
        elif block.language == "text":
            varies = block.mark == "numbers vary"
            assert without_numbers(said, varies) == without_numbers(block.text, varies), f"{page}, line {block.line}"
        elif block.language == "toml":
            written = tomllib.loads(block.text)
            if "project" in written:
                assert written["project"]["entry-points"].keys() == {STRATEGIES.group, LEARNERS.group}
            else:
                assert grid_of(written, Path("grid.toml")).strategies
        else:
            pytest.fail(f"{page}, line {block.line}: a block of {block.language!r} is neither run nor compared.")


def run_python(block: Block, page: str, place: ModuleType) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile("\n" * block.line + block.text, page, "exec"), vars(place))
    return said.getvalue()


def run_command(line: str, long: bool, code: int = 0) -> str:
    """Run a line if it takes seconds; otherwise check that it could be run."""
    words = shlex.split(line, comments=True)
    match words:
        case []:
            return ""
        case ["askance", *arguments]:
            parser().parse_args(arguments)
            return "" if long else output([sys.executable, "-m", "askance.cli", *arguments], code)
        case ["python", "-m", module, *_] if long:
            assert (ROOT / f"{module.replace('.', '/')}.py").exists()
        case ["python", *arguments]:
            return output([sys.executable, *arguments])
        case ["make", *targets]:
            for target in targets:
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), target
        case ["pip", "install", what, *_]:
            assert what == "." or what in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        case _:
            pytest.fail(f"No test knows how to try this: {line}")
    return ""


def output(command: list[str], code: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def without_numbers(text: str, varies: bool) -> str:
    """The text, with every number as 0 where numbers hang on the machine, and without trailing blanks."""
    lines = [
        " ".join(re.sub(r"[\d.,+−-]*\d", "0", line).split()) if varies else line.rstrip() for line in text.splitlines()
    ]
    return "\n".join(lines).strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_it_is_and_a_page_mentions_it(name: str) -> None:
    thing = getattr(askance, name)
    doc = inspect.cleandoc(thing.__doc__ or "")
    assert re.match(r"[A-Z`].*[.\]:]$", doc.split("\n\n")[0].replace("\n", " ")), doc
    assert "Args:" in doc or "Attributes:" in doc or not arguments(thing)
    if inspect.isfunction(thing) and thing.__annotations__["return"] != "None":
        assert "Returns:" in doc
    assert any(re.search(rf"\b{name}\b", (ROOT / page).read_text("utf-8")) for page in RUN)


def arguments(thing: object) -> set[str]:
    """What a name takes that its own docstring has to explain."""
    if inspect.isfunction(thing):
        return set(inspect.signature(thing).parameters)
    own = {field.name for field in fields(thing)} if is_dataclass(thing) else set()
    return own & vars(thing).get("__annotations__", {}).keys()


def test_no_generated_page_is_stale() -> None:
    check = [sys.executable, "-m", "benchmarks.docs", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page}: there is no {target}"
        if anchor:
            assert anchor in anchors(file.read_text("utf-8")), f"{page}: there is no place {target}"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))

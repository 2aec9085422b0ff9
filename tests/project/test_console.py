"""Labeling in a terminal: one key an answer, undo, and nothing an item says can harm the screen."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tickets import make_project

from askance.project.console import Question, Screen, Tally, harmless, label, wrapped
from askance.project.desk import ProjectDesk, label_here
from askance.project.keys import Lines, Terminal, open_keys
from askance.project.names import looks_like


@dataclass
class Paper:
    """A desk on paper: items a, b, c, ... and what was said of them."""

    kind: str = "classes"
    items: list[str] = field(default_factory=lambda: list("abcd"))
    known: list[str] = field(default_factory=lambda: ["cat", "dog"])
    said: list[tuple[str, Any, str]] = field(default_factory=list)
    guess: str = ""

    @property
    def labeled(self) -> int:
        return len(self.said)

    def next(self) -> Question | None:
        return Question(self.items[0], [("text", f"item {self.items[0]}")], self.guess) if self.items else None

    def skip(self, id: str) -> None:
        self.items = [*self.items[1:], id]

    def answer(self, id: str, value: Any, kind: str, seconds: float) -> None:
        assert seconds >= 0
        self.items.remove(id)
        self.said.append((id, value, kind))

    def undo(self) -> str | None:
        if not self.said:
            return None
        id, _, _ = self.said.pop()
        self.items.insert(0, id)
        return id

    def names(self) -> list[str]:
        return list(self.known)

    def near(self, name: str) -> str | None:
        return next((one for one in self.known if looks_like(name, one)), None)

    def declare(self, name: str) -> None:
        self.known.append(name)


def run(desk: Paper, keys: str, **size: int) -> tuple[Tally, str]:
    said: list[str] = []
    tally = label(desk, Screen(Lines(io.StringIO(keys)), said.append, **size))
    return tally, "\n".join(said)


def test_a_key_is_an_answer_and_the_end_is_said() -> None:
    desk = Paper()
    tally, said = run(desk, "1\n2\n1\n2\n")
    assert desk.said == [("a", "cat", "label"), ("b", "dog", "label"), ("c", "cat", "label"), ("d", "dog", "label")]
    assert tally.answered == 4 and "4 answers are kept; nothing is left to ask" in said


def test_answers_without_a_label_skipping_and_quitting() -> None:
    desk = Paper()
    tally, _ = run(desk, "?\ns\nx\n-\nq\n")
    assert desk.said == [("a", None, "unsure"), ("c", None, "broken"), ("d", None, "none-of-these")]
    assert desk.items == ["b"] and (tally.skipped, tally.ended) == (1, "you quit")


def test_undo_takes_answers_back_one_by_one_and_the_item_comes_again() -> None:
    desk = Paper()
    tally, said = run(desk, "u\n1\n1\nu\nu\n2\nq\n")
    assert desk.said == [("a", "dog", "label")] and tally.answered == 1
    assert "nothing to undo" in said


def test_a_new_class_is_named_and_a_slip_is_asked_about() -> None:
    desk = Paper(known=["billing"])
    run(desk, "n\nlogin\nn biling\ny\nn billings\nn\nn  \n\nq\n")
    assert desk.known == ["billing", "login", "billings"]
    assert [value for _, value, _ in desk.said] == ["login", "billing", "billings"]


def test_a_class_is_found_by_typing_and_several_are_shown() -> None:
    desk = Paper(known=["red apple", "red pear", *(f"class {n}" for n in range(12))])
    _, said = run(desk, "/red a\n/pear\n/red\n/class 11\n9\n5 \nq\n")
    assert [value for _, value, _ in desk.said] == ["red apple", "red pear", "class 11", "class 6"]
    assert "'red' is in 2 names: red apple, red pear" in said and "/ for 5 more" in said


def test_a_guess_is_taken_only_where_it_is_shown() -> None:
    desk = Paper(guess="dog")
    _, said = run(desk, "g\nq\n")
    assert desk.said == [("a", "dog", "label")] and "the model would say: dog" in said
    hidden = Paper()
    _, said = run(hidden, "g\nq\n")
    assert hidden.said == [] and "would say" not in said


def test_several_labels_are_switched_and_kept() -> None:
    desk = Paper(kind="labels")
    run(desk, "1\n2\n1\n\n\n1\nn bird\n\nq\n")
    assert [value for _, value, _ in desk.said] == [["dog"], [], ["cat", "bird"]]


def test_numbers_are_typed() -> None:
    desk = Paper(kind="number")
    _, said = run(desk, "= 3,5\n\n1e2\nmany\n= inf\n12\nq\n")
    assert [value for _, value, _ in desk.said] == [3.5, 100.0, 12.0] and "'many' is not a number" in said


def test_the_end_of_input_and_ctrl_c_end_it_and_what_was_said_stays() -> None:
    desk = Paper()
    assert run(desk, "1\n")[0].ended == "you quit" and len(desk.said) == 1

    class Interrupting:
        def key(self) -> str:
            raise KeyboardInterrupt

        def line(self, prompt: str) -> str | None:
            return None

    assert label(desk, Screen(Interrupting(), lambda _: None)).ended == "you quit"


def test_text_that_would_move_the_cursor_is_shown_as_signs() -> None:
    hostile = "a\x1b[2J\x07b\u202ec\u200bd\x9b"
    assert all(ord(sign) >= 32 and sign not in "\u202e\u200b\x9b\x1b" for sign in harmless(hostile))
    desk = Paper(items=["a"], known=["\x1b[31mred", "dog"])
    desk.next = lambda: Question("a", [("text", hostile), ("\x1b[1m", "x")])  # type: ignore[method-assign]
    _, said = run(desk, "q\n")
    assert "\x1b" not in said and "\x07" not in said


@pytest.mark.parametrize("width", [1, 7, 40])
def test_lines_are_no_wider_than_the_screen_and_nothing_is_lost(width: int) -> None:
    text = "words of a text, 漢字かな混じり文 and averyveryverylongword 👍 end"
    lines = wrapped(text, max(2, width))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_text_is_cut_to_the_screen_and_shown_on_request() -> None:
    desk = Paper(items=["a"])
    desk.next = lambda: Question("a", [("text", "word " * 2000)])  # type: ignore[method-assign]
    _, said = run(desk, "q\n", width=40, height=20)
    assert len(said.splitlines()) < 20 and "lines more: m shows them" in said
    _, said = run(desk, "m\nq\n", width=40, height=20)
    assert said.count("word") >= 2000


def test_a_project_is_labeled_in_rounds_and_what_is_open_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path, classes=("billing", "other"))
    desk = ProjectDesk(project, n=3, by="Ada")
    tally = label(desk, Screen(Lines(io.StringIO("1\n2\ns\n?\nu\n1\n1\nq\n")), lambda _: None))
    assert tally.answered == 4 and project.study.progress.labeled == 4 and len(project.study.pending) == 2
    desk.leave()
    assert project.study.pending == []
    answers = [answer for standing in project.study.history.answers.values() for answer in standing]
    assert {answer.by for answer in answers} == {"Ada"} and all(answer.seconds is not None for answer in answers)
    monkeypatch.setattr("sys.stdin", io.StringIO("2\nq\n"))
    assert label_here(project, n=2).answered == 1 and project.study.pending == []


PRESSED = """
import sys
from askance.project.keys import open_keys
keys = open_keys()
assert type(keys).__name__ == "Terminal"
print("ready", flush=True)
try:
    while (key := keys.key()) != "q":
        print(repr(key), flush=True)
        if key == "!":
            raise RuntimeError("on purpose")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("last", ["q", "\x03", "!"])
def test_keys_of_a_real_terminal_come_one_by_one_and_it_is_left_as_it_was(last: str) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [sys.executable, "-c", PRESSED], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=_at_its_terminal,
    )  # fmt: skip
    said = ""
    try:
        said = _until(ours, "ready")
        for key, shown in (("1", "'1'"), ("\x1b[A", "'\\x1b'"), ("é", "'é'"), ("\r", "'\\n'")):
            os.write(ours, key.encode())
            assert shown in _until(ours, shown)
        time.sleep(0.5)  # until it waits for the next key; what is pressed in between is another matter
        os.write(ours, last.encode())
        if last == "\x03":
            assert "interrupted" in _until(ours, "interrupted")
        deadline = time.monotonic() + 20
        while child.poll() is None and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.05)[0]:
                os.read(ours, 1000)
        assert child.poll() is not None
        assert termios.tcgetattr(theirs)[3] == before[3], "echo and line mode are as they were"
    finally:
        child.kill()
        child.wait()
        os.close(ours)
        os.close(theirs)
    assert said


def test_a_pipe_gives_lines_and_a_terminal_gives_keys() -> None:
    assert isinstance(open_keys(io.StringIO("a\n")), Lines)
    assert Lines(io.StringIO("")).key() == "" and Lines(io.StringIO("\n")).key() == "\n"
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stream:
        assert isinstance(open_keys(stream), Terminal)
    os.close(ours)


def _at_its_terminal() -> None:
    """Make the terminal the child's own; what runs in the background ignores Ctrl-C, and its children inherit that."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _until(number: int, wanted: str) -> str:
    found = b""
    deadline = time.monotonic() + 30
    while wanted not in found.decode("utf-8", "replace") and time.monotonic() < deadline:
        if select.select([number], [], [], 0.2)[0]:
            found += os.read(number, 1000)
    return found.decode("utf-8", "replace")

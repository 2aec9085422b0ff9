"""Whatever is killed at whatever moment: nothing half-written is ever read, and the same command goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tickets import fill, make_project, truth, write_tickets

from askance.project.project import Project
from askance.sources.csv import read_table

CACHE = os.environ.get("ASKANCE_CACHE")  # before a test has one of its own
ASKANCE = [sys.executable, "-m", "askance.cli"]


def run(folder: Path, *arguments: str, kill_after: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, or kill it on the way."""
    with subprocess.Popen(
        [*ASKANCE, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        if kill_after is not None:
            time.sleep(kill_after)
            child.send_signal(signal.SIGKILL)
        out, err = child.communicate(timeout=240)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def whole_files(folder: Path) -> None:
    """No file that somebody would read is half-written."""
    for path in folder.glob("*.csv"):
        table = read_table(path)
        assert len(table) > 0, path


@pytest.mark.slow
def test_kills_of_every_command_lose_nothing_and_the_same_command_goes_on(tmp_path: Path) -> None:
    dice = random.Random(1)
    write_tickets(tmp_path, 3_000)
    init = ["init", "tickets.csv", "--text", "subject,body", "--id", "number"]
    for _ in range(6):
        run(tmp_path, *init, kill_after=1.5 + dice.random() * 4)
        if (tmp_path / "tickets.askance").exists():
            break
    if not (tmp_path / "tickets.askance").exists():
        assert run(tmp_path, *init).returncode == 0
    run(tmp_path, "encode", kill_after=2 + dice.random())
    assert run(tmp_path, "encode").returncode == 0
    told: dict[str, str] = {}
    for round_ in range(4):
        file = tmp_path / f"b{round_}.csv"
        for _ in range(4):
            run(tmp_path, "ask", "-n", "20", "-o", file.name, kill_after=1.5 + dice.random() * 2.5)
            if file.exists():
                break
        if not file.exists():
            assert run(tmp_path, "ask", "-n", "20", "-o", file.name).returncode == 0
        whole_files(tmp_path)
        fill(file, tmp_path)
        for _ in range(3):
            run(tmp_path, "tell", file.name, "--by", "Ada", kill_after=1.5 + dice.random() * 2.5)
        assert run(tmp_path, "tell", file.name, "--by", "Ada").returncode == 0
        told |= {id.removeprefix("'"): truth(tmp_path)[id.removeprefix("'")] for id in read_table(file).column("id")}
        run(tmp_path, "predict", "-o", "p.csv", kill_after=2 + dice.random() * 2)
        whole_files(tmp_path)
    project = Project(tmp_path / "tickets.askance")
    assert project.study.labels == told and len(told) == 80
    assert project.study.pending == []
    assert all(row.ok for row in project.study.audit())
    assert run(tmp_path, "predict", "-o", "p.csv").returncode == 0
    assert len(read_table(tmp_path / "p.csv")) == 3_000


PEOPLE = """
import json, sys
from pathlib import Path
from askance.project.asking import ask
from askance.project.project import Project
from askance.project.telling import tell_file

folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sys.path.insert(0, sys.argv[4])
sys.path.insert(0, sys.argv[5])
from tickets import fill
given = []
for number in range(rounds):
    project = Project(folder / "tickets.askance")
    file = folder / f"{name}-{number}.csv"
    given += ask(project, 5, out=file).ids
    fill(file, folder)
    assert tell_file(project, file, by=name).new == 5
    project.close()
print(json.dumps(given))
"""


@pytest.mark.slow
def test_two_people_at_once_are_never_given_the_same_item_and_lose_no_label(tmp_path: Path) -> None:
    make_project(tmp_path, rows=400).close()
    here, examples = str(Path(__file__).parent), str(Path(__file__).parents[2] / "examples")
    people = [
        subprocess.Popen(
            [sys.executable, "-c", PEOPLE, str(tmp_path), name, "6", here, examples], stdout=subprocess.PIPE, text=True
        )
        for name in ("Ada", "Ben", "Cem")
    ]
    given = [json.loads(person.communicate(timeout=300)[0]) for person in people]
    assert [person.returncode for person in people] == [0, 0, 0]
    together = [id for ids in given for id in ids]
    assert len(together) == len(set(together)) == 90
    project = Project(tmp_path / "tickets.askance")
    known = truth(tmp_path)
    assert project.study.labels == {id: known[id] for id in together}
    for name, ids in zip(("Ada", "Ben", "Cem"), given, strict=True):
        answered = [row for row, answers in project.study.history.answers.items() if answers[0].by == name]
        assert sorted(project.study.pool.names(answered)) == sorted(ids)


@pytest.mark.slow
def test_fifty_thousand_tickets_from_cold_start_to_predictions(tmp_path: Path) -> None:
    """The whole way at full size, in a process whose memory is measured; times are measured by the gates."""
    code = """
import resource, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:4]
from tickets import label_batch, make_project
from askance.project.predicting import write_predictions
folder = Path(sys.argv[1])
project = make_project(folder, rows=50_000)
for _ in range(6):
    label_batch(project, folder, n=50)
print(*write_predictions(project, folder / "out.csv")[:2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    here, examples = str(Path(__file__).parent), str(Path(__file__).parents[2] / "examples")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), here, examples],
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    predicted, lacking, memory = map(int, done.stdout.split())
    assert predicted + lacking == 50_000 and lacking < 200
    assert memory < 3_000  # MiB
    known = truth(tmp_path)
    table = read_table(tmp_path / "out.csv")
    pairs = zip(table.column("id"), table.column("class"), strict=True)
    assert sum(found == known[id] for id, found in pairs) > 0.95 * 50_000


@pytest.mark.slow
def test_twenty_newsgroups_from_cold_start_to_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way on real posts, where the data set is in the cache."""
    if CACHE is None:
        monkeypatch.delenv("ASKANCE_CACHE")
    else:
        monkeypatch.setenv("ASKANCE_CACHE", CACHE)
    from benchmarks.own_data import newsgroups

    found = newsgroups()
    if found is None:
        pytest.skip("20-newsgroups is not in the cache: askance datasets fetch 20-newsgroups")
    assert found["items"] == 18_821 and found["labels"] == 300
    assert found["accuracy over all rows"] > 0.45 and found["most MiB"] < 3_000

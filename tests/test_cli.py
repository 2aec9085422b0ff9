"""The command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from askance.cli import main
from askance.reports.results import Results

QUICK = ["--workers", "1", "--seeds", "2", "--first-seed", "100", "--ridge", "1"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    from sklearn.datasets import load_wine

    features, labels = load_wine(return_X_y=True)
    rows = [
        ",".join([f"{value:.3f}" for value in row[:5]] + [f"kind {label}"])
        for row, label in zip(features, labels, strict=True)
    ]
    file = tmp_path / "wine.csv"
    file.write_text("a,b,c,d,e,kind\n" + "\n".join(rows) + "\n")
    return file


def test_the_demo_prints_a_table_and_writes_a_page_and_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--strategy", "margin", "--budget", "40", "--out", str(out), *QUICK]) == 0
    said = capsys.readouterr()
    assert "margin" in said.out and "random" in said.out and "report.html" in said.out
    assert "4 of 4 runs" in said.err
    assert (out / "report.html").read_text("utf-8").startswith("<!doctype html>")
    results = Results.from_json((out / "results.json").read_text("utf-8"))
    assert {(run.strategy, run.seed) for run in results.runs} == {
        (name, seed) for name in ("random", "margin") for seed in (100, 101)
    }


def test_json_is_all_that_is_printed_when_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--strategy", "margin", "--budget", "40", "--out", str(tmp_path / "d"), "--json", *QUICK]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == "random"
    assert {row["strategy"] for row in found["rows"]} == {"random", "margin"}


def test_a_labeled_file_is_compared_like_the_demo(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ["--label", "kind", "--strategy", "margin,badge", "--budget", "60", "--out", str(out)]
    assert main(["run", str(table), *options, *QUICK]) == 0
    assert "badge" in capsys.readouterr().out
    results = Results.from_json((out / "results.json").read_text("utf-8"))
    assert results.dataset["classes"] == ["kind 0", "kind 1", "kind 2"]
    assert any("read off the labels" in remark for remark in results.said)


def test_any_scikit_learn_classifier_can_be_the_learner(table: Path, tmp_path: Path) -> None:
    options = ["--label", "kind", "--strategy", "margin", "--budget", "40", "--out", str(tmp_path / "run")]
    learner = ["--learner", "sklearn.naive_bayes:GaussianNB", "--workers", "1", "--seeds", "2"]
    assert main(["run", str(table), *options, *learner]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "kid"], "Did you mean 'kind'"),
        (["--label", "kind", "--text", "kind"], "Column 'kind' is named in --label and in --text"),
        (["--label", "kind", "--text", "x", "--ignore", "y"], "Leave one out"),
        (["--label", "kind", "--ignore", " kid"], "Did you mean 'kind'"),
        (["--label", "kind", "--budget", "500"], "larger than the pool"),
        (["--label", "kind", "--budget", "10"], "less than the first 20 and one batch of 10"),
        (["--label", "kind", "--items", "6"], "take 30. Use more --items, fewer labels (--initial, --batch), or a sm"),
        (["--label", "kind", "--test", "160", "--budget", "9"], "178 items less 160 for the test leave 18, and the fi"),
        (["--label", "kind", "--strategy", "margni"], "Did you mean 'margin'"),
        (["--label", "kind", "--ridge", "0"], "Use a ridge above 0"),
        (["--label", "kind", "--ridge", "1", "--learner", "linear"], "Leave out --ridge or --learner"),
    ],
)
def test_a_wrong_option_is_answered_in_words_and_leaves_nothing_behind(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    out = tmp_path / "run"
    assert main(["run", str(table), *options, "--workers", "1", "--seeds", "2", "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["wine.parquet", "wine.JSONL.gz", "wine.npy"])
def test_a_file_that_is_no_table_of_text_is_not_said_to_be_of_another_encoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_bytes(b"PAR1\x93")
    assert main(["run", str(tmp_path / name)]) == 2
    assert f"{name} is no CSV file" in (said := capsys.readouterr().err) and "--encoding" not in said


def test_where_results_cannot_be_written_nothing_is_run(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askance.lab.grid.run", lambda *_, **__: pytest.fail("it ran"))
    (tmp_path / "a file").write_text("x")
    for place in ("a file", "a file/below", "none"):
        if place == "none":
            monkeypatch.setattr("tempfile.TemporaryFile", _refusing)
        assert main(["run", str(table), "--label", "kind", "--out", str(tmp_path / place), *QUICK]) == 2
        assert f"Cannot write to {tmp_path / place}: " in capsys.readouterr().err
    assert (tmp_path / "a file").read_text() == "x"


def _refusing(**_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "none.csv"), "--label", "kind"]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_strategies_are_listed_with_a_sentence_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("badge") and len(line) > 30 for line in lines)


def test_a_new_strategy_is_written_checked_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "strategy", "FarCorner", "--folder", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*.py")
    assert main(["check", str(file)]) == 0
    assert "All promises kept" in capsys.readouterr().out
    out = str(tmp_path / "demo")
    assert main(["demo", "--strategy", f"{file}:FarCorner", "--budget", "40", "--out", out, *QUICK]) == 0
    assert "FarCorner" in capsys.readouterr().out


def test_a_strategy_that_breaks_a_promise_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "greedy.py"
    file.write_text(
        '"""A strategy that repeats itself."""\n'
        "from dataclasses import dataclass\n"
        "from askance import Strategy\n\n"
        "@dataclass(frozen=True)\n"
        "class Greedy(Strategy):\n"
        '    """Always the first item.\n\n    >>> Greedy().query(view(embeddings=[[1.0]]), 1).ids\n    [0]\n    """\n\n'
        "    def query(self, view, n):\n"
        "        return view.batch(view.candidates[:1].repeat(n))\n"
    )
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr().out
    assert "BROKEN   Greedy: picks distinct candidates" in said and "1 broken" in said


def test_a_grid_is_run_reported_compared_packed_and_cited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.toml").write_text(
        'title = "Small"\ndatasets = ["iris", "wine"]\nstrategies = ["random", "margin", "badge"]\nseeds = 2\n'
        'learners = [{learner = "linear", ridge = 1.0}]\ninitial = 6\nbatch = 5\nbudget = 16\ntest = 50\n'
    )
    grid = str(tmp_path / "small.toml")
    assert main(["lab", "run", grid, "--workers", "1", "--estimate"]) == 0
    said = capsys.readouterr().err
    assert "6 cells are left for 1 workers. That is about" in said and " s left" in said
    assert main(["lab", "run", grid, "--workers", "1", "--baseline", "marjin"]) == 2
    assert "Did you mean 'margin'" in capsys.readouterr().err
    assert main(["lab", "run", grid, "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert "gain over random" in said.out and "All cells are done" in said.err
    assert {path.name for path in (tmp_path / "small").iterdir()} == {"grid.db", "results.json", "report.html"}
    assert main(["lab", "run", grid, "--workers", "1", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"] for event in events] == ["begun", "estimated", "ended"] and events[0]["done"] == 12
    assert main(["lab", "report", grid, "--figures", str(tmp_path / "figures"), "--baseline", "margin"]) == 0
    assert "gain over margin" in capsys.readouterr().out and (tmp_path / "figures" / "curves.svg").exists()
    for style, start in (
        ("text", "strategy"),
        ("latex", "% needs"),
        ("csv", "strategy,rank"),
        ("markdown", "| strategy"),
    ):
        assert main(["lab", "compare", str(tmp_path / "small"), "--against", "margin,badge", "--format", style]) == 0
        assert capsys.readouterr().out.startswith(start)
    assert main(["lab", "compare", str(tmp_path / "small"), "--against", "bagde"]) == 2
    assert "Did you mean 'badge'" in capsys.readouterr().err
    assert main(["lab", "pack", str(tmp_path / "small")]) == 0
    assert (tmp_path / "small" / "small.zip").exists()
    capsys.readouterr()
    assert main(["cite", str(tmp_path / "small"), "margin"]) == 0
    assert "ash2020badge" in capsys.readouterr().out


def test_labels_of_a_file_are_mined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{k % 7},{(k * k) % 11},{'ab'[k % 7 > 3]}" for k in range(90)]
    (tmp_path / "mine.csv").write_text("x,y,kind\n" + "\n".join(rows) + "\n")
    out = str(tmp_path / "out")
    assert main(["lab", "mine", str(tmp_path / "mine.csv"), "--out", out]) == 2
    assert "--label" in capsys.readouterr().err
    options = ["--label", "kind", "--seeds", "2", "--strategy", "margin", "--workers", "1", "--out", out]
    assert main(["lab", "mine", str(tmp_path / "mine.csv"), *options]) == 0
    assert "margin" in capsys.readouterr().out and (tmp_path / "out" / "report.html").exists()

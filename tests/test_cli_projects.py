"""The commands of a project, as they are typed."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import askance
from askance.cli import main
from askance.sources.csv import read_table, write_table

ROOT = Path(__file__).resolve().parents[1]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of tickets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    from make_tickets import tickets

    numbers, subjects, bodies, kinds = tickets(120)
    write_table(tmp_path / "tickets.csv", {"number": numbers, "subject": subjects, "body": bodies})
    write_table(tmp_path / "truth.csv", {"number": numbers, "kind": kinds})
    return tmp_path


def as_json(said: Said, *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(said.readouterr().out)


def fill(file: Path) -> None:
    known = dict(zip(*(read_table("truth.csv").column(name) for name in ("number", "kind")), strict=True))
    table = read_table(file)
    columns = {name: table.column(name) for name in table.columns}
    columns["label"] = [known[number] for number in table.column("number")]
    write_table(file, columns)


def begun(said: Said) -> None:
    assert main(["init", "tickets.csv"]) == 0
    assert main(["ask", "-n", "40", "-o", "b.csv"]) == 0
    fill(Path("b.csv"))
    assert main(["tell", "b.csv", "--by", "Ada"]) == 0
    said.readouterr()


def test_the_whole_way_with_words(here: Path, capsys: Said) -> None:
    assert main(["init", "tickets.csv"]) == 0
    out = capsys.readouterr().out
    assert "tickets.csv: 120 rows read" in out and "'subject', 'body'" in out and "--id number" in out
    assert "tfidf-svd" in out and out.rstrip().endswith("Next: askance ask -n 50 -o batch.csv")
    assert main(["ask", "-n", "30", "-o", "b.csv"]) == 0
    out = capsys.readouterr().out
    assert "30 items by typiclust" in out and "askance tell b.csv" in out
    fill(Path("b.csv"))
    assert main(["tell", "b.csv", "--by", "Ada"]) == 0
    assert "30 new answers" in capsys.readouterr().out
    assert main(["status"]) == 0
    assert "30 labeled" in capsys.readouterr().out
    assert main(["predict", "-o", "p.csv"]) == 0
    assert main(["export", "labels.csv", "--model", "m"]) == 0
    out = capsys.readouterr().out
    assert "p.csv: " in out and "labels.card.md" in out and "askance.load('m')" in out
    assert Path("labels.csv").exists() and Path("m/model.json").exists()


def test_predictions_may_abstain_and_say_so_if_nothing_is_answered(here: Path, capsys: Said) -> None:
    assert main(["init", "tickets.csv"]) == 0
    main(["ask", "-n", "40", "-o", "b.csv"])
    fill(Path("b.csv"))
    main(["tell", "b.csv"])
    capsys.readouterr()
    every = as_json(capsys, "predict")
    some = as_json(capsys, "predict", "--abstain", "0.3")
    assert some["predicted"] + some["abstained"] == every["predicted"] and some["abstained"] > 0
    rows = list(csv.DictReader(Path("predictions.csv").read_text(encoding="utf-8").splitlines()))
    assert all((row["class"] == "") == (float(row["probability"]) < 0.7) for row in rows if row["probability"])
    assert main(["predict", "--abstain", "0"]) == 0
    out = capsys.readouterr().out
    assert "0 rows answered" in out and "Nothing is answered: at a cost of 0 an answer must be 100.0% sure" in out
    assert main(["predict", "--abstain", "0.7"]) != 0
    assert "Use a cost from 0 to 0.5" in capsys.readouterr().err


def test_every_command_speaks_json(here: Path, capsys: Said) -> None:
    started = as_json(capsys, "init", "tickets.csv", "--classes", "billing,login")
    assert started["intake"]["rows"] == 120 and started["encoder"] == "tfidf-svd" and started["next"]
    asked = as_json(capsys, "ask", "-n", "4")
    assert len(asked["items"]) == 4 and {"number", "subject", "body"} == set(asked["items"][0]["item"])
    id = asked["items"][0]["id"]
    Path("a.csv").write_text(f"id,label\n{id},billing\n")
    assert as_json(capsys, "tell", "a.csv")["new"] == 1
    assert as_json(capsys, "status")["labeled"] == 1
    assert as_json(capsys, "ask", "--open")["items"]
    assert len(as_json(capsys, "release")["released"]) == 3
    assert as_json(capsys, "ask", "--open", code=4)["items"] == []
    assert as_json(capsys, "encode")["left"] == 0
    assert as_json(capsys, "add", "tickets.csv")["new"] == 0
    assert as_json(capsys, "predict")["predicted"] > 100
    assert as_json(capsys, "export", "l.jsonl")["rows"] >= 1
    assert as_json(capsys, "rename-class", "login", "sign-in")["to"] == "sign-in"
    assert as_json(capsys, "merge-class", "sign-in", "billing")["into"] == "billing"
    assert {row["name"] for row in as_json(capsys, "encoders")} >= {"tfidf-svd", "minilm-l6"}
    assert all(row["state"] != "bad" for row in as_json(capsys, "doctor"))


def test_labels_go_to_label_studio_and_come_back(here: Path, capsys: Said) -> None:
    begun(capsys)
    assert main(["export", "labels.json", "--format", "label-studio"]) == 0
    out = capsys.readouterr().out
    assert "labels.json: 41 rows; labels.card.md says how" in out and "labels.config.xml: the labeling config" in out
    done = as_json(capsys, "export", "more.label-studio.json")
    assert (done["rows"], done["config"], done["card"]) == (41, "more.config.xml", "more.card.md")
    assert main(["tell", "labels.json"]) == 0
    assert "labels.json: 0 new answers, 40 known already" in capsys.readouterr().out
    for arguments, message in [
        (["labels.json", "--force"], "Say which: --format label-studio or --format coco"),
        (["labels.csv", "--format", "coco"], "labels.csv is not called as a file of --format coco is"),
        (["labels.coco.json"], "COCO is for images that have classes or labels"),
    ]:
        assert main(["export", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_batch_without_a_file_is_printed_and_words_go_elsewhere(here: Path, capsys: Said) -> None:
    main(["init", "tickets.csv"])
    capsys.readouterr()
    assert main(["ask", "-n", "3"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("id,label,number,subject,body\r\n") and len(said.out.splitlines()) >= 4
    assert "3 items by typiclust" in said.err


def test_a_batch_that_waits_for_its_answers_says_so(here: Path, capsys: Said) -> None:
    begun(capsys)
    assert main(["ask", "-n", "20", "--strategy", "galaxy", "-o", "one.csv"]) == 0
    said = capsys.readouterr().out
    assert "1 item by galaxy." in said and "No more for now: its answers decide what is asked next." in said


def test_a_slip_is_exit_three_and_nothing_is_taken_until_somebody_decides(here: Path, capsys: Said) -> None:
    begun(capsys)
    id = as_json(capsys, "ask", "-n", "1")["items"][0]["id"]
    Path("a.csv").write_text(f"id,label\n{id},Biling\n")
    assert main(["tell", "a.csv"]) == 3
    out = capsys.readouterr().out
    assert "nothing was taken yet" in out and "--same 'Biling=billing'" in out
    assert main(["tell", "a.csv", "--same", "Biling=billing"]) == 0
    capsys.readouterr()
    assert main(["tell", "a.csv", "--same", "Bilng=billing", "--same", "Biling=billing", "--new", "refunds"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert [line[:30] for line in err] == ["--same changed nothing: no lab", "--new changed nothing: no labe"]
    assert "'Bilng'" in err[0] and "'refunds'" in err[1]
    assert main(["tell", "a.csv", "--same", "Biling"]) == 2
    assert "is not TYPO=CLASS" in capsys.readouterr().err


def test_a_slip_of_a_class_that_the_same_file_brings_is_settled_as_advised(here: Path, capsys: Said) -> None:
    main(["init", "tickets.csv"])
    ids = [item["id"] for item in as_json(capsys, "ask", "-n", "5")["items"]] if capsys.readouterr() else []
    names = ("billing", "billing", "biling", "account", "refnd")
    Path("a.csv").write_text("id,label\n" + "".join(f"{id},{name}\n" for id, name in zip(ids, names, strict=True)))
    assert main(["tell", "a.csv"]) == 3
    assert "--same 'biling=billing'" in capsys.readouterr().out
    for wrong in ("biling=bill", "biling=biling"):
        assert main(["tell", "a.csv", "--same", wrong]) == 2
        assert "could mean. Name one of the project or of the file" in capsys.readouterr().err
    assert as_json(capsys, "status")["classes"] == {}
    more = ("--same", "biling=billing", "--same", "refnd=refund", "--new", "refund")
    assert as_json(capsys, "tell", "a.csv", *more)["declared"] == ["billing", "account", "refund"]
    assert as_json(capsys, "status")["classes"] == {"billing": 3, "account": 1, "refund": 1}


def test_on_a_terminal_a_slip_is_asked_about(here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(capsys)
    ids = [item["id"] for item in as_json(capsys, "ask", "-n", "2")["items"]]
    Path("a.csv").write_text(f"id,label\n{ids[0]},biling\n{ids[1]},logins\n")
    answers = iter(["y", "n"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    monkeypatch.setattr(sys, "stdin", type("Tty", (), {"isatty": lambda self: True})())
    assert main(["tell", "a.csv"]) == 0
    assert "2 new answers" in capsys.readouterr().out
    classes = as_json(capsys, "status")["classes"]
    assert "logins" in classes and "biling" not in classes


def test_labeling_in_the_terminal_reads_a_pipe(here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["init", "tickets.csv", "--classes", "billing,login"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n2\nq\n"))
    assert main(["label", "--console", "--by", "Ada", "-n", "5"]) == 0
    assert "2 answers are kept" in capsys.readouterr().out
    assert as_json(capsys, "status")["people"] == {"Ada": 2}


def test_labeling_a_file_in_the_terminal_makes_its_project_and_goes_on_with_it_beside_others(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one.csv", "two.csv", "three.csv"):
        write_table(name, {"a": [f"{row * 1.5}" for row in range(30)], "b": [f"{row * 7 % 13}" for row in range(30)]})
    assert main(["init", "one.csv", "--classes", "billing,login"]) == 0
    for arguments, project in [
        (["two.csv", "--classes", "p,q"], "two.askance"),
        (["two.csv"], "two.askance"),
        (["three.csv", "--classes", "p,q", "--project", "calls"], "calls.askance"),
    ]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("1\nq\n"))
        assert main(["label", *arguments, "--console", "--by", "Ada"]) == 0
        capsys.readouterr()
        assert as_json(capsys, "status", "-p", project)["people"] == {"Ada": 2 if arguments == ["two.csv"] else 1}
    assert as_json(capsys, "status", "-p", "one")["labeled"] == 0
    assert {place.name for place in here.glob("*.askance")} == {"one.askance", "two.askance", "calls.askance"}


def test_a_file_that_changed_is_added(here: Path, capsys: Said) -> None:
    begun(capsys)
    table = read_table("tickets.csv")
    columns = {name: table.column(name)[10:] for name in table.columns}
    columns["number"].append("T-x")
    columns["subject"].append("hello")
    columns["body"].append("a new ticket, where is my parcel")
    write_table("tickets.csv", columns)
    assert main(["add", "tickets.csv"]) == 0
    out = capsys.readouterr().out
    assert "1 new" in out and "gone: 10 rows" in out
    assert as_json(capsys, "status")["rows"]["gone"] == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status"], "There is no project in"),
        (["ask"], "Make one with: askance init FILE"),
        (["init", "none.csv"], "There is no none.csv"),
        (["init", "tickets.csv", "--text", "bdy"], "Did you mean 'body'"),
        (["init", "tickets.csv", "--encoder", "minilm"], "Did you mean 'minilm-l6'"),
        (["status", "-p", "nothing"], "is no project"),
        (["encoders", "fetch", "minilm"], "Did you mean 'minilm-l6'"),
    ],
)
def test_a_wrong_input_is_answered_in_words(here: Path, capsys: Said, arguments: list[str], message: str) -> None:
    before = sorted(here.iterdir())
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tell", "none.csv"], "none.csv cannot be read"),
        (["ask", "-o", "b.csv"], "is there already, and may hold labels"),
        (["ask", "-o", "b.xlsx"], "is neither .csv nor .jsonl"),
        (["ask", "--strategy", "mean-margin"], "means nothing for Classes"),
        (["ask", "--learner", "no.such:Thing"], "There is no module"),
        (["ask", "--learner", "sklearn.svm:SVR"], "SVR has neither predict_proba nor decision_function"),
        (["export"], "Nothing says what to write"),
        (["export", "b.csv"], "--force"),
        (["rename-class", "none", "x"], "There is no class named 'none'"),
        (["merge-class", "billing", "billing"], "are the same class"),
        (["add", "truth.csv"], "There is no column in truth.csv named 'subject'"),
        (["release", "none"], "no item with id 'none'"),
        (["ask", "--open", "-n", "3"], "Leave out -n, or --open"),
        (["ask", "-o", "x.jsonl", "--delimiter", ";"], "Leave out --delimiter, or name a .csv file"),
        (["export", "--model", "m", "--format", "coco"], "--format is that of a file for the labels"),
        (["predict", "-o", "b.csv"], "b.csv is there already, and holds no predictions. Name another file with -o"),
    ],
)
def test_a_wrong_input_to_a_project_is_answered_in_words(
    here: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    begun(capsys)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert as_json(capsys, "status")["labeled"] > 30


def test_predictions_are_written_anew_and_over_nothing_else(here: Path, capsys: Said) -> None:
    begun(capsys)
    for name in ("p.csv", "p.jsonl"):
        assert [main(["predict", "-o", name]) for _ in range(2)] == [0, 0]
    before = Path("tickets.csv").read_bytes()
    Path("empty.jsonl").touch()
    for name in ("tickets.csv", "empty.jsonl"):
        assert main(["predict", "-o", name]) == 2
        assert "holds no predictions" in capsys.readouterr().err
    assert Path("tickets.csv").read_bytes() == before


def test_advice_names_the_project_where_there_are_several(here: Path, capsys: Said) -> None:
    assert main(["init", "tickets.csv", "--classes", "billing,login"]) == 0
    assert capsys.readouterr().out.endswith("Next: askance ask -n 50 -o batch.csv\n")
    assert main(["init", "tickets.csv", "--folder", "calls.askance", "--classes", "billing,login"]) == 0
    assert capsys.readouterr().out.endswith("Next: askance ask -n 50 -o batch.csv -p calls.askance\n")
    assert main(["ask", "-n", "2", "-o", "b.csv", "-p", "calls"]) == 0
    assert capsys.readouterr().out.endswith("run: askance tell b.csv -p calls.askance\n")
    id = read_table("b.csv").column("id")[0]
    Path("a.csv").write_text(f"id,label\n{id},biling\n")
    assert main(["tell", "a.csv", "-p", "calls"]) == 3
    assert "askance tell a.csv -p calls.askance --same 'biling=billing'" in capsys.readouterr().out
    assert "askance tell FILE -p calls.askance. " in as_json(capsys, "status", "-p", "calls")["next"]
    assert as_json(capsys, "status", "-p", "tickets")["next"].startswith(
        "askance ask -n 50 -o batch.csv -p tickets.ask"
    )


def test_advice_with_blanks_and_quotes_in_names_works_as_it_is_printed(here: Path, capsys: Said) -> None:
    Path("my tickets.csv").write_bytes(Path("tickets.csv").read_bytes())
    assert main(["init", "tickets.csv"]) == 0
    assert main(["init", "my tickets.csv", "--classes", "it's one,login"]) == 0
    folder = "-p 'my tickets.askance'"
    assert capsys.readouterr().out.endswith(f"Next: askance ask -n 50 -o batch.csv {folder}\n")
    assert main(["ask", "-n", "2", "-o", "b 1.csv", *shlex.split(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"run: askance tell 'b 1.csv' {folder}\n")
    id = read_table("b 1.csv").column("id")[0]
    Path("b 1.csv").write_text(f"id,label\n{id},it's one!\n")
    assert main(["tell", "b 1.csv", *shlex.split(folder)]) == 3
    advice = capsys.readouterr().out.rpartition("Say it once: askance ")[2].partition(", or ")[0]
    assert main(shlex.split(advice)) == 0
    capsys.readouterr()
    assert as_json(capsys, "status", *shlex.split(folder))["labeled"] == 1
    assert main(["init", "my tickets.csv"]) == 2
    assert f"askance add 'my tickets.csv' {folder}" in capsys.readouterr().err
    shutil.rmtree("my tickets.askance/encoder")
    (found,) = [one for one in as_json(capsys, "doctor", *shlex.split(folder), code=1) if one["state"] == "bad"]
    assert found["advice"] == f"Fit the encoder anew: askance encode {folder}"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is UTF-8")
def test_files_and_projects_whose_names_are_no_utf8_are_like_any_other(here: Path, capfdbinary: Any) -> None:
    name, out, model = (os.fsdecode(raw) for raw in (b"caf\xe9 x.csv", b"b\xe9.csv", b"m\xe9"))
    Path("tickets.csv").rename(name)
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)) as said:
        assert main(["init", name]) == 0
        assert main(["ask", "-n", "40", "-o", out]) == 0
        fill(Path(out))
        assert main(["tell", out]) == 0 and main(["status"]) == 0 and main(["doctor"]) == 0
        assert main(["predict", "-o", os.fsdecode(b"p\xe9.csv")]) == 0
        assert main(["export", os.fsdecode(b"e\xe9.csv"), "--model", model]) == 0
        assert main(["add", name]) == 0
        assert isinstance(said.buffer, io.BytesIO) and b"run: askance tell 'b\xe9.csv'\n" in said.buffer.getvalue()
        assert main(["init", name]) == 2
    assert b" x.askance is there already" in capfdbinary.readouterr().err
    assert Path(os.fsdecode(b"e\xe9.card.md")).read_text("utf-8").startswith("# Labels of caf\ufffd x\n")
    assert len(askance.load(model).predict(["my parcel"])) == 1


def test_another_strategy_and_learner_stay(here: Path, capsys: Said) -> None:
    begun(capsys)
    assert main(["ask", "-n", "2", "--strategy", "random", "--learner", "sklearn.naive_bayes:GaussianNB"]) == 0
    found = as_json(capsys, "status") if capsys.readouterr() else {}
    assert (found["strategy"], found["learner"]) == ("random", "Sklearn")
    assert main(["export", "--model", "m"]) == 2
    assert "--learner linear" in capsys.readouterr().err
    assert main(["ask", "-n", "1", "--learner", "linear"]) == 0
    assert main(["export", "--model", "m"]) == 0


def test_another_strategy_and_learner_are_put_back_where_the_ask_fails(here: Path, capsys: Said) -> None:
    begun(capsys)
    before = as_json(capsys, "status")
    (here / "brk.py").write_text(
        "class Brittle:\n    def fit(self, items, labels):\n        raise SystemError\n\n"
        "    def predict_proba(self, items):\n        return None\n\n"
        "    def embed(self, items):\n        return items\n"
    )
    with pytest.raises(SystemError):
        main(["ask", "-n", "2", "--strategy", "entropy", "--learner", "brk.py:Brittle"])
    assert main(["ask", "-n", "2", "--strategy", "entropy", "--learner", "no.such:Thing"]) == 2
    assert main(["ask", "-o", "b.csv", "--strategy", "entropy", "--learner", "svc"]) == 2
    capsys.readouterr()
    after = as_json(capsys, "status")
    assert {name: after[name] for name in before if name not in ("scores", "score")} == {
        name: before[name] for name in before if name not in ("scores", "score")
    }
    assert len(as_json(capsys, "ask", "-n", "2")["items"]) == 2 and main(["predict"]) == 0
    assert main(["release"]) == 0 and main(["ask", "--open", "--strategy", "entropy"]) == 4  # nothing failed
    capsys.readouterr()
    assert "entropy" in as_json(capsys, "status")["strategy"]


@pytest.mark.parametrize(
    ("task", "learner", "message"),
    [
        ("classes", "sklearn.svm:SVR", "neither predict_proba nor decision_function"),
        ("number", "sklearn.svm:SVC", "SVC is a classifier, and the items are labeled with numbers"),
    ],
)
def test_a_learner_of_other_labels_makes_no_project(
    here: Path, capsys: Said, task: str, learner: str, message: str
) -> None:
    assert main(["init", "tickets.csv", "--task", task, "--learner", learner]) == 2
    assert message in capsys.readouterr().err and not list(here.glob("*.askance"))
    right = {"sklearn.svm:SVR": "sklearn.svm:SVC", "sklearn.svm:SVC": "sklearn.svm:SVR"}[learner]
    assert main(["init", "tickets.csv", "--task", task, "--learner", right]) == 0


def test_files_of_several_people_are_told_in_one_command(here: Path, capsys: Said) -> None:
    begun(capsys)
    ids = [item["id"] for item in as_json(capsys, "ask", "-n", "2")["items"]]
    Path("ada.csv").write_text(f"id,label,by\n{ids[0]},billing,Ada\n{ids[1]},billing,Ada\n")
    Path("ben.csv").write_text(f"by;label;id\nBen;login;{ids[1]}\nBen;billing;{ids[0]}\n")
    found = as_json(capsys, "tell", "ada.csv", "ben.csv")
    assert [one["new"] for one in found] == [2, 2] and found[1]["disagreed"] == [ids[1]]
    assert main(["tell", "ada.csv", "ben.csv"]) == 0
    assert capsys.readouterr().out.count("2 known already") == 2


def test_a_command_after_a_stopped_init_encodes_first_and_says_so(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    from askance.cli import progress

    main(["init", "tickets.csv"])
    shutil.rmtree("tickets.askance/features")  # as if it had been killed before the first shard
    monkeypatch.setattr(progress, "EVERY", 0.0)
    capsys.readouterr()
    assert main(["ask", "-n", "2", "-o", "x.csv"]) == 0
    assert "encoding: " in capsys.readouterr().err


def test_a_project_goes_on_only_with_the_file_and_the_options_it_was_made_with(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("askance.desk.serving.serve", lambda place, *_: opened.append(str(place)))
    for folder in ("a", "b"):
        (here / folder).mkdir()
        write_table(
            here / folder / "tickets.2023.csv", {"text": [f"words of row {row} in {folder}" for row in range(9)]}
        )
    write_table("tickets.2024.csv", {"text": [f"words of the row {row}" for row in range(9)]})
    for _ in range(2):
        assert main(["label", "a/tickets.2023.csv", "--task", "labels"]) == 0
    assert main(["label", "b/../a/tickets.2023.csv"]) == 0
    assert main(["label", "tickets.2024.csv"]) == 0
    names = ["tickets.2023.askance"] * 3 + ["tickets.2024.askance"]
    assert opened == names
    capsys.readouterr()
    for arguments, message in [
        (
            ["b/tickets.2023.csv"],
            "a/tickets.2023.csv and not of b/tickets.2023.csv. For a project of its own, name one",
        ),
        (["tickets.2024.csv", "-p", "tickets.2023"], "askance add tickets.2024.csv -p tickets.2023.askance"),
        (["a/tickets.2023.csv", "--task", "classes"], "Only a new project heeds --task, and tickets.2023.askance is"),
        (["tickets.2024.askance", "--classes", "a,b", "--limit", "5"], "heeds --classes and --limit"),
        (["-p", "tickets.2024", "--no-label"], "heeds --no-label"),
        (["a", "--encoder", "pixls"], "Did you mean 'pixels'"),
        (["-p", "tickets.2024", "-n", "5"], "-n: only for labels in the terminal. Leave that out, or add --console"),
        (["-p", "tickets.2024", "--console", "--port", "80"], "--port: only for labels in the browser"),
    ]:
        assert main(["label", *arguments]) == 2
        assert message in capsys.readouterr().err
    (here / "tickets.askance").mkdir()
    assert main(["label", "tickets.csv"]) == 2
    assert "is no project. Name another one: --project NAME" in capsys.readouterr().err
    assert opened == names and not (here / "a.askance").exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a/x.csv", "x"),
        ("x.2024.csv", "x.2024"),
        ("x.y.JSONL.GZ", "x.y"),
        ("x.npy", "x"),
        ("x.v1", "x.v1"),
        (".", "items"),
    ],
)
def test_a_project_is_called_like_its_file_without_the_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, name: str
) -> None:
    from askance.project.beginning import place_of

    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.v1").mkdir()
    assert place_of(file) == Path(f"{name}.askance")


def test_label_opens_the_project_that_is_named_or_makes_it(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("askance.desk.serving.serve", lambda place, *_: opened.append(Path(place)))
    assert main(["label", "-p", "calls"]) == 2
    assert "There is no project in calls.askance. Begin one with: askance label FILE" in capsys.readouterr().err
    for _ in range(2):
        assert main(["label", "tickets.csv", "--project", "calls", "--json"]) == 0
    assert main(["label", "tickets.csv", "--project", "calls"]) == 0
    assert "calls.askance is there, and goes on" in capsys.readouterr().out
    assert main(["label", "tickets.csv"]) == 0
    assert main(["label", "calls.askance", "--json"]) == 0
    names = ["calls.askance"] * 3 + ["tickets.askance", "calls.askance"]
    assert [place.name for place in opened] == names
    assert all((place / "project.db").is_file() for place in opened)

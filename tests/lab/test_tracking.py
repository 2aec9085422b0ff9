"""Results in MLflow, where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from askance.lab import tracking
from askance.lab.tracking import export
from askance.optional import MissingPackage
from askance.reports.results import Results, Run


def results() -> Results:
    runs = [
        Run(name, seed, [10, 20], [0.5, 0.7 + gain + seed / 100], [[seed]], [[1]], [""], {"training": [0.5]})
        for name, gain in (("random", 0.0), ("margin", 0.1))
        for seed in range(3)
    ]
    return Results("digits", {"name": "digits"}, {"batch": 10, "learner": {"part": "x"}}, runs)


def test_without_it_what_to_install_is_said() -> None:
    if find_spec("mlflow") is None:
        with pytest.raises(MissingPackage, match=r"askance\[mlflow\]"):
            export("Mine", [results()], "file:none")


def test_every_strategy_is_a_run_with_its_curve_and_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    uri = (tmp_path / "runs").as_uri()
    assert export("Mine", [results()], uri) == (2, 0)
    assert export("Mine", [results()], uri) == (0, 2)
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("Mine").experiment_id])
    found = {run.data.params["strategy"]: run for run in runs}
    assert set(found) == {"random", "margin"} and found["margin"].data.params["batch"] == "10"
    assert found["margin"].data.metrics["gain over random"] == pytest.approx(0.05)
    steps = {m.step: m.value for m in client.get_metric_history(found["random"].info.run_id, "accuracy")}
    assert steps == pytest.approx({10: 0.5, 20: 0.71})


class Client:
    """What `export` calls of a client, in memory; it is cut off after some numbers."""

    def __init__(self, room: int) -> None:
        self.room, self.runs, self.ended = room, dict[str, dict[str, str]](), list[str]()

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="0")

    def search_runs(self, experiments: list[str], filter_string: str, max_results: int) -> list[str]:
        return [name for name, tags in self.runs.items() if any(value in filter_string for value in tags.values())]

    def create_run(self, experiment: str, run_name: str, tags: dict[str, str] | None = None) -> Any:
        name = str(len(self.runs))
        self.runs[name] = dict(tags or {})
        return SimpleNamespace(info=SimpleNamespace(run_id=name))

    def log_param(self, *given: Any) -> None: ...

    def log_metric(self, *given: Any, step: int = 0) -> None:
        if not self.room:
            raise KeyboardInterrupt
        self.room -= 1

    def set_tag(self, name: str, key: str, value: str) -> None:
        self.runs[name][key] = value

    def set_terminated(self, name: str) -> None:
        self.ended.append(name)


def test_a_run_that_was_interrupted_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(room=12)
    monkeypatch.setattr(tracking, "need", lambda *given: SimpleNamespace(MlflowClient=lambda tracking_uri: client))
    with pytest.raises(KeyboardInterrupt):
        export("Mine", [results()], "file:none")
    done = len(client.ended)
    client.room = 1_000
    assert export("Mine", [results()], "file:none") == (2 - done, done) and done == 1

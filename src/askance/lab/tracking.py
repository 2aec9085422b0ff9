"""Results in MLflow, one way: a run for each strategy under each condition, with its curve by labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from askance.lab.identity import digest
from askance.lab.statistics import compare
from askance.optional import need
from askance.reports.results import Results

KEY = "askance.key"  # a run with this tag is there already


def export(title: str, conditions: Sequence[Results], uri: str, baseline: str = "random") -> tuple[int, int]:
    """Write what is not there yet into an experiment that has the title's name.

    Args:
        title: Of the experiment; it is made if there is none.
        conditions: The results.
        uri: Of the tracking server or store, as MLflow has it.
        baseline: What gains are over.

    Returns:
        How many runs were written, and how many were there before with the same content.

    Raises:
        MissingPackage: If MLflow is not installed.
    """
    mlflow = need("mlflow", "mlflow", "Writing to MLflow")
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(title)
    experiment = found.experiment_id if found is not None else client.create_experiment(title)
    written = there = 0
    for results in conditions:
        comparison = compare(results, baseline)
        curves = {curve.strategy: curve for curve in comparison.curves}
        for row in comparison.rows:
            runs = [run.plain() for run in results.runs if run.strategy == row.strategy]
            key = digest([results.title, results.dataset, results.settings, baseline, runs])
            if client.search_runs([experiment], filter_string=f"tags.`{KEY}` = '{key}'", max_results=1):
                there += 1
                continue
            run = client.create_run(experiment, run_name=f"{row.strategy}, {results.title}")
            name = run.info.run_id
            client.log_param(name, "strategy", row.strategy)
            client.log_param(name, "dataset", results.dataset.get("name", results.title))
            for setting, value in results.settings.items():
                client.log_param(name, setting, str(value)[:500])
            gain = row.difference
            numbers = {
                "area": row.area.mean,
                "final": row.final.mean,
                "seeds": float(row.area.count),
                "seconds": sum(row.seconds.values()),
                f"gain over {baseline}": gain.mean if gain else math.nan,
                f"gain over {baseline}, low": gain.low if gain else math.nan,
                f"gain over {baseline}, high": gain.high if gain else math.nan,
            }
            for metric, value in numbers.items():
                if math.isfinite(value):
                    client.log_metric(name, metric.replace(",", ""), value)
            curve = curves.get(row.strategy)
            for labels, score in zip(curve.labels, curve.mean, strict=True) if curve else ():
                client.log_metric(name, results.metric, score, step=int(labels))
            client.set_tag(name, KEY, key)  # last: what was interrupted is written again
            client.set_terminated(name)
            written += 1
    return written, there

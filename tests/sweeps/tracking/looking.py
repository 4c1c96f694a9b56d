"""What a test sees of MLflow: the runs of the made-up study, and every point of theirs."""

from __future__ import annotations

import json
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

PERCENTS = (1.0, 5.0, 20.0)


def all_runs(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY, study: str = "sample") -> list[Run]:
    experiment = client.get_experiment_by_name(f"after-ray/{study}")
    return list(client.search_runs([experiment.experiment_id], run_view_type=view, max_results=1000))


def nested(client: MlflowClient, kind: str = "trajectory", study: str = "sample") -> list[Run]:
    return [run for run in all_runs(client, study=study) if run.data.tags["after_ray.kind"] == kind]


def parent(client: MlflowClient) -> Run:
    (found,) = [run for run in all_runs(client) if run.data.tags["after_ray.kind"] == "study"]
    return found


def points(
    client: MlflowClient, kind: str = "trajectory", study: str = "sample"
) -> dict[tuple[str, str], list[tuple[int, int, float]]]:
    """Every point in MLflow of one kind of run, by the run's key and metric."""
    return {
        (run.data.tags["after_ray.key"], name): [
            (metric.step, metric.timestamp, metric.value)
            for metric in client.get_metric_history(run.info.run_id, name)
        ]
        for run in nested(client, kind, study)
        for name in run.data.metrics
    }


def everything(client: MlflowClient) -> object:
    runs = {
        run.info.run_id: (run.to_dictionary()["data"], dict(run.info))
        for run in all_runs(client, ViewType.ALL)
    }
    return runs, points(client), points(client, "summary")


def artifact(client: MlflowClient, run: Run, path: str) -> object:
    return json.loads(Path(client.download_artifacts(run.info.run_id, path)).read_text())


def steps(client: MlflowClient, study: str) -> dict[tuple[str, str, str], list[int]]:
    """The steps of every point of a study's runs, by the run's kind and key, and the metric."""
    return {
        (run.data.tags["after_ray.kind"], run.data.tags["after_ray.key"], name): [
            metric.step for metric in client.get_metric_history(run.info.run_id, name)
        ]
        for run in all_runs(client, study=study)
        if run.data.tags["after_ray.kind"] != "study"
        for name in run.data.metrics
    }

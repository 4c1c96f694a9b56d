"""Requests to MLflow within its limits: searches page by page, points and tags in few batches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sweeps.tracking._refusals import FilesNotTaken

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Param, Run, RunTag

LONGEST_PARAMETER = 6000  # characters, MLflow's limit


class Point(NamedTuple):
    """One value of one metric; `timestamp` in milliseconds, from the record and never from now.

    MLflow takes a point that it has for the same one only when all four fields are equal.
    """

    name: str
    value: float
    timestamp: int
    step: int


def search(client: MlflowClient, experiment: str, query: str) -> Iterator[Run]:
    """Runs that nobody has deleted, oldest first, a thousand per request."""
    token = None
    while True:
        page = client.search_runs(
            [experiment], query, max_results=1000, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def log(
    client: MlflowClient,
    run_id: str,
    points: Sequence[Point] = (),
    parameters: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """One request for a usual run; more where MLflow's limits on one request are passed."""
    from mlflow.entities import Metric

    metrics = [Metric(point.name, point.value, point.timestamp, point.step) for point in points]
    params, labels = _params(parameters or {}), _tags(tags or {})
    client.log_batch(run_id, metrics[:800], params[:100], labels[:100])
    for index in range(100, max(len(params), len(labels)), 100):
        here = slice(index, index + 100)
        client.log_batch(run_id, params=params[here], tags=labels[here])
    for index in range(800, len(metrics), 1000):
        client.log_batch(run_id, metrics[index : index + 1000])


def send_files(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Send all files of a folder to a run.

    Raises:
        FilesNotTaken: whatever went wrong, since that may be another than who keeps the points.
    """
    try:
        client.log_artifacts(run_id, str(folder))
    except Exception as error:
        raise FilesNotTaken(str(error)) from error


def as_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Values as texts under names that MLflow takes."""
    return {allowed(name): str(value)[:LONGEST_PARAMETER] for name, value in values.items()}


def allowed(name: str) -> str:
    """A name that MLflow takes for a metric or a parameter."""
    return re.sub(r"[^\w./ -]", "_", name)


def milliseconds(seconds: float) -> int:
    """MLflow's clock."""
    return round(1000 * seconds)


def _params(values: Mapping[str, str]) -> list[Param]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in values.items()]


def _tags(values: Mapping[str, str]) -> list[RunTag]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]

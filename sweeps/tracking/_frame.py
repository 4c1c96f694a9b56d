"""Reading a mirrored study back: its reported cells, by one paged search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sweeps.tracking import _names as names
from sweeps.tracking._connection import connect_to_read
from sweeps.tracking._requests import search

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run

INTEGERS = ("fold", "seed", "threads", "shared_by")


def read_frame(tracking_uri: str, study: str) -> pd.DataFrame:
    """One row per reported cell: the axes, `trial` (the trajectory's key), `percent` and its measures.

    Only the trajectories' runs that count are read, and neither summaries nor artifacts: seconds and
    confusions are in `cells.json`.

    Raises:
        TrackerUnreachable: when nobody answers at the tracking URI.
    """
    import pandas as pd

    client = connect_to_read(tracking_uri)
    experiment = client.get_experiment_by_name(names.experiment_name(study))
    if experiment is None:
        return pd.DataFrame()
    query = f"{names.query_of(study, 'trajectory')} and tags.`{names.CURRENT}` = 'true'"
    return pd.DataFrame(row for run in search(client, experiment.experiment_id, query) for row in _rows(run))


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    tags = {name: value for name, value in run.data.tags.items() if "." not in name}
    axes = tags | {name: int(tags[name]) for name in INTEGERS if tags.get(name, "").isdigit()}
    for percent, measures in sorted(_by_percent(run.data.metrics).items()):
        yield {**axes, "trial": run.data.tags[names.KEY], "percent": percent, **measures}


def _by_percent(metrics: Mapping[str, float]) -> dict[float, dict[str, float]]:
    """`{"ua_at_20": 0.7, "ua": 0.8}` becomes `{20.0: {"ua": 0.7}}`: curves have no percent in their name."""
    found: dict[float, dict[str, float]] = {}
    for name, value in metrics.items():
        measure, at, percent = name.rpartition("_at_")
        if at:
            found.setdefault(float(percent), {})[measure] = value
    return found

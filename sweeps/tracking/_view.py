"""A ready-made view of MLflow's pages: learning curves, one line per strategy, the mean of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sweeps.tracking.mirrored import ROW_AXES

SHARE_KEY = "curves"
VIEW_TAG = f"mlflow.sharedViewState.{SHARE_KEY}"  # of the experiment; what 'Share' in the pages writes
CHARTS = "^(ua|wa|validation_ua)$"  # the pages sort charts by name, so these three make one row


def varying_axes(places: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Of the axes that name a line, those in which the trajectories differ; at least the strategy.

    `places` hold one value per axis, in the order of `ROW_AXES`; further values are not looked at.
    """
    values = [set(column) for column in zip(*places, strict=True)][: len(ROW_AXES)]
    varying = [axis for axis, found in zip(ROW_AXES, values, strict=False) if len(found) > 1]
    return tuple(varying) or ("strategy",)


def curves_view(axes: Sequence[str], query: str) -> str:
    """The state of the runs page as the pages themselves write it when a view is shared."""
    keys = [{"mode": "tag", "groupByData": axis} for axis in axes]
    state = {
        "searchFilter": query,
        "groupBy": {"aggregateFunction": "average", "groupByKeys": keys},
        "useGroupedValuesInCharts": True,
        "runsHiddenMode": "SHOW_ALL",
        "chartsSearchFilter": CHARTS,
    }
    return json.dumps(state)

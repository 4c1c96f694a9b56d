"""What the results frame holds of one record, the same whether it comes from the store or from MLflow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from after_ray.store import Record

_DETAILS = (
    "classes",
    "confusion",
    "recall",
    "test_speakers",
    "labelled_by",
    "ua_by_corpus",
    "ua_by",
    "test_by",
    "train_by",
    "train_seconds",
    "conformity",
    "stopped",
    "resumed",
    "warnings",
)
ENVIRONMENT = (
    "device",
    "device_name",
    "driver",
    "threads",
    "shared_by",
    "host",
    "python",
    "packages",
    "torch_build",
    "source",
    "commit",
    "provenance",
)


def row_of(record: Record, charged_seconds: float) -> dict[str, Any]:
    """The measures of a record, its seconds by phase, some of its details, and where it was computed.

    All values are those of JSON, so that a row that was written and read again is the same row. Utterance
    ids and their scores are left out: with them a frame of 10,000 cells would be of gigabytes.

    Args:
        record: of one round.
        charged_seconds: of its whole chain of stages (`after_ray.store.charges`); NaN becomes None.
    """
    details, environment = record.details, record.environment
    return {
        **record.measures,
        **{f"seconds_{phase}": value for phase, value in record.seconds.items()},
        **{name: details.get(name) for name in _DETAILS},
        "collapsed": _collapsed(details),
        **{name: environment.get(name) for name in ENVIRONMENT},
        "started": record.started,
        "finished": record.finished,
        "spent_seconds": record.seconds.get("total"),
        "charged_seconds": None if math.isnan(charged_seconds) else charged_seconds,
    }


def _collapsed(details: Mapping[str, Any]) -> bool:
    """Whether the model said one class for every test utterance; older records have only the confusion."""
    noted, confusion = details.get("collapsed"), details.get("confusion")
    if noted is not None or confusion is None:
        return bool(noted)
    return sum(any(column) for column in zip(*confusion, strict=True)) == 1

"""What is expected of jobs before they run: how long each takes, and how long the longest chain after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sweeps.planning.jobs import Job


@dataclass(frozen=True)
class Forecast:
    """Seconds by job's key, as far as they are known.

    Attributes:
        seconds: that a job is expected to take.
        chains: that the longest chain of jobs which begins with it is expected to take.
        measured: of `seconds` those that rest on measurements, which a budget goes by.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    chains: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)


Forecaster = Callable[[Mapping[str, Job]], Forecast]


def unknown(jobs: Mapping[str, Job]) -> Forecast:
    """The forecast of who knows nothing."""
    return Forecast()

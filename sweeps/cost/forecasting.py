"""From an estimate to what a launch goes by: how long each job takes, and how long the chain behind it."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.cost.estimate import Estimate
from sweeps.launching.forecast import Forecast
from sweeps.planning.jobs import Job
from sweeps.scheduling.schedule import priorities


def forecast(estimate: Estimate, jobs: Mapping[str, Job]) -> Forecast:
    """What is expected of jobs; `functools.partial(forecast, estimate)` is a `Forecaster`."""
    costs = estimate.stages
    seconds = {key: estimate.seconds_of(job) for key, job in jobs.items()}
    measured = {
        key: seconds[key]
        for key, job in jobs.items()
        if all(costs[stage].basis == "measured" for stage in job.gives)
    }
    chains = priorities(jobs, {key: cost.seconds for key, cost in costs.items()})
    return Forecast(seconds, chains, measured)

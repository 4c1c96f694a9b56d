"""From an estimate to what a launch goes by: how long each job takes, and how long the chain behind it."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.cost.estimate import Estimate
from sweeps.cost.schedule import priorities
from sweeps.forecast import Forecast
from sweeps.jobs import Job


def forecast(estimate: Estimate, jobs: Mapping[str, Job]) -> Forecast:
    """What is expected of jobs; `functools.partial(forecast, estimate)` is a `Forecaster`.

    Chains are told of all: their order hardly depends on how fast a device is. The seconds, which a budget
    goes by, are told only where they were measured.
    """
    costs = estimate.stages
    measured = {
        key: job for key, job in jobs.items() if all(costs[stage].basis == "measured" for stage in job.gives)
    }
    return Forecast(
        {key: sum(costs[stage].seconds for stage in job.gives) for key, job in measured.items()},
        priorities(jobs, {key: cost.seconds for key, cost in costs.items()}),
    )

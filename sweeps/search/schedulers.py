"""Ray Tune's own schedulers, told of the candidates that earlier launches settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from sweeps.search.proposing import METRIC, RUNG
from sweeps.search.settings import Search

NO_PAUSE = float("inf")  # Tune's median rule otherwise pauses candidates while few are known


def scheduler_of(search: Search, rungs: int, known: Iterable[Sequence[float]]) -> TrialScheduler:
    """The scheduler that a search names, for candidates of so many rungs.

    `known`: values, rung by rung, of candidates that are not run again.
    """
    if search.scheduler == "none":
        return FIFOScheduler()
    scheduler = _asha(search, rungs) if search.scheduler == "asha" else _median(search)
    for number, values in enumerate(known):
        _tell(scheduler, _Settled(f"settled-{number}"), values)
    return scheduler


def _asha(search: Search, rungs: int) -> TrialScheduler:
    return ASHAScheduler(
        time_attr=RUNG,
        metric=METRIC,
        mode="max",
        max_t=rungs,
        grace_period=min(search.grace, rungs),
        reduction_factor=search.reduction,
    )


def _median(search: Search) -> TrialScheduler:
    return _MedianOfThoseWithValues(
        time_attr=RUNG, metric=METRIC, mode="max", grace_period=search.grace, min_time_slice=NO_PAUSE
    )


class _MedianOfThoseWithValues(MedianStoppingRule):
    """Tune's rule, which expects a value of every trial, also of one that failed before its first rung."""

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        if METRIC in result:
            super().on_trial_complete(tune_controller, trial, result)


@dataclass(frozen=True)
class _Settled:
    """Stands for a Tune trial that is over."""

    trial_id: str


def _tell(scheduler: TrialScheduler, trial: _Settled, values: Sequence[float]) -> None:
    scheduler.on_trial_add(None, trial)
    for rung, value in enumerate(values, start=1):
        scheduler.on_trial_result(None, trial, {RUNG: rung, METRIC: value})

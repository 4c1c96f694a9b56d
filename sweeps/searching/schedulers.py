"""Ray Tune's own schedulers, told of each rung of a candidate once, also of those of earlier launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from sweeps.searching.proposing import METRIC, RUNG
from sweeps.study.search.settings import Search

NO_PAUSE = float("inf")  # Tune's median rule otherwise pauses candidates while few are known
SetsAside = Callable[[str, int], bool]


def scheduler_of(
    search: Search,
    rungs: int,
    known: Mapping[str, Sequence[float]],
    sets_aside: SetsAside = lambda trial_id, rung: False,
) -> OncePerRung:
    """The scheduler that a search names, for candidates of so many rungs.

    `known`: key of a candidate that is not run again -> its values, rung by rung. `sets_aside`: whether a
    trial that may go on after a rung ends there for now; asked with its name and the rung.
    """
    scheduler = OncePerRung(_rule(search, rungs), sets_aside)
    for key, values in known.items():
        scheduler.tell(key, values)
    return scheduler


@dataclass(frozen=True)
class _Candidate:
    """Stands for all Tune trials of a candidate."""

    trial_id: str


class OncePerRung(FIFOScheduler):
    """Passes on to Tune's rule what candidates reach, whichever of their trials does, and never twice.

    A candidate whose process was lost or preempted is tried again by another trial, which passes the same
    rungs once more, from records; what was decided of them stands.
    """

    def __init__(self, rule: TrialScheduler, sets_aside: SetsAside) -> None:
        super().__init__()
        self._rule, self._sets_aside = rule, sets_aside
        self._candidates: dict[str, _Candidate] = {}
        self._decided: dict[tuple[str, int], str] = {}

    def tell(self, key: str, values: Sequence[float]) -> None:
        """What a candidate was worth at each rung, without a trial."""
        for rung, value in enumerate(values, start=1):
            self._decide(key, {RUNG: rung, METRIC: value})

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether a candidate goes on; what tells of no rung (an outage, a failure) decides nothing."""
        if RUNG not in result or METRIC not in result:
            return self.CONTINUE
        decision = self._decide(_key(trial), result)
        if decision == self.CONTINUE and self._sets_aside(trial.trial_id, result[RUNG]):
            return self.STOP
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The last rung is told here alone; of a trial that was stopped it was told before."""
        if RUNG in result and METRIC in result:
            self._decide(_key(trial), result)

    def _decide(self, key: str, result: Mapping[str, Any]) -> str:
        place = (key, result[RUNG])
        if place not in self._decided:
            told = {RUNG: result[RUNG], METRIC: result[METRIC]}
            self._decided[place] = self._rule.on_trial_result(None, self._known(key), told)
        return self._decided[place]

    def _known(self, key: str) -> _Candidate:
        if key not in self._candidates:
            self._candidates[key] = _Candidate(key)
            self._rule.on_trial_add(None, self._candidates[key])
        return self._candidates[key]


def _key(trial: Any) -> str:
    return str(trial.config["stage"].key)


def _rule(search: Search, rungs: int) -> TrialScheduler:
    if search.scheduler == "asha":
        return ASHAScheduler(
            time_attr=RUNG,
            metric=METRIC,
            mode="max",
            max_t=rungs,
            grace_period=min(search.grace, rungs),
            reduction_factor=search.reduction,
        )
    if search.scheduler == "median":
        return MedianStoppingRule(
            time_attr=RUNG, metric=METRIC, mode="max", grace_period=search.grace, min_time_slice=NO_PAUSE
        )
    return FIFOScheduler()

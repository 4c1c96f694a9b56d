"""The time to go counts the mix of stages that is left, at the pace that was seen."""

from __future__ import annotations

import pytest

from sweeps.launching.eta import Eta
from sweeps.planning.jobs import Job
from sweeps.scheduling.schedule import Capacity
from sweeps.study.declaration import Resources
from tests.sweeps.launching.named import Named


def job(name: str, *needs: str, kind: str = "features", gpu: float = 0.0) -> Job:
    keys = frozenset(Named(need).key for need in needs)
    return Job(kind, Named(name), keys, resources=Resources(cpu=1, gpu=gpu))


LONG, SHORT, AFTER = job("long", kind="adaptation"), job("short"), job("after", "long")
SECONDS = {LONG.key: 7200.0, SHORT.key: 1800.0, AFTER.key: 3600.0}


def eta(capacity: Capacity = Capacity(2), seconds: dict[str, float] | None = None) -> Eta:  # noqa: B008
    return Eta(SECONDS if seconds is None else seconds, lambda: capacity)


def test_what_waits_for_another_is_counted_behind_it() -> None:
    assert eta().hours([], [LONG, SHORT, AFTER]) == pytest.approx(3.0)
    assert eta(Capacity(1)).hours([], [LONG, SHORT, AFTER]) == pytest.approx(3.5)


def test_what_has_run_counts_less() -> None:
    assert eta().hours([(LONG, 3600.0)], [AFTER]) == pytest.approx(2.0)
    assert eta().hours([(LONG, 9999.0)], []) == 0.0, "it takes longer than expected, nobody knows how much"


def test_the_pace_of_each_kind_is_corrected_by_what_ended() -> None:
    seen = eta()
    seen.ended(SHORT, 3600.0)
    assert seen.hours([], [AFTER]) == pytest.approx(2.0), "features take twice as long as expected"
    assert seen.hours([], [LONG]) == pytest.approx(2.0), "nothing is known of adaptations yet"


def test_what_runs_longer_than_expected_says_so_of_its_kind_before_it_ends() -> None:
    another = job("another", kind="features")
    seen = Eta(SECONDS | {another.key: 1800.0}, lambda: Capacity(1))
    assert seen.hours([(SHORT, 1000.0)], [another]) == pytest.approx((800 + 1800) / 3600)
    assert seen.hours([(SHORT, 7200.0)], [another]) == pytest.approx(2.0)


def test_without_an_estimate_the_mean_of_its_kind_stands_in() -> None:
    seen = eta(seconds={})
    assert seen.hours([], [SHORT]) is None
    seen.ended(AFTER, 1800.0)
    seen.ended(AFTER, 5400.0)
    assert seen.hours([], [SHORT]) == pytest.approx(1.0)


def test_a_trial_that_nothing_there_can_hold_has_no_time_yet() -> None:
    assert eta(seconds={job("gpu", gpu=1).key: 10.0}).hours([], [job("gpu", gpu=1)]) is None
    assert eta().hours([], []) == 0.0

"""A budget counts what trials take, and stops a launch before it takes more."""

from __future__ import annotations

import pytest

from sweeps.launching.budget import Budget, Limits


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def hours(self, hours: float) -> None:
        self.now += 3600 * hours


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_gpu_hours_are_those_of_trials_that_run_and_that_ended(clock: Clock) -> None:
    budget = Budget(Limits(gpu_hours=3), clock=clock)
    clock.hours(5)
    budget.begin("a", 1.0)
    budget.begin("b", 0.5)
    clock.hours(1)
    assert budget.gpu_hours == pytest.approx(1.5)
    budget.end("a")
    clock.hours(2)
    assert budget.gpu_hours == pytest.approx(1.0 + 1.5)
    assert budget.exceeded() is None
    clock.hours(1)
    assert "--max-gpu-hours 3 is reached (3.00 GPU-hours)" in str(budget.exceeded())


def test_hours_are_counted_from_the_beginning_of_the_launch(clock: Clock) -> None:
    budget = Budget(Limits(hours=2), clock=clock)
    clock.hours(1.99)
    assert budget.exceeded() is None
    clock.hours(0.02)
    assert "--max-hours 2 is reached" in str(budget.exceeded())
    assert Budget(Limits(), clock=clock).exceeded() is None


def test_a_job_that_is_expected_not_to_fit_is_not_started(clock: Clock) -> None:
    budget = Budget(Limits(gpu_hours=2), {"long": 7200.0, "short": 1800.0}, clock)
    assert budget.allows("long", 1.0)
    budget.begin("long", 1.0)
    assert not budget.allows("short", 1.0), "the long one will take all that is left"
    assert budget.allows("short", 0.0), "it takes no GPU"
    assert budget.allows("unknown", 1.0), "nothing is known of it, and something is left"
    assert budget.held_back
    clock.hours(1)
    budget.end("long")
    assert budget.allows("short", 1.0), "the long one took less than it was expected to"
    assert "no job that is left is expected to fit" in str(budget.why_held_back())


def test_nothing_is_started_that_would_pass_the_last_hour(clock: Clock) -> None:
    budget = Budget(Limits(hours=1), {"a": 1800.0}, clock)
    clock.hours(0.4)
    assert budget.allows("a", 0.0)
    clock.hours(0.2)
    assert not budget.allows("a", 0.0)


def test_a_trial_that_is_started_again_has_cost_what_it_ran_before(clock: Clock) -> None:
    budget = Budget(Limits(gpu_hours=9), clock=clock)
    budget.begin("a", 1.0)
    clock.hours(2)
    budget.begin("a", 1.0)
    clock.hours(1)
    assert budget.gpu_hours == pytest.approx(3.0)

"""Failures are grouped by what they say, whatever numbers and keys are in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.store import Failure
from sweeps.planning.failing import causes
from sweeps.planning.plan import Plan
from tests.sweeps.small import small_study

STRATEGIES = ["random", "entropy", "margin"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return small_study(tmp_path_factory.mktemp("study"), strategy=STRATEGIES, schedule=[10, 20]).plan


def failure(key: str, sentence: str, attempts: int = 1) -> Failure:
    return Failure(key, sentence, f"logs/{key}.log", attempts)


def test_failures_that_differ_in_numbers_and_keys_are_one_cause(plan: Plan) -> None:
    keys = [trajectory.key for trajectory in plan.trajectories]
    notes = [
        failure(keys[0], f"The loss is nan at update 17 of {keys[0]}"),
        failure(keys[1], f"The loss is nan at update 203 of {keys[1]}", attempts=3),
        failure(keys[2], "Another thing"),
    ]
    first, second = causes([plan], {note.key: note for note in notes}, set())
    assert (len(first.failures), first.cells, first.quarantined) == (2, 2, 1)
    assert first.logs == (f"logs/{keys[0]}.log", f"logs/{keys[1]}.log")
    assert (second.sentence, second.cells) == ("Another thing", 1), "round 0 is not its to lose"


def test_one_below_costs_every_cell_above_it(plan: Plan) -> None:
    features = next(key for key, stage in plan.shared.items() if stage.kind == "features")
    (cause,) = causes([plan], {features: failure(features, "no room")}, set())
    assert cause.cells == len(plan.cells)


def test_failures_of_other_studies_and_of_what_is_done_by_now_are_not_told(plan: Plan) -> None:
    key = plan.trajectories[0].key
    assert causes([plan], {"f" * 32: failure("f" * 32, "elsewhere")}, set()) == []
    assert causes([plan], {key: failure(key, "before")}, {key}) == []


def test_a_branch_that_waits_for_a_failed_path_is_missing_because_of_it(tmp_path: Path) -> None:
    plans = [
        small_study(tmp_path, study=name, strategy="entropy", schedule=[10, 20, last]).plan
        for name, last in (("one", 40), ("other", 60))
    ]
    (failed,), (branch,) = (one.trajectories for one in plans)
    (cause,) = causes(plans, {failed.key: failure(failed.key, "broken")}, set())
    assert cause.cells == 2 + 1, "20 % and 40 % of the one, 60 % of the other, whose 20 % is the same"
    assert cause.waiting == {}, "the next launch runs the failed one again"
    (barred,) = causes(plans, {failed.key: failure(failed.key, "broken", attempts=3)}, set())
    assert barred.waiting == {branch.key: failed.key}
    (later,) = causes(plans, {failed.key: failure(failed.key, "broken")}, {failed.stages[1].key})
    assert later.cells == 1, f"the shared round is there, so {branch.key} can run"
    assert later.waiting == {}

"""Ray Tune's algorithms and schedulers as a search uses them: seeded, and told of earlier launches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from sweeps.searching.proposing import METRIC, RUNG, OptunaProposer, Proposer, RandomProposer, proposer_of
from sweeps.searching.schedulers import scheduler_of
from sweeps.study.search.settings import Search
from sweeps.study.search.space import Configuration, label_of

pytestmark = pytest.mark.ray  # Tune is imported, no Ray is started

SPACE = {
    "a": {"int": [1, 3], "log": True},
    "b": {"int": [-1, 1]},
    "c": {"uniform": [-1, 1]},
    "d": {"loguniform": ["1e-5", "1e-3"]},
    "e": {"choice": ["x", 3, None, [1, 2], {"name": "y"}]},
}


def search(**settings: Any) -> Search:
    return Search.model_validate({"space": SPACE, "candidates": 9, "seed": 0, **settings})


def draws(proposer: Proposer, number: int = 40) -> list[Configuration]:
    """So many configurations, each of another label, none of which was told about."""
    drawn: list[Configuration] = []
    while len(drawn) < number:
        configuration = proposer.propose({label_of(each) for each in drawn})
        assert configuration is not None
        drawn.append(configuration)
    return drawn


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_every_setting_is_drawn_from_all_of_its_space_and_nowhere_else(algorithm: str) -> None:
    drawn = draws(proposer_of(search(algorithm=algorithm)), 200)
    assert {each["a"] for each in drawn} == {1, 2, 3}, "both ends are included"
    assert {each["b"] for each in drawn} == {-1, 0, 1}
    assert all(type(each["a"]) is int and type(each["c"]) is float for each in drawn)
    assert all(-1 <= each["c"] <= 1 and 1e-5 <= each["d"] <= 1e-3 for each in drawn)
    low = sum(each["d"] < 1e-4 for each in drawn)
    assert 60 < low < 140, "evenly by the logarithm"
    assert [value for value in SPACE["e"]["choice"] if all(each["e"] != value for each in drawn)] == []


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_the_same_seed_draws_the_same_candidates_and_another_seed_others(algorithm: str) -> None:
    first = draws(proposer_of(search(algorithm=algorithm)), 8)
    assert draws(proposer_of(search(algorithm=algorithm)), 8) == first
    assert draws(proposer_of(search(algorithm=algorithm, sampling_seed=1)), 8) != first


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_nothing_is_proposed_twice_and_a_space_that_is_drawn_out_says_so(algorithm: str) -> None:
    space = {"a": {"choice": ["x", "y"]}, "b": {"int": [0, 2]}}
    proposer = proposer_of(search(space=space, candidates=6, algorithm=algorithm))
    drawn = draws(proposer, 6)
    known = {label_of(each) for each in drawn}
    assert len(known) == 6
    assert proposer.propose(known) is None


def test_a_random_search_that_was_killed_draws_those_that_were_missing() -> None:
    whole = draws(RandomProposer(search().space, 0), 8)
    again = RandomProposer(search().space, 0)
    known = {label_of(each) for each in whole[:5]}
    rest = []
    for _ in range(3):
        configuration = again.propose(known)
        assert configuration is not None
        known.add(label_of(configuration))
        rest.append(configuration)
    assert rest == whole[5:]


def test_optuna_looks_where_it_was_told_that_values_are_high_also_by_an_earlier_launch() -> None:
    space = search(space={"c": {"uniform": [0, 1]}}).space
    told_of, ignorant = OptunaProposer(space, 0), OptunaProposer(space, 0)
    for step in range(40):
        place = (step + 0.5) / 40
        told_of.told({"c": place}, "finished", [0.0, 1 - abs(place - 0.8)])
    near = [abs(each["c"] - 0.8) < 0.2 for each in draws(told_of, 20)]
    far = [abs(each["c"] - 0.8) < 0.2 for each in draws(ignorant, 20)]
    assert sum(near) >= 15
    assert sum(far) < 15


def test_optuna_is_told_of_finished_pruned_and_failed_candidates() -> None:
    from optuna.trial import TrialState

    proposer = OptunaProposer(search().space, 0)
    own = draws(proposer, 3)
    for configuration, name, values in zip(
        own, ("finished", "pruned", "failed"), ([0.5, 0.6], [0.4], []), strict=True
    ):
        proposer.told(configuration, name, values)  # type: ignore[arg-type]
    before = RandomProposer(search().space, 7)
    for name, values in (("finished", [0.5, 0.6]), ("pruned", [0.4]), ("failed", [])):
        proposer.told(draws(before, 1)[0], name, values)  # type: ignore[arg-type]
    heard = [
        (trial.state, trial.value, trial.intermediate_values) for trial in proposer._optuna._ot_study.trials
    ]
    expected = [
        (TrialState.COMPLETE, 0.6, {0: 0.5, 1: 0.6}),
        (TrialState.PRUNED, 0.4, {0: 0.4}),
        (TrialState.FAIL, None, {}),
    ]
    assert heard == expected * 2


class Trial:
    """A trial as schedulers know it: its candidate is named, one of several trials of it by `attempt`."""

    def __init__(self, name: str, attempt: int = 1) -> None:
        self.trial_id = f"{name} {attempt}"
        self.config = {"stage": SimpleNamespace(key=name)}


def known(*values: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    """Candidates of earlier launches."""
    return {f"settled {number}": each for number, each in enumerate(values)}


def decision(scheduler: TrialScheduler, name: str, *values: float, attempt: int = 1) -> str:
    """Of the last rung."""
    trial, told = Trial(name, attempt), ""
    scheduler.on_trial_add(None, trial)
    for rung, value in enumerate(values, start=1):
        told = scheduler.on_trial_result(None, trial, {RUNG: rung, METRIC: value})
    return told


POOR, GOOD = 0.2, 0.8


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_poor_candidate_is_stopped_at_the_first_rung_by_what_earlier_launches_found(name: str) -> None:
    told = scheduler_of(search(scheduler=name), 4, known((GOOD, GOOD), (0.7, 0.7), (0.6,), (0.5,)))
    assert decision(told, "poor", POOR) == TrialScheduler.STOP
    assert decision(told, "good", 0.9) == TrialScheduler.CONTINUE
    alone = scheduler_of(search(scheduler=name), 4, {})
    assert decision(alone, "poor", POOR) == TrialScheduler.CONTINUE, "there is nothing to compare it with"


def test_grace_lets_every_candidate_pass_its_first_rungs() -> None:
    told = scheduler_of(search(grace=2), 8, known(*[(GOOD, GOOD)] * 4))
    assert decision(told, "poor", POOR) == TrialScheduler.CONTINUE
    assert decision(told, "poor too", POOR, POOR) == TrialScheduler.STOP


def test_without_a_scheduler_nothing_is_stopped() -> None:
    told = scheduler_of(search(scheduler="none"), 4, known(*[(GOOD, GOOD)] * 9))
    assert decision(told, "poor", POOR, POOR, POOR) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_candidate_that_failed_before_its_first_rung_stops_no_other(name: str) -> None:
    told = scheduler_of(search(scheduler=name), 4, {})
    failed = Trial("failed")
    told.on_trial_add(None, failed)
    told.on_trial_complete(None, failed, {"failed": "why", "training_iteration": 1})
    assert decision(told, "next", POOR) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_candidate_that_is_tried_again_counts_once_at_each_rung(name: str) -> None:
    told = scheduler_of(search(scheduler=name, reduction=2), 4, known((0.9,), (0.1,), (0.1,)))
    alike = scheduler_of(search(scheduler=name, reduction=2), 4, known((0.9,), (0.1,), (0.1,)))
    decision(alike, "lost", 0.9)
    for attempt in (1, 2, 3):
        assert decision(told, "lost", 0.9, attempt=attempt) == TrialScheduler.CONTINUE
        told.on_trial_complete(None, Trial("lost", attempt), {"preempted": True, "training_iteration": 2})
    border = 0.7  # good among five candidates, poor if the one that was lost were three of seven
    assert decision(alike, "next", border) == TrialScheduler.CONTINUE
    assert decision(told, "next", border) == TrialScheduler.CONTINUE
    assert decision(told, "poor", 0.05) == TrialScheduler.STOP
    assert decision(told, "poor", 0.05, attempt=2) == TrialScheduler.STOP, "what was decided stands"


def test_a_rung_that_is_told_with_the_end_of_a_trial_counts_once() -> None:
    told = scheduler_of(search(scheduler="median", grace=1), 4, known((0.6, 0.6), (0.5, 0.5), (0.4, 0.4)))
    decision(told, "one", 0.9)
    for _ in range(2):
        told.on_trial_complete(None, Trial("one"), {RUNG: 2, METRIC: 0.7})
    results = next(each for key, each in told._rule._results.items() if key.trial_id == "one")  # type: ignore[attr-defined]
    assert [each[METRIC] for each in results] == [0.9, 0.7]


def test_a_candidate_that_is_set_aside_ends_its_trial_unless_the_rule_has_ended_it() -> None:
    asked: list[tuple[str, int]] = []

    def aside(trial_id: str, rung: int) -> bool:
        asked.append((trial_id, rung))
        return True

    told = scheduler_of(search(reduction=2), 4, known((GOOD,), (GOOD,)), aside)
    assert decision(told, "good", 0.9) == TrialScheduler.STOP
    assert decision(told, "poor", POOR) == TrialScheduler.STOP
    assert asked == [("good 1", 1)]

"""Which candidate runs next, and what becomes of it: finished, pruned, failed, or left for another launch."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.environment import Execution
from sweeps.launching.ready import ATTEMPTS
from sweeps.planning.jobs import Job
from sweeps.searching.book import Book
from sweeps.searching.handing import CandidatesInTurn
from sweeps.searching.standing import searched
from sweeps.study.search.space import Configuration, label_of
from tests.sweeps.searching.toy import STUDY, book, configuration, finish, share
from trainables.halt import Halt

pytestmark = pytest.mark.ray  # Tune's searcher is imported, no Ray is started


class Listed:
    """Proposes a list of configurations, and remembers what it was told."""

    def __init__(self, *configurations: Configuration) -> None:
        self.left = list(configurations)
        self.heard: list[tuple[float, str, int]] = []

    def propose(self, known: Container[str]) -> Configuration | None:
        fresh = [each for each in self.left if label_of(each) not in known]
        return fresh[0] if fresh else None

    def told(self, configuration: Configuration, name: str, values: Sequence[float]) -> None:
        self.heard.append((configuration["classifier.regularization"], name, len(values)))


class Slots:
    """Room for so many candidates."""

    def __init__(self, slots: int = 9, may_start: Callable[[], bool] = lambda: True) -> None:
        self.slots, self._may_start = slots, may_start

    def execution_of(self, job: Job) -> Execution:
        return Execution("store", "cache")

    def is_left(self, running: Sequence[Job]) -> bool:
        return len(running) < self.slots

    def may_start(self, job: Job) -> bool:
        return self._may_start()


ALL = tuple(configuration(float(number)) for number in range(1, 10))
FINISHED = {"finished": True, "scores": [0.5, 0.5, 0.5, 0.5]}


def hands(
    drawn: Book, proposer: Listed, room: Slots | None = None, halt: Halt | None = None
) -> CandidatesInTurn:
    share(drawn)
    return CandidatesInTurn(drawn, proposer, room or Slots(), halt)


def number(drawn: Book, config: Any) -> int:
    """Of the candidate that a trial was made for."""
    return next(one.number for one in drawn.candidates if one.key == config["stage"].key)


def end(search: CandidatesInTurn, drawn: Book, trial: str, config: Any, *scores: float) -> None:
    finish(drawn.store, drawn.candidates[number(drawn, config) - 1], *scores)
    search.on_trial_complete(trial, {"finished": True, "scores": list(scores)})


def test_as_many_candidates_are_drawn_as_are_wanted_and_no_more_than_there_is_room(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(*ALL), Slots(3))
    first = [search.suggest(str(trial)) for trial in range(3)]
    assert [number(drawn, config) for config in first] == [1, 2, 3]
    assert search.suggest("3") is None
    assert len(drawn.candidates) == 3, "the fourth is drawn when more is known"
    end(search, drawn, "0", first[0], 0.1, 0.1, 0.1, 0.1)
    assert number(drawn, search.suggest("3")) == 4
    for trial, config in (("1", first[1]), ("2", first[2])):
        end(search, drawn, trial, config, 0.1, 0.1, 0.1, 0.1)
    assert search.suggest("4") is None, "one still runs"
    search.on_trial_complete("3", {"scores": [0.1]})
    assert search.suggest("4") == Searcher.FINISHED


def test_a_candidate_that_was_stopped_at_a_rung_is_pruned_in_the_store(tmp_path: Path) -> None:
    drawn, proposer = book(tmp_path), Listed(*ALL)
    search = hands(drawn, proposer)
    config = search.suggest("1")
    search.on_trial_complete("1", {"scores": [0.3, 0.4]})
    note = drawn.pruned.find(config["stage"].key, 4)
    assert note is not None
    assert note.scores == (0.3, 0.4)
    assert proposer.heard == [(1.0, "pruned", 2)]
    assert drawn.counts()["pruned"] == 1


def test_finished_and_pruned_candidates_of_an_earlier_launch_do_not_run_again_and_are_told(
    tmp_path: Path,
) -> None:
    before = book(tmp_path)
    one, two, _ = (before.add(each) for each in ALL[:3])
    finish(before.store, one, 0.5, 0.5, 0.5, 0.5)
    hands(before, Listed())
    search = hands(before, Listed())
    _ = search.suggest("a"), search.suggest("b")
    search.on_trial_complete("a", {"scores": [0.1]})
    drawn, proposer = book(tmp_path), Listed(*ALL)
    again = hands(drawn, proposer)
    assert number(drawn, again.suggest("1")) == 3, "it was killed while it ran"
    assert number(drawn, again.suggest("2")) == 4, "a new one"
    assert proposer.heard == [(1.0, "finished", 4), (2.0, "pruned", 1)]
    assert two.key is not None


def test_a_refused_candidate_fails_without_a_trial_and_the_search_goes_on(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    proposer = Listed(configuration(1.0, "margn"), configuration(2.0))
    search = hands(drawn, proposer)
    assert number(drawn, search.suggest("1")) == 2
    assert proposer.heard == [(1.0, "failed", 0)]
    assert "unknown strategy 'margn'" in drawn.states[1].sentence


@pytest.mark.parametrize(
    ("ended", "attempts"),
    [
        ({"result": {"failed": "why"}}, 1),
        ({"result": {"failed": "why", "again": True}}, 3),
        ({"error": True}, 3),
    ],
    ids=["failed", "failed by what may be gone", "process lost"],
)
def test_a_failed_candidate_is_tried_as_often_as_that_may_help_then_told_as_failed_and_not_as_pruned(
    tmp_path: Path, ended: dict[str, Any], attempts: int
) -> None:
    drawn, proposer = book(tmp_path), Listed(*ALL)
    search = hands(drawn, proposer)
    for attempt in range(attempts):
        assert proposer.heard == []
        assert number(drawn, search.suggest(str(attempt))) == 1
        search.on_trial_complete(str(attempt), **ended)
    assert proposer.heard == [(1.0, "failed", 0)]
    assert drawn.pruned.find(str(drawn.candidates[0].key), 4) is None
    assert number(drawn, search.suggest("next")) == 2


def test_a_candidate_that_gets_on_is_not_one_that_is_lost_again_and_again(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(ALL[0]))
    for rung in range(1, 4):
        config = search.suggest(str(rung))
        assert isinstance(config, dict), f"it is handed out again after {rung - 1} losses"
        search.sets_aside(str(rung), rung)
        drawn.store.ledger.fail(config["stage"].key, "It was lost.", again=True)
        drawn.store.ledger.forgive([config["stage"].key])
        search.on_trial_complete(str(rung), error=True)
    assert isinstance(search.suggest("4"), dict)


def test_a_candidate_that_is_tried_again_does_not_count_as_failed_meanwhile(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(ALL[0]))
    config = search.suggest("1")
    assert isinstance(config, dict)
    drawn.store.ledger.fail(config["stage"].key, "It was lost.", again=True)
    search.on_trial_complete("1", error=True)
    assert isinstance(search.suggest("2"), dict)
    assert drawn.counts()["failed"] == 0
    told = searched(drawn, {config["stage"].key: (0.9,)}, {config["stage"].key})
    assert (told.failed, told.best and told.best.value) == (0, 0.9)


def test_a_candidate_whose_process_is_lost_after_its_record_is_finished(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    proposer = Listed(ALL[0])
    search = hands(drawn, proposer)
    for attempt in range(ATTEMPTS):
        config = search.suggest(str(attempt))
        if attempt == ATTEMPTS - 1:
            finish(drawn.store, drawn.candidates[0], 0.5, 0.5, 0.5, 0.5)
        search.on_trial_complete(str(attempt), error=True)
        assert isinstance(config, dict)
    assert proposer.heard == [(1.0, "finished", 4)]


@pytest.mark.parametrize(
    "ended", [{"halted": True}, {"stopped": "the store is full"}, {"scores": [0.5], "rung": 1}]
)
def test_a_candidate_that_a_budget_ended_is_missing_and_not_pruned(
    tmp_path: Path, ended: dict[str, Any]
) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(*ALL), halt=Halt(str(tmp_path / "halt")))
    search.suggest("1")
    search.halt()
    assert (tmp_path / "halt").exists()
    search.on_trial_complete("1", ended)
    assert search.suggest("2") == Searcher.FINISHED
    assert book(tmp_path).counts() == {"candidates": 4, "finished": 0, "pruned": 0, "failed": 0, "missing": 4}


@pytest.mark.parametrize("ended", [{"halted": True}, {"stopped": "the store is full"}, {}])
def test_a_candidate_that_ended_without_passing_a_rung_was_not_stopped_at_one(
    tmp_path: Path, ended: dict[str, Any]
) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(*ALL))
    search.suggest("1")
    search.on_trial_complete("1", ended)
    assert book(tmp_path).counts()["pruned"] == 0


def test_a_budget_that_is_spent_starts_no_candidate(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(*ALL), Slots(may_start=lambda: False))
    assert search.suggest("1") == Searcher.FINISHED
    assert len(search.waiting) == 1, "it was drawn and waits for another launch"


def test_a_preempted_candidate_goes_on_elsewhere(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(*ALL))
    config = search.suggest("1")
    search.on_trial_complete("1", {"preempted": True, "scores": [0.5]})
    assert search.suggest("2")["stage"].key == config["stage"].key


def test_of_two_candidates_that_mean_the_same_the_second_waits_for_the_first(tmp_path: Path) -> None:
    text = STUDY.replace("classifier: functionals", "classifier: functionals\nrestart: pretrained")
    text = text.replace(
        "strategy: {choice: [entropy, margin]}", "protocol.restart: {choice: [previous, pretrained]}"
    )
    same = [
        {"classifier.regularization": 1.0, "protocol.restart": each} for each in ("previous", "pretrained")
    ]
    drawn, proposer = book(tmp_path, text), Listed(*same)
    search = hands(drawn, proposer)
    config = search.suggest("1")
    assert search.suggest("2") is None
    assert drawn.candidates[0].key == drawn.candidates[1].key
    end(search, drawn, "1", config, 0.5, 0.5, 0.5, 0.5)
    assert search.suggest("2") == Searcher.FINISHED
    assert proposer.heard == [(1.0, "finished", 4)] * 2


def test_a_space_without_other_configurations_ends_the_search(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    search = hands(drawn, Listed(ALL[0]))
    config = search.suggest("1")
    assert search.suggest("2") is None
    end(search, drawn, "1", config, 0.5, 0.5, 0.5, 0.5)
    assert search.suggest("2") == Searcher.FINISHED
    assert search.drawn_out


def test_what_another_launch_draws_at_the_same_time_is_run_under_its_number(tmp_path: Path) -> None:
    drawn, other = book(tmp_path), book(tmp_path)
    search = hands(drawn, Listed(*ALL))
    assert number(drawn, search.suggest("1")) == 1
    for each in (ALL[0], ALL[1], ALL[8]):
        other.add(each)
    handed = [search.suggest(str(trial)) for trial in (2, 3, 4, 5)]
    assert [config and number(drawn, config) for config in handed] == [2, 3, 4, None]
    assert [one.configuration for one in drawn.candidates] == [ALL[0], ALL[1], ALL[8], ALL[2]]

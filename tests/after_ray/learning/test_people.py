"""Rounds that people label: the learner waits, goes on from its checkpoint, leaves what nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence, Strategy, strategy_of
from after_ray.annotation import of_corpus
from after_ray.errors import Unanswered
from after_ray.initialization._settings import RandomSettings
from after_ray.initialization.random import RandomInitialization
from after_ray.learning._round import NOTHING, RoundResult, RoundState
from after_ray.learning.active import ActiveLearner
from after_ray.manifest import UNKNOWN
from after_ray.splits.oracle import Oracle
from after_ray.store import Checkpoint
from tests.after_ray.learning.test_active import SIZES, assert_same, run, state_of

RANDOM = RandomInitialization(RandomSettings())


def listened(
    world: Any, heard: NDArray[np.int64] = NOTHING, left: NDArray[np.int64] = NOTHING
) -> ActiveLearner:
    """A learner as a new process would make it: people have told the rows `heard`, and cannot tell `left`."""
    told = np.full(len(world.labels), UNKNOWN)
    told[heard] = world.labels[heard]
    learner: ActiveLearner = world.learner()
    learner.oracle = Oracle(replace(of_corpus(told), left=left), world.fold.train)
    return learner


def checkpoint_in(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every=300)


def asked_of(step: Callable[..., RoundResult], *given: Any) -> NDArray[np.int64]:
    """The rows that a step waits for."""
    with pytest.raises(Unanswered) as waiting:
        step(*given)
    return np.array(waiting.value.rows, dtype=np.int64)


class Never(Strategy):
    """Chooses nothing: a choice that is made already is not made again."""

    needs = frozenset()

    def _select(self, evidence: PoolEvidence, count: int, generator: np.random.Generator) -> Any:
        raise AssertionError("a round that waited for people chose anew")


@pytest.mark.parametrize("strategy", ["entropy", "random", "badge"])
def test_a_trajectory_that_people_label_equals_one_of_an_oracle_that_knows_all(
    world: Any, strategy: str, tmp_path: Path
) -> None:
    at_once, heard = run(world, strategy), NOTHING
    results: list[RoundResult] = []
    for number, size in enumerate(SIZES):

        def go_on(told: NDArray[np.int64], size: int = size, number: int = number) -> RoundResult:
            learner, checkpoint = listened(world, told), checkpoint_in(tmp_path / str(number))
            if not results:
                return learner.first(RANDOM, None, size, checkpoint)
            state, chosen = state_of(results[-1]), strategy_of(strategy)
            return learner.next(state, chosen, size, "previous", checkpoint, world.unlabelled)

        asked = asked_of(go_on, heard)
        np.testing.assert_array_equal(asked, at_once[number].acquired)
        assert set(asked_of(go_on, np.append(heard, asked[1:]))) == {asked[0]}, "some are not enough"
        heard = np.append(heard, asked)
        results.append(go_on(heard))
        assert results[-1].resumed == 1
        assert_same(results[-1], at_once[number])


def test_while_people_are_waited_for_nothing_is_trained_and_scores_are_not_taken_again(
    world: Any, tmp_path: Path
) -> None:
    first = run(world)[0]
    state, size = state_of(first), SIZES[1]
    checkpoint = checkpoint_in(tmp_path)
    world.calls.clear()
    step = listened(world, first.labelled).next
    asked = asked_of(step, state, strategy_of("entropy"), size, "previous", checkpoint)
    assert world.calls == [f"log_probabilities {len(world.fold.train) - len(first.labelled)}"]
    world.calls.clear()
    learner = listened(world, np.append(first.labelled, asked))
    result = learner.next(state, Never(), size, "previous", checkpoint_in(tmp_path))
    assert "fit" in world.calls
    assert_same(result, run(world)[1])


def test_what_nobody_can_tell_is_neither_trained_on_nor_asked_again(world: Any, tmp_path: Path) -> None:
    first_asked = asked_of(listened(world).first, RANDOM, None, 6, checkpoint_in(tmp_path / "0"))
    left, heard = first_asked[[1, 4]], first_asked[[0, 2, 3, 5]]
    first = listened(world, heard, left).first(RANDOM, None, 6, checkpoint_in(tmp_path / "0"))
    np.testing.assert_array_equal(first.acquired, heard)
    np.testing.assert_array_equal(first.labelled, heard)
    np.testing.assert_array_equal(np.sort(first.left), np.sort(left))
    assert first.revealed == 4

    state = RoundState(first.labelled, first.weights, first.left)
    step = (state, strategy_of("entropy"), 10, "previous")
    asked = asked_of(listened(world, heard, left).next, *step, checkpoint_in(tmp_path / "1"))
    assert len(asked) == 6, "the round does not reach its size with others"
    assert not set(asked) & set(first_asked)
    everything = np.append(heard, asked)
    second = listened(world, everything, left).next(*step, checkpoint_in(tmp_path / "1"))
    assert (len(second.labelled), len(second.left), second.revealed) == (10, 0, 10)
    assert second.acquired_scores is not None
    assert len(second.acquired_scores) == 6
    assert not set(second.pool) & set(first_asked)


def test_scores_stay_with_their_rows_when_some_of_a_choice_are_left(world: Any) -> None:
    first = run(world)[0]
    whole = run(world)[1]
    left = whole.acquired[[0, 2]]
    others = np.setdiff1d(world.fold.train, left)
    result = listened(world, others, left).next(state_of(first), strategy_of("entropy"), SIZES[1], "previous")
    assert whole.acquired_scores is not None
    np.testing.assert_array_equal(result.acquired, np.delete(whole.acquired, [0, 2]))
    np.testing.assert_array_equal(result.acquired_scores, np.delete(whole.acquired_scores, [0, 2]))


@pytest.mark.parametrize("strategy", ["entropy", "random", "badge", "coreset"])
def test_a_pool_that_is_used_up_by_what_nobody_can_tell_trains_on_what_there_is(
    world: Any, strategy: str
) -> None:
    train = world.fold.train
    left, heard = train[:8], train[8:]
    learner = listened(world, heard, left)
    before = learner.refit(heard, len(heard), None)
    end = listened(world, heard, left).next(
        RoundState(heard, before, left),
        strategy_of(strategy),
        len(train),
        "previous",
        unlabelled=world.unlabelled,
    )
    assert (len(end.acquired), len(end.labelled), len(end.pool)) == (0, len(heard), 0)

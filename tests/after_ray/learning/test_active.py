from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from after_ray.acquisition import EvidenceKind, Picked, PoolEvidence, Strategy, strategy_of
from after_ray.errors import BadValue, BrokenInvariant, TooFewUtterances
from after_ray.initialization import Chosen, Initialization
from after_ray.initialization._settings import ClusteringSettings, RandomSettings
from after_ray.initialization.clustering import Clustering
from after_ray.initialization.random import RandomInitialization
from after_ray.learning._round import RoundResult, RoundState
from after_ray.learning.active import ActiveLearner
from after_ray.learning.settings import Restart
from after_ray.store import Checkpoint
from tests.after_ray.expressions import EXPRESSIONS

SIZES = (6, 10, 25, 50, 80)
RANDOM = RandomInitialization(RandomSettings())
RESTARTS: list[Restart] = ["previous", "pretrained", "shrink_perturb"]


def run(
    world: Any,
    strategy: str = "entropy",
    restart: Restart = "previous",
    sizes: tuple[int, ...] = SIZES,
    learner: ActiveLearner | None = None,
) -> list[RoundResult]:
    learner, unlabelled = learner or world.learner(), world.unlabelled
    results = [learner.first(RANDOM, None, sizes[0])]
    for size in sizes[1:]:
        state = state_of(results[-1])
        results.append(learner.next(state, strategy_of(strategy), size, restart, unlabelled=unlabelled))
    return results


def state_of(result: RoundResult) -> RoundState:
    return RoundState(result.labelled, result.weights)


def assert_same(one: RoundResult, other: RoundResult) -> None:
    """Equal to the bit in everything but time."""
    np.testing.assert_array_equal(one.acquired, other.acquired)
    np.testing.assert_array_equal(one.labelled, other.labelled)
    np.testing.assert_array_equal(one.weights["centroids"], other.weights["centroids"])
    np.testing.assert_array_equal(one.test_log_probabilities, other.test_log_probabilities)
    np.testing.assert_array_equal(one.validation_log_probabilities, other.validation_log_probabilities)
    np.testing.assert_array_equal(one.acquired_scores, other.acquired_scores)  # type: ignore[arg-type]
    assert (one.test, one.validation, one.fit) == (other.test, other.validation, other.fit)


@pytest.mark.parametrize("strategy", EXPRESSIONS)
@pytest.mark.parametrize("restart", RESTARTS)
def test_labelled_grows_to_every_target_size_and_ends_with_train(
    world: Any, strategy: str, restart: Restart
) -> None:
    results = run(world, strategy, restart)
    assert tuple(len(result.labelled) for result in results) == SIZES
    for before, after in itertools.pairwise(results):
        np.testing.assert_array_equal(after.labelled, np.concatenate([before.labelled, after.acquired]))
    np.testing.assert_array_equal(np.sort(results[-1].labelled), world.fold.train)


@pytest.mark.parametrize("strategy", EXPRESSIONS)
@pytest.mark.parametrize("restart", RESTARTS)
def test_two_runs_are_equal(world: Any, strategy: str, restart: Restart) -> None:
    for one, other in zip(run(world, strategy, restart), run(world, strategy, restart), strict=True):
        assert_same(one, other)


def test_another_seed_is_another_run(world: Any) -> None:
    one, other = run(world, learner=world.learner(seed=0))[0], run(world, learner=world.learner(seed=1))[0]
    assert set(one.acquired) != set(other.acquired)


@pytest.mark.parametrize("strategy", EXPRESSIONS)
@pytest.mark.parametrize("restart", RESTARTS)
def test_a_resumed_run_equals_an_undisturbed_one(world: Any, strategy: str, restart: Restart) -> None:
    undisturbed = run(world, strategy, restart)
    for index in range(1, len(SIZES)):
        start = state_of(undisturbed[index - 1])
        resumed = world.learner().next(
            start, strategy_of(strategy), SIZES[index], restart, unlabelled=world.unlabelled
        )
        assert_same(resumed, undisturbed[index])


def test_a_trajectory_branched_to_another_strategy_disturbs_nothing(world: Any) -> None:
    learner = world.learner()
    first = learner.first(RANDOM, None, 6)
    straight = learner.next(state_of(first), strategy_of("entropy"), 20, "previous")
    learner.next(state_of(first), strategy_of("random"), 30, "previous")
    again = learner.next(state_of(first), strategy_of("entropy"), 20, "previous")
    assert_same(straight, again)


def test_strategies_coincide_where_everything_is_labelled(world: Any) -> None:
    ends = [run(world, name, "pretrained")[-1] for name in EXPRESSIONS]
    for end in ends[1:]:
        np.testing.assert_array_equal(end.test_log_probabilities, ends[0].test_log_probabilities)
        assert end.test == ends[0].test


def test_strategies_differ_before_that(world: Any) -> None:
    names = ("random", "entropy", "margin", "least_confidence", "class_balanced(random)")
    sets = {frozenset(run(world, name)[1].labelled.tolist()) for name in names}
    assert len(sets) == len(names)


def test_the_order_of_acquisition_does_not_reach_training(world: Any) -> None:
    result = run(world)[2]
    shuffled = np.random.default_rng(0).permutation(result.labelled)
    weights = [world.learner().refit(rows, 25, None)["centroids"] for rows in (result.labelled, shuffled)]
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("restart", RESTARTS)
def test_a_refit_gives_the_weights_that_were_dropped(world: Any, restart: Restart) -> None:
    results = run(world, "margin", restart)
    for index, result in enumerate(results):
        previous = results[index - 1].weights if index else None
        weights = world.learner().refit(result.labelled, SIZES[index], previous, restart)
        np.testing.assert_array_equal(weights["centroids"], result.weights["centroids"])


def test_restart_decides_what_training_starts_from(world: Any) -> None:
    ends = [run(world, "random", restart)[-1] for restart in RESTARTS]
    assert len({end.weights["centroids"].tobytes() for end in ends}) == len(RESTARTS)


def test_a_killed_round_keeps_its_choice(world: Any, tmp_path: Path) -> None:
    results = run(world, "margin")
    state = RoundState(results[0].labelled, results[0].weights)
    checkpoint = Checkpoint(tmp_path, every=0)
    world.learner().next(state, strategy_of("margin"), SIZES[1], "previous", checkpoint)
    world.calls.clear()
    again = world.learner().next(state, strategy_of("random"), SIZES[1], "previous", checkpoint)
    assert "log_probabilities 74" not in world.calls, "the pool was scored again"
    np.testing.assert_array_equal(again.acquired, results[1].acquired)
    np.testing.assert_array_equal(again.acquired_scores, results[1].acquired_scores)
    assert again.seconds["score"] > 0
    assert again.seconds["total"] >= sum(again.seconds[p] for p in ("score", "acquire", "train", "evaluate"))
    assert again.revealed == SIZES[1]


def test_a_killed_round_0_keeps_its_choice_and_what_it_recorded(world: Any, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, every=0)
    clustering = Clustering(ClusteringSettings())
    first = world.learner().first(clustering, world.features, 6, checkpoint)
    again = world.learner(seed=9).first(clustering, world.features, 6, checkpoint)
    np.testing.assert_array_equal(again.acquired, first.acquired)
    assert dict(again.details) == dict(first.details)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (frozenset(), []),
        (frozenset({EvidenceKind.PROBABILITIES}), ["log_probabilities 74"]),
        (frozenset({EvidenceKind.DROPOUT_DRAWS}), ["head_draws 74"]),
        (frozenset({EvidenceKind.EMBEDDINGS}), ["embeddings 80"]),
    ],
)
def test_the_pool_is_passed_once_for_just_what_is_asked(
    world: Any, needs: frozenset[EvidenceKind], expected: list[str]
) -> None:
    seen: list[PoolEvidence] = []
    learner = world.learner()
    first = learner.first(RANDOM, None, 6)
    world.calls.clear()
    learner.next(
        state_of(first), picking(lambda evidence, budget: seen.append(evidence), needs), 10, "previous"
    )
    assert world.calls == [*expected, "fit", "log_probabilities 15", "log_probabilities 25"]
    assert seen[0].size == 74
    assert (seen[0].log_probabilities is None) == (EvidenceKind.PROBABILITIES not in needs)
    assert (seen[0].embeddings is None) == (EvidenceKind.EMBEDDINGS not in needs)
    assert (seen[0].draws is None) == (EvidenceKind.DROPOUT_DRAWS not in needs)
    if EvidenceKind.EMBEDDINGS in needs:
        labelled = seen[0].labelled.vectors(EvidenceKind.EMBEDDINGS)
        np.testing.assert_array_equal(labelled, world.points[np.sort(first.labelled)].astype(np.float32))


def test_the_scores_of_what_was_acquired_are_the_strategy_s(world: Any) -> None:
    result = run(world, "entropy")[1]
    assert result.acquired_scores is not None
    assert (np.diff(result.acquired_scores) <= 0).all()
    first = world.learner().first(RANDOM, None, 6)
    classifier = world.make_classifier()
    classifier.load(first.weights)
    log_probabilities = classifier.log_probabilities(result.acquired)
    expected = -(np.exp(log_probabilities) * log_probabilities).sum(axis=1)
    np.testing.assert_allclose(result.acquired_scores, expected)
    assert run(world, "random")[1].acquired_scores is None


def test_test_labels_reach_nothing_but_the_test_scores(world: Any) -> None:
    honest = run(world)
    world.labels[world.fold.test] = (world.labels[world.fold.test] + 1) % 3
    for one, other in zip(honest, run(world), strict=True):
        np.testing.assert_array_equal(one.labelled, other.labelled)
        np.testing.assert_array_equal(one.weights["centroids"], other.weights["centroids"])
        assert one.validation == other.validation
    assert honest[-1].test != run(world)[-1].test


def test_labels_of_the_pool_reach_nothing_before_they_are_revealed(world: Any) -> None:
    honest = run(world)
    hidden = world.labels.copy()
    pool = np.setdiff1d(world.fold.train, honest[2].labelled)
    hidden[pool] = (hidden[pool] + 1) % 3
    lied_to = run(world, learner=world.learner(labels=hidden))
    for index in range(3):
        assert_same(honest[index], lied_to[index])
    np.testing.assert_array_equal(honest[3].acquired, lied_to[3].acquired)
    assert not np.array_equal(honest[3].weights["centroids"], lied_to[3].weights["centroids"])


def test_the_oracle_has_counted_exactly_the_labelled(world: Any) -> None:
    learner = world.learner()
    result = run(world, learner=learner)[-1]
    np.testing.assert_array_equal(learner.oracle.revealed, result.labelled)


def test_every_round_says_how_many_labels_were_revealed(world: Any) -> None:
    assert tuple(result.revealed for result in run(world)) == SIZES


def test_a_step_opens_only_what_it_may_read(world: Any) -> None:
    learner = world.learner()
    first = learner.first(RANDOM, None, 6)
    training = ("training", ("train", "validation"))
    evaluation = [("the evaluation on validation", ("validation",)), ("the evaluation on test", ("test",))]
    assert world.read == [training, *evaluation]
    world.read.clear()
    learner.next(state_of(first), strategy_of("entropy"), 10, "previous")
    assert world.read == [("acquisition scoring", ("train",)), training, *evaluation]
    world.read.clear()
    learner.refit(first.labelled, 6, None)
    assert world.read == [training]


def test_clustering_chooses_round_0_from_the_features_of_train(world: Any) -> None:
    result = world.learner().first(Clustering(ClusteringSettings()), world.features, 8)
    assert len(result.acquired) == 8
    assert result.details["clusters"] >= 2
    assert result.acquired_scores is None


def test_time_is_accounted_by_phase(world: Any) -> None:
    for result in run(world):
        phases = {name: seconds for name, seconds in result.seconds.items() if name != "total"}
        assert set(phases) == {"score", "acquire", "train", "evaluate"}
        assert min(phases.values()) >= 0
        assert sum(phases.values()) <= result.seconds["total"]
    assert run(world)[0].seconds["score"] == 0


def picking(
    pick: Callable[[PoolEvidence, int], Any], needs: frozenset[EvidenceKind] = frozenset()
) -> Strategy:
    """A strategy that picks what `pick` returns, or the first of the pool where that is None."""

    class Picking(Strategy):
        def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Any:
            picked = pick(evidence, budget)
            return Picked(np.arange(budget) if picked is None else np.array(picked))

    Picking.needs = needs  # type: ignore[assignment,method-assign]
    return Picking()


@pytest.mark.parametrize(
    ("pick", "reason"),
    [
        (lambda evidence, budget: [0] * budget, "picked twice"),
        (lambda evidence, budget: range(budget + 1), "11 rows are labelled"),
        (lambda evidence, budget: range(budget - 1), "9 rows are labelled"),
        (lambda evidence, budget: range(-1, budget - 1), "outside the pool of 74"),
        (lambda evidence, budget: range(evidence.size, evidence.size - budget, -1), "outside the pool of 74"),
    ],
)
def test_wrong_picks_stop_the_round_before_a_label_is_revealed(world: Any, pick: Any, reason: str) -> None:
    learner = world.learner()
    first = learner.first(RANDOM, None, 6)
    with pytest.raises(BrokenInvariant, match=reason):
        learner.next(state_of(first), picking(pick), 10, "previous")
    np.testing.assert_array_equal(learner.oracle.revealed, first.labelled)


def test_labels_revealed_beside_the_round_s_own_stop_it(world: Any) -> None:
    """A strategy that asked the oracle itself would have seen more labels than are paid for."""
    learner = world.learner()
    first = learner.first(RANDOM, None, 6)
    pool = np.setdiff1d(world.fold.train, first.labelled)

    def ask(evidence: PoolEvidence, budget: int) -> None:
        learner.oracle.reveal(pool[:3])

    with pytest.raises(BrokenInvariant, match="9 labels were revealed where 6 are labelled"):
        learner.next(state_of(first), picking(ask), 10, "previous")


def test_labels_revealed_while_training_stop_the_round(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = world.learner()
    make = learner._make_classifier

    def asking() -> Any:
        classifier = make()
        fit = classifier.fit

        def fit_and_ask(train: Any, *others: Any, **named: Any) -> Any:
            learner.oracle.reveal(np.setdiff1d(world.fold.train, train.rows)[:1])
            return fit(train, *others, **named)

        classifier.fit = fit_and_ask
        return classifier

    monkeypatch.setattr(learner, "_make_classifier", asking)
    with pytest.raises(BrokenInvariant, match="7 labels were revealed where 6 are labelled"):
        learner.first(RANDOM, None, 6)


def test_wrong_choices_of_an_initialization_stop_round_0(world: Any) -> None:
    class Twice(Initialization):
        def _choose(self, size: int, features: Any, pool: int, seeds: Any) -> Chosen:
            return Chosen(np.zeros(size, dtype=np.int64))

    with pytest.raises(BrokenInvariant, match="picked twice"):
        world.learner().first(Twice(), None, 6)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_held_out_rows_among_the_labelled_stop_the_round(world: Any, part: str) -> None:
    first = world.learner().first(RANDOM, None, 6)
    leaked = np.concatenate([first.labelled, getattr(world.fold, part)[:1]])
    with pytest.raises(BrokenInvariant, match="validation or test utterance"):
        world.learner().next(RoundState(leaked, first.weights), strategy_of("entropy"), 10, "previous")


def test_a_round_that_labels_nothing_new_is_refused(world: Any) -> None:
    first = world.learner().first(RANDOM, None, 6)
    with pytest.raises(BadValue, match="more than the 6 labelled already, at most 80"):
        world.learner().next(state_of(first), strategy_of("entropy"), 6, "previous")


def test_a_round_beyond_train_is_refused_with_both_numbers(world: Any) -> None:
    first = world.learner().first(RANDOM, None, 6)
    with pytest.raises(TooFewUtterances, match="80 utterances available, 81 requested"):
        world.learner().next(state_of(first), strategy_of("entropy"), 81, "previous")
    with pytest.raises(TooFewUtterances, match="80 utterances available, 81 requested"):
        world.learner().first(RANDOM, None, 81)


def test_a_refit_of_the_wrong_number_of_rows_is_refused(world: Any) -> None:
    first = world.learner().first(RANDOM, None, 6)
    with pytest.raises(BrokenInvariant, match="6 rows are labelled"):
        world.learner().refit(first.labelled, 7, None)


def test_shrink_perturb_starts_between_the_round_before_and_the_fresh_start_of_this_round(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, seeds_seen = [], []
    classifier = type(world.make_classifier())
    fit = classifier.fit

    def watched_fit(self: Any, *parts: Any, start: Any, seeds: Any, **others: Any) -> Any:
        starts.append(start)
        seeds_seen.append(seeds)
        return fit(self, *parts, start=start, seeds=seeds, **others)

    def drawn(self: Any, seeds: Any) -> Any:
        return {"centroids": seeds.child("centroids").generator().normal(size=(3, 2))}

    monkeypatch.setattr(classifier, "fit", watched_fit)
    monkeypatch.setattr(classifier, "initial", drawn)
    results = run(world, "random", "shrink_perturb", SIZES[:3])
    for index in (1, 2):
        fresh = drawn(None, seeds_seen[index])["centroids"]
        expected = 0.6 * results[index - 1].weights["centroids"] + 0.4 * fresh
        np.testing.assert_allclose(starts[index]["centroids"], expected)
    assert seeds_seen[1] != seeds_seen[2]

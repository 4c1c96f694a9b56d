"""Real trajectories run with their guards on, and every step that touches a held-out utterance is refused.

Each leak below is one that a mistake could make: the step asks for one row too many. The summaries of test
utterances, of which clustering must know nothing, are NaN throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from after_ray.acquisition import PoolEvidence, Strategy, strategies
from after_ray.classifiers import Labelled
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.environment import Execution, fix_threads
from after_ray.errors import Tripped
from after_ray.execution import adaptation, rounds, run
from after_ray.execution.features import open_summaries
from after_ray.execution.folds import open_fold
from after_ray.initialization.clustering import Clustering
from after_ray.learning.active import ActiveLearner
from after_ray.ragged import Ragged
from after_ray.splits.parts import Fold
from after_ray.stages import FeaturesStage, FirstRoundStage, NextRoundStage
from after_ray.store import Store
from tests.after_ray.execution.chains import (
    SIZES,
    TRANSFORMER,
    first_round,
    following,
    prepared,
    results,
    run_needs,
)

Rows = NDArray[np.int64]
HELD_OUT = ["validation", "test"]


class World:
    """A chain whose needs are prepared but not run, the fold it is on, and summaries with sentinels."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, classifier: ClassifierSettings) -> None:
        self.patch = patch
        self.execution = Execution(str(root / "store"), str(root / "cache"), device="cpu")
        self.first: FirstRoundStage = first_round(prepared(self.execution), classifier)
        self.last: NextRoundStage = following(self.first)
        self.fold: Fold = open_fold(self.first.audio, self.first.fold, self.execution)
        patch.setattr(rounds, "open_summaries", self.summaries)

    def summaries(self, stage: FeaturesStage, execution: Execution) -> NDArray[np.float64]:
        """The summaries as they are stored, those of test being NaN."""
        found = open_summaries(stage, execution).copy()
        found[self.fold.test] = np.nan
        return found

    def run(self) -> None:
        """Everything the chain rests on, and the chain."""
        run_needs(self.first, self.execution)
        run(self.last, self.execution)

    @property
    def recorded(self) -> list[bool]:
        """Which rounds have a record."""
        store = Store(self.execution.store)
        return [store.find(stage.key) is not None for stage in self.last.chain]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, FunctionalsSettings())


@pytest.fixture
def transformer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, TRANSFORMER)


def refusal(world: World, part: str, during: str) -> str:
    """What the sentence of a refusal says of the first utterance of a part."""
    row = int(getattr(world.fold, part)[0])
    return rf"utterance 'synthetic/[^']+' \(row {row}\) of its {part} part was read {during}; allowed then"


def assert_honest(world: World) -> None:
    world.run()
    assert world.recorded == [True] * len(SIZES)
    store = Store(world.execution.store)
    for stage in world.last.chain:
        measures = store.need(stage.key).measures
        assert measures["revealed"] == measures["labelled"] == stage.size


def test_an_honest_trajectory_runs_to_its_end_and_pays_for_every_label(world: World) -> None:
    assert_honest(world)


def test_so_does_one_with_adaptation_and_fine_tuning(transformer: World) -> None:
    assert_honest(transformer)


def test_guards_change_no_number(world: World, tmp_path: Path) -> None:
    world.run()
    guarded = results(world.execution, world.last)
    plain = World(tmp_path / "plain", world.patch, FunctionalsSettings())
    world.patch.setattr(rounds.Tripwire, "__getitem__", Ragged.__getitem__)
    plain.run()
    assert results(plain.execution, plain.last) == guarded


@pytest.mark.parametrize("part", HELD_OUT)
def test_a_leaking_adaptation_is_refused(transformer: World, part: str) -> None:
    adapt = adaptation.adapt

    def leaking(settings: Any, backbone: Any, audio: Ragged, train: Rows, *others: Any) -> Any:
        return adapt(settings, backbone, audio, getattr(transformer.fold, part)[:1], *others)

    transformer.patch.setattr(adaptation, "adapt", leaking)
    with pytest.raises(Tripped, match=refusal(transformer, part, "during adaptation") + ": train"):
        transformer.run()
    assert transformer.first.adapted is not None
    assert Store(transformer.execution.store).find(transformer.first.adapted.key) is None
    assert transformer.recorded == [False] * len(SIZES)


def test_a_leaking_clustering_initialization_is_refused(world: World) -> None:
    """It gets the vectors of train alone; one of test, from wherever it has it, is not a number."""
    choose = Clustering._choose

    def leaking(self: Clustering, size: int, features: Any, pool: int, seeds: Any) -> Any:
        assert len(features) == pool == len(world.fold.train)
        assert np.isfinite(features).all()
        assert world.first.initial_features is not None
        everything = rounds.open_summaries(world.first.initial_features, world.execution)
        features[0] = everything[world.fold.test[0]]
        return choose(self, size, features, pool, seeds)

    world.patch.setattr(Clustering, "_choose", leaking)
    with pytest.raises(ValueError, match="contains NaN"):
        world.run()
    assert world.recorded == [False] * len(SIZES)


@pytest.mark.parametrize("part", HELD_OUT)
def test_handing_clustering_a_held_out_summary_is_refused(world: World, part: str) -> None:
    """The rows of train that the round asks summaries of are not those that the guard knows."""
    trajectory = rounds.Trajectory(world.first, world.execution)
    run_needs(world.first, world.execution)
    guarded = trajectory._guarded
    fold = world.fold

    def beside(values: Ragged) -> Any:
        wire = guarded(values)
        mistaken = np.append(fold.train, getattr(fold, part)[:1])
        world.patch.setitem(trajectory.__dict__, "_fold", Fold(1, mistaken, fold.validation, fold.test))
        return wire

    world.patch.setattr(trajectory, "_guarded", beside)
    with pytest.raises(Tripped, match=refusal(world, part, "during the choice of round 0") + ": train"):
        trajectory.finish()
    assert world.recorded == [False] * len(SIZES)


def test_a_leaking_normalisation_is_refused(world: World) -> None:
    fit = FunctionalsClassifier.fit

    def leaking(self: FunctionalsClassifier, train: Labelled, *parts: Any, **others: Any) -> Any:
        StandardScaler().fit(self._functionals(np.append(train.rows, world.fold.test[0])))
        return fit(self, train, *parts, **others)

    world.patch.setattr(FunctionalsClassifier, "fit", leaking)
    expected = refusal(world, "test", "during training") + ": train and validation"
    with pytest.raises(Tripped, match=expected):
        world.run()
    assert world.recorded == [False] * len(SIZES)


def test_a_leaking_early_stopping_is_refused(transformer: World) -> None:
    loss = PooledTransformer._validation_loss

    def leaking(self: PooledTransformer, labelled: Labelled) -> float:
        rows = np.append(labelled.rows[1:], transformer.fold.test[0])
        return loss(self, Labelled(rows, labelled.labels))

    transformer.patch.setattr(PooledTransformer, "_validation_loss", leaking)
    with pytest.raises(Tripped, match=refusal(transformer, "test", "during training")):
        transformer.run()
    assert transformer.recorded == [False] * len(SIZES)


@pytest.mark.parametrize("part", HELD_OUT)
def test_leaking_acquisition_scores_are_refused(world: World, part: str) -> None:
    evidence = ActiveLearner._evidence

    def leaking(self: ActiveLearner, strategy: Strategy, state: Any, pool: Rows, known: Any) -> PoolEvidence:
        return evidence(self, strategy, state, np.append(pool, getattr(world.fold, part)[:1]), known)

    world.patch.setattr(ActiveLearner, "_evidence", leaking)
    with pytest.raises(Tripped, match=refusal(world, part, "during acquisition scoring") + ": train"):
        world.run()
    assert world.recorded == [True, False, False, False], "round 0 has no acquisition"


def test_a_strategy_that_kept_the_features_is_refused(world: World) -> None:
    """What it needs it gets as evidence; while it picks, nothing at all can be read."""
    kept: list[Ragged] = []
    build: Callable[..., Any] = FunctionalsClassifier.build.__func__  # type: ignore[attr-defined]

    def keeping(cls: Any, settings: Any, inputs: Any, backbone: Any) -> Any:
        kept.append(inputs.features)
        return build(cls, settings, inputs, backbone)

    class Peeking(Strategy):
        def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Rows:
            kept[-1][world.fold.test[0]]
            return np.arange(budget)

    world.patch.setattr(FunctionalsClassifier, "build", classmethod(keeping))
    world.patch.setattr(strategies, "resolve", lambda name: Peeking)
    with pytest.raises(Tripped, match=refusal(world, "test", "outside every step") + ": nothing"):
        world.run()
    assert world.recorded == [True, False, False, False]


def test_the_evaluation_on_validation_cannot_read_test(world: World) -> None:
    score = FunctionalsClassifier.log_probabilities

    def leaking(self: FunctionalsClassifier, rows: Rows) -> NDArray[np.float64]:
        if np.array_equal(rows, world.fold.validation):
            score(self, world.fold.test[:1])
        return score(self, rows)

    world.patch.setattr(FunctionalsClassifier, "log_probabilities", leaking)
    world.patch.setattr(FunctionalsClassifier, "fit", _fitting_without_validation(FunctionalsClassifier.fit))
    expected = refusal(world, "test", "during the evaluation on validation") + ": validation"
    with pytest.raises(Tripped, match=expected):
        world.run()
    assert world.recorded == [False] * len(SIZES)


def _fitting_without_validation(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Training that looks at itself in place of validation, so that only the evaluation reads that."""
    return lambda self, train, validation, **others: fit(self, train, train, **others)

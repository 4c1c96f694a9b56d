"""What a round does, by phase: who scores the pool, how often, and what rounds have in common."""

from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import EvidenceKind, Picked, PoolEvidence, Strategy
from sweeps.cost.clips import Corpora
from sweeps.cost.work import Phase, Works, passes_of
from sweeps.planning.plan import Plan
from tests.sweeps.cost.small import manifest, plan


@pytest.fixture(scope="module")
def made() -> Plan:
    classifier = [{"name": "pooled_transformer", "head_dropout": 0.1}]
    return plan(strategy=["random", "entropy", "batchbald(draws=50)"], classifier=classifier, seed=[0, 1])


@pytest.fixture
def works(made: Plan) -> Works:
    return Works(Corpora([made], [manifest()]))


def phases(made: Plan, works: Works, strategy: str, index: int, seed: int = 0) -> dict[str, Phase]:
    trajectory = next(t for t in made.trajectories if t.axes.strategy == strategy and t.axes.seed == seed)
    return {phase.name: phase for phase in works.of(trajectory.stages[index])}


def test_random_scores_nothing_and_round_0_neither(made: Plan, works: Works) -> None:
    assert phases(made, works, "random", 1)["score"].operations == 0
    assert phases(made, works, "entropy", 0)["score"].operations == 0
    assert phases(made, works, "entropy", 1)["score"].operations > 0


def test_draws_of_the_head_are_one_pass_over_the_pool(made: Plan, works: Works) -> None:
    names = ("entropy", "batchbald(draws=50)")
    once, drawn = (phases(made, works, name, 1)["score"].operations for name in names)
    assert drawn == once


class OfEverything(Strategy):
    """Asks for all there is."""

    needs = frozenset(EvidenceKind)

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        raise NotImplementedError("only planned")


@pytest.mark.parametrize(
    ("strategy", "passes"),
    [
        ("random", 0),
        ("margin", 1),
        ("bald", 1),
        ("power(random)", 0),
        ("power(batchbald)", 1),
        (f"{__name__}:OfEverything", 3),  # summaries and losses of frames are known without the classifier
    ],
)
def test_passes_are_those_through_the_classifier(strategy: str, passes: int) -> None:
    assert passes_of(strategy) == passes


def test_the_pool_is_what_was_not_labelled_before(made: Plan, works: Works) -> None:
    first, second = made.trajectories[0].stages[:2]
    train = len(made.splits[0].table.folds[0].train)
    pools = [phases(made, works, "entropy", index)["acquire"].operations for index in range(3)]
    assert pools == [train, train - first.size, train - second.size]
    scored = [phases(made, works, "entropy", index)["score"].operations for index in (1, 2)]
    assert scored[1] / scored[0] == pytest.approx((train - second.size) / (train - first.size))


def test_evaluation_is_validation_and_test(made: Plan, works: Works) -> None:
    fold = made.splits[0].table.folds[0]
    score, evaluate = (phases(made, works, "entropy", 1)[name] for name in ("score", "evaluate"))
    pool = phases(made, works, "entropy", 1)["acquire"].operations
    held_out = len(fold.validation) + len(fold.test)
    assert evaluate.operations / score.operations == pytest.approx(held_out / pool)
    assert evaluate.group == score.group


def test_seeds_have_the_same_work(made: Plan, works: Works) -> None:
    one, other = (made.trajectories[0].stages[1], made.trajectories[3].stages[1])
    assert one.key != other.key
    assert works.of(one) is works.of(other)


def test_validation_is_capped_where_the_protocol_caps_it() -> None:
    protocol = {
        "preset": "paper",
        "folds": {"scheme": "sessions"},
        "validation": {"cap": "labelled", "share": 40},
    }
    capped, free = (
        plan(protocol=protocol),
        plan(protocol={**protocol, "validation": {"share": 40}}),
    )
    looked_at = [
        phases(one, Works(Corpora([one], [manifest()])), "entropy", 0)["evaluate"].operations
        for one in (capped, free)
    ]
    assert looked_at[0] < looked_at[1]

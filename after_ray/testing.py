"""Promises every acquisition strategy keeps, as checks to run on your own: `check_strategy(MyStrategy())`.

Needs no test runner: a broken promise raises AssertionError with a sentence. With pytest:

    @pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
    def test_my_strategy(promise):
        promise(MyStrategy())
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, PoolEvidence, Strategy
from after_ray.errors import TooFewUtterances

Promise = Callable[[Strategy], None]


def check_strategy(strategy: Strategy) -> None:
    """Check every promise of `STRATEGY_PROMISES`.

    Raises:
        AssertionError: naming the first promise that is broken.
    """
    for promise in STRATEGY_PROMISES:
        promise(strategy)


def random_evidence(strategy: Strategy, size: int = 60, classes: int = 4, seed: int = 0) -> PoolEvidence:
    """What `strategy` asks for about a made-up pool: softmax of normal logits, normal embeddings."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(size, classes))
    embeddings = generator.normal(size=(size, 8)).astype(np.float32)
    return _evidence(strategy, _log_softmax(logits), embeddings)


def picks_exactly_the_budget(strategy: Strategy) -> None:
    """A budget of b gives b positions of the pool, for every b from 0 to the whole pool."""
    evidence = random_evidence(strategy)
    for budget in (0, 1, 7, evidence.size - 1, evidence.size):
        picks = _pick(strategy, evidence, budget)
        assert picks.shape == (budget,), f"a budget of {budget} gave an array of shape {picks.shape}"
        assert np.issubdtype(picks.dtype, np.integer), f"positions have dtype {picks.dtype}, not an integer's"
        inside = (picks >= 0) & (picks < evidence.size)
        assert inside.all(), f"positions outside the pool of {evidence.size}: {picks[~inside]}"


def picks_nothing_twice(strategy: Strategy) -> None:
    """No position is repeated."""
    evidence = random_evidence(strategy)
    for budget in (7, evidence.size - 1, evidence.size):
        picks = _pick(strategy, evidence, budget)
        assert len(np.unique(picks)) == budget, f"a budget of {budget} picked a position twice: {picks}"


def repeats_itself(strategy: Strategy) -> None:
    """Equal evidence, budget and generator give equal picks, also from a new object and after other calls."""
    evidence = random_evidence(strategy)
    first = _pick(strategy, evidence, 20)
    _pick(strategy, random_evidence(strategy, seed=1), 5)
    again, fresh = _pick(strategy, evidence, 20), _pick(type(strategy)(), evidence, 20)
    assert np.array_equal(first, again), "the second call with equal arguments picked differently"
    assert np.array_equal(first, fresh), "a new object with equal arguments picked differently"


def touches_no_global_random_state(strategy: Strategy) -> None:
    """The global generators of Python, numpy and torch stand where they stood, and decide nothing."""
    evidence = random_evidence(strategy)
    before = _global_states()
    _pick(strategy, evidence, 20)
    moved = [name for name, state in _global_states().items() if state != before[name]]
    assert not moved, f"the global generator of {', '.join(moved)} was moved"


def leaves_the_evidence_alone(strategy: Strategy) -> None:
    """The arrays of the evidence are not written to."""
    evidence, untouched = random_evidence(strategy), random_evidence(strategy)
    _pick(strategy, evidence, 20)
    for name in ("log_probabilities", "embeddings"):
        assert np.array_equal(getattr(evidence, name), getattr(untouched, name)), f"{name} was written to"


def ignores_the_order_of_the_pool(strategy: Strategy) -> None:
    """A permuted pool gives the same utterances in the same order, where the strategy has scores."""
    evidence = random_evidence(strategy)
    if strategy.scores(evidence) is None:
        return
    order = np.random.default_rng(1).permutation(evidence.size)
    picks = _pick(strategy, evidence, 20)
    permuted = order[_pick(strategy, _reordered(evidence, order), 20)]
    assert np.array_equal(picks, permuted), f"the pool picked {picks}, permuted it picked {permuted}"


def picks_the_highest_scores(strategy: Strategy) -> None:
    """Picks are those of a stable sort of the scores, highest first, where the strategy has scores."""
    for size in (10, 300):
        evidence = random_evidence(strategy, size)
        scores = strategy.scores(evidence)
        if scores is not None:
            expected = np.argsort(-scores, kind="stable")[: size // 3]
            picks = _pick(strategy, evidence, size // 3)
            assert np.array_equal(picks, expected), f"picked {picks}, the highest scores are at {expected}"


def gives_ties_to_the_lower_position(strategy: Strategy) -> None:
    """Of equal utterances the one that comes first in the pool is picked, where the strategy has scores."""
    one = random_evidence(strategy, size=3)
    evidence = _reordered(one, np.tile(np.arange(3), 10))
    scores = strategy.scores(evidence)
    if scores is None:
        return
    picks = _pick(strategy, evidence, 25)
    for score in np.unique(scores):
        tied = picks[scores[picks] == score]
        expected = np.flatnonzero(scores == score)[: len(tied)]
        assert np.array_equal(tied, expected), f"ties were picked in the order {tied}, not {expected}"


def refuses_too_small_a_pool(strategy: Strategy) -> None:
    """A budget above the pool is refused with both numbers."""
    evidence = random_evidence(strategy, size=3)
    refusal = ""
    try:
        _pick(strategy, evidence, 4)
    except TooFewUtterances as error:
        refusal = str(error)
    assert refusal, "a budget of 4 from a pool of 3 was not refused"
    named = "3" in refusal and "4" in refusal
    assert named, f"the refusal names not both numbers: {refusal}"


def bears_probabilities_of_zero_and_one(strategy: Strategy) -> None:
    """Log-probabilities of -inf and 0, and a pool where all is one class: no NaN, no warning."""
    certain = np.where(np.eye(4) == 1, 0.0, -np.inf)
    saturated = _log_softmax(np.array([[1000.0, 0.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0, 0.0]]))
    one_class = np.tile(certain[:1], (4, 1))
    log_probabilities = np.concatenate([certain, saturated, one_class])
    evidence = _evidence(strategy, log_probabilities, np.ones((len(log_probabilities), 8), dtype=np.float32))
    try:
        with np.errstate(all="raise", under="ignore"):
            picks = _pick(strategy, evidence, 6)
            scores = strategy.scores(evidence)
    except FloatingPointError as error:
        raise AssertionError(f"probabilities of 0 and 1 made numpy complain: {error}") from error
    assert len(np.unique(picks)) == 6, f"picked a position twice: {picks}"
    assert scores is None or np.isfinite(scores).all(), f"scores are not finite: {scores}"


STRATEGY_PROMISES: tuple[Promise, ...] = (
    picks_exactly_the_budget,
    picks_nothing_twice,
    repeats_itself,
    touches_no_global_random_state,
    leaves_the_evidence_alone,
    ignores_the_order_of_the_pool,
    picks_the_highest_scores,
    gives_ties_to_the_lower_position,
    refuses_too_small_a_pool,
    bears_probabilities_of_zero_and_one,
)


def _pick(strategy: Strategy, evidence: PoolEvidence, budget: int) -> NDArray[np.int64]:
    return strategy.select(evidence, budget, np.random.default_rng(7))


def _evidence(
    strategy: Strategy, log_probabilities: NDArray[np.float64], embeddings: NDArray[np.float32]
) -> PoolEvidence:
    """Only what the strategy asks for, as in the active-learning loop."""
    return PoolEvidence(
        size=len(log_probabilities),
        log_probabilities=log_probabilities if EvidenceKind.PROBABILITIES in strategy.needs else None,
        embeddings=embeddings if EvidenceKind.EMBEDDINGS in strategy.needs else None,
    )


def _reordered(evidence: PoolEvidence, order: NDArray[np.int64]) -> PoolEvidence:
    log_probabilities, embeddings = evidence.log_probabilities, evidence.embeddings
    return PoolEvidence(
        size=len(order),
        log_probabilities=None if log_probabilities is None else log_probabilities[order],
        embeddings=None if embeddings is None else embeddings[order],
    )


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """log p = z - logsumexp(z), the highest logit taken out first."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _global_states() -> dict[str, object]:
    import torch  # the promise is about torch, but this module shall not make others wait for it

    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the state that nobody may touch
    return {
        "Python": random.getstate(),
        "numpy": repr(numpy_state["state"]["key"].tolist()) + repr(numpy_state),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }

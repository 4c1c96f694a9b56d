"""Promises that every acquisition strategy keeps."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import (
    EvidenceKind,
    HeadDraws,
    LabelledEvidence,
    Picked,
    PoolEvidence,
    Scored,
    Strategy,
)
from after_ray.acquisition._evidence import NOTHING_LABELLED
from after_ray.errors import BrokenStrategy, TooFewUtterances
from after_ray.testing._globals import global_states

Promise = Callable[[Strategy], None]


def check_strategy(strategy: Strategy) -> None:
    """Check every promise of `STRATEGY_PROMISES`.

    Raises:
        AssertionError: naming the first promise that is broken.
    """
    for promise in STRATEGY_PROMISES:
        promise(strategy)


def random_evidence(strategy: Strategy, size: int = 60, classes: int = 4, seed: int = 0) -> PoolEvidence:
    """What `strategy` asks for about a made-up pool of which ten utterances are labelled: normal values."""
    generator = np.random.default_rng(seed)
    everything = PoolEvidence(
        size=size,
        log_probabilities=_log_softmax(generator.normal(scale=2.0, size=(size, classes))),
        embeddings=generator.normal(size=(size, 8)).astype(np.float32),
        summaries=generator.normal(size=(size, 5)),
        frame_losses=generator.exponential(size=(size, 16)).astype(np.float32),
        draws=HeadDraws(
            generator.normal(size=(size, 8)).astype(np.float32),
            generator.normal(size=(classes, 8)).astype(np.float32),
            generator.normal(size=classes).astype(np.float32),
            share=0.3,
        ),
        labelled=LabelledEvidence(
            generator.integers(classes, size=10),
            generator.normal(size=(10, 8)).astype(np.float32),
            generator.normal(size=(10, 5)),
        ),
        ids=np.arange(size),
        recorded=generator.permutation(size),
    )
    return _only_what_is_asked(strategy, everything)


def picks_exactly_the_budget(strategy: Strategy) -> None:
    """A budget of b gives b positions of the pool, for every b from 0 to the whole pool."""
    evidence = random_evidence(strategy)
    for budget in (0, 1, 7, evidence.size - 1, evidence.size):
        positions = _pick(strategy, evidence, budget)
        assert positions.shape == (budget,), f"a budget of {budget} gave an array of shape {positions.shape}"
        whole = np.issubdtype(positions.dtype, np.integer)
        assert whole, f"positions have dtype {positions.dtype}, not an integer's"
        inside = (positions >= 0) & (positions < evidence.size)
        assert inside.all(), f"positions outside the pool of {evidence.size}: {positions[~inside]}"


def picks_nothing_twice(strategy: Strategy) -> None:
    """No position is repeated."""
    evidence = random_evidence(strategy)
    for budget in (7, evidence.size - 1, evidence.size):
        positions = _pick(strategy, evidence, budget)
        assert len(np.unique(positions)) == budget, f"a budget of {budget} picked one twice: {positions}"


def scores_what_it_picks(strategy: Strategy) -> None:
    """Scores of the picks are one number each, and scores of the pool one for each utterance."""
    evidence = random_evidence(strategy)
    picked = _picked(strategy, evidence, 20)
    if picked.scores is not None:
        shape = picked.scores.shape
        assert shape == (20,), f"20 picks have scores of shape {shape}"
    if picked.pool_scores is not None:
        shape = picked.pool_scores.shape
        assert shape == (evidence.size,), f"a pool of {evidence.size} has scores of shape {shape}"
    ranks = picked.pool_scores is not None
    assert ranks == strategy.ranks_pool, f"'ranks_pool' is {strategy.ranks_pool}, scores of the pool: {ranks}"


def repeats_itself(strategy: Strategy) -> None:
    """Equal evidence, budget and generator give equal picks, also from a copy and after other calls."""
    evidence, fresh = random_evidence(strategy), copy.deepcopy(strategy)
    first = _pick(strategy, evidence, 20)
    _pick(strategy, random_evidence(strategy, seed=1), 5)
    assert np.array_equal(first, _pick(strategy, evidence, 20)), "the second call picked differently"
    assert np.array_equal(first, _pick(fresh, evidence, 20)), "a new object picked differently"


def touches_no_global_random_state(strategy: Strategy) -> None:
    """The global generators of Python, numpy and torch stand where they stood."""
    evidence = random_evidence(strategy)
    before = global_states()
    _pick(strategy, evidence, 20)
    moved = [name for name, state in global_states().items() if state != before[name]]
    assert not moved, f"the global generator of {', '.join(moved)} was moved"


def leaves_the_evidence_alone(strategy: Strategy) -> None:
    """The arrays of the evidence are not written to."""
    evidence, untouched = random_evidence(strategy), random_evidence(strategy)
    _pick(strategy, evidence, 20)
    for name, array in _arrays(evidence).items():
        assert np.array_equal(array, _arrays(untouched)[name]), f"{name} was written to"


def ignores_the_order_of_the_pool(strategy: Strategy) -> None:
    """A permuted pool gives the same utterances in the same order."""
    evidence = random_evidence(strategy)
    order = np.random.default_rng(1).permutation(evidence.size)
    first, second = (_picked(strategy, one, 20) for one in (evidence, evidence.take(order)))
    permuted = order[second.positions]
    same = np.array_equal(first.positions, permuted)
    assert same, f"the pool picked {first.positions}, permuted it picked {permuted}"
    if first.pool_scores is not None and second.pool_scores is not None:
        assert np.array_equal(first.pool_scores[order], second.pool_scores), "scores went to other utterances"


def picks_the_highest_scores(strategy: Strategy) -> None:
    """Picks of a `Scored` strategy are those of a stable sort of its scores, highest first."""
    if not isinstance(strategy, Scored):
        return
    for size in (10, 300):
        picked = _picked(strategy, random_evidence(strategy, size), size // 3)
        assert picked.pool_scores is not None, "a scored strategy gave no scores of the pool"
        expected = np.argsort(-picked.pool_scores, kind="stable")[: size // 3]
        same = np.array_equal(picked.positions, expected)
        assert same, f"picked {picked.positions}, the highest scores are at {expected}"


def gives_ties_to_the_lower_id(strategy: Strategy) -> None:
    """Of utterances whose evidence is equal those with lower ids are picked, unless it draws."""
    three = random_evidence(strategy, size=3)
    evidence = replace(three.take(np.tile(np.arange(3), 10)), ids=np.arange(30))
    positions = _pick(strategy, evidence, 25)
    if not np.array_equal(positions, _pick(strategy, evidence, 25, seed=8)):
        return  # what is drawn has no order of its own
    for one in range(3):
        alike = positions[positions % 3 == one]
        expected = one + 3 * np.arange(len(alike))
        assert np.array_equal(alike, expected), f"equal utterances were picked in the order {alike}"


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


def works_with_one_class_labelled(strategy: Strategy) -> None:
    """Where all labels so far are of one class, and with nothing labelled at all."""
    evidence = random_evidence(strategy)
    one = replace(evidence.labelled, labels=np.full_like(evidence.labelled.labels, 2))
    _picks_quietly(strategy, replace(evidence, labelled=one), 20, "one class labelled")
    nothing = evidence.labelled.take(np.empty(0, dtype=np.int64))
    _picks_quietly(strategy, replace(evidence, labelled=nothing), 20, "nothing labelled")


def bears_probabilities_of_zero_and_one(strategy: Strategy) -> None:
    """Log-probabilities of -inf and 0, a pool certain of one class, equal vectors: no warning, no NaN."""
    certain = np.where(np.eye(4) == 1, 0.0, -np.inf)
    saturated = _log_softmax(np.array([[1000.0, 0.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0, 0.0]]))
    one_class = np.tile(certain[:1], (4, 1))
    log_probabilities = np.concatenate([certain, saturated, one_class])
    evidence = random_evidence(strategy, size=len(log_probabilities))
    given: dict[str, Any] = {
        "log_probabilities": log_probabilities,
        "embeddings": np.ones((len(log_probabilities), 8), dtype=np.float32),
        "summaries": np.ones((len(log_probabilities), 5)),
        "frame_losses": np.zeros((len(log_probabilities), 16), dtype=np.float32),
        "draws": HeadDraws(
            np.ones((len(log_probabilities), 8), dtype=np.float32),
            np.eye(4, 8, dtype=np.float32) * 4000,
            np.zeros(4, dtype=np.float32),
            share=0.5,
        ),
    }
    asked = {name: value for name, value in given.items() if getattr(evidence, name) is not None}
    _picks_quietly(strategy, replace(evidence, **asked), 6, "probabilities of 0 and 1 and equal vectors")


def bears_half_precision(strategy: Strategy) -> None:
    """Evidence in float16, as a GPU may give it: no warning, no NaN, and no score above its range."""
    evidence = random_evidence(strategy)
    halves: dict[str, Any] = {
        name: value.astype(np.float16)
        for name, value in _arrays(evidence).items()
        if name in ("log_probabilities", "embeddings", "summaries", "frame_losses")
    }
    if evidence.draws is not None:
        rounded = evidence.draws.embeddings.astype(np.float16)
        halves["draws"] = replace(evidence.draws, embeddings=rounded)  # type: ignore[arg-type]
    _picks_quietly(strategy, replace(evidence, **halves), 20, "evidence in float16")


STRATEGY_PROMISES: tuple[Promise, ...] = (
    picks_exactly_the_budget,
    picks_nothing_twice,
    scores_what_it_picks,
    repeats_itself,
    touches_no_global_random_state,
    leaves_the_evidence_alone,
    ignores_the_order_of_the_pool,
    picks_the_highest_scores,
    gives_ties_to_the_lower_id,
    refuses_too_small_a_pool,
    works_with_one_class_labelled,
    bears_probabilities_of_zero_and_one,
    bears_half_precision,
)


def _pick(strategy: Strategy, evidence: PoolEvidence, budget: int, seed: int = 7) -> NDArray[np.int64]:
    return _picked(strategy, evidence, budget, seed).positions


def _picked(strategy: Strategy, evidence: PoolEvidence, budget: int, seed: int = 7) -> Picked:
    try:
        return strategy.select(evidence, budget, np.random.default_rng(seed))
    except BrokenStrategy as error:
        raise AssertionError(str(error)) from error


def _picks_quietly(strategy: Strategy, evidence: PoolEvidence, budget: int, what: str) -> None:
    """The budget is picked, numpy complains of nothing, and scores are finite."""
    try:
        with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            picked = _picked(strategy, evidence, budget)
    except (FloatingPointError, Warning) as error:
        raise AssertionError(f"{what} made it complain: {error}") from error
    count = len(np.unique(picked.positions))
    assert count == budget, f"{what}: {count} different utterances for a budget of {budget}"
    for name, scores in (("scores", picked.scores), ("pool_scores", picked.pool_scores)):
        assert scores is None or np.isfinite(scores).all(), f"{what}: {name} are not finite: {scores}"


def _only_what_is_asked(strategy: Strategy, evidence: PoolEvidence) -> PoolEvidence:
    """As in the active-learning loop."""
    unasked = [kind for kind in EvidenceKind if kind not in strategy.needs]
    labelled = evidence.labelled
    of_pool: dict[str, Any] = {kind.value: None for kind in unasked}
    of_labelled: dict[str, Any] = {name: None for name in of_pool if hasattr(labelled, name)}
    known = replace(labelled, **of_labelled) if strategy.needs else NOTHING_LABELLED
    return replace(evidence, **of_pool, labelled=known)


def _arrays(evidence: PoolEvidence) -> dict[str, NDArray[Any]]:
    """Every array of the evidence, by its name."""
    holders: dict[str, Any] = {"": evidence, "labelled ": evidence.labelled}
    if evidence.draws is not None:
        holders["draws "] = evidence.draws
    return {
        prefix + one.name: value
        for prefix, holder in holders.items()
        for one in fields(holder)
        if isinstance(value := getattr(holder, one.name), np.ndarray)
    }


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """log p = z - logsumexp(z), the highest logit taken out first."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import LabelledEvidence, PoolEvidence, strategy_of


def evidence_of(predicted: list[int], certainty: list[float], labels: list[int]) -> PoolEvidence:
    """A pool that is predicted to be so, each with the probability `certainty`."""
    probabilities = np.full((len(predicted), 3), 0.0)
    for row, (one, sure) in enumerate(zip(predicted, certainty, strict=True)):
        probabilities[row] = (1 - sure) / 2
        probabilities[row, one] = sure
    known = LabelledEvidence(np.array(labels, dtype=np.int64))
    return PoolEvidence(len(predicted), np.log(probabilities), labelled=known)


def picks(
    evidence: PoolEvidence, budget: int, strategy: str = "class_balanced(least_confidence)"
) -> list[int]:
    return strategy_of(strategy).select(evidence, budget, np.random.default_rng(0)).positions.tolist()  # type: ignore[no-any-return]


PREDICTED = [0, 0, 0, 0, 1, 1, 2, 2]
CERTAINTY = [0.4, 0.45, 0.5, 0.55, 0.9, 0.8, 0.7, 0.6]


def test_classes_take_turns_and_within_a_class_the_strategy_decides() -> None:
    """Least confidence alone would take 0, 1, 2, 3 of class 0 first."""
    assert picks(evidence_of(PREDICTED, CERTAINTY, []), 6) == [0, 5, 7, 1, 4, 6]
    assert picks(evidence_of(PREDICTED, CERTAINTY, []), 4, "least_confidence") == [0, 1, 2, 3]


def test_what_is_labelled_counts() -> None:
    """Three of class 0 and one of class 2 are labelled: 1, then 1 and 2 in turn, until 0 is level."""
    assert picks(evidence_of(PREDICTED, CERTAINTY, [0, 0, 0, 2]), 5) == [5, 4, 7, 6, 0]


def test_an_exhausted_class_is_passed_over() -> None:
    assert sorted(picks(evidence_of(PREDICTED, CERTAINTY, []), 8)) == list(range(8))
    assert picks(evidence_of([1, 1, 1], [0.9, 0.5, 0.7], []), 2) == [1, 2]


@pytest.mark.parametrize("over", ["random", "entropy", "margin"])
def test_batches_are_balanced_whatever_is_within(over: str) -> None:
    evidence = evidence_of(PREDICTED * 5, CERTAINTY * 5, [])
    found = np.array(PREDICTED * 5)[picks(evidence, 9, f"class_balanced({over})")]
    counts = np.bincount(found, minlength=3)
    # A strategy without scores ranks three times the budget only, which may lack one of a class.
    assert counts.min() >= (2 if over == "random" else 3)

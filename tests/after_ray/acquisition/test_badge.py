"""Gradient embeddings in factors equal those that are made, and draws follow squared distances."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence, badge, strategy_of
from after_ray.acquisition.badge import Gradients, errors_of, seeding
from after_ray.errors import UnusableScores


def made_up(size: int, classes: int = 3, width: int = 4, seed: int = 0) -> PoolEvidence:
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(size, classes))
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    embeddings = generator.normal(size=(size, width)).astype(np.float32)
    return PoolEvidence(size, log_probabilities, embeddings)


def in_full(evidence: PoolEvidence) -> NDArray[np.float64]:
    """The gradient embeddings as matrices, shape (n, classes * d)."""
    assert evidence.log_probabilities is not None
    assert evidence.embeddings is not None
    errors = np.exp(evidence.log_probabilities)
    errors -= np.eye(errors.shape[1])[errors.argmax(axis=1)]
    product = errors[:, :, None] * evidence.embeddings[:, None, :].astype(np.float64)
    return product.reshape(evidence.size, -1)


def factors(evidence: PoolEvidence) -> Gradients:
    assert evidence.log_probabilities is not None
    assert evidence.embeddings is not None
    return Gradients(errors_of(evidence.log_probabilities), evidence.embeddings)


def test_the_worked_example() -> None:
    errors = errors_of(np.log([[0.7, 0.2, 0.1]]))
    np.testing.assert_allclose(errors, [[-0.3, 0.2, 0.1]], atol=1e-12)
    gradients = Gradients(errors, np.array([[1.0, 2.0]], dtype=np.float32))
    assert np.sqrt(gradients.norms[0]) == pytest.approx(0.836660, abs=1e-6)
    outer = np.outer(errors[0], [1.0, 2.0]).ravel()
    np.testing.assert_allclose(outer, [-0.3, -0.6, 0.2, 0.4, 0.1, 0.2], atol=1e-12)


def test_distances_are_those_of_the_gradients_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("after_ray.acquisition._farthest.BLOCK", 7)
    evidence = made_up(30)
    gradients, full = factors(evidence), in_full(evidence)
    others = [3, 11, 20]
    squares = ((full[:, None] - full[others]) ** 2).sum(axis=2)
    np.testing.assert_allclose(gradients.norms, (full**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(gradients.between(5, others), squares[5], rtol=1e-9)
    nearest = gradients.nearest(others, slice(0, 30))
    np.testing.assert_allclose(nearest, squares.min(axis=1), rtol=1e-4, atol=1e-5)
    assert (nearest[others] == 0).all()


def test_the_first_pick_has_the_largest_norm_and_scores_are_distances() -> None:
    evidence = made_up(50)
    full = in_full(evidence)
    picked = strategy_of("badge").select(evidence, 20, np.random.default_rng(0))
    positions = picked.positions
    assert positions[0] == np.linalg.norm(full, axis=1).argmax()
    expected = [np.linalg.norm(full[positions[0]])] + [
        np.linalg.norm(full[positions[turn]] - full[positions[:turn]], axis=1).min() for turn in range(1, 20)
    ]
    np.testing.assert_allclose(picked.scores, expected, rtol=1e-3)  # type: ignore[arg-type]


@pytest.mark.parametrize("waiting", [1, 64])
def test_draws_follow_the_squared_distances(waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequencies of the third and fourth pick given those before are D^2 over its sum."""
    monkeypatch.setattr(badge, "MOST_WAITING", waiting)
    evidence = made_up(6, seed=2)
    gradients, full = factors(evidence), in_full(evidence)
    squares = ((full[:, None] - full) ** 2).sum(axis=2)
    generator = np.random.default_rng(0)
    draws = [tuple(seeding(gradients, 4, generator)[0].tolist()) for _ in range(6000)]
    for turn in (1, 2, 3):
        before = max({draw[:turn] for draw in draws}, key=lambda one: sum(d[:turn] == one for d in draws))
        alike = [draw[turn] for draw in draws if draw[:turn] == before]
        seen = np.bincount(alike, minlength=6) / len(alike)
        nearest = squares[:, list(before)].min(axis=1)
        nearest[list(before)] = 0
        error = np.sqrt(0.25 / len(alike))
        np.testing.assert_allclose(seen, nearest / nearest.sum(), atol=4 * error)


def test_where_no_distance_is_left_the_rest_is_drawn_from_all_alike() -> None:
    evidence = made_up(5).take(np.tile(np.arange(5), 6))
    seen = np.zeros(30, dtype=int)
    for seed in range(300):
        picked = strategy_of("badge").select(evidence, 11, np.random.default_rng(seed))
        assert sorted(picked.positions[:5] % 5) == [0, 1, 2, 3, 4]
        assert picked.scores is not None
        assert (picked.scores[:5] > 0).all()
        assert not picked.scores[5:].any()
        seen[picked.positions[5:]] += 1
    assert seen.sum() == 300 * 6
    assert np.count_nonzero(seen < 30) == 1  # the first of all has the largest norm: it is never left


def test_embeddings_that_are_no_numbers_are_refused() -> None:
    evidence = made_up(8)
    assert evidence.embeddings is not None
    evidence.embeddings[2, 1] = np.inf
    with pytest.raises(UnusableScores, match="1 of 8"):
        strategy_of("badge").select(evidence, 2, np.random.default_rng(0))

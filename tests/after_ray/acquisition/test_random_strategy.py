from __future__ import annotations

import numpy as np

from after_ray.acquisition import PoolEvidence
from after_ray.acquisition.random import Random


def test_every_utterance_is_drawn_equally_often() -> None:
    generator, counts = np.random.default_rng(0), np.zeros(100, dtype=np.int64)
    for _ in range(10_000):
        counts[Random().select(PoolEvidence(100), 10, generator).positions] += 1
    assert np.abs(counts - 1000).max() < 150  # five standard deviations of 30


def test_every_utterance_comes_first_equally_often() -> None:
    generator, counts = np.random.default_rng(0), np.zeros(20, dtype=np.int64)
    for _ in range(10_000):
        counts[Random().select(PoolEvidence(20), 10, generator).positions[0]] += 1
    assert np.abs(counts - 500).max() < 5 * 22


def test_asks_for_no_evidence() -> None:
    assert not Random().needs
    assert Random().select(PoolEvidence(3), 2, np.random.default_rng(0)).scores is None

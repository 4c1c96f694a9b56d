from __future__ import annotations

import numpy as np

from after_ray.backbones.masking import span_mask


def test_nothing_beyond_a_clip_is_masked_and_half_of_it_stays() -> None:
    lengths = np.array([1, 2, 3, 7, 12, 60])
    for seed in range(50):
        mask = span_mask(
            lengths, probability=0.1, span=10, min_spans=1, generator=np.random.default_rng(seed)
        )
        assert mask.shape == (6, 60)
        for row, length in enumerate(lengths):
            assert not mask[row, length:].any()
            assert 1 <= mask[row].sum() <= max(1, length // 2) or length == 60


def test_masks_come_in_spans() -> None:
    mask = span_mask(
        np.array([200]), probability=0.02, span=15, min_spans=1, generator=np.random.default_rng(1)
    )
    edges = np.flatnonzero(np.diff(mask[0].astype(int)))
    assert mask.sum() == 15
    assert len(edges) == 2


def test_equal_generators_draw_equal_masks() -> None:
    def draw(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        generator = np.random.default_rng(seed)
        return span_mask(np.array([80, 50]), probability=0.3, span=5, min_spans=1, generator=generator)

    assert np.array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))

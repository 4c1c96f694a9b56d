"""Batches: nothing lost, caps kept, little padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from after_ray.audio.batches import length_batches, padding_share


def iemocap_like(count: int = 5531) -> NDArray[np.int64]:
    """Frames (50 per second) of a lognormal with the mean of IEMOCAP, 4.55 s, cut at 34 s."""
    spread = 0.7
    draws = np.random.default_rng(0).lognormal(np.log(4.55) - spread**2 / 2, spread, count)
    return np.round(50 * np.clip(draws, 0.6, 34)).astype(np.int64)


@given(
    lengths=st.lists(st.integers(1, 400), max_size=60),
    max_frames=st.integers(1, 1000),
    max_items=st.integers(1, 12),
    seed=st.none() | st.integers(0, 5),
)
@settings(max_examples=150, deadline=None)
def test_every_item_is_in_one_batch_and_caps_are_kept(
    lengths: list[int], max_frames: int, max_items: int, seed: int | None
) -> None:
    generator = None if seed is None else np.random.default_rng(seed)
    batches = length_batches(lengths, max_frames=max_frames, max_items=max_items, generator=generator)
    assert sorted(int(item) for batch in batches for item in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = max(lengths[item] for item in batch) * len(batch)
        assert len(batch) == 1 or (padded <= max_frames and len(batch) <= max_items)


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("max_items", [8, 64])
def test_at_least_nine_tenths_is_audio_on_lengths_like_iemocaps(seed: int | None, max_items: int) -> None:
    lengths = iemocap_like()
    generator = None if seed is None else np.random.default_rng(seed)
    batches = length_batches(lengths, max_frames=64 * 250, max_items=max_items, generator=generator)
    assert padding_share(batches, lengths) <= 0.10


def test_an_item_over_the_cap_is_a_batch_of_its_own() -> None:
    batches = length_batches([10, 500, 10], max_frames=100, max_items=8)
    assert [batch.tolist() for batch in batches] == [[1], [0, 2]]


def test_without_a_generator_the_order_is_fixed_and_longest_first() -> None:
    batches = length_batches([3, 9, 9, 1], max_frames=18, max_items=2)
    assert [batch.tolist() for batch in batches] == [[1, 2], [0, 3]]


def test_a_generator_shuffles_members_and_order_and_repeats_itself() -> None:
    def draw(seed: int) -> list[list[int]]:
        generator = np.random.default_rng(seed)
        batches = length_batches(iemocap_like(300), max_frames=4000, max_items=16, generator=generator)
        return [batch.tolist() for batch in batches]

    assert draw(1) == draw(1)
    assert sorted(sorted(batch) for batch in draw(1)) != sorted(sorted(batch) for batch in draw(2))
    lengths = iemocap_like(300)
    longest = [max(lengths[item] for item in batch) for batch in draw(1)]
    assert longest != sorted(longest, reverse=True)


def test_padding_share_of_a_worked_example() -> None:
    assert padding_share([np.array([0, 1])], [4, 2]) == pytest.approx(0.25)
    assert padding_share([], []) == 0.0


@pytest.mark.parametrize(("frames", "items"), [(0, 1), (1, 0)])
def test_caps_below_one_are_refused(frames: int, items: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        length_batches([1], max_frames=frames, max_items=items)

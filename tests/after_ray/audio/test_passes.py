"""Passes: nothing lost, caps kept, and no way of cutting costs less."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from after_ray.audio.batches import padding_share
from after_ray.audio.passes import length_passes
from after_ray.classifiers._backbone_classifier import LIMITS
from tests.after_ray.audio.test_batches import iemocap_like


def cost_of(passes: list[list[int]], pass_cost: int) -> int:
    """Of passes given by their lengths."""
    return sum(max(lengths) * len(lengths) + pass_cost for lengths in passes)


def every_way(falling: list[int], max_frames: int) -> list[list[list[int]]]:
    """All ways to cut a sorted list into runs under the cap."""
    ways = []
    for cuts in itertools.product((False, True), repeat=max(len(falling) - 1, 0)):
        bounds = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(falling)]
        runs = [falling[a:b] for a, b in itertools.pairwise(bounds)]
        if all(len(run) == 1 or max(run) * len(run) <= max_frames for run in runs):
            ways.append(runs)
    return ways


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    max_frames=st.integers(1, 200),
    pass_cost=st.integers(0, 60),
)
@settings(max_examples=150, deadline=None)
def test_no_way_of_cutting_costs_less(lengths: list[int], max_frames: int, pass_cost: int) -> None:
    passes = length_passes(lengths, max_frames=max_frames, pass_cost=pass_cost)
    assert sorted(int(item) for part in passes for item in part) == list(range(len(lengths)))
    found = [[lengths[item] for item in part] for part in passes]
    for part in found:
        assert len(part) == 1 or max(part) * len(part) <= max_frames
    best = min(cost_of(way, pass_cost) for way in every_way(sorted(lengths, reverse=True), max_frames))
    assert cost_of(found, pass_cost) == best


def steps_on(device: str) -> list[tuple[int, float]]:
    """Passes, and the share of them that is audio, of thirty steps of lengths like IEMOCAP's."""
    lengths, generator = iemocap_like(), np.random.default_rng(1)
    limits, steps = LIMITS[device], []
    for _ in range(30):
        step = generator.choice(lengths, 64, replace=False)
        passes = length_passes(step, max_frames=limits.frames, pass_cost=limits.cost)
        steps.append((len(passes), 1 - padding_share(passes, step)))
    return steps


def test_at_least_nine_tenths_of_a_step_is_audio_on_a_processor() -> None:
    assert np.mean([share for _, share in steps_on("cpu")]) >= 0.90


def test_a_step_is_few_passes_on_a_gpu_which_pads_while_it_would_wait() -> None:
    passes, shares = zip(*steps_on("cuda"), strict=True)
    assert np.mean(passes) < 4
    assert np.mean(shares) >= 0.65


def test_the_longest_item_comes_first_and_ties_keep_their_order() -> None:
    passes = length_passes([3, 9, 9, 1], max_frames=18, pass_cost=1)
    assert [part.tolist() for part in passes] == [[1, 2], [0], [3]]
    assert length_passes([], max_frames=5, pass_cost=1) == []


def test_an_item_over_the_cap_is_a_pass_of_its_own() -> None:
    passes = length_passes([10, 500, 10], max_frames=100, pass_cost=50)
    assert [part.tolist() for part in passes] == [[1], [0, 2]]


@pytest.mark.parametrize(("frames", "cost"), [(0, 1), (1, -1)])
def test_impossible_caps_are_refused(frames: int, cost: int) -> None:
    with pytest.raises(ValueError, match="max_frames must be at least 1"):
        length_passes([1], max_frames=frames, pass_cost=cost)

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from after_ray.adaptation.objectives import (
    Codes,
    cluster_logits,
    contrastive,
    contrastive_to_all,
    diversity,
    draw_negatives,
    information,
    perplexity,
    reconstruction,
)

CONTEXT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
TARGETS = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
OTHERS = torch.tensor([[1, 2], [0, 2], [0, 1]])


def test_contrastive_is_equation_1() -> None:
    loss = contrastive(CONTEXT, TARGETS, OTHERS, temperature=0.1)
    assert 3 * loss.item() == pytest.approx(6.063670, abs=1e-5)
    assert loss.item() == pytest.approx(2.021223, abs=1e-5)


def test_the_frames_of_other_clips_are_no_negatives() -> None:
    clips = torch.tensor([0, 0, 0, 1, 1, 1])
    both = contrastive_to_all(CONTEXT.repeat(2, 1), TARGETS.repeat(2, 1), clips, temperature=0.1)
    assert both.item() == pytest.approx(2.021223, abs=1e-5)


def test_equation_1_counts_a_frame_with_an_equal_target_too() -> None:
    same = torch.ones(4, 2)
    loss = contrastive_to_all(same, same, torch.zeros(4, dtype=torch.long), temperature=0.1)
    assert loss.item() == pytest.approx(math.log(4), abs=1e-6)


def test_contrastive_does_not_depend_on_the_length_of_vectors() -> None:
    loss = contrastive(7 * CONTEXT, 0.1 * TARGETS, OTHERS, temperature=0.1)
    assert loss.item() == pytest.approx(2.021223, abs=1e-5)


def test_a_negative_that_is_the_target_is_left_out() -> None:
    codes = torch.tensor([[0, 1], [0, 1], [2, 1]])  # the first two frames have the same target
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    loss = contrastive(CONTEXT, targets, OTHERS, temperature=1.0, codes=codes)
    root = math.sqrt(0.5)
    by_hand = [
        math.log(math.exp(1) + math.exp(0)) - 1,  # only the third is a negative of the first
        math.log(math.exp(0) + math.exp(1)),
        math.log(3 * math.exp(root)) - root,
    ]
    assert loss.item() == pytest.approx(sum(by_hand) / 3, abs=1e-6)


def test_reconstruction_is_the_mean_over_frames_and_groups() -> None:
    chosen = torch.tensor([0.5, 0.25, 0.125])
    logits = torch.stack([chosen, 1 - chosen], dim=1).log()[:, None]
    assert reconstruction(logits, torch.zeros(3, 1, dtype=torch.long)).item() == pytest.approx(1.386294)
    two_groups = torch.stack([logits[:, 0], torch.zeros(3, 2)], dim=1)
    expected = (1.386294 + math.log(2)) / 2
    assert reconstruction(two_groups, torch.zeros(3, 2, dtype=torch.long)).item() == pytest.approx(expected)


def test_perplexity_and_diversity_run_from_one_codeword_to_all() -> None:
    same = torch.zeros(12, 2, 6)
    same[:, :, 3] = 1
    spread = torch.eye(6).repeat(2, 1)[:, None].expand(12, 2, 6)
    assert perplexity(same).item() == pytest.approx(2)
    assert perplexity(spread).item() == pytest.approx(12)
    assert diversity(perplexity(spread), 12).item() == pytest.approx(0, abs=1e-6)
    assert diversity(perplexity(same), 12).item() == pytest.approx(10 / 12)


def test_negatives_are_other_masked_frames_of_the_same_clip() -> None:
    mask = np.zeros((3, 9), dtype=bool)
    mask[0, :4] = mask[2, 2:7] = True
    negatives = draw_negatives(mask, 200, np.random.default_rng(0))
    assert negatives.shape == (9, 200)
    for frame in range(9):
        clip = range(4) if frame < 4 else range(4, 9)
        assert set(negatives[frame].tolist()) == set(clip) - {frame}


def test_a_lone_masked_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="no negatives"):
        draw_negatives(np.array([[True, False]]), 5, np.random.default_rng(0))


def test_information_is_lost_with_one_codeword_and_with_codewords_at_random() -> None:
    same = torch.zeros(12, 2, 6)
    same[:, :, 3] = 1
    at_random = torch.full((12, 2, 6), 1 / 6)
    told = torch.eye(6).repeat(2, 1)[:, None].expand(12, 2, 6)
    assert information(Codes.of(same)).item() == pytest.approx(0, abs=1e-6)
    assert information(Codes.of(at_random)).item() == pytest.approx(0, abs=1e-6)
    assert perplexity(at_random).item() == pytest.approx(12), "a perplexity takes it for a full codebook"
    assert information(Codes.of(told)).item() == pytest.approx(2 * math.log(6), abs=1e-6)


def test_clusters_are_compared_by_angle_alone() -> None:
    embeddings = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    logits = cluster_logits(torch.tensor([[3.0, 0.0], [1.0, 1.0]]), embeddings, temperature=0.1)
    root = 10 * math.sqrt(0.5)
    assert torch.allclose(logits, torch.tensor([[10.0, 0.0, -10.0], [root, root, -root]]), atol=1e-5)

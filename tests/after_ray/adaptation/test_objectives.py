from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from after_ray.adaptation._network import AdaptationNetwork
from after_ray.adaptation.objectives import (
    contrastive,
    diversity,
    draw_negatives,
    perplexity,
    reconstruction,
)
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.loading import build_for_adaptation, frames
from after_ray.backbones.masking import span_mask
from after_ray.backbones.settings import BackboneSettings

CONTEXT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
TARGETS = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
OTHERS = torch.tensor([[1, 2], [0, 2], [0, 1]])


def test_contrastive_is_equation_1() -> None:
    loss = contrastive(CONTEXT, TARGETS, OTHERS, temperature=0.1)
    assert 3 * loss.item() == pytest.approx(6.063670, abs=1e-5)
    assert loss.item() == pytest.approx(2.021223, abs=1e-5)


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


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_the_loss_is_that_of_transformers_where_both_say_the_same(
    tiny: Callable[..., BackboneSettings], norm: str
) -> None:
    generator = np.random.default_rng(2)
    network = AdaptationNetwork(build_for_adaptation(tiny(norm)), torch.Generator()).eval()
    model = network.model
    waves = torch.from_numpy(generator.standard_normal((3, 9_000)).astype(np.float32))
    length = frames(model.config, 9_000)
    mask = span_mask(np.full(3, length), probability=0.3, span=4, min_spans=2, generator=generator)
    negatives = draw_negatives(mask, 20, generator)
    everywhere = np.zeros((*mask.shape, 20), dtype=np.int64)  # transformers numbers all frames
    everywhere[mask] = np.flatnonzero(mask)[negatives]
    settings = TaptSettings(reconstruction_weight=0.0)
    with torch.no_grad():
        losses = network(waves, torch.from_numpy(mask), torch.from_numpy(negatives), settings)
        theirs = model(
            waves,
            mask_time_indices=torch.from_numpy(mask),
            sampled_negative_indices=torch.from_numpy(everywhere),
        )
    count = mask.sum()
    assert losses.contrastive.item() == pytest.approx(theirs.contrastive_loss.item() / count, rel=1e-5)
    assert losses.diversity.item() == pytest.approx(theirs.diversity_loss.item() / count, rel=1e-5)
    assert losses.total.item() == pytest.approx(theirs.loss.item() / count, rel=1e-5)
    assert losses.perplexity.item() == pytest.approx(theirs.codevector_perplexity.item(), rel=1e-5)

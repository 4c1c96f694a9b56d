"""The objective of wav2vec 2.0 against the one of transformers, and what its settings change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from after_ray.adaptation._objective import Batch, Crops
from after_ray.adaptation._quantizer import QuantizerObjective, quantize
from after_ray.adaptation.objectives import draw_negatives
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.loading import build_for_adaptation, frames
from after_ray.backbones.masking import span_mask
from after_ray.backbones.settings import BackboneSettings

Tiny = Callable[..., BackboneSettings]
ONCE = Crops(np.arange(3), np.zeros(3, dtype=np.int64))


@dataclass
class Case:
    """Three clips, masked, through our objective and through transformers' own loss, in evaluation mode."""

    backbone: BackboneSettings

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(2)
        self.model = build_for_adaptation(self.backbone)
        self.waves = torch.from_numpy(self.generator.standard_normal((3, 9_000)).astype(np.float32))
        lengths = np.full(3, frames(self.model.config, 9_000))
        self.mask = span_mask(lengths, probability=0.3, span=4, min_spans=2, generator=self.generator)
        self.negatives = draw_negatives(self.mask, 20, self.generator)

    @property
    def masked(self) -> int:
        return int(self.mask.sum())

    def ours(self, **changes: object) -> dict[str, Tensor]:
        settings = TaptSettings(**{"reconstruction_weight": 0.0, **changes})
        objective = QuantizerObjective(self.model, settings, torch.Generator()).eval()
        everything = settings.negatives == "all"
        drawn = objective.draw(self.mask, ONCE, self.generator) if everything else self.negatives
        targets = torch.from_numpy(drawn)
        masked = torch.from_numpy(np.flatnonzero(self.mask))
        with torch.no_grad():
            return objective(Batch(self.waves, torch.from_numpy(self.mask), masked, targets), "cpu").terms

    def theirs(self) -> dict[str, float]:
        """Sums over masked frames, as transformers gives them; the diversity is per frame there, too."""
        everywhere = np.zeros((*self.mask.shape, 20), dtype=np.int64)  # transformers numbers all frames
        everywhere[self.mask] = np.flatnonzero(self.mask)[self.negatives]
        with torch.no_grad():
            outputs = self.model.eval()(
                self.waves,
                mask_time_indices=torch.from_numpy(self.mask),
                sampled_negative_indices=torch.from_numpy(everywhere),
            )
        return {
            "total": outputs.loss.item(),
            "contrastive": outputs.contrastive_loss.item(),
            "diversity": outputs.diversity_loss.item(),
            "perplexity": outputs.codevector_perplexity.item(),
        }


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_the_loss_is_that_of_transformers_where_both_say_the_same(tiny: Tiny, norm: str) -> None:
    case = Case(tiny(norm))
    ours, theirs = case.ours(), case.theirs()
    for name in ("contrastive", "diversity", "total"):
        assert ours[name].item() == pytest.approx(theirs[name] / case.masked, rel=1e-5), name
    assert ours["perplexity"].item() == pytest.approx(theirs["perplexity"], rel=1e-5)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_the_sum_is_the_loss_of_the_official_code(tiny: Tiny, norm: str) -> None:
    """The contrastive term summed over masked frames, the diversity once: transformers as it was then."""
    case = Case(tiny(norm))
    ours, theirs = case.ours(preset="official_code"), case.theirs()
    codewords = 2 * 16
    diversity = 0.1 * (codewords - theirs["perplexity"]) / codewords
    assert ours["total"].item() == pytest.approx(theirs["contrastive"] + diversity, rel=1e-5)
    assert ours["contrastive"].item() == pytest.approx(theirs["contrastive"] / case.masked, rel=1e-5)


def test_weights_and_reduction_make_the_total_of_the_terms(tiny: Tiny) -> None:
    case = Case(tiny())
    weights = {"contrastive_weight": 2.0, "reconstruction_weight": 3.0, "diversity_weight": 0.5}
    mean, total = case.ours(**weights), case.ours(**weights, reduction="sum")
    per_frame = 2 * mean["contrastive"] + 3 * mean["reconstruction"]
    assert mean["total"].item() == pytest.approx((per_frame + 0.5 * mean["diversity"]).item(), rel=1e-6)
    expected = case.masked * per_frame + 0.5 * mean["diversity"]
    assert total["total"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert all(torch.equal(mean[name], total[name]) for name in mean if name != "total")


def test_all_negatives_are_those_of_equation_1_on_the_networks_own_vectors(tiny: Tiny) -> None:
    case = Case(tiny())
    model = case.model.eval()
    with torch.no_grad():
        outputs = model(case.waves, mask_time_indices=torch.from_numpy(case.mask))
    by_clip = []
    for clip in range(3):
        context = outputs.projected_states[clip][case.mask[clip]]
        targets = outputs.projected_quantized_states[clip][case.mask[clip]]
        similarity = torch.cosine_similarity(context[:, None], targets[None], dim=-1) / 0.1
        by_clip.append((similarity.logsumexp(dim=1) - similarity.diagonal()).sum())
    told = case.ours(negatives="all")["contrastive"]
    assert told.item() * case.masked == pytest.approx(sum(by_clip).item(), rel=1e-5)


def test_terms_are_float32_whatever_the_passes_are(tiny: Tiny) -> None:
    case = Case(tiny("layer"))
    exact, rounded = case.ours(), case.ours(precision="bf16")
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    assert rounded["contrastive"].item() == pytest.approx(exact["contrastive"].item(), rel=0.1)
    assert rounded["contrastive"].item() != exact["contrastive"].item(), "the passes were not in bf16"


def test_training_samples_the_codewords_that_transformers_samples(tiny: Tiny) -> None:
    model = build_for_adaptation(tiny())
    quantizer, width = model.quantizer.train(), model.config.conv_dim[-1]
    features = torch.randn(1, 40, width, generator=torch.Generator().manual_seed(1))
    groups = (model.config.num_codevector_groups, model.config.num_codevectors_per_group)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        theirs, used = quantizer(features, mask_time_indices=torch.ones(1, 40, dtype=torch.bool))
        torch.manual_seed(3)
        logits = quantizer.weight_proj(features[0]).view(40, *groups)
        ours = quantize(quantizer, logits)
    torch.testing.assert_close(ours.vectors, theirs[0])
    assert ours.perplexity.item() == pytest.approx(used.item(), rel=1e-5)
    assert not torch.equal(ours.codes, ours.best), "nothing was sampled"

"""The network that is adapted: a backbone, its quantiser, and the reconstruction head of the paper."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from after_ray.adaptation.objectives import contrastive, diversity, perplexity, reconstruction
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones._transformers import Wav2Vec2ForPreTraining


class Losses(NamedTuple):
    """The terms of one batch, each a mean per masked frame, and the codebook's perplexity."""

    total: Tensor
    contrastive: Tensor
    reconstruction: Tensor
    diversity: Tensor
    perplexity: Tensor


class Quantized(NamedTuple):
    """Targets of S frames: vectors (S, D), the codes they stand for (S, G), the best codes (S, G)."""

    vectors: Tensor
    codes: Tensor
    best: Tensor
    perplexity: Tensor


def quantize(quantizer: Any, features: Tensor) -> Quantized:
    """What the quantiser of transformers does, but only for the frames that are masked.

    In training a codeword per group is sampled (straight-through Gumbel softmax) and the perplexity is that
    of the mean softmax; in evaluation both are those of the best codeword.

    Args:
        quantizer: a `Wav2Vec2GumbelVectorQuantizer`.
        features: normalised front-end output of the masked frames, shape (S, C).
    """
    groups, words = quantizer.num_groups, quantizer.num_vars
    logits = quantizer.weight_proj(features).view(len(features), groups, words).float()
    best = logits.argmax(dim=-1)
    if quantizer.training:
        chosen = nn.functional.gumbel_softmax(logits, tau=quantizer.temperature, hard=True)
        used = perplexity(logits.softmax(dim=-1))
    else:
        chosen = nn.functional.one_hot(best, words).to(logits.dtype)
        used = perplexity(chosen)
    codewords = quantizer.codevectors.view(groups, words, -1)
    vectors = torch.einsum("sgv,gvd->sgd", chosen, codewords).flatten(1)
    return Quantized(vectors, chosen.argmax(dim=-1), best, used)


class AdaptationNetwork(nn.Module):
    """Wav2Vec2ForPreTraining and a linear layer from the context to the logits of all codewords (D19)."""

    def __init__(self, model: Wav2Vec2ForPreTraining, generator: torch.Generator) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.shape = (config.num_codevector_groups, config.num_codevectors_per_group)
        self.tokens = nn.utils.skip_init(nn.Linear, config.hidden_size, self.shape[0] * self.shape[1])
        nn.init.normal_(self.tokens.weight, std=config.initializer_range, generator=generator)
        nn.init.zeros_(self.tokens.bias)

    def forward(self, waves: Tensor, mask: Tensor, negatives: Tensor, settings: TaptSettings) -> Losses:
        """All terms of one batch.

        Args:
            waves: clips of equal length, shape (clips, samples).
            mask: masked frames, shape (clips, frames); S of them.
            negatives: from `draw_negatives`, shape (S, K).
            settings: weights of the terms and the temperature.
        """
        outputs = self.model.wav2vec2(waves, mask_time_indices=mask)
        context = outputs.last_hidden_state[mask]
        targets = quantize(self.model.quantizer, self.model.dropout_features(outputs.extract_features[mask]))
        told = contrastive(
            self.model.project_hid(context),
            self.model.project_q(targets.vectors),
            negatives,
            temperature=settings.temperature,
            codes=targets.codes,
        )
        rebuilt = reconstruction(self.tokens(context).view(-1, *self.shape), targets.best)
        spread = diversity(targets.perplexity, self.shape[0] * self.shape[1])
        total = (
            settings.contrastive_weight * told
            + settings.reconstruction_weight * rebuilt
            + settings.diversity_weight * spread
        )
        return Losses(total, told, rebuilt, spread, targets.perplexity)

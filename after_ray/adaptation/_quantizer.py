"""The objective of wav2vec 2.0 and of the paper: tell the quantised sound of a masked frame from others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.adaptation._objective import Batch, Crops, Mask, Objective, Outcome
from after_ray.adaptation.objectives import (
    Codes,
    Reduction,
    contrastive,
    contrastive_to_all,
    diversity,
    draw_negatives,
    perplexity,
    reconstruction,
)
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones._transformers import Wav2Vec2ForPreTraining
from after_ray.training.precision import passes


class Quantized(NamedTuple):
    """Targets of S frames: vectors (S, D), the codes they stand for (S, G), the best codes (S, G).

    `perplexity` is that of the codebook, `given` how its codewords are given to the frames.
    """

    vectors: Tensor
    codes: Tensor
    best: Tensor
    perplexity: Tensor
    given: Codes


def quantize(quantizer: Any, logits: Tensor) -> Quantized:
    """What the quantiser of transformers does, but only for the frames that are masked.

    In training a codeword per group is sampled (straight-through Gumbel softmax) and the perplexity is that
    of the mean softmax; in evaluation both are those of the best codeword.

    Args:
        quantizer: a `Wav2Vec2GumbelVectorQuantizer`.
        logits: its projection of the masked frames, float32, shape (S, G, V).
    """
    best, probabilities = logits.argmax(dim=-1), logits.softmax(dim=-1)
    if quantizer.training:
        chosen = nn.functional.gumbel_softmax(logits, tau=quantizer.temperature, hard=True)
        used = perplexity(probabilities)
    else:
        chosen = nn.functional.one_hot(best, logits.shape[-1]).to(logits.dtype)
        used = perplexity(chosen)
    codewords = quantizer.codevectors.view(*logits.shape[1:], -1)
    vectors = torch.einsum("sgv,gvd->sgd", chosen, codewords).flatten(1)
    return Quantized(vectors, chosen.argmax(dim=-1), best, used, Codes.of(probabilities))


class QuantizerObjective(Objective):
    """Wav2Vec2ForPreTraining and a linear layer from the context to the logits of all codewords (D19)."""

    TITLE = "quantizer"
    TERMS = ("total", "contrastive", "reconstruction", "diversity", "perplexity")
    LEAST_INFORMATION = 0.05  # where 99 of 100 frames get the same codeword there is hardly more
    REMEDY = "Lower adaptation.learning_rate, or let adaptation.diversity_weight be near 0.1"

    def __init__(
        self, model: Wav2Vec2ForPreTraining, settings: TaptSettings, generator: torch.Generator
    ) -> None:
        super().__init__(model.wav2vec2, settings)
        self.settings: TaptSettings = settings
        self.quantizer = model.quantizer
        self.project_context, self.project_target = model.project_hid, model.project_q
        self.dropout = model.dropout_features
        config = model.config
        self.shape = (config.num_codevector_groups, config.num_codevectors_per_group)
        self.tokens = nn.utils.skip_init(nn.Linear, config.hidden_size, self.shape[0] * self.shape[1])
        nn.init.normal_(self.tokens.weight, std=config.initializer_range, generator=generator)
        nn.init.zeros_(self.tokens.bias)

    def draw(self, mask: Mask, crops: Crops, generator: np.random.Generator) -> NDArray[np.int64]:
        """Negatives of every masked frame, shape (S, K); its clip, shape (S,), where all are negatives."""
        if self.settings.negatives == "all":
            return np.nonzero(mask)[0].astype(np.int64)
        return draw_negatives(mask, self.settings.negatives, generator)

    def forward(self, batch: Batch, device: str) -> Outcome:
        """The terms of one batch, each a mean per masked frame but `total`; what the codebook does."""
        with passes(self.settings.precision, device):
            outputs = self.backbone(batch.waves, mask_time_indices=batch.mask)
            context = outputs.last_hidden_state.flatten(0, 1)[batch.masked]
            features = self.dropout(outputs.extract_features.flatten(0, 1)[batch.masked])
            logits = self.quantizer.weight_proj(features)
            predicted, tokens = self.project_context(context), self.tokens(context)
        targets = quantize(self.quantizer, logits.float().view(-1, *self.shape))
        told = self._told(predicted, targets, batch.targets)
        rebuilt = reconstruction(tokens.view(-1, *self.shape), targets.best)
        spread = diversity(targets.perplexity, self.shape[0] * self.shape[1])
        weights = self.settings
        per_frame = weights.contrastive_weight * told + weights.reconstruction_weight * rebuilt
        total = self._summed(per_frame, len(batch.masked)) + weights.diversity_weight * spread
        terms = (total, told, rebuilt, spread, targets.perplexity)
        return Outcome(dict(zip(self.TERMS, terms, strict=True)), targets.given)

    def frame_losses(
        self, heard: Tensor, context: Tensor, masked: Tensor, targets: Tensor, reconstruction_weight: float
    ) -> Tensor:
        """The contrastive term of each frame, in nats, and as much of its reconstruction as is asked for."""
        logits = self.quantizer.weight_proj(self.dropout(heard[masked]))
        quantized = quantize(self.quantizer, logits.float().view(-1, *self.shape))
        told = self._told(self.project_context(context[masked]), quantized, targets, "none")
        if reconstruction_weight == 0:
            return told
        tokens = self.tokens(context[masked]).view(-1, *self.shape)
        return told + reconstruction_weight * reconstruction(tokens, quantized.best, reduction="none")

    def _told(
        self, predicted: Tensor, targets: Quantized, others: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        """The contrastive term; `others` are what `draw` gave."""
        vectors, temperature = self.project_target(targets.vectors), self.settings.temperature
        if self.settings.negatives == "all":
            return contrastive_to_all(
                predicted, vectors, others, temperature=temperature, reduction=reduction
            )
        return contrastive(
            predicted, vectors, others, temperature=temperature, codes=targets.codes, reduction=reduction
        )

"""The network of AFTER's classifier: projection, transformer encoder, mean over time, linear layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.backbones._transformers import Backbone
from after_ray.backbones.masking import span_mask
from after_ray.classifiers._network_classifier import HeadedNetwork
from after_ray.classifiers._settings import PooledTransformerSettings


class PooledNetwork(HeadedNetwork):
    """A backbone, ReLU, masked mean over time, and Linear(hidden, classes).

    Trained are the encoder and the head; projection and front end on request, and only a front end that is
    trained is part of the network. The mask vector stays as the backbone has it. The head has no hidden
    layer, and the mean takes every valid frame (D22 to D24).
    """

    def __init__(
        self,
        backbone: Backbone,
        classes: int,
        settings: PooledTransformerSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.front_end = None if settings.freeze_front_end else backbone.feature_extractor.conv_layers
        self.projection = backbone.feature_projection.requires_grad_(not settings.freeze_projection)
        self.encoder = backbone.encoder
        self.mask_vector = backbone.masked_spec_embed.requires_grad_(False)
        self.dropout = nn.Dropout(settings.head_dropout)
        self.head = nn.utils.skip_init(nn.Linear, backbone.config.hidden_size, classes)
        bound = backbone.config.hidden_size**-0.5  # torch's own initialisation, with a generator
        nn.init.uniform_(self.head.weight, -bound, bound, generator=generator)
        nn.init.uniform_(self.head.bias, -bound, bound, generator=generator)
        self._fewer = int(settings.drop_last_frame)

    def heard(self, waves: Sequence[Tensor]) -> Tensor:
        """Front-end output of waveforms, padded with zeros, shape (utterances, frames, width).

        Each goes through alone: a front end that normalises over time (group norm) would hear padding.

        Args:
            waves: samples in [-1, 1], each of shape (samples,).
        """
        return nn.utils.rnn.pad_sequence([self._alone(wave) for wave in waves], batch_first=True)

    def _alone(self, wave: Tensor) -> Tensor:
        if self.front_end is None:
            raise ValueError("a network with a frozen front end is fed with its output, not with waveforms")
        hidden = wave[None, None]
        for layer in self.front_end:
            hidden = layer(hidden)
        return hidden[0].T

    def pooled(
        self,
        features: Tensor,
        lengths: Tensor | None = None,
        time_mask: Tensor | None = None,
        feature_mask: Tensor | None = None,
    ) -> Tensor:
        """The representation of each utterance, shape (utterances, hidden).

        Args:
            features: front-end output padded at the end, shape (utterances, frames, width).
            lengths: valid frames of each, shape (utterances,); None where all are, which is faster.
            time_mask: frames to replace by the mask vector, shape (utterances, frames).
            feature_mask: columns to set to zero, shape (utterances, hidden).
        """
        hidden = self._masked(self._projected(features), time_mask, feature_mask)
        if lengths is None:
            encoded = self.encoder(hidden).last_hidden_state
            return encoded[:, : max(encoded.shape[1] - self._fewer, 1)].relu().mean(dim=1)
        position = torch.arange(features.shape[1], device=features.device)
        encoded = self.encoder(hidden, attention_mask=position < lengths[:, None]).last_hidden_state
        counted = (lengths - self._fewer).clamp(min=1)
        valid = (position < counted[:, None])[:, :, None]
        return (encoded.relu() * valid).sum(dim=1) / counted[:, None]

    def forward(
        self,
        features: Tensor,
        lengths: Tensor | None = None,
        time_mask: Tensor | None = None,
        feature_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits of shape (utterances, classes); arguments as in `pooled`."""
        return self.head(self.dropout(self.pooled(features, lengths, time_mask, feature_mask)))

    def _projected(self, features: Tensor) -> Tensor:
        projected = self.projection(features)
        return projected[0] if isinstance(projected, tuple) else projected  # HuBERT gives no tuple

    def _masked(self, hidden: Tensor, time_mask: Tensor | None, feature_mask: Tensor | None) -> Tensor:
        if time_mask is not None:
            hidden = torch.where(time_mask[:, :, None], self.mask_vector, hidden)
        if feature_mask is not None:
            hidden = hidden.masked_fill(feature_mask[:, None], 0.0)
        return hidden


def augmentation(
    lengths: NDArray[np.int64],
    hidden_size: int,
    settings: PooledTransformerSettings,
    generator: np.random.Generator,
) -> tuple[Tensor | None, Tensor | None]:
    """SpecAugment masks of one batch, over time and over columns; None where the probability is 0.

    A span of columns never covers more than an eighth of the width: the published 64 are a twelfth of a
    base model, and would leave nothing of a small one.
    """
    time_mask = feature_mask = None
    if settings.mask_time_probability > 0:
        time_mask = span_mask(
            lengths,
            probability=settings.mask_time_probability,
            span=settings.mask_time_span,
            min_spans=settings.mask_time_min_spans,
            generator=generator,
        )
    if settings.mask_feature_probability > 0:
        feature_mask = span_mask(
            np.full(len(lengths), hidden_size),
            probability=settings.mask_feature_probability,
            span=min(settings.mask_feature_span, max(1, hidden_size // 8)),
            min_spans=settings.mask_feature_min_spans,
            generator=generator,
        )
    return _tensor(time_mask), _tensor(feature_mask)


def _tensor(mask: NDArray[np.bool_] | None) -> Tensor | None:
    return None if mask is None else torch.from_numpy(mask)

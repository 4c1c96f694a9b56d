"""What all networks on a backbone have in common: projection, masks, transformer encoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.backbones._transformers import Backbone
from after_ray.backbones.masking import span_mask
from after_ray.classifiers._network_classifier import HeadedNetwork
from after_ray.classifiers._settings import OnBackbone


class BackboneNetwork(HeadedNetwork):
    """A backbone without its front end, or with one that is trained, and a head that ends in a linear layer.

    Subclasses say what is trained, and how frames become one representation of an utterance.
    """

    def __init__(self, backbone: Backbone, *, front_end: bool) -> None:
        super().__init__()
        self.front_end = backbone.feature_extractor.conv_layers if front_end else None
        self.projection = backbone.feature_projection
        self.encoder = backbone.encoder
        self.mask_vector = backbone.masked_spec_embed

    @abstractmethod
    def represented(self, encoded: Tensor, lengths: Tensor | None) -> Tensor:
        """What the last linear layer sees, shape (utterances, hidden), of frames as in `pooled`."""

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
            return self.represented(self.encoder(hidden).last_hidden_state, None)
        valid = torch.arange(features.shape[1], device=features.device) < lengths[:, None]
        return self.represented(self.encoder(hidden, attention_mask=valid).last_hidden_state, lengths)

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


def mean_over_time(encoded: Tensor, lengths: Tensor | None, *, fewer: int = 0) -> Tensor:
    """Mean of the valid frames but the last `fewer`, at least one, shape (utterances, hidden).

    Args:
        encoded: shape (utterances, frames, hidden).
        lengths: valid frames of each; None where all are.
        fewer: frames that are left out at the end.
    """
    if lengths is None:
        return encoded[:, : max(encoded.shape[1] - fewer, 1)].mean(dim=1)
    counted = (lengths - fewer).clamp(min=1)
    valid = torch.arange(encoded.shape[1], device=encoded.device) < counted[:, None]
    return (encoded * valid[:, :, None]).sum(dim=1) / counted[:, None]


def drawn_linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer as torch initialises it, drawn from a generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = inputs**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def augmentation(
    lengths: NDArray[np.int64],
    hidden_size: int,
    settings: OnBackbone,
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

"""The network of w2v2-L-r-12: a cut transformer encoder, mean over time, a head with one hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from after_ray.backbones._transformers import Backbone
from after_ray.backbones.dropout import set_dropout
from after_ray.classifiers._backbone_network import BackboneNetwork, drawn_linear, mean_over_time
from after_ray.classifiers._settings import W2v2LR12Settings


class W2v2LR12Network(BackboneNetwork):
    """Mean over time, dropout, Linear(hidden, hidden), tanh, dropout, Linear(hidden, classes).

    The head of the model card (Wagner et al. 2023). Projection, mask vector, encoder and head are trained:
    161,127,556 of 165,337,732 parameters with 12 layers of a large model and four classes; the rest is the
    front end, which is no part of the network.
    """

    def __init__(
        self, backbone: Backbone, classes: int, settings: W2v2LR12Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, front_end=False)
        if settings.encoder_dropout is not None:
            set_dropout(self, settings.encoder_dropout)
        hidden = backbone.config.hidden_size
        self.dense_dropout = nn.Dropout(settings.head_dropout)
        self.dense = drawn_linear(hidden, hidden, generator)
        self.dropout = nn.Dropout(settings.head_dropout)
        self.head = drawn_linear(hidden, classes, generator)

    def represented(self, encoded: Tensor, lengths: Tensor | None) -> Tensor:
        """The hidden layer of the head, in (-1, 1)."""
        return self.dense(self.dense_dropout(mean_over_time(encoded, lengths))).tanh()

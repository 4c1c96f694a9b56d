"""The network of AFTER's classifier: projection, transformer encoder, mean over time, linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from after_ray.backbones._transformers import Backbone
from after_ray.classifiers._backbone_network import BackboneNetwork, drawn_linear, mean_over_time
from after_ray.classifiers._settings import PooledTransformerSettings


class PooledNetwork(BackboneNetwork):
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
        super().__init__(backbone, front_end=settings.front_end_trained)
        self.projection.requires_grad_(not settings.freeze_projection)
        self.mask_vector.requires_grad_(False)
        self.dropout = nn.Dropout(settings.head_dropout)
        self.head = drawn_linear(backbone.config.hidden_size, classes, generator)
        self._fewer = int(settings.drop_last_frame)

    def represented(self, encoded: Tensor, lengths: Tensor | None) -> Tensor:
        """ReLU and mean over time, without the last frame where that is dropped."""
        return mean_over_time(encoded.relu(), lengths, fewer=self._fewer)

"""The objective of Pseudo-TAPT: name the cluster of a masked frame, once for each codebook."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from after_ray.adaptation._label_objective import LabelObjective, usage
from after_ray.adaptation._objective import Batch, Outcome
from after_ray.adaptation.objectives import Codes, perplexity
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.errors import LabelsRead
from after_ray.ragged import Ragged
from after_ray.training.precision import passes

HIDDEN = 256
UNUSABLE = "Choose another adaptation.feature_layer or frame_learning_rate, and check the backbone's weights"


class PseudoLabelObjective(LabelObjective):
    """A backbone, ReLU, and Linear(hidden, 256), tanh, Linear(256, clusters) for each codebook.

    The loss is the cross-entropy of masked frames alone, summed over codebooks; frames that are not masked
    have no part in it. `accuracy` is the mean of all codebooks; `perplexity`, and how much the predictions
    say of their frames, are those of the smallest.

    Args:
        backbone: what is trained; without `train_front_end` its encoder alone.
        labels: the clusters of every frame of every row of the adaptation, each frame a row of as many
            numbers as there are codebooks, from 0.
        clusters: of every codebook.
        settings: reduction, precision, what is trained.
        generator: of the new weights.

    Raises:
        CollapsedAdaptation: when one cluster of a codebook has all frames but a few.
    """

    TITLE = "pseudo_labels"
    KEPT_AS = "pseudo_labels"
    TERMS = ("total", "prediction", "accuracy", "perplexity")
    REMEDY = "Lower adaptation.learning_rate or adaptation.codebooks"

    def __init__(
        self,
        backbone: Backbone,
        labels: Ragged,
        clusters: Sequence[int],
        settings: PseudoTaptSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__(backbone, labels, settings)
        if not settings.train_front_end:
            backbone.feature_projection.requires_grad_(False)
            backbone.masked_spec_embed.requires_grad_(False)
        self._clusters = tuple(clusters)
        self._usage = [
            usage(labels.values[:, index], count, UNUSABLE) for index, count in enumerate(clusters)
        ]
        self._smallest = min(range(len(clusters)), key=clusters.__getitem__)
        width = backbone.config.hidden_size
        self.codebooks = nn.ModuleList(_head(width, count) for count in clusters)
        for layer in self.codebooks.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5  # torch's own initialisation, with a generator
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(self, batch: Batch, device: str) -> Outcome:
        """The terms of one batch, means per masked frame but `total`; what the smallest codebook predicts."""
        with passes(self.settings.precision, device):
            outputs = self.backbone(batch.waves, mask_time_indices=batch.mask)
            heard = outputs.last_hidden_state.flatten(0, 1)[batch.masked].relu()
            logits = [head(heard).float() for head in self.codebooks]
        targets = batch.targets[batch.masked].unbind(dim=1)
        both = list(zip(logits, targets, strict=True))
        told = torch.stack([cross_entropy(guess, target) for guess, target in both]).sum()
        hits = torch.stack([(guess.argmax(dim=-1) == target).float().mean() for guess, target in both])
        shares = logits[self._smallest].detach().softmax(dim=-1)[:, None]
        terms = (self._summed(told, len(batch.masked)), told, hits.mean(), perplexity(shares))
        return Outcome(dict(zip(self.TERMS, terms, strict=True)), Codes.of(shares))

    def frame_losses(
        self, heard: Tensor, context: Tensor, masked: Tensor, targets: Tensor, reconstruction_weight: float
    ) -> Tensor:
        """Refused: frame losses say what is known without labels.

        Raises:
            LabelsRead: always.
        """
        raise LabelsRead("pseudo_tapt")

    def details(self) -> dict[str, object]:
        """The clusters of each codebook, the share with a frame, and their effective number."""
        return {
            **super().details(),
            "clusters": list(self._clusters),
            "clusters_used": [used for used, _ in self._usage],
            "cluster_perplexity": [effective for _, effective in self._usage],
        }


def _head(width: int, clusters: int) -> nn.Sequential:
    linear = nn.utils.skip_init
    return nn.Sequential(linear(nn.Linear, width, HIDDEN), nn.Tanh(), linear(nn.Linear, HIDDEN, clusters))

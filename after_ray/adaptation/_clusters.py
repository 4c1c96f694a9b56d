"""The objective of HuBERT: name the cluster of a masked frame (Hsu et al. 2021, sections II-B and II-C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from after_ray.adaptation._label_objective import LabelObjective, usage
from after_ray.adaptation._objective import Batch, Outcome
from after_ray.adaptation.objectives import Codes, cluster_logits, perplexity
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.ragged import Ragged
from after_ray.training.precision import passes

PROJECTION = 256  # width of the space in which clusters are compared; HuBERT base
LABELS = "cluster_labels"  # in checkpoints


class ClusterObjective(LabelObjective):
    """A backbone, a projection of its context, and an embedding of every cluster.

    Args:
        backbone: what is trained.
        labels: the cluster of every frame of every row of the adaptation, in the order of these rows.
        settings: number of clusters, temperature, reduction, weight of the frames that are not masked.
        generator: of the new weights.
    """

    TITLE = "clusters"
    KEPT_AS = LABELS
    TERMS = ("total", "prediction", "unmasked", "accuracy", "perplexity")
    REMEDY = "Lower adaptation.learning_rate or adaptation.clusters"

    def __init__(
        self,
        backbone: Backbone,
        labels: Ragged,
        settings: TaptSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__(backbone, labels, settings)
        self.settings: TaptSettings = settings
        remedy = "Choose another adaptation.cluster_layer, and check the backbone's weights"
        self._used, self._perplexity = usage(labels.values, settings.clusters, remedy)
        config = backbone.config
        self.projection = nn.utils.skip_init(nn.Linear, config.hidden_size, PROJECTION)
        self.embeddings = nn.Parameter(torch.empty(settings.clusters, PROJECTION))
        for weight in (self.projection.weight, self.embeddings):
            nn.init.normal_(weight, std=config.initializer_range, generator=generator)
        nn.init.zeros_(self.projection.bias)

    def forward(self, batch: Batch, device: str) -> Outcome:
        """The terms of one batch, means per frame but `total`; what is predicted at masked frames."""
        with passes(self.settings.precision, device):
            outputs = self.backbone(batch.waves, mask_time_indices=batch.mask)
            projected = self.projection(outputs.last_hidden_state.flatten(0, 1))
        logits = cluster_logits(projected, self.embeddings, temperature=self.settings.temperature)
        losses = cross_entropy(logits, batch.targets, reduction="none")
        told = losses[batch.masked].mean()
        unmasked, count = self._unmasked(losses, batch)
        total = self._summed(told, len(batch.masked))
        if self.settings.unmasked_weight:
            total = total + self.settings.unmasked_weight * self._summed(unmasked, count)
        guesses = logits.detach()[batch.masked]
        hits = guesses.argmax(dim=-1) == batch.targets[batch.masked]
        shares = guesses.softmax(dim=-1)[:, None]
        terms = (total, told, unmasked, hits.float().mean(), perplexity(shares))
        return Outcome(dict(zip(self.TERMS, terms, strict=True)), Codes.of(shares))

    def frame_losses(
        self, heard: Tensor, context: Tensor, masked: Tensor, targets: Tensor, reconstruction_weight: float
    ) -> Tensor:
        """The cross-entropy of each frame's cluster, in nats."""
        projected = self.projection(context[masked])
        logits = cluster_logits(projected, self.embeddings, temperature=self.settings.temperature)
        return cross_entropy(logits, targets[masked], reduction="none")

    def details(self) -> dict[str, object]:
        """How the clusters are used by the frames of all rows, beside the objective's name."""
        used = {"clusters_used": self._used, "cluster_perplexity": self._perplexity}
        return {**super().details(), **used}

    def _unmasked(self, losses: Tensor, batch: Batch) -> tuple[Tensor, int]:
        """Mean loss at the frames that are not masked, and how many they are; 0 where there are none."""
        count = len(losses) - len(batch.masked)
        left = (losses * ~batch.mask.flatten()).sum()
        return left / max(count, 1), count

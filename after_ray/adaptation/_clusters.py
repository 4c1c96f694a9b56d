"""The objective of HuBERT: name the cluster of a masked frame (Hsu et al. 2021, sections II-B and II-C)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from after_ray.adaptation._labels import hop
from after_ray.adaptation._objective import Batch, Crops, Mask, Objective, Outcome
from after_ray.adaptation.objectives import Codes, cluster_logits, perplexity
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.errors import CollapsedAdaptation
from after_ray.learning.precision import passes
from after_ray.learning.state import below, prefixed
from after_ray.ragged import Ragged

PROJECTION = 256  # width of the space in which clusters are compared; HuBERT base
LABELS = "cluster_labels"  # in checkpoints
LEARNED = 0.3  # nats that predictions say about their frames; those of a new projection hardly reach 0.1
PATIENCE = 5_000  # updates until that may be asked for


class ClusterObjective(Objective):
    """A backbone, a projection of its context, and an embedding of every cluster.

    Args:
        backbone: what is trained.
        labels: the cluster of every frame of every row of the adaptation, in the order of these rows.
        settings: number of clusters, temperature, reduction, weight of the frames that are not masked.
        generator: of the new weights.
    """

    TITLE = "clusters"
    TERMS = ("total", "prediction", "unmasked", "accuracy", "perplexity")
    LEAST_INFORMATION = 0.01
    REMEDY = "Lower adaptation.learning_rate or adaptation.clusters"

    def __init__(
        self,
        backbone: Backbone,
        labels: Ragged,
        settings: TaptSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__(backbone, settings, hop(backbone.config))  # so that crops have whole frames
        self.labels = labels
        self._usage = _usage(labels, settings.clusters)
        config = backbone.config
        self.projection = nn.utils.skip_init(nn.Linear, config.hidden_size, PROJECTION)
        self.embeddings = nn.Parameter(torch.empty(settings.clusters, PROJECTION))
        for weight in (self.projection.weight, self.embeddings):
            nn.init.normal_(weight, std=config.initializer_range, generator=generator)
        nn.init.zeros_(self.projection.bias)

    def draw(self, mask: Mask, crops: Crops, generator: np.random.Generator) -> NDArray[np.int64]:
        """The cluster of every frame, masked or not, one below the other; nothing is drawn."""
        first = crops.starts // self.grid
        length = mask.shape[1]
        found = [
            self.labels[place][start : start + length]
            for place, start in zip(crops.places.tolist(), first.tolist(), strict=True)
        ]
        return np.concatenate(found).astype(np.int64)

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

    def collapsed(self, step: int, information: float, most: float) -> bool:
        """Little information is a failure after there was more, or when it does not come at all.

        A new projection predicts at random, then what is frequent, and only then what it hears.
        """
        late = most > LEARNED or step >= PATIENCE
        return late and super().collapsed(step, information, most)

    def found(self) -> dict[str, NDArray[Any]]:
        """The clusters of all frames."""
        return prefixed(LABELS, {"values": self.labels.values, "offsets": self.labels.offsets})

    def details(self) -> dict[str, object]:
        """How the clusters are used by the frames of all rows, beside the objective's name."""
        return {**super().details(), **self._usage}

    def _unmasked(self, losses: Tensor, batch: Batch) -> tuple[Tensor, int]:
        """Mean loss at the frames that are not masked, and how many they are; 0 where there are none."""
        count = len(losses) - len(batch.masked)
        left = (losses * ~batch.mask.flatten()).sum()
        return left / max(count, 1), count


def kept_labels(arrays: Mapping[str, NDArray[Any]]) -> Ragged | None:
    """The clusters of a checkpoint that `ClusterObjective.found` gave; None where there are none."""
    kept = below(LABELS, arrays)
    return Ragged(kept["values"], kept["offsets"]) if kept else None


def _usage(labels: Ragged, clusters: int) -> dict[str, float]:
    """Share of the clusters that have a frame, and the effective number of clusters.

    Raises:
        CollapsedAdaptation: when one cluster has all frames but a few, so that there is nothing to predict.
    """
    shares = np.bincount(labels.values, minlength=clusters) / len(labels.values)
    entropy = float(-xlogy(shares, shares).sum())
    least = ClusterObjective.LEAST_INFORMATION
    if entropy < least:
        remedy = "Choose another adaptation.cluster_layer, and check the backbone's weights"
        raise CollapsedAdaptation(0, entropy, least, float(np.exp(entropy)), remedy)
    return {"clusters_used": float((shares > 0).mean()), "cluster_perplexity": float(np.exp(entropy))}

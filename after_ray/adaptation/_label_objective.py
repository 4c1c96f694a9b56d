"""Naming, at masked frames, labels that were found before training: what such objectives have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from after_ray.adaptation._labels import hop
from after_ray.adaptation._objective import Crops, Mask, Objective
from after_ray.adaptation.settings import Adaptation
from after_ray.backbones._transformers import Backbone
from after_ray.errors import CollapsedAdaptation
from after_ray.ragged import Ragged
from after_ray.training.state import below, prefixed

LEARNED = 0.3  # nats that predictions say about their frames; those of a new projection hardly reach 0.1
PATIENCE = 5_000  # updates until that may be asked for


class LabelObjective(Objective):
    """Predicts the labels of frames; crops begin on the grid of frames, so that labels fit exactly.

    Attributes:
        KEPT_AS: what its labels are called in checkpoints.
        labels: of every frame of every row of the adaptation, in the order of these rows; one number for a
            frame, or a row of them.
    """

    KEPT_AS: ClassVar[str]
    LEAST_INFORMATION = 0.01

    def __init__(self, backbone: Backbone, labels: Ragged, settings: Adaptation) -> None:
        super().__init__(backbone, settings, hop(backbone.config))
        self.labels = labels

    def draw(self, mask: Mask, crops: Crops, generator: np.random.Generator) -> NDArray[np.int64]:
        """The labels of every frame, masked or not, one below the other; nothing is drawn."""
        first = crops.starts // self.grid
        length = mask.shape[1]
        found = [
            self.labels[place][start : start + length]
            for place, start in zip(crops.places.tolist(), first.tolist(), strict=True)
        ]
        return np.concatenate(found).astype(np.int64)

    def collapsed(self, step: int, information: float, most: float) -> bool:
        """Little information is a failure after there was more, or when it does not come at all.

        A new projection predicts at random, then what is frequent, and only then what it hears.
        """
        late = most > LEARNED or step >= PATIENCE
        return late and super().collapsed(step, information, most)

    def found(self) -> dict[str, NDArray[Any]]:
        """The labels of all frames."""
        return prefixed(self.KEPT_AS, {"values": self.labels.values, "offsets": self.labels.offsets})

    @classmethod
    def kept_labels(cls, arrays: Mapping[str, NDArray[Any]]) -> Ragged | None:
        """The labels of a checkpoint that `found` gave; None where there are none."""
        kept = below(cls.KEPT_AS, arrays)
        return Ragged(kept["values"], kept["offsets"]) if kept else None


def usage(values: NDArray[np.int16], clusters: int, remedy: str) -> tuple[float, float]:
    """Share of the clusters that have a frame, and the effective number of clusters.

    Raises:
        CollapsedAdaptation: when one cluster has all frames but a few, so that there is nothing to predict.
    """
    shares = np.bincount(values, minlength=clusters) / len(values)
    entropy = float(-xlogy(shares, shares).sum())
    least = LabelObjective.LEAST_INFORMATION
    if entropy < least:
        raise CollapsedAdaptation(0, entropy, least, float(np.exp(entropy)), remedy)
    return float((shares > 0).mean()), float(np.exp(entropy))

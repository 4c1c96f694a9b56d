"""Settings of frame losses; importable without torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from after_ray.adaptation.settings._base import SAMPLE_RATE
from after_ray.settings import Settings, neutral


class FrameLossSettings(Settings):
    """How surprising the stretches of an utterance are to a backbone: its loss at frames that it cannot see.

    A share of the frames is masked in spans, as in an adaptation, at places that `seed` and the utterance's
    id fix; the first `max_seconds` are heard. The loss is the contrastive one, or that of the clusters;
    `reconstruction_weight` times the reconstruction is added to the former.
    """

    mask_share: float = Field(default=0.15, gt=0, lt=1)
    mask_span: int = Field(default=10, ge=2)
    stretches: int = Field(default=64, ge=1)
    reconstruction_weight: Annotated[float, Field(ge=0)] = neutral(0.0)
    max_seconds: float = Field(default=10.0, ge=0.1)
    seed: int = Field(default=0, ge=0)

    @property
    def longest(self) -> int:
        """Samples that are heard."""
        return round(self.max_seconds * SAMPLE_RATE)

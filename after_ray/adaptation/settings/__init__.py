"""Settings of adaptations, one per file; importable without torch: a study is validated in milliseconds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from after_ray.adaptation.settings._base import SAMPLE_RATE, Adaptation
from after_ray.adaptation.settings.checks import (
    Objective,
    check_adaptation,
    check_frame_losses,
    objective_of,
)
from after_ray.adaptation.settings.frame_losses import FrameLossSettings
from after_ray.adaptation.settings.pseudo_tapt import PseudoTaptSettings
from after_ray.adaptation.settings.tapt import PRESETS, TaptSettings

AdaptationSettings = Annotated[TaptSettings | PseudoTaptSettings, Field(discriminator="name")]

__all__ = [
    "PRESETS",
    "SAMPLE_RATE",
    "Adaptation",
    "AdaptationSettings",
    "FrameLossSettings",
    "Objective",
    "PseudoTaptSettings",
    "TaptSettings",
    "check_adaptation",
    "check_frame_losses",
    "objective_of",
]

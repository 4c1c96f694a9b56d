"""Stages: work whose result is stored and shared. A stage says what it means and what it needs.

Stages form chains: a stage holds the stages it is computed from, and its meaning holds their keys. Two
stages with the same key are the same work, whichever study asks for it.
"""

from after_ray.stages._base import Stage
from after_ray.stages._chains import MADE_BY_DRIVER, ancestors, collect, foundations
from after_ray.stages._rounds import FirstRoundStage, NextRoundStage, rounds
from after_ray.stages._shared import (
    FRAME_LOSSES,
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FoldsStage,
    FrameLossesStage,
    PretrainingStage,
    SelectionsStage,
)

__all__ = [
    "FRAME_LOSSES",
    "MADE_BY_DRIVER",
    "AdaptationStage",
    "AudioStage",
    "FeaturesStage",
    "FirstRoundStage",
    "FoldsStage",
    "FrameLossesStage",
    "NextRoundStage",
    "PretrainingStage",
    "SelectionsStage",
    "Stage",
    "ancestors",
    "collect",
    "foundations",
    "rounds",
]

"""From a stage to its record: what one trial does, in one plain process and without Ray."""

from __future__ import annotations

from collections.abc import Callable

from after_ray.environment import Execution
from after_ray.stages import (
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    Stage,
)
from after_ray.store import Record

__all__ = ["Execution", "run"]


def run(
    stage: Stage, execution: Execution, progress: Callable[[int, int], None] = lambda done, total: None
) -> Record:
    """Compute `stage` unless its record stands already, and return the record.

    What the stage needs must be finished, except earlier rounds of its own chain, which are run first.
    """
    if isinstance(stage, FeaturesStage):
        from after_ray.execution.features import compute_features

        return compute_features(stage, execution, progress)
    if isinstance(stage, AdaptationStage):
        from after_ray.execution.adaptation import compute_adaptation

        return compute_adaptation(stage, execution, progress)
    if isinstance(stage, FrameLossesStage):
        from after_ray.execution.frame_losses import compute_frame_losses

        return compute_frame_losses(stage, execution, progress)
    if isinstance(stage, PretrainingStage):
        from after_ray.execution.pretraining import compute_pretraining

        return compute_pretraining(stage, execution)
    if isinstance(stage, FirstRoundStage | NextRoundStage):
        from after_ray.execution.rounds import Trajectory

        return Trajectory(stage, execution).finish(progress)
    raise TypeError(f"{type(stage).__name__} is made by the driver, not inside a trial")

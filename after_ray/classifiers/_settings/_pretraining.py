"""What the settings of every step of a pretraining can say."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from after_ray.settings import Settings


class PretrainingStep(Settings):
    """One step of what a network learns on all of train before round 0, by Adam.

    `steps` are of the optimiser; `epochs` says the length in passes over train instead. `evaluations` are
    spread evenly over the training, and of the weights there those with the lowest validation loss are kept;
    `patience` counts evaluations without improvement (0 never stops early).
    """

    with_labels: ClassVar[bool] = False  # whether it learns from the labels of train

    name: str
    steps: int = Field(default=500, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    evaluations: int = Field(default=20, ge=1)
    patience: int = Field(default=0, ge=0)

    def updates(self, pieces: int) -> int:
        """Optimiser steps of a training on so many pieces."""
        return self.steps if self.epochs is None else self.epochs * -(-pieces // self.batch_size)

    def meaning(self) -> dict[str, Any]:
        """The settings, `steps` only where it says the length."""
        unused = () if self.epochs is None else ("steps",)
        return {name: value for name, value in super().meaning().items() if name not in unused}

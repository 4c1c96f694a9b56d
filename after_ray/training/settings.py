"""Settings of fine-tuning; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from after_ray.settings import Settings, neutral

Precision = Literal["fp32", "bf16", "fp16"]


class FittingSettings(Settings):
    """Fine-tuning of the pooled transformer: Adam, early stopping on validation loss, best weights kept.

    `order: acquired`, `drop_last` and `keep: last` are how the official code trains: in the order in which
    utterances were labelled, without the last incomplete batch, and with the weights of the last epoch.
    `precision` is that of the passes through the network, in training and in scoring; weights, optimiser and
    losses stay in float32.
    """

    max_epochs: int = Field(default=20, ge=1)
    min_updates: int = Field(default=200, ge=0)
    evaluations_per_epoch: int = Field(default=5, ge=1)
    patience: int = Field(default=0, ge=0, description="evaluations without improvement; 0 never stops early")
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    class_weights: Literal["none", "inverse_frequency"] = "none"
    order: Literal["shuffled", "acquired"] = neutral("shuffled")
    drop_last: bool = neutral(False)
    keep: Literal["best", "last"] = neutral("best")
    precision: Precision = neutral("fp32")

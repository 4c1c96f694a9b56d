"""Settings of adaptations; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from after_ray.settings import Settings


class TaptSettings(Settings):
    """Task-adaptive pre-training: label-free further training on the train part of a fold.

    Losses are means per masked frame: contrastive + reconstruction + `diversity_weight` x diversity.
    """

    name: Literal["tapt"] = "tapt"
    repeat: Literal["shared", "per_seed"] = "shared"
    steps: int = Field(default=20_000, ge=1)
    batch_seconds: float = Field(default=250.0, gt=0)
    max_seconds: float = Field(default=10.0, gt=0)
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    flat_share: float = Field(default=0.05, ge=0, le=1)
    mask_probability: float = Field(default=0.1625, gt=0, lt=1)
    mask_span: int = Field(default=10, ge=1)
    min_spans: int = Field(default=1, ge=0)
    negatives: int = Field(default=100, ge=1)
    temperature: float = Field(default=0.1, gt=0)
    contrastive_weight: float = Field(default=1.0, ge=0)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    diversity_weight: float = Field(default=0.1, ge=0)
    train_front_end: bool = True


AdaptationSettings = TaptSettings

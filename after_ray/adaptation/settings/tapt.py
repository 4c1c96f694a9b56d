"""Settings of task-adaptive pre-training; importable without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from after_ray.adaptation.settings._base import Adaptation, count_or
from after_ray.settings import neutral

# `official_code` is the loss, the masks and the length of the official training: no reconstruction term,
# spans that are 5 % of long clips and, by their minimum of two, far more of short ones.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "official_code": {
        "steps": 20_000,
        "batch_seconds": 250.0,
        "mask_probability": 0.05,
        "mask_span": 10,
        "min_spans": 2,
        "negatives": 100,
        "reconstruction_weight": 0.0,
        "diversity_weight": 0.1,
        "reduction": "sum",
    },
}


class TaptSettings(Adaptation):
    """Task-adaptive pre-training: label-free further training on the train part of a fold.

    `preset` gives the values of all settings that are not written; it is itself no part of any key.

    `objective` is what is learned at masked frames. With `quantizer` (wav2vec 2.0), it is to tell the
    quantised front-end output of the frame from that of others:

        total = contrastive_weight x contrastive + reconstruction_weight x reconstruction
                + diversity_weight x diversity

    With `clusters` (any backbone; HuBERT), it is to name the k-means cluster of the frame, found once on what
    `cluster_layer` gives before adaptation. `of_backbone` takes the quantiser of a backbone that has one.

    `reduction: mean` takes the first two terms, or the one of `clusters`, as means over the masked frames of
    a batch. `sum` takes them as sums over those frames, and adds the diversity once, as the official code
    does: it then weighs thousands of times less beside the rest. Terms are logged as means in both cases.

    `negatives` are drawn for each frame among the other masked frames of its clip, those with the codes of
    the frame itself left out; `all` takes every one of them, as Equation 1 of the paper says.
    """

    name: Literal["tapt"] = "tapt"
    preset: Literal["paper", "official_code"] = "paper"
    negatives: Annotated[int | Literal["all"], count_or("all")] = 100
    temperature: float = Field(default=0.1, gt=0)
    contrastive_weight: float = Field(default=1.0, ge=0)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    diversity_weight: float = Field(default=0.1, ge=0)
    objective: Literal["of_backbone", "quantizer", "clusters"] = neutral("of_backbone")
    clusters: Annotated[int, Field(ge=2, le=10_000)] = neutral(100)
    cluster_layer: Annotated[int | Literal["middle"], count_or("middle")] = neutral("middle")
    cluster_frames: Annotated[int, Field(ge=2)] = neutral(50_000)
    unmasked_weight: Annotated[float, Field(ge=0)] = neutral(0.0)

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, value: Any) -> Any:
        """What is written overrides what the preset says."""
        if not isinstance(value, dict):
            return value
        return {**PRESETS.get(str(value.get("preset", "paper")), {}), **value}

    @model_validator(mode="after")
    def _something_is_learned(self) -> TaptSettings:
        if self.contrastive_weight == 0 and self.reconstruction_weight == 0:
            raise PydanticCustomError(
                "nothing_learned",
                "contrastive_weight and reconstruction_weight are both 0, and nothing else is learned from "
                "audio; let one of them be above 0, or choose 'adaptation: none'",
            )
        if self.cluster_frames < self.clusters:
            raise PydanticCustomError(
                "too_few_frames",
                "{clusters} clusters cannot be found in {frames} frames; let cluster_frames be as many",
                {"clusters": self.clusters, "frames": self.cluster_frames},
            )
        return self

    def meaning(self) -> dict[str, Any]:
        """The values alone: a preset means what it says, whoever spells it out."""
        return {name: value for name, value in super().meaning().items() if name != "preset"}

"""Settings of adaptations; importable without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from after_ray.backbones.identity import encoder_layers, has_quantizer, need_heads, need_quantizer
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, IdleSetting
from after_ray.learning.settings import Precision
from after_ray.settings import Settings, neutral

SAMPLE_RATE = 16_000

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


def _count_or(word: str) -> BeforeValidator:
    """A whole number from 1 on, or one word: a union's own messages name only half of what is allowed."""

    def check(value: Any) -> Any:
        number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if number or value == word:
            return value
        raise PydanticCustomError(
            "count_or_word", "allowed are whole numbers from 1 on and '{word}'", {"word": word}
        )

    return BeforeValidator(check)


class TaptSettings(Settings):
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

    `precision` is that of the passes through the network; weights, optimiser and losses stay in float32.
    """

    name: Literal["tapt"] = "tapt"
    preset: Literal["paper", "official_code"] = "paper"
    repeat: Literal["shared", "per_seed"] = "shared"
    steps: int = Field(default=20_000, ge=1)
    batch_seconds: float = Field(default=250.0, gt=0)
    max_seconds: float = Field(default=10.0, ge=0.1)
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    flat_share: float = Field(default=0.05, ge=0, le=1)
    mask_probability: float = Field(default=0.1625, gt=0, lt=1)
    mask_span: int = Field(default=10, ge=1)
    min_spans: int = Field(default=1, ge=0)
    negatives: Annotated[int | Literal["all"], _count_or("all")] = 100
    temperature: float = Field(default=0.1, gt=0)
    contrastive_weight: float = Field(default=1.0, ge=0)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    diversity_weight: float = Field(default=0.1, ge=0)
    train_front_end: bool = True
    reduction: Literal["mean", "sum"] = neutral("mean")
    precision: Precision = neutral("fp32")
    objective: Literal["of_backbone", "quantizer", "clusters"] = neutral("of_backbone")
    clusters: Annotated[int, Field(ge=2, le=10_000)] = neutral(100)
    cluster_layer: Annotated[int | Literal["middle"], _count_or("middle")] = neutral("middle")
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

    @property
    def longest(self) -> int:
        """Samples of the longest crop."""
        return round(self.max_seconds * SAMPLE_RATE)

    def meaning(self) -> dict[str, Any]:
        """The values alone: a preset means what it says, whoever spells it out."""
        return {name: value for name, value in super().meaning().items() if name != "preset"}


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


AdaptationSettings = TaptSettings
Objective = Literal["quantizer", "clusters"]

# What only one of the objectives reads.
_READ_BY: dict[Objective, tuple[str, ...]] = {
    "quantizer": ("negatives", "contrastive_weight", "reconstruction_weight", "diversity_weight"),
    "clusters": ("clusters", "cluster_layer", "cluster_frames", "unmasked_weight"),
}


def objective_of(settings: TaptSettings, backbone: BackboneSettings) -> Objective:
    """What an adaptation of this backbone learns.

    Raises:
        NoQuantizer: when the objective needs a quantiser that the backbone does not have.
    """
    if settings.objective == "of_backbone":
        return "quantizer" if has_quantizer(backbone) else "clusters"
    if settings.objective == "quantizer":
        need_quantizer(backbone)
    return settings.objective


def check_adaptation(settings: TaptSettings, backbones: Sequence[BackboneSettings]) -> None:
    """Refuse an adaptation that one of the backbones cannot have, or with settings that none would read.

    Raises:
        NoQuantizer: from `objective_of`.
        BadValue: for a layer that is not there.
        IdleSetting: for a value beside the preset's that belongs to the other objective.
    """
    learned = {objective_of(settings, backbone) for backbone in backbones}
    _check_layer(settings, backbones)
    plain = TaptSettings(preset=settings.preset)
    others = [other for other in _READ_BY if learned and other not in learned]
    for objective, name in ((other, name) for other in others for name in _READ_BY[other]):
        value = getattr(settings, name)
        if value != getattr(plain, name):
            reason = f"the objective is '{learned.pop()}'"
            remedy = f"Leave it out, or write 'objective: {objective}' for a backbone that can have it"
            raise IdleSetting(f"adaptation.{name}", value, reason, remedy)


def _check_layer(settings: TaptSettings, backbones: Sequence[BackboneSettings]) -> None:
    """Every backbone that predicts clusters has the layer that they are found in."""
    for backbone in backbones:
        if settings.cluster_layer == "middle" or objective_of(settings, backbone) != "clusters":
            continue
        layers = encoder_layers(backbone)
        if settings.cluster_layer > layers:
            raise BadValue("adaptation.cluster_layer", settings.cluster_layer, f"1 to {layers}, or 'middle'")


def check_frame_losses(
    settings: FrameLossSettings, backbone: BackboneSettings, adaptation: TaptSettings | None
) -> None:
    """Refuse frame losses that nothing could compute: heads that are not there or have learned nothing.

    Raises:
        NoHeads: when nothing is adapted and the backbone brings no heads along.
        BadValue: for a reconstruction that was never learned.
    """
    if adaptation is None:
        need_heads(backbone)
    if settings.reconstruction_weight == 0:
        return
    if adaptation is None:
        reason = "since only an adaptation learns to reconstruct"
    elif objective_of(adaptation, backbone) == "clusters":
        reason = "since an adaptation to clusters does not learn to reconstruct"
    elif adaptation.reconstruction_weight == 0:
        reason = "since the reconstruction_weight of the adaptation is 0"
    else:
        return
    raise BadValue("frame_losses.reconstruction_weight", settings.reconstruction_weight, f"0, {reason}")

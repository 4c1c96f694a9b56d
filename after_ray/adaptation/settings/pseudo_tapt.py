"""Settings of Pseudo-TAPT; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from after_ray.adaptation.settings._base import Adaptation, count_or


class PseudoTaptSettings(Adaptation):
    """Pseudo-TAPT (Chen and Rudnicky, ICASSP 2023): predict what emotion training made of masked frames.

    It reads the label of every train utterance, and is therefore a baseline with all labels alone. First a
    small network on what `feature_layer` of the backbone gives learns the emotions; then its hidden frames
    are clustered, once for each of `codebooks`; then the backbone learns to name the clusters of masked
    frames. Defaults are the published ones, but for the frames: those of a wav2vec (v1), whose context
    network was trained on, cannot be loaded by transformers, so a layer of the backbone stands for its
    convolutions, and a new context network of `frame_width` channels for its own.

    Without `train_front_end` the encoder alone is trained; with it also the convolutions, the projection and
    the mask vector.

    Attributes:
        codebooks: numbers of clusters; each is lowered where there are fewer than 40 frames for a cluster.
        feature_layer: of the backbone, from 1, whose output the emotions are learned on.
        frame_width: channels of the network that learns them.
        frame_steps: its updates.
        frame_batch: utterances of each, all cropped to the shortest.
        frame_learning_rate: of Adam, after a warm-up of 5 %; flat for 5 %, then falling to 0.
    """

    name: Literal["pseudo_tapt"] = "pseudo_tapt"
    mask_probability: float = Field(default=0.06, gt=0, lt=1)
    mask_span: int = Field(default=15, ge=1)
    min_spans: int = Field(default=2, ge=0)
    train_front_end: bool = False
    codebooks: tuple[Annotated[int, Field(ge=2, le=10_000)], ...] = Field(
        default=(64, 512, 4096), min_length=1
    )
    feature_layer: Annotated[int | Literal["middle"], count_or("middle")] = "middle"
    frame_width: int = Field(default=512, ge=8)
    frame_steps: int = Field(default=10_000, ge=1)
    frame_batch: int = Field(default=64, ge=1)
    frame_learning_rate: float = Field(default=1e-4, gt=0)

    @property
    def needs_all_labels(self) -> bool:
        """It does: emotions are learned before anything else."""
        return True

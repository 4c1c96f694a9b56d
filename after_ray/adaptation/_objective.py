"""What every objective of an adaptation has: a backbone, draws for a batch, and terms of a loss."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.adaptation.objectives import Codes
from after_ray.adaptation.settings import Adaptation
from after_ray.backbones._transformers import Backbone
from after_ray.tensors import load_tensors, tensor_arrays
from after_ray.weights import Weights

Mask: TypeAlias = NDArray[np.bool_]
BACKBONE = "backbone."  # before the names of its weights


@dataclass(frozen=True)
class Crops:
    """Where the clips of a batch were cut: their places among the rows of the adaptation, first samples."""

    places: NDArray[np.int64]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One batch on the device.

    Attributes:
        waves: clips of equal length, shape (clips, samples).
        mask: masked frames, shape (clips, frames); S of them.
        masked: their numbers when all frames of all clips stand one below the other, shape (S,).
        targets: what `Objective.draw` gave.
    """

    waves: Tensor
    mask: Tensor
    masked: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Outcome:
    """What a batch gave: a float32 number for each of `Objective.TERMS`, and how codes go to frames."""

    terms: dict[str, Tensor]
    codes: Codes


class Objective(nn.Module):
    """A backbone with the heads that an objective needs; its parameters are what an adaptation trains.

    Attributes:
        TITLE: its name in records.
        TERMS: names of the terms of `forward`: `total`, the loss, first, `perplexity` among the others.
        LEAST_INFORMATION: nats; codes that say less about their frames say nothing.
        REMEDY: what to do when an adaptation collapses.
        grid: samples; crops begin at multiples of it.
    """

    TITLE: ClassVar[str]
    TERMS: ClassVar[tuple[str, ...]]
    LEAST_INFORMATION: ClassVar[float]
    REMEDY: ClassVar[str]

    def __init__(self, backbone: Backbone, settings: Adaptation, grid: int = 1) -> None:
        super().__init__()
        self.backbone = backbone
        self.settings = settings
        self.grid = grid
        if not settings.train_front_end:
            backbone.feature_extractor._freeze_parameters()

    @abstractmethod
    def draw(self, mask: Mask, crops: Crops, generator: np.random.Generator) -> NDArray[np.int64]:
        """What else a batch needs, drawn or looked up; runs beside the training of the batch before."""

    @abstractmethod
    def forward(self, batch: Batch, device: str) -> Outcome:
        """The loss of one batch, and what else is watched."""

    @abstractmethod
    def frame_losses(
        self, heard: Tensor, context: Tensor, masked: Tensor, targets: Tensor, reconstruction_weight: float
    ) -> Tensor:
        """How badly each masked frame of one clip is told: its own term of the loss, float32, shape (S,).

        Args:
            heard: what the front end gave and the projection normalised, shape (frames, width).
            context: what the encoder made of the masked clip, shape (frames, hidden).
            masked: numbers of the masked frames, shape (S,).
            targets: what `draw` gave for this clip alone.
            reconstruction_weight: of the reconstruction, where there is one.
        """

    def collapsed(self, step: int, information: float, most: float) -> bool:
        """Whether codes of so much information at update `step` are a failure; `most`: it was once."""
        return information < self.LEAST_INFORMATION

    def found(self) -> dict[str, NDArray[Any]]:
        """What was found before training and cannot be found again from adapted weights; for checkpoints."""
        return {}

    def heads(self) -> dict[str, NDArray[Any]]:
        """What is learned or found beside the backbone, by the names of `state_dict` and of `found`."""
        own = self.state_dict().items()
        beside = tensor_arrays((name, value) for name, value in own if not name.startswith(BACKBONE))
        return {**beside, **self.found()}

    def load(self, backbone: Weights, heads: Weights) -> None:
        """Take over an adapted backbone and what `heads` gave."""
        names = {name for name in self.state_dict() if not name.startswith(BACKBONE)}
        beside = {name: heads[name] for name in names & set(heads)}
        load_tensors(
            self.state_dict().items(),
            {**{BACKBONE + name: value for name, value in backbone.items()}, **beside},
        )

    def details(self) -> dict[str, object]:
        """What is worth recording beside the terms."""
        return {"objective": self.TITLE}

    def _summed(self, mean: Tensor, frames: int) -> Tensor:
        """A term of the loss, given per masked frame, as `reduction` says."""
        return mean * frames if self.settings.reduction == "sum" else mean

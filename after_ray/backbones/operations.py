"""How much a backbone computes, counted from its architecture and without torch.

A multiplication counts with its sum as two operations. A forward pass computes them once; a backward pass
twice more, once for the gradients of the inputs and once for those of the weights. Heads, norms and
activations are left out, about one in a hundred.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from after_ray.backbones._values import PUBLISHED
from after_ray.backbones.identity import CONFIG_FILE, locate
from after_ray.backbones.settings import BackboneSettings

SAMPLE_RATE = 16_000
FORWARD, TRAINING = 2, 6  # operations for each multiplication of a forward pass
_OF_BASE: dict[str, Any] = {**PUBLISHED, "intermediate_size": 3072, "num_conv_pos_embeddings": 128}


@dataclass(frozen=True)
class Shape:
    """What of an architecture decides how much is computed; sizes in numbers, as the configuration has."""

    hidden: int
    inner: int
    layers: int
    position_width: int
    position_groups: int
    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Shape:
        """From the arguments of a configuration; what is not among them is as in the base models."""
        said = {**_OF_BASE, **described}
        return cls(
            hidden=int(said["hidden_size"]),
            inner=int(said["intermediate_size"]),
            layers=int(said["num_hidden_layers"]),
            position_width=int(said["num_conv_pos_embeddings"]),
            position_groups=int(said["num_conv_pos_embedding_groups"]),
            conv_dim=tuple(said["conv_dim"]),
            conv_kernel=tuple(said["conv_kernel"]),
            conv_stride=tuple(said["conv_stride"]),
        )

    @property
    def frame_rate(self) -> float:
        """Frames of a second of audio, 50 for the published front end."""
        return SAMPLE_RATE / math.prod(self.conv_stride)

    @property
    def front_end(self) -> float:
        """Multiplications of the convolutions for a second of audio, forward."""
        total, rate, before = 0.0, float(SAMPLE_RATE), 1
        for width, kernel, stride in zip(self.conv_dim, self.conv_kernel, self.conv_stride, strict=True):
            rate /= stride
            total += rate * width * before * kernel
            before = width
        return total

    @property
    def transformer(self) -> float:
        """Multiplications of projection and transformer for a second of audio, forward, without attention."""
        layer = 4 * self.hidden**2 + 2 * self.hidden * self.inner
        position = self.hidden**2 // self.position_groups * self.position_width
        return self.frame_rate * (self.layers * layer + position + self.conv_dim[-1] * self.hidden)

    @property
    def attention(self) -> float:
        """Multiplications of attention, forward: of a clip this times the square of its frames."""
        return 2.0 * self.layers * self.hidden

    @property
    def convolution_parameters(self) -> int:
        """Numbers among the weights of the convolutional front end."""
        before = (1, *self.conv_dim[:-1])
        layers = zip(self.conv_dim, before, self.conv_kernel, strict=True)
        return sum(width * inputs * kernel for width, inputs, kernel in layers)

    @property
    def transformer_parameters(self) -> int:
        """Numbers among the weights of the transformer, its position embedding included."""
        h = self.hidden
        layer = 4 * h * h + 2 * h * self.inner + 9 * h + self.inner
        position = h * h // self.position_groups * self.position_width + h
        return position + self.layers * layer

    @property
    def parameters(self) -> int:
        """Numbers among all weights, heads of pre-training left out."""
        return self.convolution_parameters + self.conv_dim[-1] * self.hidden + self.transformer_parameters


@lru_cache(maxsize=64)
def _named(folder: Path) -> Shape:
    return Shape.of(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))


def shape_of(settings: BackboneSettings) -> Shape:
    """The shape of a backbone as far as it is kept, from its configuration or its config.json.

    Raises:
        MissingBackbone: when named files are not there.
    """
    whole = Shape.of(settings.config) if settings.config is not None else _named(locate(settings))
    return whole if settings.layers is None else replace(whole, layers=settings.layers)


def per_clip(shape: Shape, seconds: float, square: float, *, front_end: bool) -> float:
    """Multiplications of one clip, forward, through the transformer, and through the front end if asked.

    `seconds` and `square`: a clip's length and its square, or the means of both over many clips.
    """
    linear = shape.transformer + (shape.front_end if front_end else 0.0)
    return linear * seconds + shape.attention * shape.frame_rate**2 * square

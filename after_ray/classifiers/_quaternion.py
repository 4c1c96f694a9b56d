"""Layers over quaternions: convolutions, linear layer, batch norm, initialisation.

A quaternion w = r + x i + y j + z k is four real channels. A layer's channels lie in quarters, first the real
parts of all of its quaternions, then all i, all j, all k. A layer learns four numbers where a real one learns
sixteen: its weights are the blocks of the Hamilton product (Parcollet et al. 2019, Quaternion recurrent
neural networks, eq. 3).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear

from after_ray.classifiers._batch_norm import RunningAverages

PARTS = 4
Criterion = Literal["glorot", "he"]
# The numbers of a torch kernel by quarters: which component stands where, and with which sign.
_BLOCKS = (
    ((0, 1), (1, -1), (2, -1), (3, -1)),
    ((1, 1), (0, 1), (3, -1), (2, 1)),
    ((2, 1), (3, 1), (0, 1), (1, -1)),
    ((3, 1), (2, -1), (1, 1), (0, 1)),
)


def hamilton(components: Tensor) -> Tensor:
    """The real matrix that multiplies by quaternions from the left.

    Args:
        components: real, i, j and k parts, shape (4, rows, columns, ...).

    Returns:
        Shape (4 rows, 4 columns, ...); transposed it multiplies by the conjugates.
    """
    rows = [torch.cat([sign * components[part] for part, sign in row], dim=1) for row in _BLOCKS]
    return torch.cat(rows, dim=0)


class _Quaternion(nn.Module):
    """Components of shape (4, rows, columns, *kernel) and a bias of every real output."""

    components: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int | None,
        criterion: Criterion,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.components = nn.Parameter(quaternion_weights(shape, criterion, generator))
        self.bias = None if outputs is None else nn.Parameter(torch.zeros(outputs))


class QuaternionConv2d(_Quaternion):
    """A convolution whose weights are quaternions, which multiply what they see from the left.

    Args:
        inputs: real channels, a multiple of 4.
        outputs: real channels, a multiple of 4.
        kernel: side of the kernel.
        generator: where weights are drawn from; biases are 0.
        stride: in both directions.
        padding: zeros on every side.
        bias: whether every real output has one.
        criterion: of the size of the drawn weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        generator: torch.Generator,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        criterion: Criterion = "glorot",
    ) -> None:
        shape = (_quarter(outputs), _quarter(inputs), kernel, kernel)
        super().__init__(shape, outputs if bias else None, criterion, generator)
        self._stride, self._padding = stride, padding

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, inputs, height, width) to (batch, outputs, ...)."""
        return conv2d(inputs, hamilton(self.components), self.bias, self._stride, self._padding)


class QuaternionConvTranspose2d(_Quaternion):
    """A transposed convolution by the same blocks, which therefore multiplies by the conjugates.

    Args:
        inputs: real channels, a multiple of 4.
        outputs: real channels, a multiple of 4.
        kernel: side of the kernel.
        generator: where weights are drawn from; biases are 0.
        stride: by how much each direction grows.
        padding: of the convolution that is transposed.
        output_padding: rows and columns added at the far ends.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        generator: torch.Generator,
        *,
        stride: tuple[int, int] = (1, 1),
        padding: int = 0,
        output_padding: tuple[int, int] = (0, 0),
    ) -> None:
        shape = (_quarter(inputs), _quarter(outputs), kernel, kernel)
        super().__init__(shape, outputs, "glorot", generator)
        self._stride, self._padding, self._output_padding = stride, padding, output_padding

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, inputs, height, width) to (batch, outputs, ...)."""
        kernel = hamilton(self.components)
        return conv_transpose2d(inputs, kernel, self.bias, self._stride, self._padding, self._output_padding)


class QuaternionLinear(_Quaternion):
    """A linear layer whose weights are quaternions: a convolution with a kernel of one place."""

    def __init__(
        self, inputs: int, outputs: int, generator: torch.Generator, *, criterion: Criterion = "glorot"
    ) -> None:
        super().__init__((_quarter(outputs), _quarter(inputs)), outputs, criterion, generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """From (..., inputs) to (..., outputs)."""
        return linear(inputs, hamilton(self.components), self.bias)


class QuaternionBatchNorm2d(RunningAverages):
    """One mean of each component and one variance of all of them, over batch, places and quaternions.

    Scaled by a number for each quaternion channel, so that a quaternion keeps its direction, and moved by one
    for each real channel.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__(momentum)
        self._epsilon = epsilon
        self.scale = nn.Parameter(torch.ones(_quarter(channels)))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(PARTS))
        self.register_buffer("variance", torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Shape (batch, channels, height, width), in and out; float32 out."""
        parts = inputs.float().unflatten(1, (PARTS, -1))
        mean, variance = self._statistics(parts) if self.training else (self.mean, self.variance)
        scale = (self.scale / (variance + self._epsilon).sqrt())[None, None, :, None, None]
        normed = (parts - mean[:, None, None, None]) * scale
        return normed.flatten(1, 2) + self.shift[:, None, None]

    def _statistics(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        """Those of a batch of shape (batch, 4, quaternions, height, width), noted in the averages."""
        mean = parts.mean(dim=(0, 2, 3, 4))
        variance = (parts - mean[:, None, None, None]).square().sum(dim=1).mean()
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance, self.momentum)
        return mean, variance


def quaternion_weights(shape: tuple[int, ...], criterion: Criterion, generator: torch.Generator) -> Tensor:
    """Random quaternions as components of shape (4, *shape).

    Their modulus is chi-distributed with four degrees of freedom, so that each component has the deviation
    1 / sqrt(2 (fan in + fan out)) (`glorot`) or 1 / sqrt(2 fan in) (`he`), fans in quaternions; their phase
    is uniform around a random imaginary axis (Parcollet et al. 2019, eq. 10 to 14).

    Args:
        shape: rows, columns and the kernel; rows are outputs (of a transposed convolution inputs).
        criterion: for layers without, or with, a rectifier behind them.
        generator: where they are drawn from.
    """
    places = math.prod(shape[2:])
    fan_out, fan_in = shape[0] * places, shape[1] * places
    deviation = 1 / math.sqrt(2 * (fan_in + fan_out if criterion == "glorot" else fan_in))
    modulus = deviation * torch.randn(PARTS, *shape, generator=generator).norm(dim=0)
    phase = math.pi * (2 * torch.rand(shape, generator=generator) - 1)
    axis = torch.randn(PARTS - 1, *shape, generator=generator)
    axis /= axis.norm(dim=0).clamp_min(torch.finfo(axis.dtype).tiny)
    return torch.cat([(modulus * phase.cos())[None], modulus * phase.sin() * axis])


def _quarter(channels: int) -> int:
    if channels % PARTS:
        raise ValueError(f"{channels} channels are not whole quaternions: allowed are multiples of {PARTS}")
    return channels // PARTS

"""The GLAM network (Zhu & Li 2022), without any training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from after_ray.classifiers._spectral_classifier import SpectralNetwork

STEM_CHANNELS = 16
TOKENS = 128  # the channels after the last multi-scale block
EXPANSION = 4  # of a token's width within the gMLP
MIXING_BOUND = 1e-3 / TOKENS


class GlamNetwork(SpectralNetwork):
    """Two parallel stems, three multi-scale blocks, a convolution, a gMLP over its channels, a linear layer.

    Inputs have shape (batch, coefficients, times); 904,078 parameters for 26 x 57 and four classes. Every
    channel of the last convolution is a token, its width a fourth of the times by half of the coefficients.
    """

    def __init__(
        self, classes: int, shape: tuple[int, int], dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        width = token_width(shape)
        self.stem = Stem()
        self.scales = nn.Sequential(
            MultiScale(16), nn.MaxPool2d(2), MultiScale(32), nn.MaxPool2d(2), MultiScale(64)
        )
        self.last = _normed(_convolution(TOKENS, TOKENS, 5))
        self.fusion = GatedMlp(TOKENS, width)
        self.head = _linear(TOKENS * width, classes)
        self.dropout = nn.Dropout(dropout)
        self._initialise(generator)
        # torch's own type stubs do not know the argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, pieces: Tensor) -> Tensor:
        """All tokens of a piece one after the other, shape (batch, 128 x width)."""
        channels = self.last(self.scales(self.stem(pieces[:, None])))
        tokens = channels.flatten(2).contiguous()  # no longer channels last: every token is one row
        return self.fusion(tokens).relu().flatten(1)

    def _initialise(self, generator: torch.Generator) -> None:
        """Torch's defaults for convolutions and linear layers, as the authors have them; the gate's own."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                bound = 1 / math.sqrt(module.weight[0].numel())
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                assert module.bias is not None
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        nn.init.uniform_(self.fusion.mixing, -MIXING_BOUND, MIXING_BOUND, generator=generator)


def token_width(shape: tuple[int, int]) -> int:
    """Numbers of one channel after two poolings of a stem's output, which has twice the coefficients.

    Raises:
        ValueError: for segments too small to be pooled twice.
    """
    coefficients, times = shape
    width = (2 * coefficients // 4) * (times // 4)
    if width == 0:
        raise ValueError(
            f"a segment of {coefficients} coefficients x {times} times vanishes when pooled twice"
        )
    return width


class Stem(nn.Module):
    """Convolutions along coefficients (3 x 1) and along time (1 x 3), one above the other."""

    def __init__(self) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            _normed(_convolution(1, STEM_CHANNELS, kernel)) for kernel in ((3, 1), (1, 3))
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, 1, coefficients, times) to (batch, 16, 2 x coefficients, times)."""
        return torch.cat([path(inputs) for path in self.paths], dim=2)


class MultiScale(nn.Module):
    """Convolutions of 3 x 3 and 5 x 5, each added to its input, side by side; twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = _convolution(channels, channels, 3)
        self.wide = _convolution(channels, channels, 5)
        self.norm = nn.BatchNorm2d(2 * channels)

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, channels, rows, columns) to (batch, 2 x channels, rows, columns)."""
        both = torch.cat([self.narrow(inputs) + inputs, self.wide(inputs) + inputs], dim=1)
        return self.norm(both).relu_()


class GatedMlp(nn.Module):
    """One block of gMLP (Liu et al. 2021, figure 1), its gate squashed by tanh, added to its input.

    Half of what a token expands to is multiplied by a gate: the other half, mixed linearly over all tokens.
    The mixing begins near 0 with a bias of 1, so that a gate begins near tanh(1) = 0.7616.
    """

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        half = EXPANSION * width // 2
        self.norm = nn.LayerNorm(width)
        self.expand = _linear(width, 2 * half)
        self.gate_norm = nn.LayerNorm(half)
        self.mixing = nn.Parameter(torch.zeros(tokens, tokens))
        self.mixing_bias = nn.Parameter(torch.ones(tokens))
        self.contract = _linear(half, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """From and to (batch, tokens, width)."""
        kept, gate = gelu(self.expand(self.norm(tokens))).chunk(2, dim=-1)
        return tokens + self.contract(kept * self.gate(gate))

    def gate(self, gate: Tensor) -> Tensor:
        """What the other half is multiplied by, shape (batch, tokens, width x 2), in (-1, 1)."""
        # One product per piece keeps tokens in rows; a linear layer over columns makes what follows slower.
        mixing = self.mixing.expand(len(gate), -1, -1)
        return torch.baddbmm(self.mixing_bias[:, None], mixing, self.gate_norm(gate)).tanh()


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _convolution(inputs: int, outputs: int, kernel: int | tuple[int, int]) -> nn.Conv2d:
    """Its weights are drawn by the network."""
    made: nn.Conv2d = nn.utils.skip_init(nn.Conv2d, inputs, outputs, kernel, padding="same")
    return made


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Its weights are drawn by the network."""
    made: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    return made

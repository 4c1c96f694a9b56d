"""LSSED's network, a residual network of pyramidal convolutions (Duta et al. 2020), without any training."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from after_ray.classifiers._spectral_classifier import SpectralNetwork

STEM_CHANNELS = 64
EXPANSION = 4
FREQUENCY_ROWS = 4  # of the pooled map: quarters of the bands, low ones first
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class Branch(NamedTuple):
    """One convolution of a pyramid: side of its kernel, channels that it gives, groups."""

    kernel: int
    channels: int
    groups: int


# Of every stage, narrow kernels over all channels beside wide ones over few; a stage has so many planes.
STAGES = (
    (Branch(3, 16, 1), Branch(5, 16, 4), Branch(7, 16, 8), Branch(9, 16, 16)),
    (Branch(3, 32, 1), Branch(5, 32, 4), Branch(7, 64, 8)),
    (Branch(3, 128, 1), Branch(5, 128, 4)),
    (Branch(3, 512, 1),),
)
WIDTH = EXPANSION * 512 * FREQUENCY_ROWS


class LssedNetwork(SpectralNetwork):
    """Stem, four stages of bottlenecks, mean over time within 4 bands of frequency, dropout, linear layer.

    22,825,220 parameters for four classes at depth 50, 40,285,444 at 101, 54,618,372 at 152. Inputs have
    shape (batch, frequency, time), both at least 32.
    """

    def __init__(self, depth: int, classes: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        stem = _convolution(1, STEM_CHANNELS, kernel=7, stride=2)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(STEM_CHANNELS), nn.ReLU(inplace=True))
        self.stages, channels = nn.Sequential(), STEM_CHANNELS
        for pyramid, blocks in zip(STAGES, BLOCKS[depth], strict=True):
            made = [Bottleneck(channels, pyramid, stride=2)]
            channels = made[0].channels
            made += [Bottleneck(channels, pyramid) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*made))
        self.pool = nn.AdaptiveAvgPool2d((FREQUENCY_ROWS, 1))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.utils.skip_init(nn.Linear, WIDTH, classes)
        self._initialise(generator)
        # Grouped convolutions were measured on a processor with bf16, one thread, stage 1's kernels of side 9
        # for 8 clips, forward and backward: 24 ms (fp32: 31) so, 169 (188) with channels first, 21 (36) as a
        # full convolution with zeros between groups, which is 2 to 5 times slower in stages 2 and 3.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, pieces: Tensor) -> Tensor:
        """Means over time within each of 4 bands of frequency, shape (batch, 8192)."""
        image = pieces[:, None].contiguous(memory_format=torch.channels_last)
        return self.pool(self.stages(self.stem(image))).flatten(1)

    def _initialise(self, generator: torch.Generator) -> None:
        """Kaiming-normal kernels by fan-out; the linear layer as torch does it."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )
        limit = 1 / math.sqrt(self.head.in_features)
        for parameter in self.head.parameters():
            nn.init.uniform_(parameter, -limit, limit, generator=generator)


class Bottleneck(nn.Module):
    """1 x 1 convolution, pyramidal convolution, 1 x 1 convolution, added to the input or to its shortcut.

    The first block of a stage halves both axes; its shortcut is the maximum of 3 x 3, then a 1 x 1
    convolution.
    """

    def __init__(self, inputs: int, pyramid: tuple[Branch, ...], stride: int = 1) -> None:
        super().__init__()
        planes = sum(branch.channels for branch in pyramid)
        self.channels = EXPANSION * planes
        self.body = nn.Sequential(
            _convolution(inputs, planes),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
            Pyramid(pyramid, planes, stride),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
            _convolution(planes, self.channels),
            nn.BatchNorm2d(self.channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.MaxPool2d(3, stride, padding=1),
                _convolution(inputs, self.channels),
                nn.BatchNorm2d(self.channels),
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, inputs, frequency, time) to (batch, channels, frequency / stride, time / stride)."""
        return torch.relu(self.body(inputs) + self.shortcut(inputs))


class Pyramid(nn.Module):
    """Convolutions of several sizes over the same input, side by side (Duta et al. 2020, fig. 2b)."""

    def __init__(self, branches: tuple[Branch, ...], inputs: int, stride: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            _convolution(inputs, branch.channels, branch.kernel, stride, branch.groups) for branch in branches
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, inputs, frequency, time) to as many channels as the branches give together."""
        return torch.cat([branch(inputs) for branch in self.branches], dim=1)


def _convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Module:
    """Without bias, padded so that stride 1 keeps the size; its weights are not drawn yet."""
    shape = {"kernel_size": kernel, "stride": stride, "padding": kernel // 2, "groups": groups}
    return nn.utils.skip_init(nn.Conv2d, inputs, outputs, bias=False, **shape)

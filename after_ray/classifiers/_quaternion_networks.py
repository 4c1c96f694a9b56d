"""AlexNet, ResNet-50 and VGG-16 over quaternions, for the quaternion images of RH-emo; without any training.

The networks are those of torchvision with every convolution, hidden linear layer and norm over quaternions;
the first convolution sees one quaternion channel, the last linear layer is real (Guizzo et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from after_ray.classifiers._quaternion import (
    PARTS,
    QuaternionBatchNorm2d,
    QuaternionConv2d,
    QuaternionLinear,
)
from after_ray.classifiers._rh_emo_network import OF_LOGITS, draw_weights
from after_ray.classifiers._spectral_classifier import SpectralNetwork

NetworkName = Literal["resnet50", "alexnet", "vgg16"]
HIDDEN_DROPOUT = 0.5  # before hidden linear layers, as published
HIDDEN = 4096
# Of ResNet-50: (blocks, channels within a block, stride of the first); a block puts out four times as many.
STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
# Of VGG-16: channels of 3 x 3 convolutions between poolings.
GROUPS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class QuaternionNetwork(SpectralNetwork):
    """One of the networks on quaternion images of shape (pieces, 4, 64, 64).

    For four classes 5,905,908 parameters (resnet50), 14,276,292 (alexnet) or 9,998,020 (vgg16).

    Args:
        name: which.
        classes: of the last layer.
        dropout: before the last layer; published are 0.5 of vgg16 and none of the others.
        generator: where weights are drawn from.
    """

    def __init__(self, name: NetworkName, classes: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        make, width = {
            "resnet50": (_resnet50, 2048),
            "alexnet": (_alexnet, HIDDEN),
            "vgg16": (_vgg16, HIDDEN),
        }[name]
        self.body = make(generator)
        self.dropout = nn.Dropout(dropout)
        with torch.random.fork_rng(devices=[]):  # draws weights of its own, replaced below
            self.head = nn.Linear(width, classes)
        draw_weights(self.head, generator, OF_LOGITS)

    def embed(self, pieces: Tensor) -> Tensor:
        """What the last layer sees: 2048 numbers of resnet50, 4096 of the others."""
        embedded: Tensor = self.body(pieces)
        return embedded


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    generator: torch.Generator,
    *,
    stride: int = 1,
    padding: int = 0,
    bias: bool = True,
) -> QuaternionConv2d:
    return QuaternionConv2d(
        inputs, outputs, kernel, generator, stride=stride, padding=padding, bias=bias, criterion="he"
    )


def _alexnet(generator: torch.Generator) -> nn.Module:
    return nn.Sequential(
        _convolution(PARTS, 64, 11, generator, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        _convolution(64, 192, 5, generator, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        _convolution(192, 384, 3, generator, padding=1),
        nn.ReLU(),
        _convolution(384, 256, 3, generator, padding=1),
        nn.ReLU(),
        _convolution(256, 256, 3, generator, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        nn.Dropout(HIDDEN_DROPOUT),
        QuaternionLinear(256 * 6 * 6, HIDDEN, generator, criterion="he"),
        nn.ReLU(),
        nn.Dropout(HIDDEN_DROPOUT),
        QuaternionLinear(HIDDEN, HIDDEN, generator, criterion="he"),
        nn.ReLU(),
    )


def _vgg16(generator: torch.Generator) -> nn.Module:
    """Without the pooling to 7 x 7 of torchvision: five poolings of 64 x 64 leave 2 x 2, flat 2048."""
    return nn.Sequential(
        *_groups(generator),
        nn.Flatten(),
        QuaternionLinear(512 * 2 * 2, HIDDEN, generator, criterion="he"),
        nn.ReLU(),
        nn.Dropout(HIDDEN_DROPOUT),
        QuaternionLinear(HIDDEN, HIDDEN, generator, criterion="he"),
        nn.ReLU(),
    )


def _groups(generator: torch.Generator) -> Iterator[nn.Module]:
    inputs = PARTS
    for group in GROUPS:
        for outputs in group:
            yield _convolution(inputs, outputs, 3, generator, padding=1)
            yield nn.ReLU()
            inputs = outputs
        yield nn.MaxPool2d(2)


def _resnet50(generator: torch.Generator) -> nn.Module:
    return nn.Sequential(
        _convolution(PARTS, 64, 7, generator, stride=2, padding=3, bias=False),
        QuaternionBatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        *_blocks(generator),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def _blocks(generator: torch.Generator) -> Iterator[nn.Module]:
    inputs = 64
    for blocks, width, stride in STAGES:
        for number in range(blocks):
            yield Bottleneck(inputs, width, 1 if number else stride, generator)
            inputs = Bottleneck.EXPANSION * width


class Bottleneck(nn.Module):
    """Narrow, convolve, widen, and add what came in (He et al. 2016); the stride is in the middle."""

    EXPANSION = 4

    def __init__(self, inputs: int, width: int, stride: int, generator: torch.Generator) -> None:
        super().__init__()
        outputs = self.EXPANSION * width
        self.path = nn.Sequential(
            *_normed(inputs, width, 1, 1, generator),
            nn.ReLU(),
            *_normed(width, width, 3, stride, generator),
            nn.ReLU(),
            *_normed(width, outputs, 1, 1, generator),
        )
        same = inputs == outputs and stride == 1
        self.beside = nn.Sequential(*(() if same else _normed(inputs, outputs, 1, stride, generator)))

    def forward(self, inputs: Tensor) -> Tensor:
        """From (pieces, inputs, height, width) to (pieces, outputs, height / stride, width / stride)."""
        return torch.relu(self.path(inputs) + self.beside(inputs))


def _normed(
    inputs: int, outputs: int, kernel: int, stride: int, generator: torch.Generator
) -> tuple[nn.Module, nn.Module]:
    convolution = _convolution(
        inputs, outputs, kernel, generator, stride=stride, padding=kernel // 2, bias=False
    )
    return convolution, QuaternionBatchNorm2d(outputs)

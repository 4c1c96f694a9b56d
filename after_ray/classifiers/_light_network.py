"""The Light-SERNet network and its losses (Aftab et al. 2022), without any training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from after_ray.classifiers._spectral_classifier import SpectralNetwork

# Keras defaults; a Keras momentum of 0.99 is a torch momentum of 0.01.
EPSILON, MOMENTUM = 1e-3, 0.01
STEM_CHANNELS = 32
# (channels in, channels out, kernel, pooling over (time, coefficients))
BODY = (
    (96, 64, 3, (2, 2)),
    (64, 96, 3, (2, 2)),
    (96, 128, 3, (2, 1)),
    (128, 160, 3, (2, 1)),
    (160, 320, 1, None),
)
WIDTH = 320


class LightNetwork(SpectralNetwork):
    """Three parallel convolutions, five body blocks, global mean, dropout, linear layer.

    460,740 parameters for four classes. Inputs have shape (batch, time, coefficients).
    """

    def __init__(self, classes: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):  # constructors draw weights of their own, replaced below
            self.stem = Stem()
            self.body = nn.Sequential(*(_block(*shape) for shape in BODY))
            self.head = nn.Linear(WIDTH, classes)
        self.dropout = nn.Dropout(dropout)
        self._initialise(generator)
        # A third faster on a processor; torch's own type stubs do not know the argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, pieces: Tensor) -> Tensor:
        """The mean over time and coefficients, shape (batch, 320)."""
        return self.body(self.stem(pieces[:, None])).mean(dim=(2, 3))

    def penalty(self) -> Tensor:
        """Sum of squares of the body's kernels, the only weights with an L2 penalty."""
        kernels = [layer.weight for layer in self.body.modules() if isinstance(layer, nn.Conv2d)]
        return torch.stack([kernel.square().sum() for kernel in kernels]).sum()

    def _initialise(self, generator: torch.Generator) -> None:
        """Glorot-uniform kernels and zero biases, as Keras does."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


class Stem(nn.Module):
    """Convolutions along time (11 x 1), along coefficients (1 x 9) and along both (3 x 3), side by side."""

    def __init__(self) -> None:
        super().__init__()
        shapes = ((11, 1), (1, 9), (3, 3))
        self.paths = nn.ModuleList(_path(shape) for shape in shapes)

    def forward(self, inputs: Tensor) -> Tensor:
        """From (batch, 1, time, coefficients) to (batch, 96, time / 2, coefficients / 2)."""
        return torch.cat([path(inputs) for path in self.paths], dim=1)


def _path(kernel: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(1, STEM_CHANNELS, kernel, padding="same")
    return nn.Sequential(convolution, _norm(STEM_CHANNELS), nn.ReLU(inplace=True), _pool((2, 2)))


def _block(inputs: int, outputs: int, kernel: int, pooling: tuple[int, int] | None) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding="same", bias=False)
    pool = [] if pooling is None else [_pool(pooling)]
    return nn.Sequential(convolution, _norm(outputs), nn.ReLU(inplace=True), *pool)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)


def _pool(size: tuple[int, int]) -> nn.AvgPool2d:
    """Keras' `same` average pooling: at an odd edge the mean of what is there, no padding counted."""
    return nn.AvgPool2d(size, ceil_mode=True)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """Mean of -(1 - p)^gamma ln p of the true class (Lin et al. 2017, eq. 4); gamma 0 is cross-entropy.

    Targets weigh that of every class by its share, which is the same where one class has all of it.

    Args:
        logits: shape (utterances, classes).
        labels: class indices, shape (utterances,), or targets, shape (utterances, classes).
        gamma: how far well-classified utterances are turned down; at least 0.
    """
    if labels.is_floating_point():
        return (labels * _focal(logits.log_softmax(dim=1), gamma)).sum(dim=1).mean()
    return _focal(-nll_loss(logits.log_softmax(dim=1), labels, reduction="none"), gamma).mean()


def _focal(log_p: Tensor, gamma: float) -> Tensor:
    """-(1 - p)^gamma ln p of every log-probability."""
    # 1 - p as expm1 keeps its digits near p = 1; the tiny floor keeps the power's slope finite there.
    missing = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -(missing**gamma) * log_p

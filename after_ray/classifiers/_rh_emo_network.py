"""The autoencoder of RH-emo (Guizzo et al. 2023) and its losses, without any training.

A real encoder makes four small images of a spectrogram, which are the parts of one quaternion image: what its
real part says of the class, and its imaginary parts of valence, arousal and dominance, heads learn beside a
quaternion decoder that gives the spectrogram back.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    pad,
)

from after_ray.classifiers._quaternion import PARTS, QuaternionBatchNorm2d, QuaternionConvTranspose2d

TIME, FREQUENCIES = 512, 128
EMBEDDED = (PARTS, 64, 64)
EMBEDDED_NUMBERS = 64 * 64  # of each part
HEAD_WIDTH = 4096
HEAD_CLASSES = 5  # four emotions and any other
OF_LOGITS = math.sqrt(5)  # see `draw_weights`
DIMENSIONS = ("valence", "arousal", "dominance")
RATINGS_WEIGHT = 100.0  # published, of these three beside classes


def network_input(magnitudes: Tensor, maximum: float) -> Tensor:
    """Stored magnitudes as the encoder takes them.

    Args:
        magnitudes: shape (pieces, frames, 128), at most 512 frames.
        maximum: of the train part; what is louder elsewhere counts as loud as that.

    Returns:
        Shape (pieces, 1, 512, 128), in [0, 1]; zeros after the last frame.
    """
    scaled = (magnitudes / maximum if maximum > 0 else magnitudes).clamp(0, 1)
    return pad(scaled, (0, 0, 0, TIME - magnitudes.shape[1]))[:, None]


class Encoder(nn.Sequential):
    """From (pieces, 1, 512, 128) to the quaternion image, shape (pieces, 4, 64, 64); 256 parameters."""

    def __init__(self, generator: torch.Generator) -> None:
        with torch.random.fork_rng(devices=[]):  # constructors draw weights of their own, replaced below
            super().__init__(
                nn.Conv2d(1, 2, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(2),
                nn.Conv2d(2, 4, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d((2, 1)),
                nn.BatchNorm2d(4),
                nn.Conv2d(4, 4, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d((2, 1)),
            )
        draw_weights(self, generator)
        # Twice as fast on a processor; torch's own type stubs do not know the argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class Decoder(nn.Sequential):
    """From the quaternion image to four guesses of the spectrogram, (pieces, 4, 512, 128), in [0, 1]."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(
            _grow((2, 1), (1, 0), generator),
            nn.ReLU(),
            QuaternionBatchNorm2d(PARTS),
            _grow((2, 1), (1, 0), generator),
            nn.ReLU(),
            QuaternionBatchNorm2d(PARTS),
            _grow((2, 2), (1, 1), generator),
            nn.Sigmoid(),
        )


class Head(nn.Module):
    """What one part of the quaternion image says: two hidden layers with dropout, then `outputs` logits."""

    def __init__(self, outputs: int, width: int, share: float, generator: torch.Generator) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self.layers = nn.ModuleList(
                (nn.Linear(EMBEDDED_NUMBERS, width), nn.Linear(width, width), nn.Linear(width, outputs))
            )
        self._share = share
        draw_weights(self.layers[:-1], generator)
        draw_weights(self.layers[-1], generator, OF_LOGITS)

    def forward(self, part: Tensor) -> Tensor:
        """From (pieces, 64, 64) to (pieces, outputs)."""
        values = part.flatten(1)
        for layer in self.layers[:-1]:
            values = dropout(layer(values).relu(), self._share, self.training)
        logits: Tensor = self.layers[-1](values)
        return logits


class Reading(NamedTuple):
    """What the autoencoder makes of pieces.

    Attributes:
        spectrograms: the mean of the decoder's channels, shape (pieces, 1, 512, 128), in [0, 1].
        classes: logits of the real part, shape (pieces, classes).
        dimensions: logits of valence, arousal and dominance, shape (pieces, 3); None without such heads.
    """

    spectrograms: Tensor
    classes: Tensor | None
    dimensions: Tensor | None


class Autoencoder(nn.Module):
    """Encoder, decoder and heads; 134,283,658 parameters with all heads of the published width.

    Heads of nothing that is learned are left out: they would only take room.

    Args:
        generator: where weights are drawn from.
        classes: outputs of the head of the real part; 0 without it.
        dimensions: whether the imaginary parts have heads.
        width: of the hidden layers of heads.
        share: of what hidden layers see that dropout drops.
    """

    def __init__(
        self,
        generator: torch.Generator,
        classes: int = 0,
        dimensions: bool = False,
        width: int = HEAD_WIDTH,
        share: float = 0.5,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(generator)
        self.decoder = Decoder(generator)
        self.of_classes = Head(classes, width, share, generator) if classes else None
        count = len(DIMENSIONS) if dimensions else 0
        self.of_dimensions = nn.ModuleList(Head(1, width, share, generator) for _ in range(count))

    def forward(self, inputs: Tensor) -> Reading:
        """From spectrograms of shape (pieces, 1, 512, 128), in [0, 1]."""
        embedded = self.encoder(inputs)
        spectrograms = self.decoder(embedded).mean(dim=1, keepdim=True)
        classes = None if self.of_classes is None else self.of_classes(embedded[:, 0])
        read = [head(embedded[:, part]) for part, head in enumerate(self.of_dimensions, start=1)]
        return Reading(spectrograms, classes, torch.cat(read, dim=1) if read else None)


def reconstruction_loss(spectrograms: Tensor, inputs: Tensor) -> Tensor:
    """Binary cross-entropy of every place, in nats; both of shape (pieces, 1, 512, 128), in [0, 1].

    Not a number where a spectrogram has one: torch would fail before a training can say that it diverged.
    """
    if not spectrograms.isfinite().all():
        return spectrograms.mean()
    return binary_cross_entropy(spectrograms, inputs)


def emotion_loss(reading: Reading, labels: Tensor, ratings: Tensor | None = None) -> Tensor:
    """Cross-entropy of classes and, 100 times, of high or low valence, arousal and dominance.

    Args:
        reading: of so many pieces.
        labels: class indices, shape (pieces,).
        ratings: 1 for high, 0 for low, not-a-number where nobody rated, shape (pieces, 3); each of the three
            terms is a mean over the pieces that were rated, and 0 where none was. None for no ratings.
    """
    assert reading.classes is not None
    loss = cross_entropy(reading.classes, labels)
    if ratings is None or reading.dimensions is None:
        return loss
    rated = ~ratings.isnan()
    each = binary_cross_entropy_with_logits(
        reading.dimensions, ratings.nan_to_num(0.0), reduction="none", weight=rated.float()
    )
    return loss + RATINGS_WEIGHT * (each.sum(dim=0) / rated.sum(dim=0).clamp_min(1)).sum()


def _grow(stride: tuple[int, int], extra: tuple[int, int], generator: torch.Generator) -> nn.Module:
    return QuaternionConvTranspose2d(
        PARTS, PARTS, 3, generator, stride=stride, padding=1, output_padding=extra
    )


@torch.no_grad()
def draw_weights(network: nn.Module, generator: torch.Generator, slope: float = 0.0) -> None:
    """Weights of real layers for the rectifiers behind them (He et al. 2015), biases zero.

    `slope` is that of the rectifiers below zero; `OF_LOGITS` gives weights a third as large in variance as
    those that keep it, which is how torch draws linear layers: nearly equal classes at first.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=slope, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

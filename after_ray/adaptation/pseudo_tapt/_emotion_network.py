"""The network that learns emotions from frames, without any training."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

BLOCKS, KERNEL = 3, 5  # 13 frames, a quarter of a second


class EmotionLogits(NamedTuple):
    """What is said of every frame, shape (clips, frames, classes), and of every clip, (clips, classes)."""

    frames: Tensor
    clips: Tensor


class EmotionNetwork(nn.Module):
    """Convolutions that put each frame into its context, and two heads that name the emotion.

    The heads are those of the original at a width of 512: of frames Linear(512, 128), tanh,
    Linear(128, classes); of clips a bidirectional LSTM of 256 units each way, its mean over time, ReLU, and
    the like of the former. The convolutions stand for the context network of wav2vec. They are normalised
    frame by frame, so that how long a clip is changes nothing.

    Args:
        width: of the frames that come in.
        channels: of the hidden frames.
        classes: emotions.
        generator: of the weights.
    """

    def __init__(self, width: int, channels: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.projection = nn.utils.skip_init(nn.Linear, width, channels)
        self.context = nn.ModuleList(ContextBlock(channels) for _ in range(BLOCKS))
        self.of_frames = _head(channels, classes)
        with torch.random.fork_rng(devices=[]):  # it draws weights of its own, replaced below
            self.lstm = nn.LSTM(channels, channels // 2, bidirectional=True, batch_first=True)
        self.of_clips = _head(2 * (channels // 2), classes)
        self._initialise(generator)

    def hear(self, frames: Tensor) -> Tensor:
        """Hidden frames, shape (clips, frames, channels), of frames of shape (clips, frames, width)."""
        hidden = self.projection(frames)
        for block in self.context:
            hidden = block(hidden)
        return hidden

    def forward(self, frames: Tensor) -> EmotionLogits:
        """Both heads, of frames of shape (clips, frames, width)."""
        hidden = self.hear(frames)
        overall = self.lstm(hidden)[0].mean(dim=1)
        return EmotionLogits(self.of_frames(hidden), self.of_clips(overall.relu()))

    def _initialise(self, generator: torch.Generator) -> None:
        """Glorot-uniform weights and zero biases; of the LSTM torch's own uniform draw."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # none is without
            if isinstance(module, nn.LSTM):
                bound = module.hidden_size**-0.5
                for weight in module.parameters():
                    nn.init.uniform_(weight, -bound, bound, generator=generator)


class ContextBlock(nn.Module):
    """A convolution over time, layer norm of each frame and ReLU, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.utils.skip_init(nn.Conv1d, channels, channels, KERNEL, padding=KERNEL // 2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, hidden: Tensor) -> Tensor:
        """From and to (clips, frames, channels)."""
        around = self.convolution(hidden.transpose(1, 2)).transpose(1, 2)
        return hidden + self.norm(around).relu()


def _head(width: int, classes: int) -> nn.Sequential:
    between = width // 4
    linear = nn.utils.skip_init
    return nn.Sequential(linear(nn.Linear, width, between), nn.Tanh(), linear(nn.Linear, between, classes))

"""The positional convolution of an encoder on a GPU, through the frequencies of its input.

It has 16 groups and 128 taps, for which cuDNN has no good kernel: on an H200 it takes 16 ms forward for 24
clips of 10 s in bfloat16, two thirds of a training step, and 16 ms backward in float32. A product in the
frequency domain takes 0.8 and 1.6 ms, in float32 whatever the format of the pass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

_MULTIPLE = 128  # of transform sizes, 2.5 s of frames: the plan of a new size takes a tenth of a second


@torch.compiler.disable  # a compiler has nothing to win with complex numbers
def convolve_by_frequency(values: Tensor, weight: Tensor, bias: Tensor | None, *, padding: int) -> Tensor:
    """What `torch.nn.functional.conv1d` gives with stride 1, by a product of Fourier transforms.

    Args:
        values: shape (clips, channels, frames).
        weight: shape (channels out, channels / groups, taps); it says how many groups there are.
        bias: shape (channels out,).
        padding: zeros before and after the frames.

    Returns:
        Shape (clips, channels out, frames + 2 * padding - taps + 1), in the format of `values`.
    """
    clips, channels, frames = values.shape
    outputs, width, taps = weight.shape
    groups, padded = channels // width, frames + 2 * padding
    size = -(-padded // _MULTIPLE) * _MULTIPLE
    with torch.autocast(values.device.type, enabled=False):
        framed = nn.functional.pad(values.float(), (padding, size - frames - padding))
        spectrum = torch.fft.rfft(framed).view(clips, groups, width, -1)
        response = torch.fft.rfft(weight.float(), n=size).view(groups, outputs // groups, width, -1).conj()
        # One product of matrices for every frequency and group: (clips, width) by (width, outputs / groups).
        product = spectrum.permute(3, 1, 0, 2) @ response.permute(3, 0, 2, 1)
        convolved = torch.fft.irfft(product.permute(2, 1, 3, 0).flatten(1, 2), n=size)
        convolved = convolved[:, :, : padded - taps + 1]
        if bias is not None:
            convolved = convolved + bias.float()[:, None]
    return convolved.to(values.dtype)


def convolve_fast(encoder: Any) -> None:
    """Let the positional convolution of an encoder go through frequencies wherever it runs on a GPU.

    Names, weights and norms of the encoder stay; a processor, which convolves well, is left as it is.
    """
    convolution = encoder.pos_conv_embed.conv
    convolution._conv_forward = partial(_forward, convolution, convolution._conv_forward)


def _forward(
    convolution: nn.Conv1d,
    usual: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
) -> Tensor:
    if values.device.type != "cuda":
        return usual(values, weight, bias)
    return convolve_by_frequency(values, weight, bias, padding=int(convolution.padding[0]))

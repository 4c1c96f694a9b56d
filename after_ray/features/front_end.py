"""The convolutional front end of a backbone: what its transformer encoder is fed with."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.backbones.loading import build, frames, shortest
from after_ray.errors import UnstorableFeatures
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import FrontEndFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
LEAST_VARIANCE = 1e-7  # added to that of a waveform


@extractors.register("front_end")
class FrontEnd(Extractor):
    """Output of the front end before the projection's layer norm, 49 frames for one second.

    Utterances go through alone and without padding. That is what makes their features independent of any
    neighbour: the base models normalise over time (group norm), and padding would change every frame. The
    waveform is used as it is, unless it shall be `standardised`, and only its first `max_seconds`
    (D5 and D29 of docs/differences.md).
    """

    dtype: ClassVar[type[np.generic]] = np.float16

    def __init__(self, settings: FrontEndFeatures, weights: Weights | None, device: str) -> None:
        model = build(settings.backbone, weights)
        self._config = model.config
        self._layers = model.feature_extractor.to(device)
        self._device = device
        self._standardised = settings.standardised
        self._max_samples = round(settings.max_seconds * SAMPLE_RATE)

    @property
    def inner(self) -> tuple[int, ...]:
        """Width of the last convolution."""
        return (int(self._config.conv_dim[-1]),)

    def frames(self, samples: int) -> int:
        """Frames of an utterance of that many samples, cropped to `max_seconds`."""
        return frames(self._config, min(samples, self._max_samples))

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Features of shape (frames, width), float16; shorter than one frame is padded with zeros.

        Raises:
            UnstorableFeatures: when a value is beyond the range of float16, or no number.
        """
        cropped = np.array(wave[: self._max_samples], dtype=np.float32)
        if self._standardised:
            cropped = _standardised(cropped)
        missing = max(0, shortest(self._config) - len(cropped))
        samples = torch.from_numpy(np.pad(cropped, (0, missing))).to(self._device)
        # The 10 bits that CUDA's convolutions would otherwise compute with are fewer than float16 stores.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return _stored(self._layers(samples[None])[0].T)

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean over time, shape (width,): the vector that the clustering initialization groups by (D7)."""
        return features.astype(np.float64).mean(axis=0)


def _standardised(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and variance 1, as the feature extractor of transformers has it; silence stays silence."""
    centred = wave.astype(np.float64) - wave.mean(dtype=np.float64)
    return (centred / np.sqrt(np.mean(centred**2) + LEAST_VARIANCE)).astype(np.float32)


def _stored(features: Tensor) -> NDArray[np.generic]:
    """As float16, each value to the nearest: a relative error of at most 2**-11."""
    largest, limit = float(features.abs().max()), torch.finfo(torch.float16).max
    if not largest <= limit:  # not a number is not below anything
        raise UnstorableFeatures(largest, limit)
    return features.half().cpu().numpy()

"""What the benchmarks of training and scoring share: speech of IEMOCAP's lengths, models, the machine."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.backbones.loading import build, configuration, frames
from after_ray.backbones.operations import shape_of
from after_ray.backbones.settings import BackboneSettings
from after_ray.ragged import Ragged

SAMPLE_RATE = 16_000
CLASSES = 4

# `small` has the proportions of wav2vec2-base: of the multiplications of a pass a third is convolution.
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 512,
        "conv_dim": (64,) * 7,
        "num_conv_pos_embeddings": 64,
    },
    "small": {
        "hidden_size": 256,
        "num_hidden_layers": 7,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "conv_dim": (128,) * 7,
    },
    "base": {"hidden_size": 768},
}


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def device_name(device: str) -> str:
    """What the device calls itself."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else "processor"


def iemocap_lengths(count: int, seed: int = 0) -> NDArray[np.int64]:
    """Samples per utterance: lognormal, mean 4.55 s as in IEMOCAP, from 0.6 to 34 s."""
    spread = 0.7
    draws = np.random.default_rng(seed).lognormal(np.log(4.55) - spread**2 / 2, spread, count)
    return np.round(SAMPLE_RATE * np.clip(draws, 0.6, 34.0)).astype(np.int64)


@dataclass(frozen=True)
class Speech:
    """Noise in the lengths of speech, as waveforms and as cached front-end features of the model."""

    waves: Ragged
    features: Ragged
    labels: NDArray[np.int64]

    @property
    def seconds(self) -> NDArray[np.float64]:
        return self.waves.lengths / SAMPLE_RATE


def make_speech(backbone: BackboneSettings, samples: NDArray[np.int64], seed: int = 0) -> Speech:
    """The features are noise as well: what is computed does not depend on it."""
    config, generator = configuration(backbone), np.random.default_rng(seed)
    counts = np.array([frames(config, int(length)) for length in samples])
    waves = (3_000 * generator.standard_normal(int(samples.sum()), dtype=np.float32)).astype(np.int16)
    width = int(config.conv_dim[-1])
    features = generator.standard_normal((int(counts.sum()), width), dtype=np.float32).astype(np.float16)
    labels = generator.integers(0, CLASSES, len(samples))
    return Speech(Ragged(waves, _offsets(samples)), Ragged(features, _offsets(counts)), labels)


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


class Reference(nn.Module):
    """The same classifier as a researcher writes it: the whole backbone, ReLU, masked mean, linear layer."""

    def __init__(
        self,
        backbone: BackboneSettings,
        classes: int = CLASSES,
        *,
        frozen: bool = True,
        frozen_projection: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = build(backbone)
        self.backbone.config.apply_spec_augment = False
        self.head = nn.Linear(self.backbone.config.hidden_size, classes)
        if frozen:
            self.backbone.feature_extractor._freeze_parameters()
            self.backbone.feature_projection.requires_grad_(not frozen_projection)
        self.backbone.masked_spec_embed.requires_grad_(False)

    def forward(
        self, input_values: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        hidden = self.backbone(input_values, attention_mask=attention_mask).last_hidden_state.relu()
        if attention_mask is None:
            pooled = hidden.mean(dim=1)
        else:
            valid = self.backbone._get_feature_vector_attention_mask(hidden.shape[1], attention_mask)[
                :, :, None
            ]
            pooled = (hidden * valid).sum(dim=1) / valid.sum(dim=1)
        logits = self.head(pooled)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def padded_to_longest(waves: Sequence[NDArray[np.int16]]) -> dict[str, Tensor]:
    """A batch as a feature extractor makes it: zeros behind, and a mask that says where."""
    floats = [torch.from_numpy(np.array(wave)).float() / 32768 for wave in waves]
    masks = [torch.ones(len(wave), dtype=torch.long) for wave in floats]
    return {
        "input_values": nn.utils.rnn.pad_sequence(floats, batch_first=True),
        "attention_mask": nn.utils.rnn.pad_sequence(masks, batch_first=True),
    }


def multiplications(backbone: BackboneSettings) -> dict[str, float]:
    """Billions of multiplications that a second of audio takes, forward: convolutions, transformer."""
    shape = shape_of(backbone)
    return {"front_end": round(shape.front_end / 1e9, 3), "transformer": round(shape.transformer / 1e9, 3)}


def machine() -> dict[str, Any]:
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def keep_memory(main: Callable[[], None]) -> None:
    """Run `main` in a process that keeps its memory, as trials do (both sides gain by it)."""
    from sweeps.launching.ray_start import (
        KEEP_MEMORY,  # not above: it brings Ray along, which not every machine has
    )

    if all(os.environ.get(name) == value for name, value in KEEP_MEMORY.items()):
        main()
    else:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})


def print_json(result: dict[str, Any]) -> None:
    json.dump(result, sys.stdout, indent=1)
    print()

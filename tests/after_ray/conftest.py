"""Small backbones and made-up sound for tests of what is built on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.backbones.families import FAMILIES
from after_ray.backbones.settings import BackboneSettings
from after_ray.ragged import Ragged
from tests.after_ray.tiny import TINY


@pytest.fixture
def tiny() -> Callable[..., BackboneSettings]:
    """Makes a backbone of some 30,000 weights with one frame in 20 ms; changes go into its configuration.

    `model_type` among the changes makes one of another family.
    """

    def make(norm: str = "group", **changes: bool | int | float | str | tuple[int, ...]) -> BackboneSettings:
        allowed = FAMILIES[str(changes.get("model_type", "wav2vec2"))].architecture
        tiny = {name: value for name, value in TINY.items() if name in allowed}
        kind = {"feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer"}
        return BackboneSettings(config={**tiny, **kind, **changes}, seed=5)

    return make


@pytest.fixture
def sound() -> Ragged:
    """24 int16 waveforms of 0.3 to 1 s; even rows are low, odd rows high, all with noise."""
    generator = np.random.default_rng(7)
    waves = []
    for row in range(24):
        time = np.arange(int(generator.integers(4_800, 16_000))) / 16_000
        tone = np.sin(2 * np.pi * (150 if row % 2 == 0 else 900) * time)
        waves.append((8_000 * tone + 800 * generator.standard_normal(len(time))).astype(np.int16))
    return as_ragged(waves)


@pytest.fixture
def make_ragged() -> Callable[[Sequence[NDArray[np.generic]]], Ragged]:
    """Makes a ragged array in memory."""
    return as_ragged


def as_ragged(rows: Sequence[NDArray[np.generic]]) -> Ragged:
    lengths = [len(row) for row in rows]
    return Ragged(np.concatenate(rows), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

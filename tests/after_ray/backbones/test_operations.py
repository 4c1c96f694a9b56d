"""Operations and sizes of a backbone are those of its network, counted without torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from after_ray.backbones.operations import Shape, per_clip, shape_of
from after_ray.backbones.settings import BackboneSettings

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
}


def test_the_base_model_has_its_published_numbers() -> None:
    base = Shape.of({})
    assert round(base.front_end / 1e9, 3) == 2.454
    assert round(base.transformer / 1e9, 3) == 4.502
    assert base.frame_rate == 50
    assert base.parameters == pytest.approx(94.37e6, rel=1e-3)


def test_parameters_are_those_of_the_network() -> None:
    from after_ray.backbones.loading import build

    settings = BackboneSettings(config=SMALL)
    numbers = sum(weight.numel() for weight in build(settings).parameters())
    assert shape_of(settings).parameters == pytest.approx(numbers, rel=0.02)  # norms and masks are left out


def test_a_clip_by_hand() -> None:
    shape = Shape.of(SMALL)
    # 100 frames in 2 s: 2 layers x 2 products x 32 wide x 100 x 100.
    attention = 2 * 2 * 32 * 100**2
    without = per_clip(shape, 2.0, 4.0, front_end=False)
    assert without == pytest.approx(2 * shape.transformer + attention)
    assert per_clip(shape, 2.0, 4.0, front_end=True) == pytest.approx(without + 2 * shape.front_end)


def test_a_folder_is_read_without_its_weights(tmp_path: Path) -> None:
    described = {"model_type": "hubert", **SMALL, "conv_pos_batch_norm": False}
    (tmp_path / "config.json").write_text(json.dumps(described))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert shape_of(BackboneSettings(name=str(tmp_path))) == Shape.of(SMALL)

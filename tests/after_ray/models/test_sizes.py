"""Sizes that a folder's settings ask for are compared with its weights before anything is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import LssedSettings, PooledTransformerSettings, W2v2LR12Settings
from after_ray.errors import UnfitModel
from after_ray.models import FACTS_FILE, Model, model
from after_ray.models.facts import ModelFacts
from after_ray.models.shapes import LONGEST, check_sizes
from after_ray.training.settings import FittingSettings
from tests.after_ray.models.backbones import transformer_folder
from tests.after_ray.models.folders import facts_of
from tests.after_ray.models.test_folder import change
from tests.after_ray.tiny import TINY


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"num_hidden_layers": 20_000}, "backbone has 2 layers, and 20000 by the configuration"),
        ({"num_hidden_layers": 1}, "backbone has 2 layers, and 1 by"),
        (
            {"conv_dim": [16] * 5000, "conv_kernel": [2] * 5000, "conv_stride": [2] * 5000},
            "has 3 convolutions, and 5000 by",
        ),
        ({"intermediate_size": 10_000_000}, r"shape \(10000000, 32\), and the file has \(64, 32\)"),
        ({"num_conv_pos_embeddings": 10_000_000}, r"and the file has \("),
    ],
)
def test_a_configuration_costs_nothing_before_its_weights_are_compared(
    changed: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = transformer_folder(
        tmp_path / "model", PooledTransformerSettings(), BackboneSettings(config=TINY)
    )
    Model.load(folder)
    said = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    backbone = {**said["backbone"], "config": {**said["backbone"]["config"], **changed}}
    change(folder, backbone=backbone, features={**said["features"], "backbone": backbone})

    def built(*_: object) -> None:
        raise AssertionError("it was built")

    monkeypatch.setattr(Model, "__init__", built)
    with pytest.raises(UnfitModel, match=told):
        Model.load(folder)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_what_fits_is_taken_in_every_family(family: str, tmp_path: Path) -> None:
    config = {name: value for name, value in TINY.items() if "codevector" not in name}
    backbone = BackboneSettings(config={**config, "model_type": family})
    for settings in (PooledTransformerSettings(), W2v2LR12Settings()):
        folder = transformer_folder(tmp_path / settings.name, settings, backbone)
        assert Model.load(folder).facts.kind == "transformer"


@pytest.mark.parametrize(
    "settings",
    [LssedSettings(seconds=LONGEST + 1), W2v2LR12Settings(pooling="unmasked", max_seconds=LONGEST + 1)],
)
def test_clips_are_not_padded_to_hours(settings: LssedSettings | W2v2LR12Settings) -> None:
    if isinstance(settings, LssedSettings):
        facts = facts_of(settings)
    else:
        backbone = BackboneSettings(config=TINY)
        facts = ModelFacts(
            kind="transformer",
            classes=("a", "b"),
            classifier=settings,
            features=settings.features(backbone),
            backbone=backbone,
            max_seconds=settings.max_seconds,
        )
    with pytest.raises(ValueError, match="padded to 3601 s, and at most 3600 s"):
        check_sizes(facts, {})


def test_a_format_that_this_device_lacks_is_replaced_by_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No CPU has units for fp16; a folder of such a study is used on one all the same."""
    half = PooledTransformerSettings(fitting=FittingSettings(precision="fp16"))
    folder = transformer_folder(
        tmp_path / "model", PooledTransformerSettings(), BackboneSettings(config=TINY)
    )
    noise = [0.1 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)]
    full = Model.load(folder).log_probabilities(noise)
    change(folder, classifier=half.model_dump(mode="json"))
    loaded = Model.load(folder)
    assert loaded.facts.classifier == half
    assert np.array_equal(loaded.log_probabilities(noise), full)
    light = model.usable_settings(LssedSettings(precision="fp16"), "cpu")
    assert light == LssedSettings(precision="fp32")
    monkeypatch.setattr(model, "check_precision", lambda *_: None)  # a device that has them
    assert model.usable_settings(half, "cpu") == half

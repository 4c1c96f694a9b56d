"""Plain transformers gives what the package gives, for every family, head and way of hearing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import PooledTransformerSettings, W2v2LR12Settings
from after_ray.models import Model
from tests.after_ray.models.backbones import transformer_folder
from tests.after_ray.models.folders import CLASSES, waves
from tests.after_ray.models.plain import by_transformers

LIVE = PooledTransformerSettings(freeze_front_end=False, freeze_projection=False, max_seconds=2)
CASES = {
    "group norm": ("group", {}, PooledTransformerSettings(max_seconds=2)),
    "layer norm, last frame dropped": ("layer", {}, PooledTransformerSettings(drop_last_frame=True)),
    "hubert": ("group", {"model_type": "hubert"}, PooledTransformerSettings()),
    "wavlm": ("layer", {"model_type": "wavlm"}, PooledTransformerSettings()),
    "front end trained": ("group", {}, LIVE),
    "dense head, standardised": ("layer", {}, W2v2LR12Settings(max_seconds=3)),
    "padding heard": ("layer", {}, W2v2LR12Settings(max_seconds=5, pooling="unmasked")),
}


@pytest.mark.slow
def test_plain_transformers_gives_the_same(tiny: Callable[..., BackboneSettings], tmp_path: Path) -> None:
    folders = [
        transformer_folder(tmp_path / name, settings, tiny(norm, **changes))
        for name, (norm, changes, settings) in CASES.items()
    ]
    sounds = [*waves(5), waves(1)[0][:30]]  # one is shorter than a frame
    by_name = zip(CASES, folders, by_transformers(folders, sounds, tmp_path), strict=True)
    for name, folder, found in by_name:
        ours = np.exp(Model.load(folder).log_probabilities(sounds))
        np.testing.assert_allclose(found.together, ours, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found.alone, ours, atol=1e-5, err_msg=name)
        assert found.classes == list(CLASSES)
        assert np.ptp(ours, axis=0).max() > 1e-2, name

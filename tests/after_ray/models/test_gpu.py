"""A model on a GPU says nearly what it says on a processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.models import Model
from tests.after_ray.models.backbones import transformer_folder
from tests.after_ray.models.folders import functionals_folder, light_sernet_folder, waves

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("make", [functionals_folder, light_sernet_folder])
def test_a_network_on_a_gpu_scores_nearly_as_on_a_processor(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    agree(make(tmp_path / "model"))


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_a_transformer_on_a_gpu_scores_nearly_as_on_a_processor(
    family: str, tiny: Callable[..., BackboneSettings], tmp_path: Path
) -> None:
    agree(transformer_folder(tmp_path / "model", PooledTransformerSettings(), tiny(model_type=family)))


def agree(folder: Path) -> None:
    """The probabilities of both devices are alike, and differ from clip to clip."""
    sounds = waves(12)
    there, here = (np.exp(Model.load(folder, device).log_probabilities(sounds)) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there, here, atol=0.01)
    assert np.ptp(here, axis=0).max() > 0.02, "clips shall differ"

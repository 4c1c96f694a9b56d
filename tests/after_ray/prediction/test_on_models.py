"""Windows of real models are what they hear, and their probabilities those of the model alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.models import Model
from after_ray.prediction import Prediction, Windows, predict
from tests.after_ray.models.backbones import transformer_folder
from tests.after_ray.models.folders import light_sernet_folder, waves
from tests.after_ray.prediction.heard import write
from tests.after_ray.tiny import TINY

SECOND = 16_000


def judged(model: Model, files: list[Path]) -> list[Prediction]:
    said = list(predict(model, files, Windows.for_model(model.facts), batch=3))
    assert all(isinstance(one, Prediction) for one in said)
    return said  # type: ignore[return-value]


def test_a_transformer_hears_all_of_a_recording_that_is_longer_than_it_hears_at_once(tmp_path: Path) -> None:
    settings = PooledTransformerSettings(max_seconds=2)
    model = Model.load(transformer_folder(tmp_path / "model", settings, BackboneSettings(config=TINY)))
    long = np.concatenate(waves(8))[: 5 * SECOND]
    short = waves(1, longest=1.5)[0]
    files = [
        write(tmp_path / f"{place}.wav", np.rint(wave * 32768).astype(np.int16))
        for place, wave in enumerate((long, short))
    ]
    said = judged(model, files)
    seconds = len(short) / SECOND
    assert [(one.start, one.end) for one in said] == [(0, 2), (2, 4), (3, 5), (0, seconds)]
    stretches = [long[: 2 * SECOND], long[2 * SECOND : 4 * SECOND], long[3 * SECOND :], short]
    alone = [np.exp(model.log_probabilities([wave])[0]) for wave in stretches]
    found = [one.probabilities for one in said]
    np.testing.assert_allclose(found, alone, atol=1e-6)  # type: ignore[arg-type]
    assert np.ptp(found, axis=0).max() > 1e-3  # type: ignore[arg-type]


def test_a_clip_stays_whole_for_a_network_that_was_trained_on_the_middle_of_clips(tmp_path: Path) -> None:
    model = Model.load(light_sernet_folder(tmp_path / "model"))
    clip = np.concatenate(waves(8))[: 9 * SECOND]
    (said,) = judged(model, [write(tmp_path / "a.wav", np.rint(clip * 32768).astype(np.int16))])
    np.testing.assert_allclose(said.probabilities, np.exp(model.log_probabilities([clip])[0]))
    longer = np.concatenate([clip, clip])[: 11 * SECOND]
    said, *others = judged(model, [write(tmp_path / "b.wav", np.rint(longer * 32768).astype(np.int16))])
    assert [one.end for one in (said, *others)] == [3, 6, 9, 11]

"""A model folder read back scores waveforms as the classifier that was written did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from after_ray.errors import BadValue, OccupiedFolder
from after_ray.models import Model
from tests.after_ray.models.folders import CLASSES, functionals_folder, light_sernet_folder, waves

MAKERS = (functionals_folder, light_sernet_folder)


@pytest.mark.parametrize("make", MAKERS)
def test_scores_do_not_depend_on_the_batch(make: Callable[[Path], Path], tmp_path: Path) -> None:
    model, sounds = Model.load(make(tmp_path / "model")), waves()
    together = model.log_probabilities(sounds)
    alone = np.concatenate([model.log_probabilities([wave]) for wave in sounds])
    assert together.shape == (len(sounds), len(CLASSES))
    np.testing.assert_allclose(np.exp(together).sum(axis=1), 1)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).min() > 1e-4  # different sounds have different scores


def test_what_was_learned_is_there(tmp_path: Path) -> None:
    model, sounds = Model.load(functionals_folder(tmp_path / "model")), waves(12, seed=9)
    found = model.log_probabilities(sounds).argmax(axis=1)
    assert (found == np.arange(12) % len(CLASSES)).mean() >= 0.75
    assert model.classes == CLASSES
    assert model.facts.max_seconds is None


def test_waves_are_heard_in_16_bits(tmp_path: Path) -> None:
    model, (wave, *_) = Model.load(functionals_folder(tmp_path / "model")), waves()
    moved = (wave.astype(np.float64) + 0.3 / 32768).astype(np.float32)
    assert np.array_equal(model.log_probabilities([moved]), model.log_probabilities([wave]))
    loud = np.ones(16_000, np.float32)
    assert np.isfinite(model.log_probabilities([loud])).all()


def test_what_is_no_waveform_is_refused(tmp_path: Path) -> None:
    model = Model.load(functionals_folder(tmp_path / "model"))
    good = waves(1)[0]
    for bad in (np.zeros((5, 2), np.float32), np.empty(0, np.float32), np.array([0, np.nan], np.float32)):
        with pytest.raises(BadValue, match="waveform 1"):
            model.log_probabilities([good, bad])
    assert model.log_probabilities([]).shape == (0, len(CLASSES))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(OccupiedFolder, match="new model"):
        functionals_folder(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not list((tmp_path / "model").iterdir())

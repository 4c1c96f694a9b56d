"""Models of real speech give others the probabilities that the records of their rounds have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.backbones.identity import resolve
from after_ray.backbones.loading import build_for_adaptation
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    FunctionalsSettings,
    LightSerNetSettings,
    PooledTransformerSettings,
)
from after_ray.corpora._base import scan
from after_ray.corpora._settings import EmodbSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import open_corpus, prepare_audio
from after_ray.execution.exported_model import export_model
from after_ray.initialization._settings import RandomSettings
from after_ray.models import Model
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FirstRoundStage
from after_ray.store import PREDICTIONS_FILE, Store
from after_ray.training.settings import FittingSettings
from tests.after_ray.execution.chains import run_needs
from tests.after_ray.models.plain import by_torch, by_transformers
from tests.after_ray.tiny import TINY

SHORT = {"max_epochs": 1, "min_updates": 20, "batch_size": 16, "learning_rate": 3e-3}
TRANSFORMERS = {
    "pooled": PooledTransformerSettings(
        freeze_projection=False, max_seconds=3, fitting=FittingSettings(**SHORT)
    )
}
OTHERS = {"functionals": FunctionalsSettings(), "light_sernet": LightSerNetSettings(steps=6, evaluations=1)}


@pytest.mark.slow
def test_probabilities_are_those_of_the_records(corpora: Path, tmp_path: Path) -> None:
    fix_threads(1)
    execution = Execution(store=str(tmp_path / "store"), cache=str(tmp_path / "cache"))
    settings, store = EmodbSettings(root=str(corpora / "emodb")), Store(execution.store)
    found = scan(settings, tmp_path / "scans")
    audio = AudioStage(found.manifest.digest, "emodb")
    prepare_audio(audio, found, settings, store)
    # A folder as it might have been published: its name and files, not a configuration.
    random = BackboneSettings(config={**TINY, "conv_bias": True, "feat_extract_norm": "group"}, seed=2)
    build_for_adaptation(random).save_pretrained(tmp_path / "published")
    backbone = resolve(BackboneSettings(name=str(tmp_path / "published")))
    folders, records = {}, {}
    for name, classifier in {**TRANSFORMERS, **OTHERS}.items():
        first = FirstRoundStage(
            audio,
            FoldChoice(),
            classifier,
            RandomSettings(),
            size=80,
            seed=1,
            backbone=backbone if name in TRANSFORMERS else None,
        )
        run_needs(first, execution)
        run(first, execution)
        folders[name] = tmp_path / name
        assert export_model(first, execution, folders[name], "real", "paper").largest < 1e-5
        records[name] = store.arrays(store.need(first.key), PREDICTIONS_FILE)
    (tmp_path / "published").rename(tmp_path / "gone")  # a model asks for nothing but its own folder
    rows = records["pooled"]["test_rows"].tolist()
    corpus = open_corpus(audio, execution)
    waves = [corpus.wave(row) for row in rows]
    given = {name: np.exp(one["test_log_probabilities"]) for name, one in records.items()}
    for name, folder in folders.items():
        _agrees(np.exp(Model.load(folder).log_probabilities(waves)), given[name], name)
    made = by_transformers([folders[name] for name in TRANSFORMERS], waves, tmp_path)
    for name, by in zip(TRANSFORMERS, made, strict=True):
        _agrees(by.together, given[name], name)  # all test clips as one padded batch
        _agrees(by.alone, given[name], name)
    for name, probabilities in zip(
        OTHERS, by_torch([folders[name] for name in OTHERS], waves, tmp_path), strict=True
    ):
        _agrees(probabilities, given[name], name)
    card = (folders["pooled"] / "README.md").read_text(encoding="utf-8")
    assert "Weights of published (identity" in card
    assert "Weights of published: terms of their own" in card
    assert str(tmp_path) not in card  # nor any other path of the machine
    assert "Recordings of emodb: free of charge for research" in card
    assert "| female |" in card


def _agrees(found: NDArray[np.float64], recorded: NDArray[np.float64], name: str) -> None:
    np.testing.assert_allclose(found, recorded, atol=1e-5, err_msg=name)
    assert np.ptp(recorded, axis=0).max() > 1e-3, name

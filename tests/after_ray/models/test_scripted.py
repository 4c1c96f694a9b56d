"""TorchScript files give what the package gives, in a process that has torch and nothing of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from after_ray.classifiers._settings import (
    ClassifierSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    RhEmoSettings,
)
from after_ray.errors import UnfitScript
from after_ray.features import (
    CepstralFeatures,
    FeatureSettings,
    FunctionalFeatures,
    LogMelFeatures,
    MagnitudeFeatures,
    MfccSegmentFeatures,
    extractors,
)
from after_ray.models import Model
from after_ray.models.scripted import can_be_scripted, write_scripted
from after_ray.models.scripted.writing import SCRIPTED, check_scripted, scripted_model
from tests.after_ray.classifiers.rh_emo_parts import untrained
from tests.after_ray.models.folders import functionals_folder, light_sernet_folder, network_folder, waves
from tests.after_ray.models.plain import by_torch

# With what the last layer is multiplied, so that probabilities of clips differ.
NETWORKS: dict[str, tuple[ClassifierSettings, float]] = {
    "light_sernet": (LightSerNetSettings(seconds=7), 20),
    "glam": (GlamSettings(), 0.1),
    "lssed": (LssedSettings(seconds=1), 20),
    "rh_emo": (RhEmoSettings(network="alexnet", supervised=False), 1),
}


@pytest.mark.slow
def test_torch_alone_gives_the_same(tmp_path: Path) -> None:
    made = {"functionals": functionals_folder(tmp_path / "functionals")}
    for name, (settings, louder) in NETWORKS.items():
        learned = untrained() if name == "rh_emo" else None
        made[name] = network_folder(tmp_path / name, settings, learned, louder)
    models = {name: Model.load(folder) for name, folder in made.items()}
    for name, folder in made.items():
        facts = write_scripted(folder, models[name])
        assert facts.scripted is not None
        assert facts.scripted.file == "model.ts"
    sounds = [*waves(4, longest=9), waves(1)[0][:200], np.zeros(8_000, np.float32)]
    by_name = zip(models, by_torch(list(made.values()), sounds, tmp_path), strict=True)
    for name, found in by_name:
        ours = np.exp(models[name].log_probabilities(sounds))
        np.testing.assert_allclose(found, ours, atol=1e-5, err_msg=name)
        assert np.ptp(ours, axis=0).max() > 1e-2, name


def test_another_models_probabilities_are_not_written(tmp_path: Path) -> None:
    model = Model.load(light_sernet_folder(tmp_path / "one"))
    other = scripted_model(Model.load(network_folder(tmp_path / "other", LightSerNetSettings(seconds=7))))
    check_scripted(scripted_model(model), model)
    with pytest.raises(UnfitScript, match=r"light_sernet.*differs by"):
        check_scripted(other, model)
    with pytest.raises(UnfitScript, match="nan"):
        check_scripted(lambda wave: torch.full([4], torch.nan), model)


def test_what_is_carried(tmp_path: Path) -> None:
    facts = Model.load(functionals_folder(tmp_path / "model")).facts
    assert can_be_scripted(facts)

    class Own(LightSerNetSettings):
        """Settings of a user's own network."""

    assert not can_be_scripted(facts.model_copy(update={"classifier": Own()}))


@pytest.mark.parametrize(
    "features",
    [
        FunctionalFeatures(),
        CepstralFeatures(seconds=3),
        LogMelFeatures(seconds=2),
        MfccSegmentFeatures(),
        MagnitudeFeatures(),
    ],
    ids=lambda one: one.kind,
)
def test_scripted_features_are_those_of_the_extractor(features: FeatureSettings) -> None:
    extractor: Any = extractors.resolve(features.kind)(features, None, "cpu")  # type: ignore[call-arg]
    scripted = torch.jit.script(SCRIPTED[features.kind](extractor).eval())
    silence = np.zeros(20_000, np.float32)
    for wave in (*waves(8, longest=9, seed=2), waves(1)[0][:150], silence):
        ours = extractor.extract(wave).astype(np.float32)
        theirs = scripted(torch.from_numpy(wave)).numpy().reshape(ours.shape)
        np.testing.assert_allclose(theirs, ours, atol=1e-5, rtol=1e-6)

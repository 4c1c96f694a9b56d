"""A classifier of a user's own is a model too, as long as its code can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import UnfitModel
from after_ray.models import Model
from after_ray.models.scripted import can_be_scripted
from tests.after_ray.classifiers.own_page import write_files
from tests.after_ray.models.folders import CLASSES, functionals_folder, waves


def test_it_scores_where_its_code_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        (tmp_path / "code").mkdir()
        write_files(tmp_path / "code", patch)
        settings = TypeAdapter(ClassifierSettings).validate_python({"name": "mine:Nearest", "k": 1})
        folder = functionals_folder(tmp_path / "model", settings)
        model = Model.load(folder)
        assert (model.facts.kind, model.facts.classifier) == ("network", settings)
        assert not can_be_scripted(model.facts)
        sounds = waves(16, 1.0, seed=1)  # those that it was trained on, each of which is its own neighbour
        assert (model.log_probabilities(sounds).argmax(axis=1) == np.arange(16) % len(CLASSES)).all()
    assert "mine" not in sys.modules
    with pytest.raises(UnfitModel, match=r"mine:Nearest.*cannot be imported"):
        Model.load(folder)

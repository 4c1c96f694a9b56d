"""A classifier of a user's own is a model too, imported for whoever allows it, never out of the folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import UnfitModel
from after_ray.models import Model
from after_ray.models.folder import read_facts
from after_ray.models.scripted import can_be_scripted
from tests.after_ray.classifiers.own_page import write_files
from tests.after_ray.models.folders import CLASSES, functionals_folder, waves
from tests.after_ray.models.test_folder import change
from tests.own_modules import load_anew

RUNS = "raise SystemExit('it ran')\n"


def test_it_scores_where_its_code_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        (tmp_path / "code").mkdir()
        write_files(tmp_path / "code", patch)
        settings = TypeAdapter(ClassifierSettings).validate_python({"name": "mine:Nearest", "k": 1})
        folder = functionals_folder(tmp_path / "model", settings)
        model = Model.load(folder, own_classifier="mine:Nearest")
        assert (model.facts.kind, model.facts.classifier) == ("network", settings)
        assert not can_be_scripted(model.facts)
        sounds = waves(16, 1.0, seed=1)  # those that it was trained on, each of which is its own neighbour
        assert (model.log_probabilities(sounds).argmax(axis=1) == np.arange(16) % len(CLASSES)).all()
    assert "mine" not in sys.modules
    with pytest.raises(UnfitModel, match=r"mine:Nearest.*cannot be imported.*Get the module from whoever"):
        Model.load(folder, own_classifier="mine:Nearest")


@pytest.mark.parametrize("allowed", [None, "", "other:Net", "helper:net", "helper"])
def test_nothing_is_imported_for_a_folder_unasked(
    allowed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module can be found, and is not even looked for."""
    (tmp_path / "helper.py").write_text(RUNS, encoding="utf-8")
    load_anew(monkeypatch, "helper")
    monkeypatch.syspath_prepend(tmp_path)
    folder = functionals_folder(tmp_path / "model")
    change(folder, classifier={"name": "helper:Net"})
    for read in (read_facts, lambda place, own: Model.load(place, "cpu", own)):
        with pytest.raises(UnfitModel, match="'helper:Net' is somebody's own") as raised:
            read(folder, allowed)
        assert "--own-classifier helper:Net" in str(raised.value)
        assert "the module 'helper'" in str(raised.value)
    assert "helper" not in sys.modules
    with pytest.raises(UnfitModel, match="it ran"):  # so would it have
        read_facts(folder, "helper:Net")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (".", "modeling_after_ray:Net"),
        ("..", "model.modeling_after_ray:Net"),
        ("../..", "above.model.modeling_after_ray:Net"),
        ("../..", "above.model.gone:Net"),  # found nowhere, in a package that would be looked at
    ],
)
def test_no_module_is_taken_out_of_the_folder(
    start: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one module that may lie there is for transformers; Python looks in the folder one starts in."""
    (tmp_path / "above").mkdir()
    folder = functionals_folder(tmp_path / "above" / "model")
    (folder / "modeling_after_ray.py").write_text(RUNS, encoding="utf-8")
    change(folder, classifier={"name": name})
    module = name.partition(":")[0]
    parts = module.split(".")
    load_anew(monkeypatch, *(".".join(parts[: place + 1]) for place in range(len(parts))))
    monkeypatch.chdir(folder / start)
    monkeypatch.syspath_prepend(str(folder / start))
    with pytest.raises(UnfitModel, match=f"would find the module '{module}' of its classifier inside of it"):
        Model.load(folder, own_classifier=name)
    assert module not in sys.modules


def test_a_link_to_a_module_of_the_folder_is_one_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = functionals_folder(tmp_path / "model")
    (folder / "modeling_after_ray.py").write_text(RUNS, encoding="utf-8")
    (tmp_path / "helper.py").symlink_to(folder / "modeling_after_ray.py")
    load_anew(monkeypatch, "helper")
    monkeypatch.syspath_prepend(tmp_path)
    change(folder, classifier={"name": "helper:Net"})
    with pytest.raises(UnfitModel, match="'helper' of its classifier inside of it"):
        Model.load(folder, own_classifier="helper:Net")


@pytest.mark.parametrize("name", ["a b:Net", "os:sys.path", "../x:Net", ":", "x:\x1b[31m"])
def test_what_is_no_class_is_refused(name: str, tmp_path: Path) -> None:
    folder = functionals_folder(tmp_path / "model")
    change(folder, classifier={"name": name})
    with pytest.raises(UnfitModel, match="is no module:Class") as raised:
        Model.load(folder, own_classifier=name)
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("name", ["os:system", "nowhere.to_be:Found", "__main__:Net", "sys:path"])
def test_what_is_no_classifier_is_told(name: str, tmp_path: Path) -> None:
    folder = functionals_folder(tmp_path / "model")
    change(folder, classifier={"name": name})
    with pytest.raises(UnfitModel, match=f"classifier '{name}'"):
        Model.load(folder, own_classifier=name)

"""Files and folders of a study: relative to the study file, and in nothing that another machine reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sweeps.planning.opening import OpenStudy, open_study
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.places import without_places
from sweeps.study.study_file import StudyError
from tests.after_ray.corpora.trees import plant

STUDY = "study: small\nclassifier: functionals\nschedule: [10, 50]\ncorpus: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study's data beside it: a CSV of twelve speakers and its audio."""
    paths = [
        f"s{speaker:02d}/{emotion}.wav" for speaker in range(12) for emotion in ("anger", "sad", "happy")
    ]
    plant(tmp_path / "lab" / "data", paths)
    rows = [f"{path},{path[:3]},{path[4:-4]}" for path in paths]
    (tmp_path / "lab" / "data" / "own.csv").write_text("\n".join(["path,speaker,emotion", *rows]))
    return tmp_path / "lab"


def loaded(folder: Path, corpus: str) -> Study:
    (folder / "study.yaml").write_text(STUDY + corpus)
    return load_study(folder / "study.yaml")


def opened(folder: Path, corpus: str) -> OpenStudy:
    (folder / "study.yaml").write_text(STUDY + corpus)
    return open_study(folder / "study.yaml", folder.parent / "store")


def test_a_csv_and_its_root_are_relative_to_the_study_file(folder: Path) -> None:
    (corpus,) = loaded(folder, "{name: csv, file: data/own.csv, root: ../audio}").corpus
    assert (corpus.file, corpus.root) == (str(folder / "data" / "own.csv"), str(folder.parent / "audio"))


def test_places_of_members_are_relative_to_the_study_file_too(folder: Path) -> None:
    (corpus,) = loaded(
        folder,
        "{name: merged, root: all, members: "
        "[emodb, {name: ravdess, root: r}, {name: csv, file: data/own.csv}]}",
    ).corpus
    emodb, ravdess, own = corpus.members
    assert emodb.root == str(folder / "all" / "emodb")
    assert ravdess.root == str(folder / "r")
    assert own.file == str(folder / "data" / "own.csv")


def test_a_study_of_a_csv_is_planned_and_names_no_folder(folder: Path) -> None:
    study = opened(folder, "{name: csv, file: data/own.csv, root: data}")
    assert {cell.axes.corpus for cell in study.plan.cells} == {"own"}
    resolved = yaml.safe_load(study.resolved_yaml)
    assert resolved["corpus"][0]["file"] == "own.csv"
    assert str(folder.parent) not in study.resolved_yaml


def test_a_study_of_members_names_no_folder(folder: Path) -> None:
    own = "{name: csv, file: data/own.csv, root: data}"
    members = f"[{{name: synthetic, speakers: 6}}, {own}]"
    study = opened(folder, f"{{name: merged, root: data, members: {members}, test_corpus: synthetic}}")
    resolved = yaml.safe_load(study.resolved_yaml)
    assert "root" not in resolved["corpus"][0]
    assert resolved["corpus"][0]["members"][1]["file"] == "own.csv"
    assert str(folder.parent) not in study.resolved_yaml


def test_of_fold_files_and_backbones_the_name_is_kept() -> None:
    values = {
        "protocol": {"folds": {"file": "/home/me/folds.json"}},
        "backbone": [{"name": "/home/me/w2v2"}, {"name": "facebook/wav2vec2-base"}],
        "strategy": ["random"],
    }
    assert without_places(values) == {
        "protocol": {"folds": {"file": "folds.json"}},
        "backbone": [{"name": "w2v2"}, {"name": "facebook/wav2vec2-base"}],
        "strategy": ["random"],
    }


def test_a_study_of_unlabelled_audio_is_refused_before_any_of_it_is_read(folder: Path) -> None:
    with pytest.raises(
        StudyError, match=r"line 4: corpus: the corpus 'data' has no labels, .*name: csv, file"
    ):
        opened(folder, "{name: unlabelled, root: data}")
    assert not (folder.parent / "store").exists()

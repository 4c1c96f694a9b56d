"""What reads all labels of train is compared with what is trained on all of them, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.environment import Execution, fix_threads
from after_ray.errors import UnfitClassifier
from after_ray.execution import run
from after_ray.stages import PretrainingStage
from sweeps.planning.opening import open_study
from sweeps.running.studies import prepare
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError
from tests.after_ray.classifiers.own_page import write_files

TOLD = """\
from after_ray.classifiers import PretrainingStep
from mine import Nearest, NearestSettings


class Look(PretrainingStep):
    with_labels = True


class ItsSettings(NearestSettings):
    @property
    def pretraining(self):
        return (Look(name="look"),)


class Told(Nearest):
    settings_model = ItsSettings


class Denying(ItsSettings):
    @property
    def needs_all_labels(self):
        return False


class Leaking(Nearest):
    settings_model = Denying
"""

STUDY = """\
study: labels
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: pooled_transformer
backbone: {config: {hidden_size: 16, num_attention_heads: 2}}
adaptation: [none, pseudo_tapt]
schedule: [100]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def test_all_labels_are_bought_by_a_single_training_on_all(path: Path) -> None:
    assert load_study(path).adaptation[1].name == "pseudo_tapt"  # type: ignore[union-attr]


@pytest.mark.parametrize("schedule", ["[5, 20]", "[1, 100]", "[99]"])
def test_any_other_schedule_is_refused_with_what_to_do(path: Path, schedule: str) -> None:
    with pytest.raises(StudyError) as refused:
        load_study(path, [f"schedule={schedule}"])
    for words in ("adaptation pseudo_tapt reads the labels of all of train", "'schedule: [100]'", "tapt'"):
        assert words in str(refused.value)


def test_rh_emo_that_learns_from_all_labels_is_refused_and_without_them_is_not(path: Path) -> None:
    plain = ["adaptation=none", "schedule=[5, 20]"]
    with pytest.raises(StudyError, match=r"classifier rh_emo reads .* Set 'supervised: false', which reads"):
        load_study(path, [*plain, "classifier=rh_emo"])
    (settings,) = load_study(path, [*plain, "classifier={name: rh_emo, supervised: false}"]).classifier
    assert [step.with_labels for step in settings.pretraining] == [False]
    assert load_study(path, ["adaptation=none", "classifier=rh_emo"]).schedule == (100,)


def test_an_adaptation_that_no_classifier_of_the_study_has_reads_nothing(path: Path) -> None:
    assert load_study(path, ["schedule=[5, 20]", "classifier=functionals"]).schedule == (5, 20)


def test_without_labels_any_schedule_will_do(path: Path) -> None:
    assert load_study(path, ["schedule=[5, 20]", "adaptation=tapt"]).schedule == (5, 20)


@pytest.fixture
def own(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    write_files(path.parent, monkeypatch, told=TOLD)
    return ["adaptation=none", "classifier=told:Told"]


def test_a_classifier_of_ones_own_whose_pretraining_is_told_labels_is_refused(
    path: Path, own: list[str]
) -> None:
    (settings,) = load_study(path, own).classifier
    assert settings.needs_all_labels
    said = r"classifier told:Told reads .* schedule is \[1, 5, 20\], .* Take the steps 'with_labels' out"
    with pytest.raises(StudyError, match=said):
        load_study(path, [*own, "schedule=[1, 5, 20]"])
    for given in ("label_noise=0.3", "annotation=soft"):
        with pytest.raises(StudyError, match="told:Told reads the corpus' own labels of all of train"):
            load_study(path, [*own, given])


@pytest.mark.usefixtures("own")
def test_settings_that_deny_it_are_told_no_label(path: Path) -> None:
    denying = ["adaptation=none", "classifier=told:Leaking", "schedule=[5, 20]", "fold=0"]
    opened = open_study(path, path.parent / "store", denying)
    prepare(opened)
    fix_threads(1)
    execution = Execution(str(opened.store.root), str(path.parent / "cache"), device="cpu")
    (stage,) = (one for one in opened.plan.shared.values() if isinstance(one, PretrainingStage))
    run(stage.features, execution)
    with pytest.raises(UnfitClassifier, match=r"step 'look' of its .* is told .* remove that from them"):
        run(stage, execution)
    assert opened.store.find(stage.key) is None

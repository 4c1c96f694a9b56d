"""What reads all labels of train is compared with what is trained on all of them, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

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

"""A study file is refused with one sentence that names the place, the value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: small
corpus: synthetic
classifier: functionals
strategy: [random, entropy]
schedule: [10, 50, 100]
seed: 0..2
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def test_single_values_and_ranges_stand_for_lists(study_file: Path) -> None:
    study = load_study(study_file)
    assert study.seed == (0, 1, 2)
    assert [classifier.name for classifier in study.classifier] == ["functionals"]
    assert [initialization.name for initialization in study.initialization] == ["random"]
    assert study.reported == (10, 50, 100)
    assert study.restarts == ("previous",)
    assert study.compared_with == "random"


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("strategi=entropy", ["unknown key 'strategi'", "Did you mean 'strategy'"]),
        (
            "strategy=entrpy",
            ["--set 'strategy=entrpy'", "unknown strategy 'entrpy'", "least_confidence", "Did you mean"],
        ),
        (
            "classifier=lightsernet",
            ["--set 'classifier=lightsernet'", "'lightsernet'", "allowed: pooled_transformer, light_sernet"],
        ),
        (
            "classifier.regularisation=1",
            ["--set 'classifier.regularisation=1'", "unknown key 'regularisation'", "'regularization'"],
        ),
        ("schedule=[10,5]", ["--set 'schedule=[10,5]'", "5 follows 10"]),
        ("ratios=[20]", ["ratios 20 are not points of the schedule"]),
        ("seed=-1", ["--set 'seed=-1'", "greater than or equal to 0, not -1"]),
        ("seed=0-4", ["'0-4' is no whole number; allowed: one as 3, several as [0, 2], or a range as 0..9"]),
        ("fold=0-4", ["'0-4' is no whole number; allowed: all, protocol, one as 3, several as [0, 2], or a"]),
        ("targets=[60, 0.6]", ["0.6 is a share, where percents are due; write 60"]),
        ("seed=9..0", ["--set 'seed=9..0'", "'9..0' runs backwards"]),
        ("strategy=[entropy, entropy]", ["entropy is listed twice"]),
        (
            "protocol=papr",
            ["protocol", "'paper', 'paper_strict', 'official_code', ", "not 'papr'"],
        ),
        ("protocol.fitting.max_epochs=0", ["protocol.fitting.max_epochs", "not 0"]),
        ("resources.cpu=0", ["resources.cpu", "not 0"]),
        ("classifier=pooled_transformer", ["the classifier pooled_transformer needs a 'backbone:'"]),
        (
            "classifier=[w2v2_l_r_12, functionals, pooled_transformer]",
            ["the classifiers w2v2_l_r_12, pooled_transformer need a 'backbone:'"],
        ),
        ("reference=margin", ["'margin' is not among the study's strategies random, entropy"]),
        ("corpus={name: emodb}", ["corpus.root: this key is missing"]),
        ("study=a/b", ["study:", "'a/b'"]),
        ("seed=0..99999999", ["'0..99999999' has more than 10000 values"]),
        ("schedule=[]", ["schedule: the list is empty"]),
        ("fold=-1", ["a fold is 'all', a number from 0 on"]),
        ("seed=[", ["'seed=[' is not YAML"]),
        ("fold=[]", ["fold: the list is empty"]),
        ("restart=[]", ["restart: the list is empty"]),
        ("resources.gpu=1.5", ["resources.gpu", "only whole numbers"]),
        ("corpus=[{name: synthetic}, {name: synthetic, seed: 1}]", ["synthetic is listed twice"]),
        ("nonsense", ["'nonsense' is not of the form key=value"]),
    ],
)
def test_a_mistake_is_one_sentence(study_file: Path, override: str, parts: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(study_file, [override])
    sentence = str(caught.value)
    assert str(study_file) in sentence
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence


def test_a_missing_key_is_named(study_file: Path) -> None:
    study_file.write_text("study: small\ncorpus: synthetic\nschedule: [10]\n")
    with pytest.raises(StudyError, match="classifier: this key is missing"):
        load_study(study_file)


def test_a_key_written_twice_is_refused(study_file: Path) -> None:
    study_file.write_text(STUDY + "seed: 4\n")
    with pytest.raises(StudyError, match=r"line 7.*'seed' is there twice"):
        load_study(study_file)


def test_a_file_that_refers_to_itself_is_refused(study_file: Path) -> None:
    study_file.write_text("study: &a [*a]\n")
    with pytest.raises(StudyError, match="refers to itself"):
        load_study(study_file)


def test_a_yaml_tag_is_refused_with_its_line(study_file: Path) -> None:
    study_file.write_text("study: small\ncorpus: !corpus x\n")
    with pytest.raises(StudyError, match=r"line 2: not YAML"):
        load_study(study_file)


def test_what_is_not_yaml_is_refused_with_its_line(study_file: Path) -> None:
    study_file.write_text("study: small\nschedule: [1, 2\nseed: 0\n")
    with pytest.raises(StudyError, match="line 3: not YAML"):
        load_study(study_file)


def test_environment_variables_are_filled_in_or_named(
    study_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study_file.write_text(STUDY.replace("synthetic", '{name: emodb, root: "${SOME_CORPORA}/emodb"}'))
    monkeypatch.delenv("SOME_CORPORA", raising=False)
    with pytest.raises(StudyError, match="line 2: the environment variable SOME_CORPORA is not set"):
        load_study(study_file)
    monkeypatch.setenv("SOME_CORPORA", str(tmp_path))
    assert load_study(study_file).corpus[0].root == str(tmp_path / "emodb")


def test_a_relative_root_is_relative_to_the_study_file(study_file: Path) -> None:
    study_file.write_text(STUDY.replace("synthetic", "{name: emodb, root: data/emodb}"))
    assert load_study(study_file).corpus[0].root == str((study_file.parent / "data/emodb").resolve())


def test_the_protocols_fitting_reaches_the_transformer_and_its_own_entries_win(study_file: Path) -> None:
    blocks = "classifier={name: pooled_transformer, fitting: {batch_size: 8}}"
    study = load_study(
        study_file, [blocks, "backbone={config: {hidden_size: 16}}", "protocol.fitting.max_epochs=3"]
    )
    (classifier,) = study.classifier
    assert classifier.fitting.max_epochs == 3
    assert classifier.fitting.batch_size == 8


def test_paper_strict_trains_exactly_as_long_as_the_paper_says(study_file: Path) -> None:
    assert load_study(study_file, ["protocol=paper"]).protocol.fitting.min_updates == 200
    assert load_study(study_file, ["protocol=paper_strict"]).protocol.fitting.min_updates == 0
    assert (
        load_study(
            study_file, ["protocol={preset: paper_strict, fitting: {min_updates: 7}}"]
        ).protocol.fitting.min_updates
        == 7
    )

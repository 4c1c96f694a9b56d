"""What the protocols of baselines set: `unified`, `unified_lr`, and how their authors did it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.reporting.in_words import preset_in_words
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study

STUDY = """\
study: baselines
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: light_sernet
schedule: [100]
"""
IEMOCAP = "corpus={name: iemocap, root: /somewhere}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def meanings(study: Study) -> list[object]:
    return [study.protocol.folds, study.protocol.validation, *(one.meaning() for one in study.classifier)]


NETWORKS = "classifier=[light_sernet, glam, lssed, {name: rh_emo}, functionals]"
PUBLISHED = {"light_sernet": 300, "glam": 50, "lssed": 50, "rh_emo": 500}


@pytest.mark.parametrize("protocol", ["unified", "unified_lr"])
def test_unified_has_the_papers_folds_and_every_training_in_full(path: Path, protocol: str) -> None:
    unified, paper = load_study(path, [f"protocol={protocol}", NETWORKS]), load_study(path, [NETWORKS])
    same = [
        (one.protocol.folds, one.protocol.validation, one.protocol.first_round) for one in (unified, paper)
    ]
    assert same[0] == same[1]
    assert {one.name: getattr(one, "epochs", None) for one in unified.classifier} == {
        **PUBLISHED,
        "functionals": None,
    }
    assert not any(getattr(one, "epochs", None) for one in paper.classifier)
    assert unified.classifier[3].emotion.epochs == 500  # type: ignore[union-attr]


def test_a_length_in_steps_is_not_overruled(path: Path) -> None:
    (study,) = load_study(path, ["protocol=unified", "classifier.steps=70"]).classifier
    assert (study.steps, study.epochs, study.evaluations) == (70, None, 20)  # type: ignore[union-attr]


def test_the_papers_optimiser_is_that_of_every_network(path: Path) -> None:
    study = load_study(path, ["protocol=unified_lr", NETWORKS])
    for classifier in study.classifier[:4]:
        assert (classifier.learning_rate, classifier.weight_decay, classifier.rate) == (1e-4, 0.0, "constant")  # type: ignore[union-attr]


def test_unified_lr_gives_all_networks_the_papers_optimiser(path: Path) -> None:
    (plain,) = load_study(path, ["protocol=unified", "classifier.learning_rate=0.01"]).classifier
    (study,) = load_study(path, ["protocol=unified_lr"]).classifier
    assert (study.learning_rate, study.weight_decay, study.rate) == (1e-4, 0.0, "constant")
    assert plain.meaning()["learning_rate"] == 0.01
    assert "rate" not in plain.meaning()


def test_what_a_study_writes_itself_stands(path: Path) -> None:
    (written,) = load_study(path, ["protocol=unified_lr", "classifier.learning_rate=0.01"]).classifier
    assert (written.learning_rate, written.rate) == (0.01, "constant")


def test_what_a_study_has_otherwise_is_said(path: Path) -> None:
    study = load_study(path, ["protocol=unified_lr", "classifier.learning_rate=0.01"])
    said = preset_in_words(study)
    assert "It sets of light_sernet epochs 300, evaluations 300, weight_decay 0.0, rate constant." in said
    assert "The study has its own of light_sernet learning_rate." in said


def test_light_sernet_as_its_authors_did_it(path: Path) -> None:
    study = load_study(path, ["protocol=original_light_sernet"])
    assert study.protocol.folds.scheme == "leave_one_speaker_out"
    (classifier,) = study.classifier
    assert (classifier.epochs, classifier.updates(pieces=320)) == (300, 3000)
    said = preset_in_words(study)
    assert "folds.scheme leave_one_speaker_out" in said
    assert "there: by the accuracy on the test speaker" in said


@pytest.mark.parametrize(
    ("preset", "share", "kept"),
    [("original_glam", 11, {"excited": "happy"}), ("original_rh_emo", 22, {"happy": "happy"})],
)
def test_originals_that_deal_utterances_and_drop_a_label(
    path: Path, preset: str, share: float, kept: dict[str, str]
) -> None:
    study = load_study(path, [f"protocol={preset}", IEMOCAP])
    assert (study.protocol.folds.scheme, study.protocol.folds.count) == ("utterances", 10)
    assert study.protocol.validation.share == share
    (corpus,) = study.corpus
    assert corpus.labels == {"anger": "anger", "neutral": "neutral", "sad": "sad"} | kept
    own = load_study(path, [f"protocol={preset}", IEMOCAP, "corpus.labels={anger: anger, sad: sad}"])
    assert own.corpus[0].labels == {"anger": "anger", "sad": "sad"}


def test_rh_emo_pretrains_as_long_as_its_authors_did(path: Path) -> None:
    changes = ["protocol=original_rh_emo", IEMOCAP, "classifier={name: rh_emo, emotion: {patience: 7}}"]
    (classifier,) = load_study(path, changes).classifier
    assert (classifier.epochs, classifier.patience) == (500, 20)  # type: ignore[union-attr]
    steps = [(step.epochs, step.evaluations, step.patience) for step in classifier.pretraining]
    assert steps == [(500, 500, 100), (500, 500, 7)], "what is written stands"


@pytest.mark.parametrize("preset", ["original_rh_emo", "unified", "unified_lr"])
def test_no_protocol_sets_a_step_that_is_not_taken(path: Path, preset: str) -> None:
    changes = [f"protocol={preset}", IEMOCAP, "classifier={name: rh_emo, supervised: false}"]
    (classifier,) = load_study(path, changes).classifier
    steps = [(step.epochs, step.patience) for step in classifier.pretraining]
    assert steps == [(500, 100)]
    assert "emotion" not in preset_in_words(load_study(path, changes))
    assert classifier.epochs == 500  # type: ignore[union-attr]


def test_pseudo_tapt_keeps_the_last_epoch(path: Path) -> None:
    study = load_study(
        path,
        ["protocol=original_pseudo_tapt", "classifier=pooled_transformer", "backbone={config: {}}"],
    )
    fitting = study.classifier[0].fitting  # type: ignore[union-attr]
    assert study.protocol.validation.share == 1
    assert (fitting.max_epochs, fitting.keep, fitting.order) == (15, "last", "shuffled")

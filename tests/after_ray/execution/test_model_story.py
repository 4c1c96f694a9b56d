"""What a card tells of a made-up round: measures of its predictions, who was heard, whose terms bind it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from after_ray.adaptation.settings import TaptSettings
from after_ray.annotation.settings import AnnotationSettings, noise_text
from after_ray.backbones.origin import Began, Origin, Trained
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import FunctionalsSettings, PooledTransformerSettings
from after_ray.execution.model_story import Source, story_of
from after_ray.initialization._settings import ClusteringSettings
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.splits.parts import Fold
from after_ray.stages import AdaptationStage, AudioStage, FirstRoundStage
from after_ray.store import Record

CLASSES = ("anger", "sad")
# Speakers of the test part, their gender, and which of their six clips (three of each class) are found.
FOUND = {"t1": ("female", "110 111"), "t2": ("female", "000 001"), "t3": ("male", "100 111")}
TRAIN = {"a1": "male", "a2": "female"}
CHOICE = FoldChoice(folds=FoldSettings(count=3), validation=ValidationSettings(share=10), index=1)
AUDEERING = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"


def manifest(corpora: dict[str, str] | None = None, corpus: str = "emodb") -> Manifest:
    """Six clips of each of five speakers; `corpora` has the corpus of speakers that are in another."""
    rows = []
    for speaker in (*TRAIN, *FOUND):
        gender = TRAIN.get(speaker) or FOUND[speaker][0]
        for clip in range(6):
            name = f"{(corpora or {}).get(speaker, corpus)}/{speaker}-{clip}"
            rows.append(
                {
                    "utterance": name,
                    "path": name,
                    "speaker": speaker,
                    "gender": gender,
                    "emotion": CLASSES[clip // 3],
                    "sentence": "",
                    "session": "",
                    "seconds": 2.0,
                    "sample_rate": 16_000,
                    "audio": audio(speaker, clip),
                }
            )
    return Manifest(corpus, pd.DataFrame(rows))


def audio(speaker: str, clip: int) -> str:
    return f"digest-{speaker}-{clip}"


def source(
    made: Manifest, shared: bool = False, details: dict[str, Any] | None = None, **first: Any
) -> Source:
    """A finished round 0 over it; `shared` trains on a clip of a test speaker, too."""
    speakers = made.table["speaker"]
    is_test = speakers.isin(list(FOUND)).to_numpy()
    if shared:
        is_test = is_test & (made.table["audio"] != audio("t1", 0)).to_numpy()
    test = np.flatnonzero(is_test)
    truth = made.labels[test]
    right = np.array([_is_found(row.speaker, row.audio) for row in made.table.iloc[test].itertuples()])
    answers = np.where(right, truth, 1 - truth)
    predictions = {
        "test_rows": test,
        "test_truth": truth,
        "test_log_probabilities": np.log(np.where(np.arange(2) == answers[:, None], 0.9, 0.1)),
    }
    counts = {"labelled": 8, "labelled_seconds": 16.0, "validation_used": 0}
    told = {"labelled_by": {"emotion": {"anger": 4, "sad": 4}}, **(details or {})}
    settings = {"classifier": FunctionalsSettings(), "initialization": ClusteringSettings(), **first}
    stage = FirstRoundStage(AudioStage(made.digest, made.corpus), CHOICE, size=8, seed=0, **settings)
    fold = Fold(1, np.flatnonzero(~is_test), np.empty(0, np.int64), test)
    record = Record(key="0" * 64, kind="round", meaning={}, measures=counts, details=told)
    return Source(stage, record, made, fold, predictions, "small", "paper")


def _is_found(speaker: Any, digest: Any) -> bool:
    return FOUND[speaker][1].replace(" ", "")[int(str(digest).rpartition("-")[2])] == "1"


def lines(sentences: Any) -> str:
    return "\n".join(sentences)


def test_measures_are_those_of_the_predictions_with_the_truth_in_rows() -> None:
    story = story_of(source(manifest()))
    assert {one.name: (round(one.value, 4), one.of) for one in story.recalls} == {
        "anger": (round(3 / 9, 4), 9),
        "sad": (round(7 / 9, 4), 9),
    }
    assert story.metrics[0].value == pytest.approx((3 / 9 + 7 / 9) / 2)
    assert story.metrics[0].of == 18
    assert story.speakers == 3


def test_groups_have_their_speakers_and_intervals() -> None:
    story = story_of(source(manifest()))
    (female, male) = story.groups["gender"]
    assert (female.name, female.speakers, female.ua.of) == ("female", 2, 12)
    assert [round(one.value, 4) for one in female.recalls] == [round(2 / 6, 4), round(4 / 6, 4)]
    assert (male.name, male.speakers, male.ua.of) == ("male", 1, 6)
    assert [round(one.value, 4) for one in male.recalls] == [round(1 / 3, 4), 1]
    assert male.ua.value == pytest.approx(2 / 3)
    assert female.ua.low < female.ua.value < female.ua.high
    assert "corpus" not in story.groups


def test_corpora_of_a_test_part_are_groups() -> None:
    story = story_of(source(manifest({"t3": "ravdess"}, "emodb")))
    emodb, ravdess = story.groups["corpus"]
    assert (emodb.name, emodb.speakers, emodb.ua.of) == ("emodb", 2, 12)
    assert (ravdess.name, ravdess.speakers, ravdess.ua.value) == ("ravdess", 1, pytest.approx(2 / 3))


def test_one_gender_is_no_group() -> None:
    made = manifest()
    alike = Manifest("emodb", made.table.assign(gender=""))
    assert story_of(source(alike)).groups == {}


@pytest.mark.parametrize(("corpus", "named"), [("emodb", True), ("calls", False)])
def test_speakers_are_named_where_a_published_corpus_names_them(corpus: str, named: bool) -> None:
    told = lines(story_of(source(manifest(corpus=corpus))).data)
    assert f"Test speakers: {'t1, t2, t3' if named else '3'}." in told
    assert named or "t1" not in told


def test_speakers_of_what_people_labelled_are_never_named() -> None:
    people = AnnotationSettings(name="people", labelling="emodb", by="majority")
    told = lines(story_of(source(manifest(), annotation=people)).data)
    assert "Test speakers: 3." in told
    assert "t1" not in told


def test_what_becomes_of_answers_of_people_is_told() -> None:
    soft = AnnotationSettings(name="people", labelling="a1", by="soft")
    assert "Trained on the shares of their answers." in lines(
        story_of(source(manifest(), annotation=soft)).labels
    )
    most = AnnotationSettings(name="people", labelling="a1")
    told = lines(story_of(source(manifest(), annotation=most)).labels)
    assert "Trained on what most of them said. They have labelled validation and test as well" in told
    assert "They have" not in lines(story_of(source(manifest())).labels)


def test_a_model_that_tells_nothing_apart_is_told_as_that() -> None:
    made = source(manifest())
    deaf = np.log(np.tile([0.9, 0.1], (len(made.predictions["test_rows"]), 1)))
    told = story_of(replace(made, predictions={**made.predictions, "test_log_probabilities": deaf}))
    assert "On test it says 'anger' whatever it hears: it tells no classes apart." in told.notes
    assert not any("whatever it hears" in note for note in story_of(made).notes)


def test_test_speakers_that_are_trained_on_are_told() -> None:
    told = lines(story_of(source(manifest(), shared=True)).data)
    assert "1 of 3 test speakers are in train too: utterances are split." in told
    assert "No test speaker is in train" not in told


def test_false_answers_of_the_oracle_are_told() -> None:
    told = lines(story_of(source(manifest(), label_noise=0.2)).labels)
    assert f"A share of {noise_text(0.2)} of the answers is another class, drawn at random." in told
    assert "of the answers" not in lines(story_of(source(manifest())).labels)


def test_warnings_of_the_record_are_among_the_notes() -> None:
    story = story_of(source(manifest(), details={"warnings": ["It stopped early."]}), ("Compared.",))
    assert story.notes == ("Compared.", "It stopped early.")


def backbone(folder: Path, origin: Origin | None = None) -> BackboneSettings:
    """A named one, whose files say what it is and nothing else."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2"}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    return BackboneSettings(name=str(folder), identity="f" * 64, origin=origin)


def origin(
    *heard: str, corpus: str = "ravdess", began: str | None = "facebook/base", labels: bool = False
) -> Origin:
    trained = Trained(
        study="before",
        corpus=corpus,
        manifest="m",
        fold=0,
        seed=0,
        key="k",
        adaptation={"name": "tapt"},
        audio=tuple(sorted(heard)),
        seconds=3600.0,
        labels=labels,
    )
    start = Began(random=began is None, model_type="wav2vec2", name=began)
    return Origin(identity="f" * 64, began=start, trainings=(trained,))


def on(settings: BackboneSettings, **more: Any) -> Source:
    return source(manifest(), classifier=PooledTransformerSettings(), backbone=settings, **more)


def test_terms_of_all_that_a_backbone_heard_bind_the_model(tmp_path: Path) -> None:
    story = story_of(on(backbone(tmp_path / "adapted", origin("elsewhere"))))
    told = lines(story.licences)
    assert "Recordings of ravdess, which the backbone heard before: CC BY-NC-SA 4.0" in told
    assert "Recordings of emodb: free of charge" in told
    assert "Weights of facebook/base: terms of their own" in told
    again = lines(story_of(on(backbone(tmp_path / "same", origin("elsewhere", corpus="emodb")))).licences)
    assert again.count("Recordings of emodb") == 1
    assert "NC-SA" not in again
    own = lines(story_of(on(backbone(tmp_path / "own", origin("elsewhere", corpus="calls")))).licences)
    assert "Recordings of calls, which the backbone heard before: whoever made these" in own


@pytest.mark.parametrize("of", ["folder", "origin"])
def test_weights_without_commercial_use_are_told(of: str, tmp_path: Path) -> None:
    settings = (
        backbone(tmp_path / AUDEERING)
        if of == "folder"
        else backbone(tmp_path / "adapted", origin("elsewhere", corpus="emodb", began=AUDEERING))
    )
    told = lines(story_of(on(settings)).licences)
    assert "CC BY-NC-SA 4.0, so this model is under the same licence" in told


def test_clips_and_speakers_of_test_that_a_backbone_heard_are_counted(tmp_path: Path) -> None:
    clips = (audio("t1", 2), audio("t1", 3), audio("a1", 0), "elsewhere")
    told = lines(story_of(on(backbone(tmp_path / "a", origin(*clips, labels=True)))).heard)
    assert "Test clips among these: 2. Of 3 test speakers it heard clips of 1 in this corpus" in told
    assert "read labels of what it heard" in told
    assert "Weights of facebook/base" in told
    told = lines(story_of(on(backbone(tmp_path / "b", origin("elsewhere", began=None)))).heard)
    assert "Test clips among these: 0. Of 3 test speakers it heard clips of 0 in this corpus" in told
    assert "read labels" not in told
    assert "were trained elsewhere" not in told


def test_another_clip_of_a_test_speaker_is_told_though_no_test_clip_was_heard(tmp_path: Path) -> None:
    """Of a speaker in train and test the backbone heard the clip that is in train."""
    settings = backbone(tmp_path / "a", origin(audio("t1", 0)))
    told = lines(story_of(on(settings, shared=True)).heard)
    assert "Test clips among these: 0. Of 3 test speakers it heard clips of 1 in this corpus" in told


def test_an_adaptation_of_the_study_tells_shared_speakers(tmp_path: Path) -> None:
    settings = backbone(tmp_path / "named")
    made = manifest()
    adapted = AdaptationStage(AudioStage(made.digest, made.corpus), CHOICE, settings, TaptSettings())
    told = lines(story_of(on(settings, shared=True, adapted=adapted)).heard)
    assert "Then adapted by tapt to all 13 train utterances of this fold, without labels" in told
    assert "and 1 of 3 test speakers is." in told
    told = lines(story_of(on(BackboneSettings(config={"hidden_size": 32}))).heard)
    assert told == "The backbone was drawn at random and had heard nothing."

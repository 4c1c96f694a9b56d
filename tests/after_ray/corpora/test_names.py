"""What the names and folders of ShEMO, EmoV-DB, SAVEE and CREMA-D hide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from after_ray.corpora._base import Entry, Listing, open_source, scan
from after_ray.corpora._settings import (
    CorpusSettings,
    CremadSettings,
    EmovdbSettings,
    SaveeSettings,
    ShemoSettings,
)
from after_ray.errors import MissingCorpus, UnusableAudio
from tests.after_ray.corpora.trees import plant


def listing(settings: CorpusSettings) -> Listing:
    return open_source(settings).listing()


def only(settings: CorpusSettings) -> Entry:
    (entry,) = listing(settings).entries
    return entry


def test_shemo_labels_are_those_of_the_names_whatever_its_json_says(tmp_path: Path) -> None:
    plant(tmp_path, ["female/F01A01.wav"])
    (tmp_path / "shemo.json").write_text(json.dumps({"F01A01": {"emotion": "sad", "gender": "male"}}))
    entry = only(ShemoSettings(root=str(tmp_path)))
    assert (entry.emotion, entry.gender, entry.speaker, entry.sentence) == ("anger", "female", "F01", "")


def test_shemo_has_an_f_of_women_and_an_f_of_fear(tmp_path: Path) -> None:
    plant(tmp_path, ["female/F02F01.wav", "male/M56F03.wav", "male/M56H09.wav"])
    found = listing(ShemoSettings(root=str(tmp_path)))
    assert found.ignored == {"fear": 2}
    assert [(e.emotion, e.gender) for e in found.entries] == [("happy", "male")]


@pytest.mark.parametrize(
    "name", ["female/F32A01", "male/M57A01", "male/M00A01", "male/M01B01", "male/X01A01"]
)
def test_a_speaker_or_letter_that_shemo_does_not_have_is_misnamed(name: str, tmp_path: Path) -> None:
    plant(tmp_path, [f"{name}.wav", "male/M01A01.wav"])
    with pytest.raises(UnusableAudio, match=rf"{name}\.wav: its name does not follow ShEMO's GSSEnn"):
        scan(ShemoSettings(root=str(tmp_path)), tmp_path / "cache")


@pytest.mark.parametrize(
    ("path", "emotion", "sentence"),
    [
        ("jenie/Neutral/neutral_197_224_0207.wav", "neutral", "0207"),
        ("sam/Neutral/Neutral_1-28_0001.wav", "neutral", "0001"),
        ("bea_Angry/anger_1-28_0028.flac", "anger", "0028"),
        ("jenie/Angry/neutral_1-28_0003.wav", "anger", "0003"),  # the folder is right, not the name
    ],
)
def test_emovdb_has_its_label_from_the_folder_and_its_sentence_from_the_last_field(
    path: str, emotion: str, sentence: str, tmp_path: Path
) -> None:
    entry = only(EmovdbSettings(root=str(plant(tmp_path, [path]))))
    assert (entry.emotion, entry.sentence) == (emotion, sentence)


def test_one_name_of_emovdb_in_several_folders_is_as_many_utterances(tmp_path: Path) -> None:
    name = "anger_1-28_0001.wav"
    plant(tmp_path, [f"bea/Angry/{name}", f"sam/Angry/{name}", f"sam/Neutral/{name}"])
    found = listing(EmovdbSettings(root=str(tmp_path)))
    assert [entry.utterance for entry in found.entries] == [
        "emovdb/bea_Angry_anger_1-28_0001",
        "emovdb/sam_Angry_anger_1-28_0001",
        "emovdb/sam_Neutral_anger_1-28_0001",
    ]


def test_emovdb_does_not_take_amused_as_happy(tmp_path: Path) -> None:
    plant(tmp_path, ["bea/Amused/amused_1-15_0001.wav", "bea/Angry/anger_1-28_0001.wav"])
    assert listing(EmovdbSettings(root=str(tmp_path))).ignored == {"amused": 1}


@pytest.mark.parametrize(
    ("name", "label"),
    [("sa01", "sad"), ("su01", "surprise"), ("a01", "anger"), ("h15", "happy"), ("n30", "neutral")],
)
@pytest.mark.parametrize("layout", ["AudioData/KL/{}.wav", "ALL/KL_{}.wav"])
def test_two_letters_of_savee_come_before_one(name: str, label: str, layout: str, tmp_path: Path) -> None:
    plant(tmp_path, [layout.format(name)])
    labels = {own: own for own in SaveeSettings.own_labels}
    entry = only(SaveeSettings(root=str(tmp_path), labels=labels))
    assert (entry.emotion, entry.speaker, entry.sentence) == (label, "KL", name)
    assert entry.utterance == f"savee/KL_{name}"


@pytest.mark.parametrize("path", ["DC/JE_a01", "ALL/a01", "DC/s01", "DC/a31", "DC/sa00"])
def test_a_name_of_savee_that_says_too_little_or_two_speakers_is_refused(path: str, tmp_path: Path) -> None:
    plant(tmp_path, [f"{path}.wav", "DC/a02.wav"])
    with pytest.raises(UnusableAudio, match=rf"{path}\.wav: its name does not follow SAVEE's letters"):
        scan(SaveeSettings(root=str(tmp_path)), tmp_path / "cache")


def test_cremad_reads_only_its_folder_of_wav(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioMP3/1002_DFA_ANG_XX.wav", "1003_DFA_ANG_XX.wav"])
    (tmp_path / "AudioMP3" / "1001_DFA_ANG_XX.mp3").write_bytes(b"ID3")
    assert only(CremadSettings(root=str(tmp_path))).path == "AudioWAV/1001_DFA_ANG_XX.wav"


def test_cremad_with_only_its_other_folders_is_missing(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioMP3/1002_DFA_ANG_XX.wav"])
    with pytest.raises(
        MissingCorpus, match=r"'cremad' was not found in .*; expected AudioWAV/ with files such as"
    ):
        listing(CremadSettings(root=str(tmp_path)))


@pytest.mark.parametrize("name", ["1092_DFA_ANG_XX", "1000_DFA_ANG_XX", "1001_DFA_ANG_X", "1001_ABC_ANG_XX"])
def test_a_name_that_cremad_does_not_have_is_refused(name: str, tmp_path: Path) -> None:
    plant(tmp_path, [f"AudioWAV/{name}.wav", "AudioWAV/1040_ITH_SAD_X.wav"])
    with pytest.raises(UnusableAudio, match=rf"1 unusable .*{name}\.wav: its name does not follow CREMA-D's"):
        scan(CremadSettings(root=str(tmp_path)), tmp_path / "cache")


def test_the_cut_name_of_cremad_is_the_official_utterance(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioWAV/1040_ITH_SAD_X.wav"])
    assert only(CremadSettings(root=str(tmp_path))).utterance == "cremad/1040_ITH_SAD_XX"

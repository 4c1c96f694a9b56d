"""EMO-DB and RAVDESS as they are: counts from their official distributions."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from after_ray.audio.decode import decode
from after_ray.corpora._base import Scan, scan
from after_ray.corpora._settings import EmodbSettings, RavdessSettings
from after_ray.errors import UnreadableAudio


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def emodb(corpora: Path, cache: Path) -> Scan:
    return scan(EmodbSettings(root=str(corpora / "emodb")), cache)


@pytest.fixture(scope="module")
def ravdess(corpora: Path, cache: Path) -> Scan:
    return scan(RavdessSettings(root=str(corpora / "ravdess")), cache)


def official(corpora: Path, name: str) -> pd.DataFrame:
    table = pd.read_csv(corpora / "filelists" / f"{name}.csv", dtype=str, keep_default_na=False)
    table = table[table["label4"] != ""]
    return table.assign(stem=[Path(path).stem for path in table["path"]])


def test_emodb_has_its_339_utterances_per_class(emodb: Scan) -> None:
    assert len(emodb.manifest) == 339
    assert Counter(emodb.manifest.table["emotion"]) == {"anger": 127, "neutral": 79, "sad": 62, "happy": 71}
    assert emodb.manifest.classes == ("anger", "happy", "neutral", "sad")
    assert emodb.problems == ()


def test_emodb_speakers_and_sentences(emodb: Scan) -> None:
    table = emodb.manifest.table
    gender = dict(zip(table["speaker"], table["gender"], strict=True))
    assert [s for s, g in sorted(gender.items()) if g == "male"] == ["03", "10", "11", "12", "15"]
    assert len(gender) == 10
    assert table["sentence"].nunique() == 10
    cells = Counter(zip(table["speaker"], table["emotion"], strict=True))
    assert (cells["12", "happy"], cells["10", "sad"]) == (2, 3)
    assert (table["seconds"].min().round(2), table["seconds"].max().round(2)) == (1.43, 8.98)


@pytest.mark.parametrize("name", ["emodb", "ravdess"])
def test_every_label_agrees_with_the_published_list(
    corpora: Path, name: str, request: pytest.FixtureRequest
) -> None:
    manifest = request.getfixturevalue(name).manifest
    listed = official(corpora, name).sort_values("stem")
    table = manifest.table
    assert list(table["utterance"]) == [f"{name}/{stem}" for stem in listed["stem"]]
    for ours, theirs in {"speaker": "speaker", "gender": "gender", "emotion": "label4"}.items():
        assert list(table[ours]) == list(listed[theirs])
    assert list(table["sentence"]) == list(listed["sentence_id"])


def test_ravdess_has_its_672_utterances_without_calm(ravdess: Scan) -> None:
    assert len(ravdess.manifest) == 672
    assert Counter(ravdess.manifest.table["emotion"]) == {
        "anger": 192, "neutral": 96, "sad": 192, "happy": 192,
    }  # fmt: skip
    assert set(Counter(ravdess.manifest.table["speaker"]).values()) == {28}


def test_a_second_scan_takes_well_under_a_second(corpora: Path, cache: Path, ravdess: Scan) -> None:
    started = time.perf_counter()
    again = scan(RavdessSettings(root=str(corpora / "ravdess")), cache)
    assert time.perf_counter() - started < 0.7
    assert again.manifest.digest == ravdess.manifest.digest


def test_original_wav_agrees_with_the_lossless_copy(corpora: Path, cache: Path, emodb: Scan) -> None:
    originals = scan(EmodbSettings(root=str(corpora / "originals" / "emodb"), altered="accept"), cache)
    assert originals.ignored == {"boredom": 1, "disgust": 1, "fear": 1}
    converted = emodb.manifest.table.set_index("utterance")["audio"]
    for row in originals.manifest.table.itertuples():
        assert converted[row.utterance] == row.audio


def test_original_ravdess_is_48_khz_and_calm_is_left_out(corpora: Path, cache: Path) -> None:
    root = corpora / "originals" / "ravdess"
    found = scan(RavdessSettings(root=str(root), altered="accept"), cache)
    assert found.ignored == {"calm": 1, "fear": 1, "surprise": 1}
    assert set(found.manifest.table["sample_rate"]) == {48000}
    assert decode(root / "Actor_20" / "03-01-03-01-02-01-20.wav").samples.shape[1] == 2


def test_the_silent_file_of_crema_d_is_refused_as_silent(corpora: Path) -> None:
    folder = corpora / "originals" / "cremad" / "AudioWAV"
    with pytest.raises(UnreadableAudio, match="silent: all 41108 samples are zero"):
        decode(folder / "1076_MTI_SAD_XX.wav")
    assert len(decode(folder / "1002_ITS_NEU_XX.wav")) > 0

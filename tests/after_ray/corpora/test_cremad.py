"""Real files of CREMA-D: seven as flac, and twelve originals, one of them silent."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from after_ray.corpora._base import Scan, scan
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._settings import CremadSettings
from after_ray.corpora.cremad import ACTORS, FEMALE_ACTORS
from after_ray.errors import AfterRayError, AlteredCorpus, UnusableAudio, WrongChecksum
from tests.after_ray.corpora.trees import plant

SEVEN = [
    ("1002_ITS_NEU_XX", "1002", "female", "neutral", "ITS"),
    ("1007_TIE_HAP_XX", "1007", "female", "happy", "TIE"),
    ("1024_ITH_SAD_XX", "1024", "female", "sad", "ITH"),
    ("1027_IWL_HAP_XX", "1027", "male", "happy", "IWL"),
    ("1043_IEO_ANG_LO", "1043", "female", "anger", "IEO"),
    ("1063_IEO_ANG_MD", "1063", "female", "anger", "IEO"),
    ("1069_MTI_NEU_XX", "1069", "male", "neutral", "MTI"),
]
SILENT = "1076_MTI_SAD_XX"


@pytest.fixture
def originals(corpora: Path) -> Path:
    return corpora / "originals" / "cremad"


@pytest.fixture
def files(originals: Path) -> dict[str, Path]:
    return {path.stem: path for path in (originals / "AudioWAV").glob("*.wav")}


def accepted(root: Path, cache: Path) -> Scan:
    return scan(CremadSettings(root=str(root), altered="accept"), cache)


def rows(found: Scan) -> list[tuple[str, ...]]:
    columns = found.manifest.table[["utterance", "speaker", "gender", "emotion", "sentence"]]
    return [(id.removeprefix("cremad/"), *rest) for id, *rest in columns.itertuples(index=False, name=None)]


def test_seven_real_files_have_their_speakers_and_labels(corpora: Path, tmp_path: Path) -> None:
    assert rows(accepted(corpora / "cremad", tmp_path)) == SEVEN


def test_originals_of_other_classes_are_counted_and_not_used(originals: Path, tmp_path: Path) -> None:
    found = accepted(originals, tmp_path)
    assert rows(found) == SEVEN
    assert found.ignored == {"disgust": 1, "fear": 3}


def test_the_silent_file_is_left_out_with_its_reason(originals: Path, tmp_path: Path) -> None:
    found = accepted(originals, tmp_path)
    assert found.left_out == ((f"AudioWAV/{SILENT}.wav", "silent: all 41108 samples are zero"),)
    assert found.problems == ()
    assert "1 of 4899 utterances" not in str(found.conformity)
    assert "4892 of 4899 utterances are missing" in found.conformity.differences[0]


def test_any_other_silent_file_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_NEU_XX.wav"])
    soundfile.write(tmp_path / "AudioWAV/1001_DFA_SAD_XX.wav", [0.0] * 480, 16000, subtype="PCM_16")
    with pytest.raises(UnusableAudio, match=r"1001_DFA_SAD_XX\.wav: silent: all 480 samples are zero"):
        accepted(tmp_path, tmp_path / "cache")


def test_a_few_files_are_not_the_corpus(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(AlteredCorpus, match="'cremad' is not the official one: 4892 of 4899 utterances are"):
        scan(CremadSettings(root=str(corpora / "cremad")), tmp_path)


def test_a_large_file_stub_is_named_as_such(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioWAV/1001_DFA_ANG_XX.wav"])
    stub = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 72862\n"
    (tmp_path / "AudioWAV/1001_DFA_ANG_XX.wav").write_text(stub)
    with pytest.raises(
        UnusableAudio, match=rf"_ANG_XX\.wav: {len(stub)}-byte text stub of a large-file store"
    ):
        accepted(tmp_path, tmp_path / "cache")


def test_there_are_91_actors_of_whom_43_are_women() -> None:
    assert (len(ACTORS), len(FEMALE_ACTORS)) == (91, 43)
    assert set(ACTORS) >= FEMALE_ACTORS


def test_checksums_of_the_originals_agree(files: dict[str, Path]) -> None:
    seen: list[tuple[int, int]] = []
    checked = ListedContract("cremad").refuse_wrong_checksums(files, lambda *counts: seen.append(counts))
    assert checked == len(files) == 12
    assert seen[-1] == (12, 12)


def test_a_changed_byte_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    changed = tmp_path / "1002_ITS_NEU_XX.wav"
    data = bytearray(files[changed.stem].read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    with pytest.raises(WrongChecksum) as refused:
        ListedContract("cremad").refuse_wrong_checksums({**files, changed.stem: changed})
    assert str(refused.value) == (
        "1 of 12 files of 'cremad' have another SHA-256 than the official ones (1002_ITS_NEU_XX); fetch them "
        "again (only the original wav files can agree, never a conversion)."
    )


def test_a_conversion_cannot_agree(corpora: Path) -> None:
    flac = {path.stem: path for path in (corpora / "cremad" / "AudioWAV").glob("*.flac")}
    with pytest.raises(WrongChecksum, match=r"^7 of 7 files of 'cremad' .* and 2 more\); fetch them again"):
        ListedContract("cremad").refuse_wrong_checksums(flac)


def test_a_corpus_without_published_checksums_says_so(corpora: Path) -> None:
    file = corpora / "originals" / "emodb" / "wav" / "03a01Fa.wav"
    with pytest.raises(AfterRayError, match=r"No checksums are published .* 'emodb'; allowed: cremad"):
        ListedContract("emodb").refuse_wrong_checksums({"03a01Fa": file})

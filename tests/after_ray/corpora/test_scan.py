"""Scanning folders: what is found, what is refused, what is remembered."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from after_ray.audio.decode import decode
from after_ray.corpora import _base
from after_ray.corpora._base import scan
from after_ray.corpora._settings import EmodbSettings, EmovdbSettings, RavdessSettings, SaveeSettings
from after_ray.errors import MissingCorpus, NothingToUse, UnreadableAudio, UnusableAudio
from tests.after_ray.corpora.trees import plant

NAMES = ("03a01Fa", "03a01Nc", "08a01Wa", "08b03Tc")


def tone(seed: int, samples: int = 800) -> np.ndarray:
    return np.random.default_rng(seed).integers(-3000, 3000, samples).astype(np.int16)


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    folder = tmp_path / "emodb" / "wav"
    folder.mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        soundfile.write(folder / f"{name}.wav", tone(seed), 16000, subtype="PCM_16")
    return folder.parent


def settings(root: Path, unusable: str = "refuse") -> EmodbSettings:
    """Of a corpus that is four files, which the official one is not."""
    return EmodbSettings.model_validate({"root": str(root), "unusable": unusable, "altered": "accept"})


def stub(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 74786\n")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros(800, dtype=np.int16), 16000)


def no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0, dtype=np.int16), 16000)


def short(path: Path) -> None:
    soundfile.write(path, tone(5, 40), 16000)


def not_finite(path: Path) -> None:
    soundfile.write(path, np.array([0.1, np.nan], dtype=np.float32), 16000, subtype="FLOAT")


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.wav")


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "stub": (stub, r"\d+-byte text stub of a large-file store, not audio"),
    "text": (lambda path: path.write_text("<html>404</html>"), "16 bytes of text, not audio"),
    "empty": (lambda path: path.write_bytes(b""), "empty file"),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 20), "corrupt: "),
    "cut": (cut, "corrupt: cut to 500 of 1644 bytes"),
    "no samples": (no_samples, "zero samples"),
    "silent": (silence, "silent: all 800 samples are zero"),
    "not finite": (not_finite, "corrupt: samples that are not finite"),
    "short": (short, "too short: 2.5 ms, at least 25 ms are needed"),
    "link to nowhere": (dangle, "cannot be opened: No such file"),
    "link to itself": (link_to_itself, "cannot be opened: Too many levels of symbolic links"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_has_its_own_reason(emodb: Path, tmp_path: Path, damage: str) -> None:
    harm, reason = DAMAGES[damage]
    harm(emodb / "wav" / "03a01Fa.wav")
    with pytest.raises(UnusableAudio, match=f"03a01Fa.wav: .*{reason}"):
        scan(settings(emodb), tmp_path / "cache")


@pytest.mark.parametrize(("samples", "rate", "shown"), [(399, 16000, "24.9"), (1102, 44100, "24.9")])
def test_a_clip_of_less_than_one_frame_is_too_short_and_one_of_a_frame_is_not(
    tmp_path: Path, samples: int, rate: int, shown: str
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1, samples), rate)
    with pytest.raises(UnreadableAudio, match=rf"too short: {shown} ms, at least 25 ms are needed\."):
        decode(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", tone(1, samples + 1), rate)
    assert len(decode(tmp_path / "a.wav")) == samples + 1


def test_a_refused_scan_leaves_nothing_half_written(emodb: Path, tmp_path: Path) -> None:
    silence(emodb / "wav" / "03a01Fa.wav")
    with pytest.raises(UnusableAudio):
        scan(settings(emodb), tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()  # what was learnt of the three others, and nothing else
    head, *lines = kept.read_text().splitlines()
    assert head.startswith("after-ray inspections")
    assert sorted(line.split("\t")[0] for line in lines) == [f"wav/{name}.wav" for name in NAMES[1:]]


@pytest.mark.skipif(sys.platform == "darwin", reason="names are always text there")
def test_a_name_that_is_no_text_is_refused_with_a_sentence_that_can_be_printed(
    emodb: Path, tmp_path: Path
) -> None:
    (emodb / "wav" / os.fsdecode(b"gr\xfc\xdfe.wav")).write_bytes(b"")
    with pytest.raises(UnusableAudio, match=r"gr\\xfc\\xdfe\.wav: its name does not follow") as refusal:
        scan(settings(emodb), tmp_path / "cache")
    assert str(refusal.value).encode()


@pytest.mark.parametrize("damage", DAMAGES)
def test_skip_leaves_out_the_damaged_file_and_says_so(emodb: Path, tmp_path: Path, damage: str) -> None:
    DAMAGES[damage][0](emodb / "wav" / "03a01Fa.wav")
    found = scan(settings(emodb, "skip"), tmp_path / "cache")
    assert [path for path, _ in found.problems] == ["wav/03a01Fa.wav"]
    assert len(found.manifest) == 3


def test_a_cut_flac_is_corrupt(emodb: Path, tmp_path: Path) -> None:
    (emodb / "wav" / "03a01Fa.wav").unlink()
    flac = emodb / "wav" / "03a01Fa.flac"
    soundfile.write(flac, tone(0, 80_000), 16000)
    flac.write_bytes(flac.read_bytes()[:50_000])
    with pytest.raises(UnusableAudio, match="corrupt: "):
        scan(settings(emodb), tmp_path / "cache")


def test_what_skipping_needs_is_said(emodb: Path, tmp_path: Path) -> None:
    silence(emodb / "wav" / "03a01Fa.wav")
    official = EmodbSettings(root=str(emodb))
    with pytest.raises(UnusableAudio) as refused:
        scan(official, tmp_path / "cache")
    assert str(refused.value) == (
        "Corpus 'emodb' has 1 unusable entry: wav/03a01Fa.wav: silent: all 800 samples are zero. Mend them, "
        "or set 'unusable: skip' and 'altered: accept' in the block of corpus 'emodb' to leave them out, "
        "because the corpus is then no longer the official one."
    )
    with pytest.raises(UnusableAudio, match="set 'unusable: skip' in the block of corpus 'emodb' to leave"):
        scan(settings(emodb), tmp_path / "cache")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"labels": {"disgust": "disgust"}}, "anger (1), happy (1), neutral (1), sad (1)"),
        ({"exclude": NAMES}, "excluded (4)"),
        ({"labels": {"sad": "sad"}, "exclude": NAMES[3:]}, "anger (1), happy (1), neutral (1), excluded (1)"),
    ],
)
def test_a_corpus_of_which_nothing_is_used_says_what_it_has(
    emodb: Path, tmp_path: Path, changes: dict[str, object], found: str
) -> None:
    with pytest.raises(NothingToUse, match=re.escape(f"with a used label; found: {found}. 'labels' in the")):
        scan(settings(emodb).model_copy(update=changes), tmp_path / "cache")


def test_skip_with_nothing_left_is_refused(emodb: Path, tmp_path: Path) -> None:
    for name in NAMES:
        silence(emodb / "wav" / f"{name}.wav")
    with pytest.raises(UnusableAudio, match=r"4 unusable entries: .* Mend them: there is no other utterance"):
        scan(settings(emodb, "skip"), tmp_path / "cache")


def test_a_misnamed_file_is_refused_with_the_scheme(emodb: Path, tmp_path: Path) -> None:
    (emodb / "wav" / "03a01Fa.wav").rename(emodb / "wav" / "happy1.wav")
    with pytest.raises(UnusableAudio, match=r"happy1\.wav: its name does not follow EMO-DB's SSTTTEV"):
        scan(settings(emodb), tmp_path / "cache")


def test_a_speaker_that_emodb_does_not_have_is_misnamed(emodb: Path, tmp_path: Path) -> None:
    (emodb / "wav" / "03a01Fa.wav").rename(emodb / "wav" / "04a01Fa.wav")
    with pytest.raises(UnusableAudio, match="04a01Fa"):
        scan(settings(emodb), tmp_path / "cache")


def test_wav_and_flac_of_one_corpus_are_the_same_manifest(emodb: Path, tmp_path: Path) -> None:
    before = scan(settings(emodb), tmp_path / "cache").manifest
    for name in NAMES:
        wav = emodb / "wav" / f"{name}.wav"
        soundfile.write(wav.with_suffix(".flac"), soundfile.read(wav, dtype="int16")[0], 16000)
        wav.unlink()
    after = scan(settings(emodb), tmp_path / "cache").manifest
    assert next(iter(after.table["path"])) == "wav/03a01Fa.flac"
    assert after.digest == before.digest


def test_another_sample_changes_the_digest(emodb: Path, tmp_path: Path) -> None:
    before = scan(settings(emodb), tmp_path / "cache").manifest.digest
    soundfile.write(emodb / "wav" / "03a01Fa.wav", tone(99), 16000)
    assert scan(settings(emodb), tmp_path / "cache").manifest.digest != before


def test_a_second_scan_decodes_only_what_changed(
    emodb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scan(settings(emodb), tmp_path / "cache")
    listened: list[str] = []
    listen = _base._listen
    monkeypatch.setattr(_base, "_listen", lambda corpus, path: listened.append(path) or listen(corpus, path))
    again = scan(settings(emodb), tmp_path / "cache")
    assert (listened, again.manifest.digest) == ([], first.manifest.digest)
    os.utime(emodb / "wav" / "03a01Fa.wav", ns=(1, 1))
    scan(settings(emodb), tmp_path / "cache")
    assert listened == ["wav/03a01Fa.wav"]


def test_a_mended_file_is_noticed_though_size_and_time_stay(emodb: Path, tmp_path: Path) -> None:
    file = emodb / "wav" / "03a01Fa.wav"
    intact, when = file.read_bytes(), (10**18, 10**18)
    silence(file)
    os.utime(file, ns=when)
    with pytest.raises(UnusableAudio):
        scan(settings(emodb), tmp_path / "cache")
    file.write_bytes(intact)
    os.utime(file, ns=when)
    assert len(scan(settings(emodb), tmp_path / "cache").manifest) == 4


HARM: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "of another kind": lambda text: '{"version": 0, "files": {"wav/03a01Fa.wav": 1}}',
    "of an older version": lambda text: text.replace("inspections 3", "inspections 2", 1),
    "cut in a digest": lambda text: text[:-30],
    "without a field": lambda text: text.replace("\t16000", ""),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_cache_is_learnt_again(emodb: Path, tmp_path: Path, harm: str) -> None:
    before = scan(settings(emodb), tmp_path / "cache").manifest.digest
    (cache_file,) = (tmp_path / "cache").iterdir()
    intact = cache_file.read_text()
    cache_file.write_text(HARM[harm](intact))
    assert cache_file.read_text() != intact
    assert scan(settings(emodb), tmp_path / "cache").manifest.digest == before
    assert sorted(cache_file.read_text().splitlines()) == sorted(intact.splitlines())


def test_two_copies_of_a_corpus_do_not_share_a_cache(emodb: Path, tmp_path: Path) -> None:
    scan(settings(emodb), tmp_path / "cache")
    other = emodb.rename(tmp_path / "other")
    scan(settings(other), tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_progress_reaches_the_number_of_files(emodb: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    scan(settings(emodb), tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_classes_not_used_are_counted_and_hidden_files_passed_over(emodb: Path, tmp_path: Path) -> None:
    for name in ("03a04Ad", "03a04Lc", "08b10Lc", "._03a01Fa"):
        soundfile.write(emodb / "wav" / f"{name}.wav", tone(7), 16000)
    found = scan(settings(emodb), tmp_path / "cache")
    assert found.ignored == {"boredom": 2, "fear": 1}
    assert len(found.manifest) == 4


@pytest.mark.parametrize("suffix", [".WAV", ".Wav"])
def test_the_case_of_a_suffix_does_not_matter(emodb: Path, tmp_path: Path, suffix: str) -> None:
    before = scan(settings(emodb), tmp_path / "cache").manifest
    file = emodb / "wav" / "03a01Fa.wav"
    file.rename(file.with_suffix(suffix))
    after = scan(settings(emodb), tmp_path / "cache").manifest
    assert next(iter(after.table["path"])) == f"wav/03a01Fa{suffix}"
    assert after.digest == before.digest


@pytest.mark.parametrize("name", ["03a01Fa.mp3", "03a01Fa.aiff", "03a01Fa"])
def test_an_utterance_in_another_format_is_a_problem_of_its_own(
    emodb: Path, tmp_path: Path, name: str
) -> None:
    (emodb / "wav" / "03a01Fa.wav").rename(emodb / "wav" / name)
    with pytest.raises(UnusableAudio, match=rf"wav/{name}: it is neither \.wav nor \.flac; convert it"):
        scan(settings(emodb), tmp_path / "cache")
    found = scan(settings(emodb, "skip"), tmp_path / "cache")
    assert [path for path, _ in found.problems] == [f"wav/{name}"]
    assert len(found.manifest) == 3


def test_what_lies_beside_the_audio_is_passed_over(emodb: Path, tmp_path: Path) -> None:
    for name in ("README.txt", "Thumbs.db", "03a01Fa.lab", "03a01Fa.wav.part"):
        (emodb / "wav" / name).write_text("no audio")
    found = scan(settings(emodb), tmp_path / "cache")
    assert (len(found.manifest), found.problems) == (4, ())


@pytest.mark.parametrize("make", [EmodbSettings, RavdessSettings])
def test_a_missing_root_or_layout_is_named(make: type, tmp_path: Path) -> None:
    with pytest.raises(MissingCorpus, match=r"nowhere; expected .* below it"):
        scan(make(root=str(tmp_path / "nowhere")), tmp_path / "cache")
    (tmp_path / "flat").mkdir()
    soundfile.write(tmp_path / "flat" / "03a01Fa.wav", tone(1), 16000)
    for part in ("wav", "Actor_01"):
        (tmp_path / "flat" / part).mkdir()
        (tmp_path / "flat" / part / "README.txt").write_text("no audio")
    with pytest.raises(MissingCorpus):
        scan(make(root=str(tmp_path / "flat")), tmp_path / "cache")


def test_a_doubled_ravdess_tree_counts_once(tmp_path: Path) -> None:
    names = ("03-01-05-01-01-01-01", "03-01-01-01-01-01-02", "03-01-02-01-01-01-01", "03-02-04-01-01-01-01")
    for tree in ("", "audio_speech_actors_01-24/"):
        for seed, name in enumerate(names):
            folder = tmp_path / "ravdess" / f"{tree}Actor_{name[-2:]}"
            folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / f"{name}.wav", tone(seed, 2400), 48000)
    found = scan(RavdessSettings(root=str(tmp_path / "ravdess"), altered="accept"), tmp_path / "cache")
    assert list(found.manifest.table["utterance"]) == [f"ravdess/{names[1]}", f"ravdess/{names[0]}"]
    assert list(found.manifest.table["path"]) == [f"Actor_02/{names[1]}.wav", f"Actor_01/{names[0]}.wav"]
    assert list(found.manifest.table["gender"]) == ["female", "male"]
    assert found.ignored == {"calm": 1, "song": 1}


def test_second_copies_of_another_size_are_noted(emodb: Path, tmp_path: Path) -> None:
    again = emodb / "again" / "wav"
    again.mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        soundfile.write(again / f"{name}.wav", tone(seed, 900 if seed == 2 else 800), 16000)
    soundfile.write(again / "03a01Fa.flac", tone(0), 16000)
    found = scan(settings(emodb), tmp_path / "cache")
    assert len(found.copies) == 5
    assert found.notes == (
        "1 second copy differs in size from the file that is used, first again/wav/08a01Wa.wav; they are not "
        "compared further",
    )


def test_audio_outside_of_the_layout_is_noted(tmp_path: Path) -> None:
    names = ("AudioData/DC/a01.wav", "AudioData/je/a01.wav", "AudioData/je/n01.WAV", "AudioData/je/notes.txt")
    root = plant(tmp_path / "savee", names)
    found = scan(SaveeSettings(root=str(root), altered="accept"), tmp_path / "cache")
    assert len(found.manifest) == 1
    assert found.notes == (
        "outside of AudioData/DC/ with files such as a01.wav, or ALL/ with files such as DC_a01.wav (or "
        ".flac), and not used: 2 audio files, first AudioData/je/a01.wav",
    )


@pytest.mark.parametrize(
    ("make", "name", "inner"),
    [
        (EmodbSettings, "wav/03a01Fa.wav", "wav"),
        (RavdessSettings, "Actor_01/03-01-05-01-01-01-01.wav", "Actor_01"),
        (EmovdbSettings, "bea/Angry/anger_1-28_0001.wav", "bea"),
        (EmovdbSettings, "bea/Angry/anger_1-28_0001.wav", "bea/Angry"),
    ],
)
def test_a_root_inside_the_layout_is_sent_to_its_parent(
    make: type, name: str, inner: str, tmp_path: Path
) -> None:
    root = plant(tmp_path / "corpus", [name])
    with pytest.raises(MissingCorpus, match=rf"inside the corpus: point at its parent {root} as the corpus"):
        scan(make(root=str(root / inner)), tmp_path / "cache")
    with pytest.raises(MissingCorpus, match="Check the study's corpus root"):
        scan(make(root=str(tmp_path / "nowhere" / inner)), tmp_path / "cache")

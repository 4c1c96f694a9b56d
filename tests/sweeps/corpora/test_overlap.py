"""`after-ray corpora overlap`: planted copies are found, leaks end with exit code 1, other takes are none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from after_ray.audio.decode import Waveform
from after_ray.audio.fingerprint import fingerprint
from after_ray.corpora._base import open_source, scan
from after_ray.corpora._settings import EmodbSettings, SyntheticSettings
from after_ray.errors import ChangedAudio
from after_ray.splits.overlap import SentenceOverlap
from sweeps.cli import app
from sweeps.corpora.fingerprints import fingerprint_file, fingerprints
from sweeps.corpora.overlap import CorpusOverlap, reading

STUDY = """\
study: small
corpus: {name: emodb, root: corpus, altered: accept}
classifier: functionals
schedule: [50, 100]
protocol: {folds: {scheme: speaker_groups, count: 2}}
"""
SPEAKERS = ("03", "08", "10", "09")  # 03 and 10 are male, so one is tested where the other is trained on
EMOTIONS = {"W": "anger", "N": "neutral", "T": "sad", "F": "happy"}

Overlap = Callable[..., tuple[int, str, str]]


def tree(root: Path) -> Path:
    """EMO-DB's layout with made-up speech: 4 speakers, 2 sentences, 4 emotions, 2 takes; 64 files."""
    corpus = open_source(SyntheticSettings(speakers=4, sentences=2, repetitions=2))
    (root / "wav").mkdir(parents=True)
    for number, speaker in enumerate(SPEAKERS, start=1):
        for text in (1, 2):
            for letter, emotion in EMOTIONS.items():
                for take, version in enumerate("ab", start=1):
                    wave = corpus.read(f"{number:02d}-{text:02d}-{emotion}-{take:02d}")
                    write(root, f"{speaker}a0{text}{letter}{version}", wave.samples[:, 0])
    return root


def write(root: Path, name: str, samples: Any) -> None:
    soundfile.write(root / "wav" / f"{name}.wav", samples, 16_000, subtype="PCM_16")


def samples_of(root: Path, name: str) -> Any:
    return soundfile.read(root / "wav" / f"{name}.wav", dtype="int16")[0]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    tree(tmp_path / "corpus")
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path / "study.yaml"


@pytest.fixture
def root(study: Path) -> Path:
    return study.parent / "corpus"


def run(study: Path, *arguments: str) -> tuple[int, str, str]:
    store = study.parent / "store"
    done = CliRunner().invoke(app, ["corpora", "overlap", str(study), "--store", str(store), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_other_takes_of_a_sentence_are_no_duplicates_but_its_text_is_shared(study: Path) -> None:
    code, output, problems = run(study)
    assert code == 0, problems
    assert "all 2 sentences of every test part are also in train" in output
    assert "exact duplicates: 0 pairs" in output
    assert "near duplicates: 0 pairs" in output
    assert "listening to recordings of emodb: 64 of 64" in output


def test_planted_copies_that_cross_the_folds_are_named_and_end_with_exit_code_1(
    study: Path, root: Path
) -> None:
    write(root, "10a01Wc", samples_of(root, "03a01Wa"))
    softer = np.rint(samples_of(root, "03a02Tb")[2000:] * 0.3).astype(np.int16)
    write(root, "10a02Tc", softer)
    code, output, problems = run(study, "--json")
    found = json.loads(output)
    assert code == 1
    assert [(p["first"], p["second"]) for p in found["exact"]["pairs"]] == [
        ("emodb/03a01Wa", "emodb/10a01Wc")
    ]
    assert [(p["first"], p["second"]) for p in found["near"]["pairs"]] == [("emodb/03a02Tb", "emodb/10a02Tc")]
    assert 0 < found["near"]["pairs"][0]["error"] <= 0.2
    leaks = found["corpora"][0]["leaks"]
    assert {(leak["fold"], leak["duplicate"]["kind"]) for leak in leaks} == {
        (fold, kind) for fold in (0, 1) for kind in ("exact", "near")
    }
    assert problems.startswith("error: ")
    assert problems.count("\n") == 1
    assert "duplicate recording(s) cross test and training: fold 0 of emodb tests" in problems


def test_copies_on_one_side_of_every_fold_are_counted_and_are_no_error(study: Path, root: Path) -> None:
    write(root, "03a01Wc", samples_of(root, "03a01Wa"))
    code, output, problems = run(study)
    assert code == 0, problems
    assert "exact duplicates: 1 pair\n  emodb/03a01Wa = emodb/03a01Wc" in output
    assert "no duplicate is in test and in train" in output


def test_without_near_nothing_is_listened_to(study: Path, root: Path) -> None:
    write(root, "10a01Wc", np.rint(samples_of(root, "03a01Wa") * 0.5).astype(np.int16))
    code, output, _ = run(study, "--no-near")
    assert code == 0
    assert "not looked for" in output
    assert not list((study.parent / "store" / "scans").glob("*.fingerprints.npz"))
    code, _, problems = run(study)
    assert code == 1
    assert "(near)" in problems


def test_only_the_folds_that_the_study_asks_for_count(study: Path) -> None:
    _, output, _ = run(study, "--no-near", "--json", "--set", "fold=1")
    assert [fold["fold"] for fold in json.loads(output)["corpora"][0]["folds"]] == [1]


def overlaps(*folds: tuple[int, int, int, int, int]) -> CorpusOverlap:
    return CorpusOverlap("x", tuple(SentenceOverlap(i, *fold) for i, fold in enumerate(folds)), ())


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ([(9, 0, 3, 3, 9), (9, 0, 3, 3, 9)], "all 3 sentences of every test part are also in train"),
        ([(9, 0, 3, 3, 9), (9, 0, 4, 4, 9)], "all sentences of every test part are also in train"),
        ([(9, 0, 3, 0, 0), (9, 1, 3, 0, 0)], "is also new text (1 test utterances have no known sentence)"),
        ([(10, 0, 3, 1, 1), (10, 0, 3, 2, 5)], "10 to 50 % of the test utterances"),
        ([(9, 9, 0, 0, 0)], "no test utterance has a known sentence"),
    ],
)
def test_the_reading_says_what_the_numbers_mean(
    folds: list[tuple[int, int, int, int, int]], said: str
) -> None:
    assert said in reading(overlaps(*folds))


def test_fingerprints_are_kept_and_only_new_audio_is_listened_to(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EmodbSettings(root=str(root), altered="accept")
    corpus, found = open_source(settings), scan(settings, tmp_path)
    heard: list[str] = []
    decode = type(corpus).read

    def read(self: Any, path: str) -> Waveform:
        heard.append(path)
        return decode(self, path)

    monkeypatch.setattr(type(corpus), "read", read)
    first = fingerprints(corpus, found.manifest, tmp_path)
    assert len(heard) == len(first) == 64
    path, audio = found.manifest.table.loc[5, ["path", "audio"]]
    np.testing.assert_array_equal(first[audio], fingerprint(decode(corpus, path).mono()))

    heard.clear()
    again = fingerprints(corpus, found.manifest, tmp_path)
    assert heard == []
    assert again.keys() == first.keys()
    assert all(np.array_equal(again[digest], words) for digest, words in first.items())

    write(root, "03a01Wc", samples_of(root, "03a01Wa")[:9000])
    corpus = open_source(settings)
    fingerprints(corpus, scan(settings, tmp_path / "other").manifest, tmp_path)
    assert heard.count("wav/03a01Wc.wav") == 2, "scanned and listened to"


def test_a_damaged_file_of_fingerprints_is_made_again(root: Path, tmp_path: Path) -> None:
    settings = EmodbSettings(root=str(root), altered="accept")
    corpus, manifest = open_source(settings), scan(settings, tmp_path).manifest
    first = fingerprints(corpus, manifest, tmp_path)
    file = fingerprint_file(corpus, manifest, tmp_path)
    whole = file.read_bytes()
    for damaged in (b"", b"not an archive", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        assert fingerprints(corpus, manifest, tmp_path).keys() == first.keys()
        assert len(file.read_bytes()) == len(whole)


def test_audio_that_changed_since_the_scan_is_refused(root: Path, tmp_path: Path) -> None:
    settings = EmodbSettings(root=str(root), altered="accept")
    manifest = scan(settings, tmp_path).manifest
    write(root, "10a02Tb", samples_of(root, "10a02Tb")[:-1])
    with pytest.raises(ChangedAudio, match="emodb/10a02Tb"):
        fingerprints(open_source(settings), manifest, tmp_path)
    kept = fingerprints(open_source(settings), type(manifest)("emodb", manifest.table.iloc[:10]), tmp_path)
    assert len(kept) == 10


@pytest.mark.slow
def test_ravdess_has_one_recording_twice_and_emodb_none(tmp_path: Path, corpora: Path) -> None:
    """Actor 7 said the same thing twice, to the sample: a fault of the corpus, on one side of every fold."""
    study = tmp_path / "study.yaml"
    study.write_text(
        "study: both\n"
        f"corpus: [{{name: emodb, root: {corpora}/emodb}}, {{name: ravdess, root: {corpora}/ravdess}}]\n"
        "classifier: functionals\n"
        "schedule: [50, 100]\n"
    )
    code, output, problems = run(study, "--json")
    assert code == 0, problems
    found = json.loads(output)
    pairs = [(pair["first"], pair["second"]) for pair in found["exact"]["pairs"]]
    assert pairs == [("ravdess/03-01-03-01-02-01-07", "ravdess/03-01-03-01-02-02-07")]
    assert found["near"]["count"] == 0
    assert "all 10 sentences of every test part" in found["corpora"][0]["reading"]
    started = time.perf_counter()
    run(study)
    assert time.perf_counter() - started < 10, "nothing is decoded a second time"

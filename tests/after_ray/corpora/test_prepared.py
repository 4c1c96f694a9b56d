"""Prepared audio: exact where nothing has to be done, band-limited where it is resampled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from after_ray.audio.decode import Waveform, decode
from after_ray.corpora._base import scan
from after_ray.corpora._settings import EmodbSettings, RavdessSettings, SyntheticSettings
from after_ray.corpora.prepared import open_prepared, prepare, prepared_lengths, to_16_khz, to_int16
from after_ray.errors import ChangedAudio
from after_ray.manifest import Manifest

Floats = NDArray[np.float64]


def tone(frequency: float, rate: int, seconds: float = 0.5) -> Floats:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prepared").mkdir()
    return tmp_path / "prepared"


@pytest.fixture
def emodb(tmp_path: Path) -> EmodbSettings:
    """Two 16 kHz files, one of 44.1 kHz, one of 22.05 kHz in stereo; the 44.1 kHz one is at full scale."""
    wav = tmp_path / "emodb" / "wav"
    wav.mkdir(parents=True)
    generator = np.random.default_rng(1)
    for name in ("03a01Fa", "08a01Wa"):
        noise = generator.integers(-(2**15), 2**15, 4001).astype(np.int16)
        soundfile.write(wav / f"{name}.wav", noise, 16000, subtype="PCM_16")
    square = np.sign(tone(900, 44100)).astype(np.float32)
    soundfile.write(wav / "03a01Nc.wav", square, 44100, subtype="PCM_16")
    soundfile.write(wav / "08b03Tc.wav", np.stack([tone(300, 22050)] * 2, axis=1), 22050)
    return EmodbSettings(root=str(wav.parent), altered="accept")


def test_16_khz_mono_16_bit_comes_out_as_it_went_in(
    emodb: EmodbSettings, tmp_path: Path, folder: Path
) -> None:
    prepare(scan(emodb, tmp_path / "cache"), emodb, folder)
    corpus = open_prepared(folder)
    for row, path in enumerate(corpus.manifest.table["path"]):
        wave = decode(Path(emodb.root) / path)
        if wave.sample_rate == 16000:
            assert np.array_equal(corpus.audio[row], wave.samples[:, 0])
            assert np.array_equal(corpus.wave(row), wave.mono())


def test_what_was_done_is_counted(emodb: EmodbSettings, tmp_path: Path, folder: Path) -> None:
    found = scan(emodb, tmp_path / "cache")
    seen: list[tuple[int, int]] = []
    measures = prepare(found, emodb, folder, lambda done, total: seen.append((done, total)))
    assert measures["utterances"] == 4
    assert measures["resampled"] == 2
    assert measures["clipped_utterances"] == 1  # the square wave overshoots when it is band-limited
    assert measures["clipped"] > 0
    assert measures["seconds"] == pytest.approx(2 * 4001 / 16000 + 1.0)
    assert seen[-1] == (4, 4)


def test_lengths_are_known_from_the_manifest(emodb: EmodbSettings, tmp_path: Path, folder: Path) -> None:
    manifest = scan(emodb, tmp_path / "cache").manifest
    prepare(manifest, emodb, folder)
    corpus = open_prepared(folder)
    assert prepared_lengths(corpus.manifest).tolist() == corpus.audio.lengths.tolist()
    assert corpus.audio.values.dtype == np.int16
    assert corpus.manifest.digest == manifest.digest


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("samples", [1, 2, 999, 1000, 1001])
def test_resampled_length_is_the_announced_one(rate: int, samples: int) -> None:
    wave = Waveform(np.ones((samples, 1), dtype=np.int16), rate)
    assert len(to_16_khz(wave)) == -(-samples * 16000 // rate)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_resampling_keeps_speech_and_removes_what_would_alias(rate: int) -> None:
    def through(frequency: float) -> Floats:
        samples = tone(frequency, rate).astype(np.float32)[:, None]
        return to_16_khz(Waveform(samples, rate))[2000:6000].astype(np.float64)

    expected = tone(1000, 16000)[2000:6000]
    assert np.abs(through(1000) - expected).max() < 2e-3
    assert np.abs(through(9500)).max() < 0.5 * 1e-3  # 60 dB down; plain decimation would leave all of it


def test_stereo_is_averaged() -> None:
    left, right = np.array([1000, -2000], np.int16), np.array([3000, 2000], np.int16)
    mono = to_16_khz(Waveform(np.stack([left, right], axis=1), 16000))
    assert to_int16(mono)[0].tolist() == [2000, 0]


def test_clipping_is_counted_and_never_wraps_round() -> None:
    rounded, clipped = to_int16(np.array([1.2, -1.2, 1.0, -1.0, 0.5], dtype=np.float32))
    assert rounded.tolist() == [32767, -32768, 32767, -32768, 16384]
    assert clipped == 3


def test_audio_that_changed_after_the_scan_is_refused(
    emodb: EmodbSettings, tmp_path: Path, folder: Path
) -> None:
    found = scan(emodb, tmp_path / "cache")
    soundfile.write(Path(emodb.root) / "wav" / "08a01Wa.wav", np.ones(4001, dtype=np.int16), 16000)
    with pytest.raises(ChangedAudio, match="'emodb/08a01Wa'"):
        prepare(found, emodb, folder)


def test_the_synthetic_corpus_is_prepared_like_any_other(tmp_path: Path, folder: Path) -> None:
    settings = SyntheticSettings(speakers=2, sentences=1)
    measures = prepare(scan(settings, tmp_path), settings, folder)
    corpus = open_prepared(folder)
    assert (measures["utterances"], measures["clipped"]) == (8, 0)
    assert np.abs(corpus.wave(0)).max() <= 1
    assert isinstance(corpus.manifest, Manifest)


def test_original_ravdess_agrees_with_its_published_conversion(
    corpora: Path, tmp_path: Path, folder: Path
) -> None:
    settings = RavdessSettings(root=str(corpora / "originals" / "ravdess"), altered="accept")
    measures = prepare(scan(settings, tmp_path), settings, folder)
    assert measures["resampled"] == measures["utterances"] == 5
    corpus = open_prepared(folder)
    for row, path in enumerate(corpus.manifest.table["path"]):
        published = decode(corpora / "ravdess" / Path(path).with_suffix(".flac")).mono()
        ours = corpus.wave(row)[: len(published)]
        assert len(corpus.wave(row)) - len(published) in (0, 1)  # theirs rounds the length down
        error = np.sqrt(np.mean((ours - published) ** 2)) / np.sqrt(np.mean(published**2))
        assert error < 0.02  # two filters of different steepness near 8 kHz

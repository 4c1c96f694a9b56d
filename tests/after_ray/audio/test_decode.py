"""Decoding: one digest for one sound, whatever the container."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from after_ray.audio.decode import Waveform, decode
from after_ray.errors import UnreadableAudio

NOISE = np.random.default_rng(0).integers(-20000, 20000, (500, 2))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_wav_and_flac_have_one_digest(tmp_path: Path, subtype: str) -> None:
    samples = (NOISE << 16).astype(np.int32)
    for suffix in ("wav", "flac"):
        soundfile.write(tmp_path / f"a.{suffix}", samples, 16000, subtype=subtype)
    assert decode(tmp_path / "a.wav").digest == decode(tmp_path / "a.flac").digest


def test_digest_tells_rate_and_channels_apart() -> None:
    samples = NOISE.astype(np.int16)
    digests = {
        Waveform(samples, 16000).digest,
        Waveform(samples, 22050).digest,
        Waveform(samples.reshape(-1, 1), 16000).digest,
    }
    assert len(digests) == 3


@pytest.mark.parametrize(("dtype", "full"), [(np.int16, 2**15), (np.int32, 2**31)])
def test_mono_is_the_mean_of_the_channels_in_full_scale(dtype: type, full: int) -> None:
    wave = Waveform(np.array([[-full, 0], [full // 2, full // 2]], dtype=dtype), 16000)
    assert wave.mono().tolist() == [-0.5, 0.5]
    assert wave.mono().dtype == np.float32


def test_a_float_wav_keeps_its_values(tmp_path: Path) -> None:
    samples = np.array([0.25, -1.5] * 200, dtype=np.float32)
    soundfile.write(tmp_path / "f.wav", samples, 16000, subtype="FLOAT")
    assert decode(tmp_path / "f.wav").mono().tolist() == samples.tolist()


def test_a_streamed_wav_without_a_size_in_its_header_is_read(tmp_path: Path) -> None:
    file = tmp_path / "s.wav"
    soundfile.write(file, NOISE.astype(np.int16), 16000)
    data = bytearray(file.read_bytes())
    data[4:8] = b"\xff\xff\xff\xff"
    file.write_bytes(bytes(data))
    assert len(decode(file)) == 500


@pytest.mark.parametrize("name", ["a.raw", "a.RAW", "a", "a.txt"])
def test_a_file_is_what_is_in_it_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, NOISE.astype(np.int16), 16000, format="WAV")
    assert len(decode(tmp_path / name)) == 500


def test_samples_without_a_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(NOISE.astype("<i2").tobytes())
    with pytest.raises(UnreadableAudio, match="corrupt: Format not recognised"):
        decode(tmp_path / "a.raw")


def test_what_the_library_refuses_otherwise_is_a_refusal_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object, **named: object) -> None:
        raise soundfile.SoundFileRuntimeError("nobody expected this.")

    soundfile.write(tmp_path / "a.wav", NOISE.astype(np.int16), 16000)
    monkeypatch.setattr(soundfile.SoundFile, "read", broken)
    with pytest.raises(UnreadableAudio, match="corrupt: nobody expected this"):
        decode(tmp_path / "a.wav")

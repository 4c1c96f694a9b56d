"""Recordings that were cut or damaged are refused, and whole ones are heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from after_ray.errors import UnreadableAudio
from after_ray.prediction import Windows
from after_ray.prediction.reading import windows_of
from after_ray.prediction.whole import refuse_cut

RATE = 16_000
WHOLE = Windows(60 * RATE, 60 * RATE, 60 * RATE)
FORMS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "aifc": ("AIFF", "FLOAT"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
}
UNFINISHED = {"aiff": (4, 4), "au": (8, 4), "w64": (16, 8), "rf64": (20, 8)}  # where lengths stand


def written(folder: Path, form: str, seconds: float = 4.0, rate: int = RATE) -> Path:
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    kind, subtype = FORMS[form]
    path = folder / f"a.{form}"
    soundfile.write(path, 0.2 * np.sin(2000 * time) + 0.03 * noise, rate, format=kind, subtype=subtype)
    return path


def heard(path: Path) -> float:
    return max(window.end for block in windows_of(path, WHOLE) for window in block)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.1, 4.0])
def test_whole_files_are_heard_to_their_end(form: str, rate: int, seconds: float, tmp_path: Path) -> None:
    path = written(tmp_path, form, seconds, rate)
    assert heard(path) == pytest.approx(seconds, abs=0.06)
    with open(path, "ab") as file:
        file.write(b"TAG" + bytes(125))  # as some programs put behind any file
    assert heard(path) == pytest.approx(seconds, abs=0.06)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_files_are_refused(form: str, share: float, tmp_path: Path) -> None:
    path = written(tmp_path, form)
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    with pytest.raises(UnreadableAudio, match=r"cut|corrupt"):
        heard(path)


@pytest.mark.parametrize("form", ["ogg", "opus", "flac"])
@pytest.mark.parametrize("changed", [20, 2000])
def test_damaged_files_are_refused(form: str, changed: int, tmp_path: Path) -> None:
    path = written(tmp_path, form, 8.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + changed] = np.random.default_rng(1).bytes(changed)
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableAudio, match="corrupt"):
        heard(path)


@pytest.mark.parametrize("form", UNFINISHED)
def test_a_length_that_was_never_filled_in_is_no_cut(form: str, tmp_path: Path) -> None:
    path = written(tmp_path, form)
    data = bytearray(path.read_bytes())
    place, length = UNFINISHED[form]
    data[place : place + length] = b"\xff" * length
    path.write_bytes(bytes(data))
    refuse_cut(path)


def test_an_mp3_behind_tags_is_looked_at_as_well(tmp_path: Path) -> None:
    path = written(tmp_path, "mp3")
    data = path.read_bytes()
    tags = b"ID3\x03\x00\x00" + bytes([0, 0, 2, 44]) + bytes(300)
    path.write_bytes(tags + data)
    assert heard(path) == pytest.approx(4.0, abs=0.06)
    path.write_bytes(tags + data[: len(data) // 2])
    with pytest.raises(UnreadableAudio, match=r"of the 4\.\d+ s that it promises"):
        heard(path)


def test_a_stream_that_somebody_joined_late_is_heard_and_one_that_lost_a_page_is_not(tmp_path: Path) -> None:
    data = written(tmp_path, "ogg", 8.0).read_bytes()
    first, second, *pages = (b"OggS" + page for page in data.split(b"OggS")[1:])
    path = tmp_path / "late.ogg"
    path.write_bytes(first + second + b"".join(pages[3:]))
    assert 1 < heard(path) < 7
    path.write_bytes(first + second + b"".join(pages[:3] + pages[4:]))
    with pytest.raises(UnreadableAudio, match="damaged at byte"):
        heard(path)

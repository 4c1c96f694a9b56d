"""Recordings are prepared as those of a corpus are, however long they are."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from after_ray.audio.decode import decode
from after_ray.corpora.prepared import to_16_khz, to_int16
from after_ray.errors import UnreadableAudio
from after_ray.prediction import Windows, find, reading
from after_ray.prediction.reading import Unread, Window, read_ahead, refuse_rate, windows_of
from tests.after_ray.prediction.heard import SECOND, level, write

WHOLE = Windows(1000 * SECOND, 1000 * SECOND, 1000 * SECOND)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("seconds", [1.99, 2.0, 6.001])
def test_blocks_sound_as_the_whole(
    rate: int, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = 5000 * np.random.default_rng(rate).standard_normal((round(seconds * rate), 2))
    soundfile.write(tmp_path / "a.wav", noise.astype(np.int16), rate)
    whole, _ = to_int16(to_16_khz(decode(tmp_path / "a.wav")))
    monkeypatch.setattr(reading, "BLOCK_SECONDS", 2)
    (window,) = (one for block in windows_of(tmp_path / "a.wav", WHOLE) for one in block)
    assert window.samples is not None
    assert window.samples.shape == whole.shape
    assert np.abs(window.samples.astype(int) - whole).max() <= 1  # sums of floats in another order


def test_no_more_is_read_ahead_than_the_threads_have_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write(tmp_path / f"{place}.wav", level(0.2, 1)) for place in range(12)]
    begun: list[Path] = []
    original = reading.windows_of
    monkeypatch.setattr(
        reading, "windows_of", lambda file, windows: begun.append(file) or original(file, windows)
    )
    found = read_ahead(files, WHOLE, workers=2)
    next(found)
    assert len(begun) <= 4
    assert [one.file for one in found] == files[1:]
    assert begun == files


@pytest.mark.parametrize("rate", [44_101, 15_999, 1000, 1_000_000])
def test_rates_whose_filters_would_take_all_memory_are_refused(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", level(0.2, 1, rate=4000), rate)
    (found,) = read_ahead([tmp_path / "a.wav"], WHOLE, 1)
    assert isinstance(found, Unread)
    assert f"rate of {rate} Hz" in found.reason


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 12_000, 22_050, 37_800, 44_056, 96_000, 384_000])
def test_rates_in_use_are_heard(rate: int) -> None:
    refuse_rate(Path("a.wav"), rate)


@pytest.mark.parametrize(("value", "said"), [(np.nan, "finite"), (-np.inf, "finite"), (300, "reach 300")])
@pytest.mark.parametrize("place", [3, 3 * SECOND, -3])
def test_samples_that_are_no_numbers_or_of_another_scale_are_refused_wherever_they_are(
    place: int, value: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.full(5 * SECOND, 1.02, np.float32)
    samples[place] = value
    soundfile.write(tmp_path / "a.wav", samples, SECOND, subtype="FLOAT")
    monkeypatch.setattr(reading, "BLOCK_SECONDS", 2)
    *windows, last = read_ahead([tmp_path / "a.wav"], Windows(SECOND, SECOND, SECOND), 1)
    assert all(isinstance(one, Window) for one in windows)
    assert isinstance(last, Unread)
    assert said in last.reason
    assert len(windows) <= 4


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(UnreadableAudio, match="pipe"):
        list(windows_of(tmp_path / "a.wav", WHOLE))


def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    there = write(tmp_path / "a.wav", level(0.2, 1))
    odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
    there.rename(odd)
    assert [one.file for one in read_ahead([odd], WHOLE, 1) if isinstance(one, Window)] == [odd]


def test_folders_are_looked_through_and_nothing_is_taken_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.FLAC", "b/1.wav", "b/c/3.mp3", "b/note.txt", "odd.name"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("none").mkdir()
    found = find([Path("odd.name"), Path("b"), Path("./b/1.wav"), Path("none"), Path("gone.wav")])
    assert [str(path) for path in found.files] == [
        "odd.name", "b/1.wav", "b/2.FLAC", "b/c/3.mp3", "gone.wav"
    ]  # fmt: skip
    assert found.repeated == 1
    assert [one.file for one in found.refused] == [Path("none")]
    assert (found.linked, found.unheard) == ([], [])


def test_what_a_folder_has_and_nobody_takes_is_counted(tmp_path: Path) -> None:
    clips, elsewhere = tmp_path / "clips", tmp_path / "elsewhere"
    write(clips / "a.wav", level(0.2, 1))
    write(elsewhere / "b.wav", level(0.2, 1))
    (clips / "more").symlink_to(elsewhere)
    (clips / "linked.wav").symlink_to(elsewhere / "b.wav")
    for name in ("voice.M4A", "film.mp4", "note.txt"):
        (clips / name).touch()
    found = find([clips])
    assert found.files == [clips / "a.wav", clips / "linked.wav"]
    assert found.linked == [clips / "more"]
    assert sorted(found.unheard) == [clips / "film.mp4", clips / "voice.M4A"]


def test_windows_that_overlap_take_the_memory_of_the_recording_alone(tmp_path: Path) -> None:
    noise = 5000 * np.random.default_rng(0).standard_normal(90 * SECOND)
    soundfile.write(tmp_path / "a.wav", noise.astype(np.int16), SECOND)
    tracemalloc.start()
    try:
        blocks = list(windows_of(tmp_path / "a.wav", Windows(10 * SECOND, SECOND // 50, 10 * SECOND)))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(map(len, blocks)) == 4001
    assert most < 100_000_000  # as copies: 1.3 GB

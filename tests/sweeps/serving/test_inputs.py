"""What a request brings is recordings, within limits; no name of a file leads anywhere."""

from __future__ import annotations

import base64
import builtins
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from after_ray.prediction import Windows, reading
from sweeps.serving import inputs
from sweeps.serving.inputs import BadRequest, windows_of_inputs
from tests.after_ray.models.folders import waves
from tests.sweeps.serving.asking import recording

TEN = Windows(160_000, 160_000, 160_000)
SOUND = [0.1, -0.1] * 400
TOO_MANY = [{"audio": "x"}] * (inputs.MOST_INPUTS + 1)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_recordings_in_base64_are_heard(form: str) -> None:
    (window,) = windows_of_inputs(
        [{"audio": recording(form=form), "samples": None, "sampling_rate": np.nan}], TEN
    )
    assert window.samples is not None
    expected = np.rint(waves()[0] * 32768)
    assert len(window.samples) == len(expected)
    assert np.corrcoef(window.samples, expected)[0, 1] > (0.9 if form == "OGG" else 0.999999)


def test_samples_are_heard_and_inputs_keep_their_numbers() -> None:
    first, second = windows_of_inputs(
        [{"samples": SOUND, "sampling_rate": 16_000.0}, {"samples": np.array(SOUND), "sampling_rate": 8_000}],
        TEN,
    )
    assert (str(first.file), str(second.file)) == ("input 0", "input 1")
    assert first.samples is not None
    assert np.array_equal(first.samples, np.rint(np.float32(SOUND) * 32768))
    assert second.end == pytest.approx(2 * first.end)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"audio": "!!!"}, "no base64 of an audio file"),
        ({"audio": ""}, "no base64"),
        ({"audio": 5}, "no text"),
        ({"audio": ["a", "b"]}, "no text"),
        ({"audio": base64.b64encode(bytes(range(256)) * 20).decode()}, "Format not recognised"),
        ({"audio": base64.b64encode(b"just some text " * 20).decode()}, "300 bytes of text"),
        ({"audio": recording()[:4000]}, "cut to"),
        ({"audio": recording(), "samples": SOUND}, "allowed: 'audio' with"),
        ({"samples": SOUND}, "allowed: 'audio' with"),
        ({"path": "/etc/passwd"}, "allowed: 'audio' with"),
        ({}, "has nothing"),
        ({"samples": [0.1] * 5, "sampling_rate": 16_000}, "too short"),
        ({"samples": [0.0] * 800, "sampling_rate": 16_000}, "silent"),
        ({"samples": [0.1, np.nan] * 400, "sampling_rate": 16_000}, "finite"),
        ({"samples": [0.1, 300.0] * 400, "sampling_rate": 16_000}, "divide those of 16 bits by 32768"),
        ({"samples": ["a"], "sampling_rate": 16_000}, "no list of numbers"),
        ({"samples": [[0.1]], "sampling_rate": 16_000}, "no list of numbers"),
        ({"samples": SOUND, "sampling_rate": 44_101}, "rate of 44101 Hz"),
        ({"samples": SOUND, "sampling_rate": -1}, "a whole number"),
        ({"samples": SOUND, "sampling_rate": 1e12}, "a whole number"),
        ({"samples": SOUND, "sampling_rate": np.inf}, "a whole number"),
        ({"samples": SOUND, "sampling_rate": 16_000.5}, "a whole number"),
        ({"samples": SOUND, "sampling_rate": "16000"}, "a whole number"),
    ],
)
def test_what_is_no_recording_is_one_sentence_that_names_its_input(row: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match="nput 1 ") as caught:
        windows_of_inputs([{"samples": SOUND, "sampling_rate": 16_000}, row], TEN)
    assert said in str(caught.value)
    assert "/tmp" not in str(caught.value)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("encoded", [False, True])
def test_no_file_of_the_server_is_opened(
    encoded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = (
        tmp_path / "long enough to be taken for a small recording if only its length is looked at" / "a.wav"
    )
    there.parent.mkdir()
    soundfile.write(there, np.full(1600, 0.1), 16_000)
    opened: list[str] = []
    original = builtins.open

    def watched(file: Any, *more: Any, **named: Any) -> Any:
        opened.append(str(file))
        return original(file, *more, **named)

    monkeypatch.setattr(builtins, "open", watched)
    name = base64.b64encode(str(there).encode()).decode() if encoded else str(there)
    with pytest.raises(BadRequest, match="nput 0 "):
        windows_of_inputs([{"audio": name}], TEN)
    assert str(there) not in opened


@pytest.mark.parametrize("rows", [[], TOO_MANY])
def test_no_input_or_too_many_are_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(BadRequest, match="The request has"):
        windows_of_inputs(rows, TEN)


@pytest.mark.parametrize("loudness", [0, 1000])
def test_a_small_file_with_hours_in_it_is_not_read_to_its_end(
    loudness: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    hour = np.zeros(3600 * 16_000, np.int16)
    hour[::160_000] = loudness
    soundfile.write(file, hour, 16_000, format="FLAC")
    assert len(file.getvalue()) < 1_000_000
    read: list[int] = []
    original = reading.read
    monkeypatch.setattr(reading, "read", lambda *given: read.append(1) or original(*given))
    with pytest.raises(BadRequest, match="over 600 s of audio"):
        windows_of_inputs([{"audio": base64.b64encode(file.getvalue()).decode()}], TEN)
    assert len(read) <= 12  # minutes


def test_the_limit_is_that_of_all_inputs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_SECONDS", 5.0)
    long = {"samples": [0.1, -0.1] * 16_000, "sampling_rate": 16_000}
    assert len(windows_of_inputs([long, long], TEN)) == 2
    with pytest.raises(BadRequest, match="over 5 s"):
        windows_of_inputs([long, long, long], TEN)


def test_much_work_of_little_audio_is_refused_before_it_is_begun() -> None:
    minute = {"samples": [0.1, -0.1] * 480_000, "sampling_rate": 16_000}
    with pytest.raises(
        BadRequest, match=r"over 6000 windows, or over 6000 s in all of them; choose a larger"
    ):
        windows_of_inputs([minute, minute], Windows(160_000, 1_600, 160_000))  # 10,020 s to hear
    with pytest.raises(BadRequest, match="over 6000 windows"):
        windows_of_inputs([minute, minute], Windows(400, 160, 400))  # 12,000 windows
    assert len(windows_of_inputs([minute], Windows(400, 160, 400))) == 5999

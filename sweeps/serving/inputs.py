"""What a request brings: recordings as base64 or as samples, never the name of a file."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile

from after_ray.corpora.prepared import SAMPLE_RATE
from after_ray.errors import AfterRayError, UnreadableAudio
from after_ray.prediction import Windows
from after_ray.prediction.reading import TooLong, Window, windows_of

INPUT = "input"
AUDIO, SAMPLES, RATE = "audio", "samples", "sampling_rate"
MOST_INPUTS = 256
MOST_SECONDS = 600.0  # of audio in a request
MOST_WINDOWS = 6_000  # of a request: overlapping ones make much work of little audio
MOST_HEARD = 6_000.0  # seconds in all windows of a request
HIGHEST_RATE = 2**31  # of a file's header; which of them are heard, is said where they are read
SMALLEST_FILE = 100  # bytes: what is less may be base64 by chance, as many names of files are
ALLOWED = (
    f"'{AUDIO}' with the bytes of an audio file in base64, or '{SAMPLES}' with numbers in [-1, 1] and "
    f"'{RATE}' in Hz"
)


class BadRequest(AfterRayError):
    """A request, or one input of it, that cannot be answered."""


def windows_of_inputs(rows: Sequence[Mapping[str, Any]], windows: Windows) -> list[Window]:
    """The windows of all inputs; the file of each is the number of its input.

    Raises:
        BadRequest: naming the first input that is none, or what there is too much of.
    """
    if not rows:
        raise BadRequest(f"The request has no input; each is {ALLOWED}.")
    if len(rows) > MOST_INPUTS:
        raise BadRequest(f"The request has {len(rows)} inputs; allowed: up to {MOST_INPUTS}. Send several.")
    found: list[Window] = []
    room = _Room()
    with TemporaryDirectory(prefix="after-ray-") as folder:
        for place, row in enumerate(rows):
            path = Path(folder, str(place))
            _write(path, place, {name: value for name, value in row.items() if not _is_missing(value)})
            found += _windows(path, place, windows, room)
            path.unlink()
    return found


class _Room:
    """What a request may still have of each."""

    def __init__(self) -> None:
        self.seconds, self._windows, self._heard = MOST_SECONDS, MOST_WINDOWS, MOST_HEARD

    def take(self, windows: Sequence[Window]) -> None:
        """Refuse more work than one request may make."""
        self._windows -= len(windows)
        self._heard -= sum(window.end - window.start for window in windows)
        if self._windows < 0 or self._heard < 0:
            raise BadRequest(
                f"The request has over {MOST_WINDOWS} windows, or over {MOST_HEARD:g} s in all of them; "
                "choose a larger hop, or send several."
            )


def _windows(path: Path, place: int, windows: Windows, room: _Room) -> list[Window]:
    """Of one input; all are views of its samples."""
    found: list[Window] = []
    try:
        for block in windows_of(path, windows, room.seconds):
            room.take(block)
            found += block
    except TooLong as error:
        raise BadRequest(f"The request has over {MOST_SECONDS:g} s of audio; send several.") from error
    except UnreadableAudio as error:
        raise BadRequest(f"Input {place} cannot be used: {error.reason}.") from error
    room.seconds -= found[-1].end
    return [replace(window, file=Path(f"{INPUT} {place}")) for window in found]


def _write(path: Path, place: int, row: Mapping[str, Any]) -> None:
    """An input as a file of ours, so that it is read and refused as recordings are."""
    if set(row) == {AUDIO}:
        path.write_bytes(_bytes(place, row[AUDIO]))
    elif set(row) == {SAMPLES, RATE}:
        samples, rate = _samples(place, row[SAMPLES]), _rate(place, row[RATE])
        with soundfile.SoundFile(path, "w", rate, 1, "FLOAT", format="WAV") as file:
            file.write(samples)
    else:
        there = ", ".join(sorted(map(repr, row))) or "nothing"
        raise BadRequest(f"Input {place} has {there}; allowed: {ALLOWED}.")


def _bytes(place: int, audio: Any) -> bytes:
    if not isinstance(audio, str):
        raise BadRequest(f"'{AUDIO}' of input {place} is no text; allowed: an audio file's bytes in base64.")
    try:
        data = base64.b64decode("".join(audio.split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) < SMALLEST_FILE:
        raise BadRequest(
            f"'{AUDIO}' of input {place} is no base64 of an audio file; allowed: the bytes of the file, as "
            "'base64 -w0 FILE' prints them. Names of files are not opened here."
        )
    return data


def _samples(place: int, samples: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    try:
        values = np.asarray(samples, dtype=np.float32)
    except (TypeError, ValueError):
        values = np.empty(0, np.float32)
    if values.ndim != 1 or not len(values):
        raise BadRequest(
            f"'{SAMPLES}' of input {place} is no list of numbers; allowed: one channel in [-1, 1]."
        )
    return values


def _rate(place: int, rate: Any) -> int:
    number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
    if not number or not 0 < rate < HIGHEST_RATE or rate != int(rate):
        raise BadRequest(
            f"'{RATE}' of input {place} is {str(rate)[:40]!r}; allowed: a whole number of Hz, such as "
            f"{SAMPLE_RATE}."
        )
    return int(rate)


def _is_missing(value: Any) -> bool:
    """What a table has where a row says nothing."""
    return value is None or (isinstance(value, float) and math.isnan(value))

"""From an audio file to its samples, and the plain reasons why a file has none that can be used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from after_ray.errors import UnreadableAudio

LARGE_FILE_STUB = b"version https://git-lfs"
LONGEST_TEXT_STUB = 1024  # bytes
SHORTEST = 25  # milliseconds: one frame of wav2vec 2.0, 400 samples at 16 kHz
_NARROW_SUBTYPES = ("PCM_16", "PCM_S8", "PCM_U8")
_WIDE_SUBTYPES = ("PCM_24", "PCM_32")
_STREAMED = (0, 0xFFFFFFFF)  # sizes that a writer puts into a RIFF header when it cannot go back to it


@dataclass(frozen=True, eq=False)
class Waveform:
    """Decoded samples at native rate: shape (samples, channels), int16, int32 or float32, full scale."""

    samples: NDArray[Any]
    sample_rate: int

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.sample_rate

    @cached_property
    def digest(self) -> str:
        """SHA-256 of rate, channels and samples: equal for a wav and its lossless copy."""
        kind = self.samples.dtype.newbyteorder("<")
        head = f"{self.sample_rate} {self.samples.shape[1]} {kind.str}\n".encode()
        return hashlib.sha256(head + np.ascontiguousarray(self.samples, dtype=kind).tobytes()).hexdigest()

    def mono(self) -> NDArray[np.float32]:
        """Mean of the channels in [-1, 1], shape (samples,)."""
        integer = np.issubdtype(self.samples.dtype, np.integer)
        scale = -float(np.iinfo(self.samples.dtype).min) if integer else 1.0
        return (self.samples.mean(axis=1, dtype=np.float64) / scale).astype(np.float32)


def decode(path: Path) -> Waveform:
    """Read a wav or flac file.

    Raises:
        UnreadableAudio: for an empty, textual, corrupt or cut file, and one whose samples are none, too few
            or silent.
    """
    with opened(path) as file:
        wave = read(file)
    check_samples(path, wave)
    return wave


@contextmanager
def opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """An audio file to `read` from.

    Raises:
        UnreadableAudio: for an empty, textual, corrupt or cut file, also where that shows while it is read.
    """
    try:
        _refuse_what_is_no_audio(path)
        # By number: a name need not be UTF-8, and one that ends in '.raw' would ask for a sampling rate.
        with open(path, "rb") as data, soundfile.SoundFile(data.fileno(), closefd=False) as file:
            yield file
    except soundfile.SoundFileError as error:
        reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        raise UnreadableAudio(path, f"corrupt: {reason.strip().rstrip('.')}") from error
    except OSError as error:
        raise UnreadableAudio(path, f"cannot be opened: {error.strerror}") from error


def read(file: soundfile.SoundFile, most: int = -1) -> Waveform:
    """The next `most` samples of an opened file, fewer where it ends; -1: all of them."""
    return Waveform(file.read(most, dtype=_sample_type(file.subtype), always_2d=True), file.samplerate)


def check_samples(path: Path, wave: Waveform) -> None:
    """Refuse a waveform that holds nothing to hear, or less than one frame."""
    if len(wave) == 0:
        raise UnreadableAudio(path, "zero samples: a header and nothing behind it")
    if not np.isfinite(wave.samples).all():
        raise UnreadableAudio(path, "corrupt: samples that are not finite numbers")
    if len(wave) * 1000 < SHORTEST * wave.sample_rate:
        length = math.floor(wave.seconds * 10_000) / 10  # never rounded up to what would be enough
        raise UnreadableAudio(path, f"too short: {length:g} ms, at least {SHORTEST} ms are needed")
    if not wave.samples.any():
        raise UnreadableAudio(path, f"silent: all {len(wave)} samples are zero")


def _sample_type(subtype: str) -> str:
    """The type that holds a file's samples without loss, the same whatever the container."""
    if subtype in _NARROW_SUBTYPES:
        return "int16"
    return "int32" if subtype in _WIDE_SUBTYPES else "float32"


def _refuse_what_is_no_audio(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise UnreadableAudio(path, "empty file (0 bytes)")
    with open(path, "rb") as file:
        head = file.read(LONGEST_TEXT_STUB)
    if head.startswith(LARGE_FILE_STUB):
        raise UnreadableAudio(
            path,
            f"{size}-byte text stub of a large-file store, not audio "
            "(fetch the corpus again with git's large-file extension)",
        )
    if size < LONGEST_TEXT_STUB and _is_text(head):
        raise UnreadableAudio(path, f"{size} bytes of text, not audio")
    _refuse_cut_wav(path, head, size)


def _refuse_cut_wav(path: Path, head: bytes, size: int) -> None:
    """libsndfile plays a cut wav up to the cut without a word; its header still tells the whole length."""
    if head[:4] != b"RIFF":
        return
    announced = int.from_bytes(head[4:8], "little")
    if announced not in _STREAMED and size < announced + 8 - 1:  # some writers count a padding byte
        raise UnreadableAudio(path, f"corrupt: cut to {size} of {announced + 8} bytes")


def _is_text(data: bytes) -> bool:
    return all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in data)

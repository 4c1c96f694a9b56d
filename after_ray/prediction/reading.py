"""Recordings as windows of samples at 16 kHz, prepared as those of a corpus are; read ahead by threads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from after_ray.audio.decode import Waveform, check_samples, opened, read
from after_ray.corpora.prepared import SAMPLE_RATE, to_16_khz, to_int16
from after_ray.errors import UnreadableAudio
from after_ray.prediction.whole import refuse_cut, refuse_missing
from after_ray.prediction.windows import Cutter, Span, Windows

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000  # Hz
LARGEST_KERNEL = 1 << 24  # numbers in the filters of a resampling: 44,101 Hz would take 700 million
LOUDEST = 8.0  # of samples stored as floats: a little more than 1 is cut, as corpora have it
BLOCK_SECONDS = 60  # of a recording in memory at its own rate
FILTER_REACH = 128  # samples at the lower rate on either side of a sample: almost twice what is needed


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of a recording.

    `samples`: at 16 kHz, int16; None where all of them are zero, which no model was trained to judge.
    """

    file: Path
    span: Span
    samples: NDArray[np.int16] | None

    @property
    def start(self) -> float:
        """Seconds from the beginning of the recording."""
        return self.span[0] / SAMPLE_RATE

    @property
    def end(self) -> float:
        """Seconds from the beginning of the recording."""
        return self.span[1] / SAMPLE_RATE


@dataclass(frozen=True)
class Unread:
    """A file that gives no more windows, and the reason."""

    file: Path
    reason: str


def read_ahead(files: Iterable[Path], windows: Windows, workers: int) -> Iterator[Window | Unread]:
    """The windows of all files in their order, decoded by `workers` threads.

    At most two blocks of a minute per thread are ahead of who reads, however many and long the files are.
    """
    waiting: deque[tuple[_Reading, Future[list[Window | Unread]]]] = deque()
    with ThreadPoolExecutor(workers, "reading") as pool:
        try:
            for file in files:
                reading = _Reading(file, windows)
                waiting.append((reading, pool.submit(reading.block)))
                while len(waiting) >= 2 * workers:
                    yield from _finish(*waiting.popleft(), pool)
            while waiting:
                yield from _finish(*waiting.popleft(), pool)
        finally:
            for _, future in waiting:
                future.cancel()


class TooLong(UnreadableAudio):
    """A recording that is longer than what was asked for."""


def windows_of(file: Path, windows: Windows, most: float = math.inf) -> Iterator[list[Window]]:
    """The windows of one recording, a list for every minute of it.

    Raises:
        TooLong: when it goes on after `most` seconds, whatever its header promises.
        UnreadableAudio: as `after_ray.audio.decode.decode` does, and of rates that no recording has; for a
            long recording perhaps after its first windows.
    """
    if not file.is_file():
        raise UnreadableAudio(file, _why_no_file(file))
    cutter, silent = Cutter(windows), _Silence(file)
    with opened(file) as sound:
        refuse_cut(file)
        refuse_rate(file, sound.samplerate)
        for wave in _at_16_khz(file, sound):
            told = silent.told(cutter.add(to_int16(wave)[0]))
            if cutter.samples > most * SAMPLE_RATE:
                raise TooLong(file, f"longer than {most:g} s")
            yield told
        refuse_missing(file, cutter.samples * sound.samplerate // SAMPLE_RATE, sound.samplerate)
    yield silent.told(cutter.end())
    silent.refuse(cutter.samples)


def refuse_rate(file: Path, rate: int) -> None:
    """Refuse a sampling rate whose filters would take all memory there is.

    Raises:
        UnreadableAudio: for rates out of range, or without a common divisor with 16 kHz that is worth much.
    """
    ours, theirs = SAMPLE_RATE // math.gcd(rate, SAMPLE_RATE), rate // math.gcd(rate, SAMPLE_RATE)
    kernel = ours * (theirs + 2 * FILTER_REACH * max(1, math.ceil(theirs / ours)))
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or kernel > LARGEST_KERNEL:
        raise UnreadableAudio(
            file,
            f"its sampling rate of {rate} Hz cannot be brought to {SAMPLE_RATE} Hz (allowed: rates in use "
            f"from {LOWEST_RATE} to {HIGHEST_RATE} Hz, such as 8000, 11025, 16000, 22050, 44100 and 48000)",
        )


class _Reading:
    """One file on its way through the threads, a block at a time; an error is its last block."""

    def __init__(self, file: Path, windows: Windows) -> None:
        self._file, self._blocks = file, windows_of(file, windows)
        self.ended = False

    def block(self) -> list[Window | Unread]:
        """The next windows, perhaps none."""
        try:
            found: list[Window | Unread] = [*next(self._blocks)]
            return found
        except StopIteration:
            self.ended = True
            return []
        except UnreadableAudio as error:
            reason = error.reason
        except MemoryError:
            reason = "a minute of it does not fit into memory"
        self.ended = True
        return [Unread(self._file, reason)]


def _finish(
    reading: _Reading, future: Future[list[Window | Unread]], pool: ThreadPoolExecutor
) -> Iterator[Window | Unread]:
    """All that is left of a file; its next block is read while this one is looked at."""
    while True:
        found = future.result()
        if reading.ended:
            yield from found
            return
        future = pool.submit(reading.block)
        yield from found


def _at_16_khz(file: Path, sound: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    """The recording as mono at 16 kHz in blocks; one that fits a block is resampled as a corpus is.

    A block is resampled with what stands before and behind it, as far as the filter reaches, so that no
    edge is heard: it differs from the whole by rounding alone.
    """
    rate = sound.samplerate
    unit = rate // math.gcd(rate, SAMPLE_RATE)  # after so many samples both rates meet
    margin = 0 if rate == SAMPLE_RATE else unit * math.ceil(FILTER_REACH * max(1, rate / SAMPLE_RATE) / unit)
    size = max(rate, 2 * BLOCK_SECONDS * rate // max(2, sound.channels))
    block = _usable(file, read(sound, size))
    if len(block) < size:
        check_samples(file, block)
    before = 0  # samples of the block that stand for what is behind us
    while True:
        following = _usable(file, read(sound, size))
        done = len(block) if not len(following) else (len(block) - margin) // unit * unit
        first, end = (-(-place * SAMPLE_RATE // rate) for place in (before, done))
        yield to_16_khz(block)[first:end]
        if not len(following):
            return
        before = min(margin, done)
        block = Waveform(np.concatenate([block.samples[done - before :], following.samples]), rate)


class _Silence:
    """Windows without a sound: no model is asked about them, and a recording of nothing else is refused."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._heard = False
        self._held: list[Window] = []  # as long as nothing was heard

    def told(self, cuts: Iterable[tuple[Span, NDArray[np.int16]]]) -> list[Window]:
        """What may be told of a recording by now."""
        for span, samples in cuts:
            sound = bool(samples.any())
            self._heard |= sound
            self._held.append(Window(self._file, span, samples if sound else None))
        told, self._held = (self._held, []) if self._heard else ([], self._held)
        return told

    def refuse(self, length: int) -> None:
        """Refuse a recording in which nothing was heard."""
        if not self._heard:
            raise UnreadableAudio(self._file, f"silent: all of its {length} samples at 16 bits are zero")


def _usable(file: Path, wave: Waveform) -> Waveform:
    """Refuse floats that are no numbers, or numbers of another scale, which would be cut to full scale."""
    if not len(wave) or np.issubdtype(wave.samples.dtype, np.integer):
        return wave
    loudest = float(np.abs(wave.samples).max())
    if not np.isfinite(loudest):
        raise UnreadableAudio(file, "corrupt: samples that are not finite numbers")
    if loudest > LOUDEST:
        reason = f"its samples reach {loudest:g}, and full scale is 1: divide those of 16 bits by 32768"
        raise UnreadableAudio(file, reason)
    return wave


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    try:
        path.stat()
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    return "it is a pipe or a device, not a file"

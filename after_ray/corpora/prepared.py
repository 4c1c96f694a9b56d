"""Decode, mix and resample a corpus once, into one memory-mapped file that every trial shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from after_ray.audio._torchaudio import torchaudio
from after_ray.audio.decode import Waveform
from after_ray.corpora._base import Corpus, Scan, open_source
from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import ChangedAudio
from after_ray.manifest import Manifest
from after_ray.ragged import Ragged, ragged_paths, write_ragged

SAMPLE_RATE = 16_000
AUDIO = "audio"
MANIFEST_FILE = "manifest.csv"
FULL_SCALE = 32768
# A long Kaiser window (torchaudio's "best" setting of resampy's design): alias-free up to 7.6 kHz.
RESAMPLING = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PreparedCorpus:
    """A manifest and the audio of its rows: 16 kHz, mono, int16, memory-mapped."""

    manifest: Manifest
    audio: Ragged

    @classmethod
    def open(cls, values: Path, offsets: Path, manifest: Path) -> PreparedCorpus:
        """Map what `prepare` wrote."""
        return cls(Manifest.from_csv(manifest), Ragged.open(values, offsets))

    def wave(self, row: int) -> NDArray[np.float32]:
        """Samples of one utterance, shape (samples,), in [-1, 1]."""
        return self.audio[row].astype(np.float32) / np.float32(FULL_SCALE)


@dataclass
class _Tally:
    clipped: int = 0
    clipped_utterances: int = 0
    resampled: int = 0


def prepare(
    source: Scan | Manifest, settings: CorpusSettings, folder: Path, progress: Progress | None = None
) -> dict[str, int | float]:
    """Write `audio.values.npy`, `audio.offsets.npy` and `manifest.csv` into `folder`.

    Channels are averaged, other rates resampled (band-limited) to 16 kHz, samples rounded to 16 bit without
    dither and without change of level: 16 kHz mono 16-bit audio comes out as it went in. One utterance is
    in memory at a time.

    Returns:
        `utterances`, `seconds`, `resampled` utterances, `clipped` samples and `clipped_utterances`.

    Raises:
        ChangedAudio: when an utterance no longer sounds as the manifest says.
        UnreadableAudio: when it can no longer be read.
    """
    manifest = source.manifest if isinstance(source, Scan) else source
    tally = _Tally()
    rows = _rows(manifest, open_source(settings), tally, progress)
    lengths = prepared_lengths(manifest)
    write_ragged(folder, AUDIO, rows, lengths, np.int16)
    manifest.to_csv(folder / MANIFEST_FILE)
    return {
        "utterances": len(manifest),
        "seconds": float(lengths.sum() / SAMPLE_RATE),
        "resampled": tally.resampled,
        "clipped": tally.clipped,
        "clipped_utterances": tally.clipped_utterances,
    }


def open_prepared(folder: Path) -> PreparedCorpus:
    """What `prepare` wrote into `folder`."""
    return PreparedCorpus.open(*ragged_paths(folder, AUDIO), folder / MANIFEST_FILE)


def prepared_lengths(manifest: Manifest) -> NDArray[np.int64]:
    """Samples at 16 kHz of every row, known before anything is decoded: ceil(samples x 16000 / rate)."""
    rates = manifest.table["sample_rate"].to_numpy()
    samples = np.rint(manifest.table["seconds"].to_numpy() * rates).astype(np.int64)
    return -(-samples * SAMPLE_RATE // rates)


def to_16_khz(wave: Waveform) -> NDArray[np.float32]:
    """Mono at 16 kHz, shape (ceil(samples x 16000 / rate),); may overshoot [-1, 1] where it was resampled."""
    mono = wave.mono()
    if wave.sample_rate == SAMPLE_RATE:
        return mono
    result = torchaudio.functional.resample(
        torch.from_numpy(mono), wave.sample_rate, SAMPLE_RATE, **RESAMPLING
    )
    return result.numpy()[: math.ceil(len(wave) * SAMPLE_RATE / wave.sample_rate)]


def to_int16(samples: NDArray[np.float32]) -> tuple[NDArray[np.int16], int]:
    """Samples rounded to 16 bit, and how many were beyond full scale and are clipped."""
    scaled = np.rint(samples * np.float32(FULL_SCALE))
    clipped = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1)
    return clipped.astype(np.int16), int((clipped != scaled).sum())


def _rows(
    manifest: Manifest, corpus: Corpus, tally: _Tally, progress: Progress | None
) -> Iterator[NDArray[np.int16]]:
    columns = manifest.table.loc[:, ["utterance", "path", "audio"]]
    for done, (utterance, path, audio) in enumerate(columns.itertuples(index=False), start=1):
        wave = corpus.read(path)
        if wave.digest != audio:
            raise ChangedAudio(utterance, path)
        row, clipped = to_int16(to_16_khz(wave))
        tally.clipped += clipped
        tally.clipped_utterances += clipped > 0
        tally.resampled += wave.sample_rate != SAMPLE_RATE
        yield row
        if progress is not None:
            progress(done, len(manifest))

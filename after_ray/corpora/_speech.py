"""A small source-filter speech synthesiser (after Klatt, JASA 67, 1980): a text, said in a manner.

Not natural speech: a signal with pitch, formants, pauses and noise bursts in the right places, so that
spectral and pitch features carry what they carry in speech. All at 16 kHz, in float64.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, sosfilt

SAMPLE_RATE = 16_000
# First three formants in Hz of an average male voice (Peterson and Barney, JASA 24, 1952): i e a o u @.
VOWELS = np.array(
    [
        [270, 2290, 3010],
        [530, 1840, 2480],
        [730, 1090, 2440],
        [570, 840, 2410],
        [300, 870, 2240],
        [490, 1350, 1690],
    ],
    dtype=np.float64,
)
FOURTH_FORMANT = 3500.0
BANDWIDTHS = np.array([70.0, 100.0, 140.0, 220.0])  # Hz
STEPS_PER_SYLLABLE = 4  # formants glide in steps: each is one constant filter
OPEN_QUOTIENT = 0.6
SHORTEST_SYLLABLE = 0.04  # seconds

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Syllable:
    """One syllable of a text: a burst of noise (0 for none), then a vowel; durations relative to the rest."""

    vowel: int
    duration: float
    burst: float
    burst_frequency: float
    pause: bool


@dataclass(frozen=True)
class Manner:
    """How one utterance is said, speaker and emotion taken together.

    Attributes:
        pitch: mean fundamental frequency in Hz.
        pitch_range: standard excursion of the pitch contour in semitones.
        formant_scale: formants relative to an average male voice.
        seconds: length of the utterance.
        level: root mean square in dB of full scale.
        tilt: pole of the low-pass on the voice source, 0 bright to 1 dull.
        breath: share of noise in the voice source.
        jitter: relative deviation of the pitch from cycle to cycle.
    """

    pitch: float
    pitch_range: float
    formant_scale: float
    seconds: float
    level: float
    tilt: float
    breath: float
    jitter: float


def random_text(generator: np.random.Generator) -> tuple[Syllable, ...]:
    """A text of five to seven syllables with one pause."""
    count = int(generator.integers(5, 8))
    pause = int(generator.integers(1, count - 1))
    return tuple(
        Syllable(
            vowel=int(generator.integers(len(VOWELS))),
            duration=float(generator.uniform(0.7, 1.3)),
            burst=float(generator.uniform(0.15, 0.4) * (generator.random() < 0.6)),
            burst_frequency=float(generator.uniform(2500, 6000)),
            pause=index == pause,
        )
        for index in range(count)
    )


def speak(text: tuple[Syllable, ...], manner: Manner, generator: np.random.Generator) -> Samples:
    """Samples of shape (about manner.seconds x 16000,), in [-1, 1]."""
    lengths = _syllable_lengths(text, manner, generator)
    samples = int(lengths.sum())
    voiced = _source(_pitch_contour(samples, manner, generator), manner, generator)
    spoken = _formants(voiced, text, lengths, manner, generator)
    return _to_level(spoken * _loudness(text, lengths), manner.level, generator)


def _syllable_lengths(
    text: tuple[Syllable, ...], manner: Manner, generator: np.random.Generator
) -> NDArray[np.int64]:
    relative = np.array([s.duration for s in text]) * np.exp(0.08 * generator.standard_normal(len(text)))
    seconds = np.maximum(manner.seconds * relative / relative.sum(), SHORTEST_SYLLABLE)
    return np.round(seconds * SAMPLE_RATE).astype(np.int64)


def _pitch_contour(samples: int, manner: Manner, generator: np.random.Generator) -> Samples:
    """Pitch in Hz per sample: falling over the utterance, with random movements between a few knots."""
    knots = np.linspace(0, samples, 7)
    movement = generator.standard_normal(7) + np.linspace(0.8, -0.8, 7)
    semitones = manner.pitch_range * np.interp(np.arange(samples), knots, movement)
    return manner.pitch * 2 ** (semitones / 12)


def _source(pitch: Samples, manner: Manner, generator: np.random.Generator) -> Samples:
    """Derivative of the glottal flow (KLGLOTT88 polynomial) with jitter, shimmer and breath."""
    cycles = int(np.cumsum(pitch)[-1] / SAMPLE_RATE) + 2
    drift = 1 + manner.jitter * generator.standard_normal(cycles)
    rough = np.cumsum(pitch) / SAMPLE_RATE
    phase = np.cumsum(pitch * drift[rough.astype(np.int64)]) / SAMPLE_RATE
    shimmer = 1 + manner.jitter * 3 * generator.standard_normal(int(phase[-1]) + 1)
    time = np.mod(phase, 1) / OPEN_QUOTIENT
    pulse = np.where(time < 1, 2 * time - 3 * time**2, 0.0) * shimmer[phase.astype(np.int64)]
    dull = lfilter([1 - manner.tilt], [1, -manner.tilt], pulse)
    return np.asarray(dull) + manner.breath * 0.1 * generator.standard_normal(len(pitch))


def _formants(
    source: Samples,
    text: tuple[Syllable, ...],
    lengths: NDArray[np.int64],
    manner: Manner,
    generator: np.random.Generator,
) -> Samples:
    """The source through four resonances that glide from vowel to vowel, with the bursts laid over it."""
    targets = np.column_stack([VOWELS[[s.vowel for s in text]], np.full(len(text), FOURTH_FORMANT)])
    targets = targets * manner.formant_scale * np.exp(0.03 * generator.standard_normal(targets.shape))
    result = np.empty_like(source)
    state = np.zeros((len(BANDWIDTHS), 2))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for index, syllable in enumerate(text):
        before = targets[max(index - 1, 0)]
        edges = np.linspace(starts[index], starts[index + 1], STEPS_PER_SYLLABLE + 1).astype(np.int64)
        for step, (start, stop) in enumerate(itertools.pairwise(edges)):
            glide = min(1.0, (step + 1) / 2)  # the target is reached in the middle of the syllable
            filters = _resonators(before + glide * (targets[index] - before))
            result[start:stop], state = sosfilt(filters, source[start:stop], zi=state)
        _add_burst(result[starts[index] : starts[index + 1]], syllable, generator)
    return result


def _resonators(frequencies: NDArray[np.float64]) -> Samples:
    """Second-order sections of Klatt's cascade resonators, unity gain at 0 Hz, shape (formants, 6)."""
    frequencies = np.minimum(frequencies, 0.47 * SAMPLE_RATE)
    radius = np.exp(-np.pi * BANDWIDTHS / SAMPLE_RATE)
    first = -2 * radius * np.cos(2 * np.pi * frequencies / SAMPLE_RATE)
    second = radius**2
    zero = np.zeros_like(radius)
    return np.column_stack([1 + first + second, zero, zero, np.ones_like(radius), first, second])


def _add_burst(part: Samples, syllable: Syllable, generator: np.random.Generator) -> None:
    """Replace the beginning of a syllable by band-limited noise, in place."""
    length = int(syllable.burst * len(part))
    if length == 0:
        return
    radius = 0.9
    turn = 2 * radius * np.cos(2 * np.pi * syllable.burst_frequency / SAMPLE_RATE)
    noise = lfilter([1.0], [1.0, -turn, radius**2], generator.standard_normal(length))
    level = 0.3 * float(np.abs(part).max()) / float(np.abs(noise).max())
    part[:length] = level * noise * np.hanning(length)


def _loudness(text: tuple[Syllable, ...], lengths: NDArray[np.int64]) -> Samples:
    """Envelope per sample: each syllable rises and falls; the syllable before the pause ends early."""
    parts = []
    for syllable, length in zip(text, lengths, strict=True):
        arch = 0.25 + 0.75 * np.sin(np.pi * np.linspace(0, 1, length)) ** 0.7
        if syllable.pause:
            arch[int(0.6 * length) :] = 0.0
        parts.append(arch)
    return np.concatenate(parts)


def _to_level(samples: Samples, level: float, generator: np.random.Generator) -> Samples:
    """Scale to a root mean square in dB of full scale and add a quiet room, 60 dB below full scale."""
    scaled = samples / np.sqrt(np.mean(samples**2)) * 10 ** (level / 20)
    limited = np.tanh(scaled)  # a microphone that saturates softly: nothing clips
    return np.clip(limited + 1e-3 * generator.standard_normal(len(samples)), -1, 1)

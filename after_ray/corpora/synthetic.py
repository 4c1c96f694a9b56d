"""A generated corpus: for tests, for the quickstart, and for a study where there is no speech at hand.

Emotion is in pitch level and range, tempo, level and spectral tilt, as in acted speech (directions after
Scherer, Speech Communication 40, 2003); speakers differ in the same dimensions and utterances scatter, so
that classes overlap and more labels help.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from after_ray.audio.decode import Waveform
from after_ray.corpora._base import Entry, ListedCorpus, Listing, corpora
from after_ray.corpora._settings import SyntheticSettings
from after_ray.corpora._speech import SAMPLE_RATE, Manner, random_text, speak
from after_ray.errors import AfterRayError
from after_ray.seeds import SeedTree

VERSION = 1  # raise when the same settings would sound different
NAME = re.compile(r"(?P<speaker>\d\d)-(?P<sentence>\d\d)-(?P<emotion>[a-z]+)-(?P<repetition>\d\d)")


@dataclass(frozen=True)
class Expression:
    """What an emotion adds to a speaker's neutral manner."""

    pitch: float
    """Semitones."""
    pitch_range: float
    """Factor."""
    tempo: float
    """Factor on the speed."""
    level: float
    """Decibels."""
    tilt: float
    """Added to the pole of the source's low-pass."""


EXPRESSIONS = {
    "anger": Expression(pitch=3.5, pitch_range=1.3, tempo=1.15, level=5.0, tilt=-0.22),
    "happy": Expression(pitch=5.5, pitch_range=2.1, tempo=1.05, level=2.5, tilt=-0.08),
    "neutral": Expression(pitch=0.0, pitch_range=1.0, tempo=1.0, level=0.0, tilt=0.0),
    "sad": Expression(pitch=-1.0, pitch_range=0.55, tempo=0.82, level=-4.5, tilt=0.08),
}
# How far one utterance scatters around its emotion at difficulty 1, in the units of `Expression`.
SCATTER = Expression(pitch=1.2, pitch_range=0.25, tempo=0.07, level=1.6, tilt=0.045)


@dataclass(frozen=True)
class _Voice:
    """A speaker's neutral manner."""

    pitch: float
    formant_scale: float
    tempo: float
    level: float
    tilt: float
    breath: float


@corpora.register("synthetic")
class Synthetic(ListedCorpus):
    """Every speaker says every sentence in every emotion; odd speakers are male, even ones female.

    Deterministic by the seed. Each utterance has its own random stream: a corpus with more speakers or
    sentences holds the utterances of the smaller one unchanged.
    """

    def __init__(self, settings: SyntheticSettings) -> None:
        self.settings = settings
        self._seeds = SeedTree(settings.seed).child("synthetic corpus", VERSION)

    def listing(self) -> Listing:
        """All utterances; a path is the utterance's name, nothing lies there."""
        count = self.settings
        return Listing(
            tuple(
                self._entry(f"{speaker:02d}", f"{sentence:02d}", emotion, f"{repetition:02d}")
                for speaker in range(1, count.speakers + 1)
                for sentence in range(1, count.sentences + 1)
                for emotion in EXPRESSIONS
                for repetition in range(1, count.repetitions + 1)
            )
        )

    def place(self) -> str:
        """What decides how an utterance sounds."""
        chosen = self.settings
        return f"synthetic {VERSION} {chosen.seed} {chosen.seconds!r} {chosen.difficulty!r}"

    def stamp(self, path: str) -> str:
        """Nothing changes under one `place`."""
        return ""

    def read(self, path: str) -> Waveform:
        """Generate one utterance: 16 kHz, one channel, 16 bit."""
        match = NAME.fullmatch(path)
        if match is None or match["emotion"] not in EXPRESSIONS:
            raise AfterRayError(f"'{path}' is no utterance of the synthetic corpus; scan it again.")
        generator = self._seeds.child("utterance", path).generator()
        text = random_text(self._seeds.child("sentence", match["sentence"]).generator())
        samples = speak(text, self._manner(match["speaker"], match["emotion"], generator), generator)
        return Waveform(np.round(samples * 32767).astype(np.int16)[:, None], SAMPLE_RATE)

    def _entry(self, speaker: str, sentence: str, emotion: str, repetition: str) -> Entry:
        path = f"{speaker}-{sentence}-{emotion}-{repetition}"
        gender = "male" if int(speaker) % 2 else "female"
        return Entry(f"synthetic/{path}", path, speaker, gender, emotion, sentence)

    def _voice(self, speaker: str) -> _Voice:
        generator = self._seeds.child("speaker", speaker).generator()
        male = int(speaker) % 2 == 1
        return _Voice(
            pitch=float((115 if male else 200) * 2 ** (generator.normal(0, 1.2) / 12)),
            formant_scale=float((1.0 if male else 1.16) * np.exp(generator.normal(0, 0.03))),
            tempo=float(np.exp(generator.normal(0, 0.05))),
            level=float(generator.normal(-26, 1.5)),
            tilt=float(np.clip(generator.normal(0.78, 0.03), 0.6, 0.9)),
            breath=float(generator.uniform(0.1, 0.5)),
        )

    def _manner(self, speaker: str, emotion: str, generator: np.random.Generator) -> Manner:
        voice, wanted = self._voice(speaker), EXPRESSIONS[emotion]
        pitch, pitch_range, tempo, level, tilt = self.settings.difficulty * generator.standard_normal(5)
        return Manner(
            pitch=voice.pitch * 2 ** ((wanted.pitch + SCATTER.pitch * pitch) / 12),
            pitch_range=1.6 * wanted.pitch_range * float(np.exp(SCATTER.pitch_range * pitch_range)),
            formant_scale=voice.formant_scale,
            seconds=self.settings.seconds
            / (voice.tempo * wanted.tempo * float(np.exp(SCATTER.tempo * tempo))),
            level=voice.level + wanted.level + SCATTER.level * level,
            tilt=float(np.clip(voice.tilt + wanted.tilt + SCATTER.tilt * tilt, 0.3, 0.96)),
            breath=voice.breath,
            jitter=0.01,
        )

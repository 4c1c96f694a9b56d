"""Long recordings in windows: which stretches a model is asked about, and cutting them out of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from after_ray.classifiers._settings import OnBackbone
from after_ray.corpora.prepared import SAMPLE_RATE
from after_ray.errors import BadValue
from after_ray.models.facts import ModelFacts

SHORTEST = 0.025  # seconds, as of a recording: one frame of wav2vec 2.0
MOST_WINDOWS_A_SECOND = 100
USUAL = 10.0  # seconds: hardly a clip of a corpus of emotional speech is longer

Span: TypeAlias = tuple[int, int]
"""First sample of a window and the one behind its last, at 16 kHz."""


@dataclass(frozen=True)
class Windows:
    """How recordings are cut, in samples at 16 kHz; `Windows.of` takes seconds and says what is wrong.

    A recording of at most `whole` is one window. A longer one is cut into windows of `window`, a `hop` from
    beginning to beginning; the last ends with the recording, so all have one length and nothing is unheard.
    """

    window: int
    hop: int
    whole: int

    @classmethod
    def for_model(cls, facts: ModelFacts, window: float | None = None, hop: float | None = None) -> Windows:
        """Windows for a model; those of `of`, with what the model hears.

        A backbone's classifier hears the beginning of a recording, so what is longer is cut. Networks on
        spectra were trained on the middle of whole clips, so recordings as long as clips are stay whole.
        """
        heard = facts.max_seconds
        longest = heard if heard is not None and isinstance(facts.classifier, OnBackbone) else USUAL
        return cls.of(window, hop, longest=longest, heard=heard)

    @classmethod
    def of(
        cls, window: float | None, hop: float | None, *, longest: float, heard: float | None = None
    ) -> Windows:
        """Windows of so many seconds.

        Args:
            window: None takes `longest`, or what is heard if that is less.
            hop: from one beginning to the next; None takes the window, so that they do not overlap.
            longest: seconds of the longest recording that stays whole when there is no `window`.
            heard: seconds that the model hears of any recording; None for all.

        Raises:
            BadValue: when a window would be longer than what is heard, or a hop would leave something out.
        """
        most = longest if heard is None else min(longest, heard)
        length = max(most, SHORTEST) if window is None else window
        if length < SHORTEST:
            raise BadValue("window", length, f"at least {SHORTEST} seconds")
        if heard is not None and length > heard:
            raise BadValue("window", length, f"up to {heard:g} seconds, which is what this model hears")
        step = length if hop is None else hop
        if not 1 / MOST_WINDOWS_A_SECOND <= step <= length:
            allowed = f"from {1 / MOST_WINDOWS_A_SECOND:g} to {length:g} seconds, the length of a window"
            raise BadValue("hop", step, f"{allowed}: a longer one would leave out what is between")
        whole = length if window is not None else max(longest, length)
        return cls(round(length * SAMPLE_RATE), round(step * SAMPLE_RATE), round(whole * SAMPLE_RATE))

    def spans(self, samples: int) -> list[Span]:
        """The windows of a recording of so many samples, in order."""
        if samples <= self.whole:
            return [(0, samples)]
        starts = [*range(0, samples - self.window, self.hop), samples - self.window]
        return [(start, start + self.window) for start in starts]


class Cutter:
    """Cuts the windows of `Windows.spans` out of samples that come in blocks; keeps a window's worth.

    Windows are views of what came: overlapping ones take no memory of their own, and nobody writes into them.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._kept = np.empty(0, np.int16)
        self._first = 0  # which sample of the recording the first kept one is
        self._next = 0  # where the next window begins

    @property
    def samples(self) -> int:
        """How many there were so far."""
        return self._first + len(self._kept)

    def add(self, block: NDArray[np.int16]) -> Iterator[tuple[Span, NDArray[np.int16]]]:
        """The windows that are certain once `block` is there: others may turn out to be the last."""
        self._kept = np.concatenate([self._kept, block])
        if self.samples <= self._windows.whole:
            return
        length = self._windows.window
        while self._next + length < self.samples:
            yield self._cut(self._next, self._next + length)
            self._next += self._windows.hop
        self._drop(min(self._next, self.samples - length))

    def end(self) -> Iterator[tuple[Span, NDArray[np.int16]]]:
        """The last window."""
        short = self.samples <= self._windows.whole
        yield self._cut(0 if short else self.samples - self._windows.window, self.samples)

    def _cut(self, start: int, end: int) -> tuple[Span, NDArray[np.int16]]:
        return (start, end), self._kept[start - self._first : end - self._first]

    def _drop(self, first: int) -> None:
        self._kept = self._kept[first - self._first :].copy()
        self._first = first

"""From windows of many recordings to probabilities, a batch at a time, in the order of the recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from after_ray.corpora.prepared import FULL_SCALE
from after_ray.errors import AfterRayError
from after_ray.prediction.device import whole_floats
from after_ray.prediction.reading import Unread, Window, read_ahead
from after_ray.prediction.windows import Windows
from after_ray.wording import printable

BATCH, WORKERS = 32, 2


class Classes(Protocol):
    """What is asked: a trained model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""

    def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Of waveforms at 16 kHz in [-1, 1]: natural logarithms, shape (waves, classes)."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the model says of a stretch of a recording, from `start` to `end` in seconds.

    `probabilities`: of shape (classes,), in the order of the model's classes; None where the stretch is
    digital silence, about which the model is not asked.
    """

    file: Path
    start: float
    end: float
    probabilities: NDArray[np.float64] | None

    def label(self, classes: Sequence[str]) -> str | None:
        """The most probable class, of equals the first; None for silence."""
        return None if self.probabilities is None else classes[int(self.probabilities.argmax())]


@dataclass(frozen=True)
class Refused:
    """A recording, or one window of it, that cannot be judged; `sentence` names it and says why."""

    file: Path
    sentence: str


class Unusable(AfterRayError):
    """A recording that cannot be read."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{printable(str(file))} cannot be used: {reason}.")


class Unjudged(AfterRayError):
    """A window on which the model fails."""

    def __init__(self, window: Window, reason: str) -> None:
        where = f"{printable(str(window.file))} from {window.start:g} to {window.end:g} s"
        super().__init__(f"The model gives nothing for {where}: {reason}")


def predict(
    model: Classes,
    files: Iterable[Path],
    windows: Windows,
    *,
    batch: int = BATCH,
    workers: int = WORKERS,
) -> Iterator[Prediction | Refused]:
    """What the model says of every window of every file, in the order of the files.

    A file that cannot be read, and a window on which the model fails, are told as `Refused`; all else goes
    on. Files are decoded by `workers` threads ahead of the model, and `batch` windows are scored at a time,
    whichever files they are of. Memory does not grow with the number of files or their lengths.
    """
    return judged(model, read_ahead(files, windows, workers), batch)


def judged(
    model: Classes, windows: Iterable[Window | Unread], batch: int = BATCH
) -> Iterator[Prediction | Refused]:
    """What the model says of windows, as they come."""
    waiting: list[Window | Unread] = []
    scored = 0
    for found in windows:
        waiting.append(found)
        scored += isinstance(found, Window) and found.samples is not None
        if scored == batch or len(waiting) == 16 * batch:
            yield from _of_batch(model, waiting)
            waiting, scored = [], 0
    yield from _of_batch(model, waiting)


def _of_batch(model: Classes, waiting: Sequence[Window | Unread]) -> Iterator[Prediction | Refused]:
    heard = [one for one in waiting if isinstance(one, Window) and one.samples is not None]
    answers = iter(_scores(model, heard))
    for one in waiting:
        if isinstance(one, Unread):
            yield Refused(one.file, str(Unusable(one.file, one.reason)))
        elif one.samples is None:
            yield Prediction(one.file, one.start, one.end, None)
        else:
            answer = next(answers)
            if isinstance(answer, AfterRayError):
                yield Refused(one.file, str(answer))
            else:
                yield Prediction(one.file, one.start, one.end, np.exp(answer))


def _scores(model: Classes, heard: Sequence[Window]) -> list[NDArray[np.float64] | AfterRayError]:
    """Log-probabilities of each, or why there are none; who fails in company is asked again alone."""
    if not heard:
        return []
    try:
        with whole_floats():
            logs = model.log_probabilities([_wave(window) for window in heard])
    except (AfterRayError, RuntimeError) as error:
        reason = _reason(error)
    else:
        return [
            row if np.isfinite(np.exp(row)).all() else Unjudged(window, "its probabilities are no numbers.")
            for window, row in zip(heard, logs, strict=True)
        ]
    if len(heard) > 1:
        return [answer for window in heard for answer in _scores(model, [window])]
    return [Unjudged(heard[0], reason)]


def _reason(error: AfterRayError | RuntimeError) -> str:
    """Why a model fails on a recording; an error that has another cause goes on."""
    if isinstance(error, AfterRayError):
        return str(error)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, torch.OutOfMemoryError):
        raise error
    return "the memory of the device does not hold it; choose a shorter --window, or --device cpu."


def _wave(window: Window) -> NDArray[np.float32]:
    """As a prepared corpus gives it: what was rounded to 16 bits, in [-1, 1]."""
    assert window.samples is not None
    return window.samples.astype(np.float32) / np.float32(FULL_SCALE)

"""What a round chose to label and how long it took, and both as part of its checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.store.checkpoints import Checkpoint


@dataclass(frozen=True)
class Choice:
    """What was chosen to be labelled in a round, and why.

    Attributes:
        acquired: manifest rows, first choice first.
        scores: what each row was chosen for; None where there is no such number.
        pool_scores: what the whole pool was ranked by, in its order; None where it was not.
        details: what is worth recording of the choice.
    """

    acquired: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None
    pool_scores: NDArray[np.float64] | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    def only(self, answered: NDArray[np.int64]) -> Choice:
        """What of it could be labelled, the order kept."""
        kept = np.isin(self.acquired, answered)
        scores = None if self.scores is None else self.scores[kept]
        return replace(self, acquired=self.acquired[kept], scores=scores)


class Stopwatch:
    """Wall time by phase, from its making on; phases that did not happen took 0 seconds."""

    def __init__(self, *phases: str) -> None:
        self._phases = dict.fromkeys(phases, 0.0)
        self._started = time.perf_counter()
        self._before = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent in the block to the phase."""
        started = time.perf_counter()
        yield
        self._phases[name] += time.perf_counter() - started

    def add(self, name: str, seconds: float) -> None:
        """Add time that another process spent on the phase before it was killed."""
        self._phases[name] += seconds
        self._before += seconds

    def seconds(self) -> dict[str, float]:
        """Seconds of every phase, and of everything so far as `total`."""
        return {**self._phases, "total": self._before + time.perf_counter() - self._started}


def as_state(chosen: Choice, watch: Stopwatch) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """A choice as every checkpoint of its round holds it: on another device the pool may score otherwise."""
    arrays: dict[str, NDArray[Any]] = {"acquired": chosen.acquired}
    for name, scores in (("acquired_scores", chosen.scores), ("pool_scores", chosen.pool_scores)):
        if scores is not None:
            arrays[name] = scores
    seconds = {name: watch.seconds()[name] for name in ("score", "acquire")}
    return arrays, {"details": dict(chosen.details), "seconds": seconds}


def kept_choice(checkpoint: Checkpoint, watch: Stopwatch) -> Choice | None:
    """The choice of a killed round, its seconds added to the watch; None where there is none."""
    state = checkpoint.load()
    if state is None:
        return None
    for phase, seconds in state.values["seconds"].items():
        watch.add(phase, seconds)
    arrays = state.arrays
    scores, pool_scores = arrays.get("acquired_scores"), arrays.get("pool_scores")
    return Choice(arrays["acquired"], scores, pool_scores, state.values["details"])

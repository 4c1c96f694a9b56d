"""How long the clips of a corpus are, part by part: what the work of a stage is counted from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation.settings import Adaptation
from after_ray.audio.batches import length_batches
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice
from after_ray.splits.fold_file import FoldTable
from after_ray.stages import AudioStage
from sweeps.planning.plan import Plan

ALIKE = 0.8  # shortest to longest clip of a batch of an adaptation (`after_ray.adaptation._batches`)
SAMPLES_OF_STEPS = 4_000  # clips that are enough to find the mean step of an adaptation
Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Clips:
    """Some clips: how many, their mean length in seconds, and the mean square of it."""

    count: float
    seconds: float
    square: float

    @classmethod
    def of(cls, seconds: Seconds, longest: float = float("inf")) -> Clips:
        """Clips cut at `longest` seconds."""
        if not len(seconds):
            return cls(0, 0.0, 0.0)
        cut = np.minimum(seconds, longest)
        return cls(len(cut), float(cut.mean()), float((cut**2).mean()))

    def number(self, count: float) -> Clips:
        """So many clips of these lengths."""
        return replace(self, count=count)

    @property
    def total(self) -> float:
        """Seconds of all of them."""
        return self.count * self.seconds


class Corpora:
    """The corpora of plans: lengths of clips, and how many are in each part of a fold.

    Args:
        plans: whose splits say who is in which part.
        manifests: of their corpora.
    """

    def __init__(self, plans: Sequence[Plan], manifests: Iterable[Manifest]) -> None:
        known = {manifest.digest: manifest for manifest in manifests}
        self._seconds = {digest: _seconds(manifest) for digest, manifest in known.items()}
        self._classes = {digest: len(manifest.classes) for digest, manifest in known.items()}
        self._tables = {
            (split.stage.manifest, split.stage.folds, split.stage.validation): split.table
            for plan in plans
            for split in plan.splits
        }
        self._found: dict[tuple[object, ...], Clips] = {}

    def classes(self, audio: AudioStage) -> int:
        """How many classes a corpus has."""
        return self._classes[audio.manifest]

    def table(self, audio: AudioStage, choice: FoldChoice) -> FoldTable:
        """All folds that a choice is one of."""
        return self._tables[audio.manifest, choice.folds, choice.validation]

    def whole(self, audio: AudioStage, longest: float = float("inf")) -> Clips:
        """All clips of a corpus."""
        key = (audio.manifest, longest)
        if key not in self._found:
            self._found[key] = Clips.of(self._seconds[audio.manifest], longest)
        return self._found[key]

    def part(self, audio: AudioStage, choice: FoldChoice, name: str, longest: float) -> Clips:
        """The clips of one part of a fold: train, validation or test."""
        table = self.table(audio, choice)
        key = (audio.manifest, id(table), choice.index, name, longest)
        if key not in self._found:
            rows = getattr(table.folds[choice.index], name)
            self._found[key] = Clips.of(self._seconds[audio.manifest][rows], longest)
        return self._found[key]

    def step(self, audio: AudioStage, settings: Adaptation) -> Clips:
        """The clips of a mean step of an adaptation; those of all parts stand for train's."""
        key = (audio.manifest, "step", settings.batch_seconds, settings.max_seconds)
        if key not in self._found:
            seconds = self._seconds[audio.manifest]
            self._found[key] = mean_step(seconds, settings.batch_seconds, settings.max_seconds)
        return self._found[key]


def _seconds(manifest: Manifest) -> Seconds:
    return np.asarray(manifest.table["seconds"], dtype=np.float64)


def mean_step(seconds: Seconds, batch_seconds: float, longest: float) -> Clips:
    """The clips of a mean step of an adaptation: batches of like length, cut to their shortest clip.

    Of large corpora an even choice by length is looked at: a step is much smaller than either.
    """
    lengths = np.sort(np.minimum(seconds, longest))
    lengths = lengths[:: max(1, len(lengths) // SAMPLES_OF_STEPS)]
    batches = length_batches(
        np.maximum(1, np.rint(1_000 * lengths)),
        max_frames=round(1_000 * max(batch_seconds, longest)),
        max_items=len(lengths),
        generator=np.random.default_rng(0),  # neighbours in length are shuffled, as in an adaptation
    )
    sizes = [part for batch in batches for part in _alike(-np.sort(-lengths[batch]))]
    counts = np.array([count for count, _ in sizes], dtype=np.float64)
    shortest = np.array([length for _, length in sizes])
    clips = counts.sum()
    mean, square = (counts * shortest).sum() / clips, (counts * shortest**2).sum() / clips
    return Clips(float(clips / len(sizes)), float(mean), float(square))


def _alike(falling: Seconds) -> list[tuple[int, float]]:
    """Parts of a batch with clips of nearly one length: how many, and the shortest."""
    parts = []
    while len(falling):
        count = int((falling >= ALIKE * falling[0]).sum())
        parts.append((count, float(falling[count - 1])))
        falling = falling[count:]
    return parts

"""The batches of an adaptation: which clips, where they are cropped, which frames are masked."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.adaptation._objective import Batch, Crops, Objective
from after_ray.adaptation.settings import SAMPLE_RATE
from after_ray.audio.batches import length_batches
from after_ray.backbones.loading import frames
from after_ray.backbones.masking import span_mask
from after_ray.errors import TooFewUtterances
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.precision import kind_of

FEWEST_FRAMES = 4  # two masked, two to predict them from
ALIKE = 0.8  # shortest to longest clip of a batch; the rest of the longer ones is cropped away

Item = TypeVar("Item")


@dataclass(frozen=True)
class Place:
    """How far the draws have come: `position` batches of an epoch, and its generator's state after them."""

    epoch: int
    position: int
    generator: Mapping[str, Any]


@dataclass(frozen=True)
class Prepared:
    """A batch in the memory of the host, where the draws stand after it, and what it holds.

    Attributes:
        batch: on the processor; pinned where a GPU is to copy it.
        place: where to go on after this batch.
        audio_seconds: length of all clips together.
        masked_share: masked frames among all frames.
    """

    batch: Batch
    place: Place
    audio_seconds: float
    masked_share: float

    @property
    def masked_frames(self) -> int:
        """S, the number of masked frames."""
        return len(self.batch.masked)

    def on(self, device: str) -> Batch:
        """The batch on the device, which copies while it computes."""
        batch = self.batch
        tensors = (batch.waves, batch.mask, batch.masked, batch.targets)
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in tensors))


class Batches:
    """Makes batches without end. Clips are alike in length and cropped, at random places, to the shortest.

    Group norm over time is not invariant to padding, so a batch without padding is the only one in which no
    clip changes another, whatever the norm.

    Args:
        objective: its settings say how large batches are and what is masked; it draws the targets.
        audio: int16 waveforms of the corpus.
        rows: the rows of the adaptation, from `usable`.
        seeds: every epoch draws from a generator of its own: order, crops, masks, then targets.
        device: a GPU gets batches in pinned memory.
    """

    def __init__(
        self, objective: Objective, audio: Ragged, rows: NDArray[np.int64], seeds: SeedTree, device: str
    ) -> None:
        self._objective = objective
        self._settings = objective.settings
        self._audio = audio
        self._rows = rows
        self._seeds = seeds
        self._pin = kind_of(device) == "cuda"
        self._lengths = np.minimum(audio.lengths[rows], self._settings.longest)

    def after(self, place: Place | None) -> Iterator[Prepared]:
        """All batches after `place`, or from the first one on."""
        for epoch in itertools.count(place.epoch if place else 0):
            generator = self._seeds.child("batches", epoch).generator()
            parts, done = self._parts(generator), 0
            if place is not None and epoch == place.epoch:
                done, generator.bit_generator.state = place.position, place.generator
            for position, part in enumerate(parts[done:], start=done + 1):
                yield self._prepare(part, epoch, position, generator)

    def _parts(self, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """The clips of every batch of an epoch."""
        budget = max(round(self._settings.batch_seconds * SAMPLE_RATE), self._settings.longest)
        mixed = length_batches(
            self._lengths, max_frames=budget, max_items=len(self._rows), generator=generator
        )
        return [part for batch in mixed for part in _alike(batch, self._lengths)]

    def _prepare(
        self, part: NDArray[np.int64], epoch: int, position: int, generator: np.random.Generator
    ) -> Prepared:
        size = int(self._lengths[part].min())
        clips = [self._audio[row] for row in self._rows[part].tolist()]
        starts = [self._start(len(clip) - size, generator) for clip in clips]
        waves = np.stack([_cut(clip, start, size) for clip, start in zip(clips, starts, strict=True)])
        mask = self._mask(len(part), frames(self._objective.backbone.config, size), generator)
        targets = self._objective.draw(mask, Crops(part, np.array(starts)), generator)
        place = Place(epoch, position, generator.bit_generator.state)
        tensors = map(self._tensor, (waves, mask, np.flatnonzero(mask), targets))
        return Prepared(Batch(*tensors), place, waves.size / SAMPLE_RATE, float(mask.mean()))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self._pin else tensor

    def _start(self, spare: int, generator: np.random.Generator) -> int:
        grid = self._objective.grid
        return grid * int(generator.integers(0, spare // grid + 1))

    def _mask(self, clips: int, length: int, generator: np.random.Generator) -> NDArray[np.bool_]:
        """Masked frames of a batch, none or at least two of every clip."""
        mask = np.zeros((0, 0), dtype=bool)
        while not mask.any():  # with min_spans 0 a short batch can go without any span
            mask = span_mask(
                np.full(clips, length),
                probability=self._settings.mask_probability,
                span=max(self._settings.mask_span, 2),
                min_spans=self._settings.min_spans,
                generator=generator,
            )
        return mask


def usable(audio: Ragged, rows: NDArray[np.int64], config: Any) -> NDArray[np.int64]:
    """The rows with at least `FEWEST_FRAMES` frames, ascending, so that their order means nothing.

    Raises:
        TooFewUtterances: when there is none.
    """
    lengths = audio.lengths
    found = [row for row in sorted(rows.tolist()) if frames(config, int(lengths[row])) >= FEWEST_FRAMES]
    if not found:
        raise TooFewUtterances(f"adaptation needs clips of {FEWEST_FRAMES} frames or more", 0, 1)
    return np.array(found, dtype=np.int64)


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """The items of an endless iterable, each made by a thread while the one before is used.

    Close it: nothing is being made any more afterwards.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as worker:
        coming = worker.submit(next, iterator)
        while True:
            item = coming.result()
            coming = worker.submit(next, iterator)
            yield item


def _alike(batch: NDArray[np.int64], lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Parts of a batch in which the shortest clip has at least `ALIKE` of the longest one's length."""
    left = batch[np.argsort(-lengths[batch], kind="stable")]
    while len(left):
        count = int((lengths[left] >= ALIKE * lengths[left[0]]).sum())
        yield left[:count]
        left = left[count:]


def _cut(wave: NDArray[np.int16], start: int, size: int) -> NDArray[np.float32]:
    return wave[start : start + size].astype(np.float32) / np.float32(32768)

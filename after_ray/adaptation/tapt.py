"""Task-adaptive pre-training (TAPT): the backbone goes on learning from the train part, without labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.adaptation._network import AdaptationNetwork, Losses
from after_ray.adaptation.objectives import draw_negatives
from after_ray.adaptation.settings import TaptSettings
from after_ray.audio.batches import length_batches
from after_ray.backbones.loading import arrays, build_for_adaptation, frames
from after_ray.backbones.masking import span_mask
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import Weights
from after_ray.errors import CollapsedAdaptation, DivergedTraining, TooFewUtterances
from after_ray.learning.fit import seeded_dropout
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

SAMPLE_RATE = 16_000
FEWEST_FRAMES = 4  # two masked, two to predict them from
HISTORY_POINTS = 50
ALIKE = 0.8  # shortest to longest clip of a batch; the rest of the longer ones is cropped away

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Adapted:
    """An adapted backbone.

    Attributes:
        weights: of the backbone alone (a `Wav2Vec2Model`), ready for `after_ray.backbones.loading.build`.
        measures: means over the last stretch of the history, `steps` and `audio_seconds` seen.
        history: about 50 points, each with `step`, the mean losses since the point before, and
            `gradient_norm` at that step.
    """

    weights: Weights
    measures: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)


def adapt(
    settings: TaptSettings,
    backbone: BackboneSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    seeds: SeedTree,
    device: str,
    progress: Progress | None = None,
) -> Adapted:
    """Adapt `backbone` to the utterances `rows` of `audio` (int16 waveforms); no other row is read.

    Loss, masks, optimiser and schedule are those of after_spec.md, D17 to D21. Clips of a batch are alike in
    length and cropped, at random places, to the shortest of them: group norm over time is not invariant to
    padding, so a batch without padding is the only one in which no clip changes another, whatever the norm.

    Raises:
        TooFewUtterances: when no row is long enough to mask two of four frames.
        DivergedTraining: when the loss is not finite.
        CollapsedAdaptation: when the quantiser uses one codeword per group.
    """
    network = AdaptationNetwork(build_for_adaptation(backbone), seeds.child("tokens").torch()).to(device)
    if not settings.train_front_end:
        network.model.freeze_feature_encoder()
    rows = _usable(audio, rows, network)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], settings.learning_rate)
    journal = _Journal(settings.steps, minimum=network.shape[0], progress=progress)
    batches = _batches(settings, audio, rows, seeds)
    network.train()
    with seeded_dropout(network, seeds.child("dropout")):
        for step, (waves, generator) in enumerate(itertools.islice(batches, settings.steps)):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * multiplier(step, settings)
            mask, negatives = _masked(settings, network, waves, generator)
            losses = network(
                torch.from_numpy(waves).to(device),
                torch.from_numpy(mask).to(device),
                torch.from_numpy(negatives).to(device),
                settings,
            )
            optimizer.zero_grad(set_to_none=True)
            losses.total.backward()
            journal.write(step + 1, losses, waves.size / SAMPLE_RATE, network)
            optimizer.step()
    return Adapted(arrays(network.model.wav2vec2), journal.measures(), journal.history)


def multiplier(step: int, settings: TaptSettings) -> float:
    """Share of the learning rate before update `step` (from 0): linear up, flat, linear down to 0.

    The warm-up never takes more than a tenth of the steps, so that short adaptations reach their rate.
    """
    warmup = min(settings.warmup_steps, settings.steps // 10)
    flat_end = warmup + settings.flat_share * settings.steps
    if step < warmup:
        return step / warmup
    if step <= flat_end:
        return 1.0
    return max(0.0, (settings.steps - step) / (settings.steps - flat_end))


def _usable(audio: Ragged, rows: NDArray[np.int64], network: AdaptationNetwork) -> NDArray[np.int64]:
    """The rows with at least `FEWEST_FRAMES` frames, ascending, so that their order means nothing."""
    lengths = audio.lengths
    config = network.model.config
    usable = [row for row in sorted(rows.tolist()) if frames(config, int(lengths[row])) >= FEWEST_FRAMES]
    if not usable:
        raise TooFewUtterances(f"adaptation needs clips of {FEWEST_FRAMES} frames or more", 0, 1)
    return np.array(usable, dtype=np.int64)


def _batches(
    settings: TaptSettings, audio: Ragged, rows: NDArray[np.int64], seeds: SeedTree
) -> Iterator[tuple[NDArray[np.float32], np.random.Generator]]:
    """Batches of waveforms of equal length, without end, each with the generator of its own draws."""
    longest = round(settings.max_seconds * SAMPLE_RATE)
    lengths = np.minimum(audio.lengths[rows], longest)
    budget = max(round(settings.batch_seconds * SAMPLE_RATE), longest)
    for epoch in itertools.count():
        generator = seeds.child("batches", epoch).generator()
        for mixed in length_batches(lengths, max_frames=budget, max_items=len(rows), generator=generator):
            for batch in _alike(mixed, lengths):
                size = int(lengths[batch].min())
                yield np.stack([_crop(audio[rows[index]], size, generator) for index in batch]), generator


def _alike(batch: NDArray[np.int64], lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Parts of a batch in which the shortest clip has at least `ALIKE` of the longest one's length."""
    left = batch[np.argsort(-lengths[batch], kind="stable")]
    while len(left):
        count = int((lengths[left] >= ALIKE * lengths[left[0]]).sum())
        yield left[:count]
        left = left[count:]


def _crop(wave: NDArray[np.int16], size: int, generator: np.random.Generator) -> NDArray[np.float32]:
    first = int(generator.integers(0, len(wave) - size + 1))
    return wave[first : first + size].astype(np.float32) / np.float32(32768)


def _masked(
    settings: TaptSettings,
    network: AdaptationNetwork,
    waves: NDArray[np.float32],
    generator: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Masked frames of a batch, none or at least two of every clip, and their negatives."""
    lengths = np.full(len(waves), frames(network.model.config, waves.shape[1]))
    mask = np.zeros((0, 0), dtype=bool)
    while not mask.any():  # with min_spans 0 a short batch can go without any span
        mask = span_mask(
            lengths,
            probability=settings.mask_probability,
            span=max(settings.mask_span, 2),
            min_spans=settings.min_spans,
            generator=generator,
        )
    return mask, draw_negatives(mask, settings.negatives, generator)


class _Journal:
    """Watches an adaptation: stops a failing one, and keeps the means of about fifty stretches of it."""

    def __init__(self, steps: int, minimum: int, progress: Progress | None) -> None:
        self.history: list[dict[str, float]] = []
        self._steps = steps
        self._every = math.ceil(steps / HISTORY_POINTS)
        self._minimum = minimum
        self._progress = progress
        self._stretch: list[list[float]] = []
        self._audio_seconds = 0.0

    def write(self, step: int, losses: Losses, seconds: float, network: AdaptationNetwork) -> None:
        """Take note of one step, after its backward pass and before its update."""
        values: list[float] = torch.stack([loss.detach().float() for loss in losses]).tolist()
        if not math.isfinite(values[0]):
            raise DivergedTraining("adaptation loss", values[0], step)
        self._stretch.append(values)
        self._audio_seconds += seconds
        if step % self._every == 0 or step == self._steps:
            self._close(step, network)

    def _close(self, step: int, network: AdaptationNetwork) -> None:
        means = dict(zip(Losses._fields, np.mean(self._stretch, axis=0).tolist(), strict=True))
        if means["perplexity"] < 1.001 * self._minimum:
            raise CollapsedAdaptation(means["perplexity"], self._minimum, step)
        self._stretch = []
        self.history.append({"step": step, **means, "gradient_norm": _gradient_norm(network)})
        if self._progress is not None:
            self._progress(step, self._steps, self.history[-1])

    def measures(self) -> dict[str, float]:
        """The last stretch, and how much audio was seen in all."""
        last = {name: value for name, value in self.history[-1].items() if name != "step"}
        return {**last, "steps": self._steps, "audio_seconds": self._audio_seconds}


def _gradient_norm(network: AdaptationNetwork) -> float:
    gradients: list[Tensor] = [p.grad for p in network.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients))

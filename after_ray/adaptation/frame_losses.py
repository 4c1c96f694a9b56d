"""How much each stretch of an utterance surprises a backbone: the loss of its objective at masked frames.

The surprisal of ALPs (Yuan, Lin and Boyd-Graber, EMNLP 2020, section 3.1) with frames in place of tokens: no
label is read, and nothing that was trained on one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from after_ray.adaptation._batches import FEWEST_FRAMES
from after_ray.adaptation._objective import Crops, Objective
from after_ray.adaptation.settings import FrameLossSettings
from after_ray.audio.passes import length_passes
from after_ray.backbones.loading import frames, shortest
from after_ray.backbones.masking import span_mask
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.precision import kind_of

# Most padded frames of a pass through the encoder, and its cost in frames, by kind of device.
LIMITS = {"cpu": (1_000, 50), "cuda": (4_000, 1_000)}


@dataclass(frozen=True)
class Sampled:
    """The frames of one utterance that are masked, and what they are to be told from or named as.

    `samples`: of the waveform that are heard. `length`: its frames. `masked`: their numbers, shape (S,), at
    least two. `targets`: what `Objective.draw` gave for this utterance alone.
    """

    row: int
    samples: int
    length: int
    masked: NDArray[np.int64]
    targets: NDArray[np.int64]


def frame_losses(
    objective: Objective,
    settings: FrameLossSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    utterances: Sequence[str],
    device: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Mean loss of the masked frames in equal stretches of each utterance, float32, shape (n, stretches).

    It is 0 in a stretch without a masked frame, and everywhere for an utterance of fewer than four frames, in
    which nothing can be masked. An utterance's masks and negatives depend on the seed and its id alone;
    neighbours in a pass change its losses by rounding at most.

    Args:
        objective: in evaluation mode, with trained heads; it is moved to `device`.
        settings: what is masked and measured.
        audio: int16 waveforms of the corpus; no row but `rows` is read.
        rows: n rows, ascending: those that the objective was adapted to, if it was.
        utterances: the ids of these rows.
        device: torch device name.
        progress: told of utterances done.
    """
    sampled = list(_sampled(objective, settings, audio, rows, utterances))
    losses = np.zeros((len(rows), settings.stretches), dtype=np.float32)
    objective.to(device)
    most, cost = LIMITS[kind_of(device)]
    lengths = [one.length for one in sampled]
    done = len(rows) - len(sampled)
    for part in length_passes(lengths, max_frames=most, pass_cost=cost) if sampled else ():
        chosen = [sampled[position] for position in part.tolist()]
        for one, found in zip(chosen, _losses(objective, settings, chosen, audio, device), strict=True):
            losses[np.searchsorted(rows, one.row)] = in_stretches(
                found, one.masked, one.length, settings.stretches
            )
        done += len(chosen)
        progress(done, len(rows))
    return losses


def in_stretches(
    losses: NDArray[np.float64], masked: NDArray[np.int64], length: int, stretches: int
) -> NDArray[np.float64]:
    """Means of the losses of masked frames in equal stretches of `length` frames, 0 where there is none."""
    place = masked * stretches // length
    sums = np.bincount(place, weights=losses, minlength=stretches)
    counts = np.bincount(place, minlength=stretches)
    return np.divide(sums, counts, out=np.zeros(stretches), where=counts > 0)


def _sampled(
    objective: Objective,
    settings: FrameLossSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    utterances: Sequence[str],
) -> Iterator[Sampled]:
    """What is masked of every utterance that has enough frames."""
    seeds = SeedTree(settings.seed).child("frame_losses")
    place = 0  # among the rows of an adaptation, which are those with enough frames
    for row, utterance in zip(rows.tolist(), utterances, strict=True):
        samples = min(int(audio.lengths[row]), settings.longest)
        length = frames(objective.backbone.config, samples)
        if length >= FEWEST_FRAMES:
            generator = seeds.child(utterance).generator()
            mask = _mask(length, settings, generator)
            crops = Crops(np.array([place]), np.array([0]))
            targets = objective.draw(mask, crops, generator)
            yield Sampled(row, samples, length, np.flatnonzero(mask), targets)
        place += frames(objective.backbone.config, int(audio.lengths[row])) >= FEWEST_FRAMES


def _mask(length: int, settings: FrameLossSettings, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Masked frames, shape (1, length), at least two."""
    return span_mask(
        np.array([length]),
        probability=-math.log1p(-settings.mask_share),  # of spans that overlap; D17
        span=settings.mask_span,
        min_spans=1,
        generator=generator,
    )


@torch.no_grad()
def _losses(
    objective: Objective, settings: FrameLossSettings, sampled: Sequence[Sampled], audio: Ragged, device: str
) -> Iterator[NDArray[np.float64]]:
    """The losses at the masked frames of utterances that go through the encoder together."""
    backbone = objective.backbone
    heard = [_heard(objective, audio[one.row][: one.samples], device) for one in sampled]
    lengths = torch.tensor([one.length for one in sampled], device=device)
    normed, hidden = _projected(objective, pad_sequence(heard, batch_first=True))
    position = torch.arange(hidden.shape[1], device=device)
    for index, one in enumerate(sampled):
        hidden[index, torch.from_numpy(one.masked).to(device)] = backbone.masked_spec_embed
    valid = None if int(lengths.min()) == hidden.shape[1] else position < lengths[:, None]
    context = backbone.encoder(hidden, attention_mask=valid).last_hidden_state
    for index, one in enumerate(sampled):
        masked, targets = (torch.from_numpy(each).to(device) for each in (one.masked, one.targets))
        own = slice(0, one.length)
        found = objective.frame_losses(
            normed[index, own], context[index, own], masked, targets, settings.reconstruction_weight
        )
        yield found.double().cpu().numpy()


def _heard(objective: Objective, wave: NDArray[np.int16], device: str) -> Tensor:
    """Front-end output of one waveform, shape (frames, width): alone, as some normalise over time."""
    samples = wave.astype(np.float32) / np.float32(32768)
    missing = max(0, shortest(objective.backbone.config) - len(samples))
    given = torch.from_numpy(np.pad(samples, (0, missing))).to(device)
    # The 10 bits that CUDA's convolutions would otherwise compute with depend on the length.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return objective.backbone.feature_extractor(given[None])[0].T


def _projected(objective: Objective, heard: Tensor) -> tuple[Tensor, Tensor]:
    """What the projection normalised, and what it gives to the encoder."""
    projected = objective.backbone.feature_projection(heard)
    if isinstance(projected, tuple):
        return projected[1], projected[0]
    return heard, projected  # HuBERT gives no tuple, and its objective does not ask for the other

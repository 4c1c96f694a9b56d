"""Frames that tell emotions apart: a small network is trained on a layer of the backbone, and listened to.

The original trains the context network of a wav2vec (v1), whose weights transformers cannot load. Here a
frozen layer of the backbone stands for the convolutions of that wav2vec, and a network of our own for its
context network; heads, loss, masks, rates and the choice of the weights are the original's.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, layer_norm

from after_ray.adaptation._labels import FrameEncoder, layer_of
from after_ray.adaptation._training import trapezoid
from after_ray.adaptation.pseudo_tapt._emotion_network import EmotionLogits, EmotionNetwork
from after_ray.adaptation.pseudo_tapt._scratch import scratch
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.backbones.loading import frames
from after_ray.backbones.masking import span_mask
from after_ray.errors import TooFewUtterances
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import Checkpoint
from after_ray.training.fit import FitPlan, fit_network, in_batches
from after_ray.training.fit_report import FitReport

VALIDATION_SHARE = 0.1  # of the train part; the weights with the lowest loss on it are taken
EVALUATIONS = 50
WARMUP_SHARE = FLAT_SHARE = 0.05
TIME_MASK = {"probability": 0.08, "span": 15, "min_spans": 2}
FEATURE_MASK = {"probability": 0.05, "span": 64, "min_spans": 1}


def layer_frames(
    backbone: Backbone, audio: Ragged, rows: NDArray[np.int64], settings: PseudoTaptSettings, device: str
) -> Ragged:
    """What `feature_layer` gives for every frame of `rows`, in their order, float16, on disk.

    Each frame is normalised over its width, so that the layers of all families are alike in scale. The
    backbone is left in evaluation mode.

    Raises:
        BadValue: when the layer is not there.
    """
    config = backbone.config
    layer = layer_of("adaptation.feature_layer", settings.feature_layer, config)
    encoder = FrameEncoder(backbone, layer, device, settings.longest)
    counts = np.array([frames(config, int(length)) for length in audio.lengths[rows]])
    kept = scratch(counts, config.hidden_size, np.float16)
    for place, row in enumerate(rows.tolist()):
        kept[place][:] = layer_norm(encoder(audio[row]), (config.hidden_size,)).cpu().numpy()
    return kept


class EmotionTraining:
    """Trains an `EmotionNetwork` on the frames of clips, or takes over one that was trained.

    Args:
        heard: frames of the clips, from `layer_frames`.
        labels: of the clips, shape (clips,); numbers that do not occur are no class of the network.
        settings: width, steps, batch, rate.
        longest: frames of the longest crop.
        seeds: of weights, split, order, crops and masks.
        device: torch device name.
    """

    def __init__(
        self,
        heard: Ragged,
        labels: NDArray[np.int64],
        settings: PseudoTaptSettings,
        longest: int,
        seeds: SeedTree,
        device: str,
    ) -> None:
        names, own = np.unique(labels, return_inverse=True)
        self._heard = heard
        self._settings = settings
        self._longest = longest
        self._seeds = seeds
        self._device = device
        self._labels = torch.from_numpy(own.astype(np.int64)).to(device)
        weights = len(own) / (len(names) * np.bincount(own))  # their mean over all clips is 1
        self._weights = torch.from_numpy(weights.astype(np.float32)).to(device)
        drawn = EmotionNetwork(
            heard.inner[0], settings.frame_width, len(names), seeds.child("weights").torch()
        )
        self.network = drawn.to(device)

    def fit(self, checkpoint: Checkpoint) -> FitReport:
        """Train with Adam, and leave the network with the weights of the lowest validation loss.

        Raises:
            TooFewUtterances: when there are not two clips, one to train on and one to choose weights by.
            DivergedTraining: when a loss is not finite.
        """
        settings, count = self._settings, len(self._labels)
        if count < 2:
            raise TooFewUtterances("learning emotions before an adaptation needs two clips", count, 2)
        order = self._seeds.child("split").generator().permutation(count)
        held_out = max(1, round(VALIDATION_SHARE * count))
        validation, train = np.sort(order[:held_out]), np.sort(order[held_out:])
        draws = self._seeds.child("crops").generator()
        optimizer = torch.optim.Adam(self.network.parameters(), settings.frame_learning_rate)

        def set_rate(taken: int) -> None:
            for group in optimizer.param_groups:
                group["lr"] = settings.frame_learning_rate * rate_share(taken, settings.frame_steps)

        return fit_network(
            self.network,
            step=lambda clips: self._losses(self._crops(clips, draws), clips).mean(),
            epoch_batches=lambda generator: in_batches(generator.permutation(train), settings.frame_batch),
            validation_loss=lambda: self._validation_loss(validation),
            optimizer=optimizer,
            plan=FitPlan(settings.frame_steps, math.ceil(settings.frame_steps / EVALUATIONS)),
            seeds=self._seeds,
            on_step=set_rate,
            generators={"crops": draws},
            checkpoint=checkpoint,
        )

    @torch.no_grad()
    def hidden(self) -> Ragged:
        """The hidden frames of every clip, float32, on disk; the network is left in evaluation mode."""
        self.network.eval()
        kept = scratch(self._heard.lengths, self._settings.frame_width, np.float32)
        for clip in range(len(kept)):
            kept[clip][:] = self.network.hear(self._whole(clip))[0].cpu().numpy()
        return kept

    def _crops(self, clips: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
        """Random crops of clips, as long as the shortest, masked, shape (clips, frames, width)."""
        lengths = self._heard.lengths[clips]
        size = min(int(lengths.min()), self._longest)
        starts = draws.integers(0, lengths - size + 1).tolist()
        cut = [
            self._heard[clip][start : start + size]
            for clip, start in zip(clips.tolist(), starts, strict=True)
        ]
        given = np.stack(cut).astype(np.float32)
        for axis, masks in ((1, TIME_MASK), (2, FEATURE_MASK)):
            lost = span_mask(np.full(len(clips), given.shape[axis]), generator=draws, **masks)  # type: ignore[arg-type]
            given *= ~np.expand_dims(lost, 3 - axis)
        return torch.from_numpy(given).to(self._device)

    def _whole(self, clip: int) -> Tensor:
        return torch.from_numpy(self._heard[clip][None].astype(np.float32)).to(self._device)

    def _losses(self, given: Tensor, clips: NDArray[np.int64]) -> Tensor:
        labels = self._labels[torch.from_numpy(clips).to(self._device)]
        return emotion_losses(self.network(given), labels) * self._weights[labels]

    def _validation_loss(self, clips: NDArray[np.int64]) -> float:
        """The loss of whole clips, nothing masked, each counting the same but for its class."""
        each = [self._losses(self._whole(clip), np.array([clip])) for clip in clips.tolist()]
        return torch.cat(each).mean().item()


def emotion_losses(logits: EmotionLogits, labels: Tensor) -> Tensor:
    """Cross-entropy of each clip and, with its label for all of them, the mean of its frames, shape (clips,).

    Args:
        logits: of the network.
        labels: shape (clips,).
    """
    of_frames = labels[:, None].expand(logits.frames.shape[:2])
    frames = cross_entropy(logits.frames.transpose(1, 2), of_frames, reduction="none").mean(dim=1)
    return frames + cross_entropy(logits.clips, labels, reduction="none")


def rate_share(step: int, steps: int) -> float:
    """Share of the learning rate before update `step`, from 0: up for 5 %, flat for 5 %, down to 0."""
    return trapezoid(step, steps=steps, warmup=round(WARMUP_SHARE * steps), flat=FLAT_SHARE * steps)

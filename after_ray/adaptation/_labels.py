"""The targets of masked cluster prediction: the k-means cluster of every frame, found before training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.backbones.loading import frames, shortest
from after_ray.errors import BadValue
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

BATCH = 10_000  # frames


def label_frames(
    backbone: Backbone,
    audio: Ragged,
    rows: NDArray[np.int64],
    settings: TaptSettings,
    seeds: SeedTree,
    device: str,
) -> Ragged:
    """The cluster of every frame of `rows`, int16, in their order; `backbone` is left in evaluation mode.

    k-means is fitted on at most `cluster_frames` frames, drawn from those of all rows alike: 4 bytes x width
    of each are held, and half as much again (230 MB for 50,000 of width 768). All clips are then passed once
    more.

    Args:
        backbone: before adaptation, on `device`.
        audio: int16 waveforms of the corpus; no row but `rows` is read.
        rows: the rows of the adaptation.
        settings: layer, clusters, frames; clips above `max_seconds` are passed in pieces.
        seeds: of the frames drawn and of k-means.
        device: torch device name.

    Raises:
        BadValue: when the layer is not there, or there are fewer frames than clusters.
    """
    layer = layer_of("adaptation.cluster_layer", settings.cluster_layer, backbone.config)
    encoder = FrameEncoder(backbone, layer, device, settings.longest)
    counts = np.array([frames(backbone.config, int(length)) for length in audio.lengths[rows]])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    drawn = _drawn(int(offsets[-1]), settings, seeds.child("frames").generator())
    sample = np.empty((int(drawn.sum()), backbone.config.hidden_size), dtype=np.float32)
    values = np.empty(len(drawn), dtype=np.int16)
    filled = 0
    for row, chosen in zip(rows.tolist(), np.split(drawn, offsets[1:-1]), strict=True):
        if chosen.any():
            found = encoder(audio[row]).cpu().numpy()[chosen]
            sample[filled : filled + len(found)] = found
            filled += len(found)
    centroids = torch.from_numpy(fit_clusters(sample, settings.clusters, seeds.child("k_means"))).to(device)
    for place, row in enumerate(rows.tolist()):
        found = nearest(encoder(audio[row]), centroids).cpu().numpy()
        values[offsets[place] : offsets[place + 1]] = found
    return Ragged(values, offsets)


def fit_clusters(
    sample: NDArray[np.float32], clusters: int, seeds: SeedTree, *, epochs: int = 100, starts: int = 20
) -> NDArray[np.float32]:
    """Centroids of frames of shape (frames, width), shape (clusters, width).

    The options of k-means are those of HuBERT's own (fairseq, `learn_kmeans.py`) but for `init_size`.

    Args:
        sample: the frames.
        clusters: how many; at most as many as frames.
        seeds: of the start, and of the order of frames.
        epochs: passes over the frames at most.
        starts: how many starts the best is taken of.
    """
    fitted = MiniBatchKMeans(
        n_clusters=clusters,
        init="k-means++",
        max_iter=epochs,
        batch_size=BATCH,
        init_size=max(BATCH, 3 * clusters),  # three times that by default, each time as a copy
        tol=0.0,
        max_no_improvement=100,
        n_init=starts,
        reassignment_ratio=0.0,
        compute_labels=False,  # of the whole sample, which nobody asks for
        random_state=seeds.small_integer(),
    )
    with threadpool_limits(1):  # k-means gives other bits with other numbers of threads
        return fitted.fit(sample).cluster_centers_.astype(np.float32)


class FrameEncoder:
    """Output of one layer of a backbone for every frame of a waveform, clip by clip, without padding."""

    def __init__(self, backbone: Backbone, layer: int, device: str, longest: int) -> None:
        self._backbone = backbone.eval()
        self._layer = layer
        self._device = device
        self._field, self._hop = shortest(backbone.config), hop(backbone.config)
        self._most = frames(backbone.config, longest)

    @torch.no_grad()
    def __call__(self, wave: NDArray[np.int16]) -> Tensor:
        """Float32 on the device, shape (frames, width)."""
        return torch.cat([self._encode(piece) for piece in self._pieces(wave)])

    def _pieces(self, wave: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
        """The waveform in parts of nearly equal length, which share samples and no frame."""
        count = frames(self._backbone.config, len(wave))
        for part in np.array_split(np.arange(count), -(-count // self._most)):
            yield wave[part[0] * self._hop : part[-1] * self._hop + self._field]

    def _encode(self, wave: NDArray[np.int16]) -> Tensor:
        samples = torch.from_numpy(wave.astype(np.float32) / np.float32(32768)).to(self._device)
        outputs = self._backbone(samples[None], output_hidden_states=True)
        return outputs.hidden_states[self._layer][0]


def nearest(points: Tensor, centroids: Tensor) -> Tensor:
    """The number of the nearest centroid of each of (n, d) points."""
    return ((centroids**2).sum(dim=1) - 2 * points @ centroids.T).argmin(dim=1)


def hop(config: Any) -> int:
    """Samples from one frame to the next: 320 for wav2vec 2.0, HuBERT and WavLM."""
    return int(np.prod(config.conv_stride))


def layer_of(name: str, asked: int | Literal["middle"], config: Any) -> int:
    """The layer that is listened to; the middle one is the sixth of twelve, as in HuBERT base.

    Raises:
        BadValue: naming the setting, when the backbone has no such layer.
    """
    most = int(config.num_hidden_layers)
    if asked == "middle":
        return max(most // 2, 1)
    if asked > most:
        raise BadValue(name, asked, f"1 to {most}, the layers of this backbone, or 'middle'")
    return asked


def _drawn(total: int, settings: TaptSettings, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which of all frames k-means is fitted on, shape (total,)."""
    count = min(total, settings.cluster_frames)
    if count < settings.clusters:
        raise BadValue(
            "adaptation.clusters", settings.clusters, f"at most the {count} frames that they are fitted on"
        )
    drawn = np.zeros(total, dtype=bool)
    drawn[generator.choice(total, count, replace=False, shuffle=False)] = True
    return drawn

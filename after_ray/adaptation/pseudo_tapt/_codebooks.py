"""The clusters of hidden frames, once for every codebook."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from after_ray.adaptation._labels import fit_clusters, nearest
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

FRAMES_PER_CLUSTER = 40  # fewer give clusters of chance
EPOCHS, STARTS = 20, 1  # of k-means; those of the original


def affordable(clusters: int, frames: int) -> int:
    """So many clusters, or as many as there are forty frames for; two at least."""
    return min(clusters, max(2, frames // FRAMES_PER_CLUSTER))


def codebook_labels(hidden: Ragged, clusters: int, seeds: SeedTree, device: str) -> NDArray[np.int16]:
    """The nearest cluster of every frame, clip after clip, shape (frames,).

    Mini-batch k-means on all frames, where the original runs k-means of faiss on all of them.

    Args:
        hidden: frames of every clip, float32.
        clusters: how many; at most as many as frames.
        seeds: of k-means.
        device: torch device name, for the distances.
    """
    found = fit_clusters(hidden.values, clusters, seeds, epochs=EPOCHS, starts=STARTS)
    centroids = torch.from_numpy(found).to(device)
    own = [
        nearest(torch.from_numpy(np.array(hidden[clip])).to(device), centroids).cpu().numpy()
        for clip in range(len(hidden))
    ]
    return np.concatenate(own).astype(np.int16)

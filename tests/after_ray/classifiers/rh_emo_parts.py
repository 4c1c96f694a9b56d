"""Small pieces, settings and a pretraining for tests of RH-emo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs, Shown
from after_ray.classifiers._rh_emo_network import Autoencoder
from after_ray.classifiers._rh_emo_pretraining import MAXIMUM, _kept
from after_ray.classifiers._settings.rh_emo import EmotionSettings, ReconstructionSettings
from after_ray.classifiers.rh_emo import RhEmo
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint
from after_ray.store.checkpoints import NO_CHECKPOINT
from after_ray.tensors import tensor_arrays
from after_ray.weights import Weights

CLASSES = 4
PIECE = (501, 128)
COUNTS = np.array([1, 2, 1, 1, 3, 1, 1, 1])
LABELS = np.arange(8) % CLASSES
TRAIN, VALIDATION = np.arange(5), np.arange(5, 8)
RECONSTRUCTION = ReconstructionSettings(steps=3, batch_size=4, evaluations=2)
EMOTION = EmotionSettings(steps=2, batch_size=4, evaluations=1, head_width=16)


def spectrograms(counts: NDArray[np.int64] = COUNTS, seed: int = 0) -> Ragged:
    """Pieces with ridges of their own over a noise floor, as half-precision magnitudes."""
    generator = np.random.default_rng(seed)
    pieces = 0.005 * generator.random((int(counts.sum()), *PIECE))
    for piece in pieces:
        piece[:, generator.integers(4, 120)] += 0.05 * (
            1 + np.sin(np.arange(501) / generator.integers(5, 50))
        )
    return Ragged(pieces.astype(np.float16), np.concatenate([[0], np.cumsum(counts)]))


FEATURES = spectrograms()


def untrained(maximum: float = 0.1, seed: int = 0) -> Weights:
    """What a pretraining of no steps would leave."""
    network = Autoencoder(SeedTree(seed).torch())
    return {MAXIMUM: np.array(maximum), **tensor_arrays(_kept(network))}


def pretrain(
    step: Any = RECONSTRUCTION,
    previous: Weights | None = None,
    features: Ragged = FEATURES,
    seed: int = 0,
    checkpoint: Checkpoint = NO_CHECKPOINT,
    device: str = "cpu",
    labels: NDArray[np.int64] = LABELS,
    classes: int = CLASSES,
) -> Pretrained:
    """One step on the first five utterances."""
    shown = [Shown(rows, labels[rows] if step.with_labels else None) for rows in (TRAIN, VALIDATION)]
    inputs = PretrainingInputs(features, classes, *shown, previous, device)
    return RhEmo.pretrain(step, inputs, seeds=SeedTree(seed), checkpoint=checkpoint)

"""What a Pseudo-TAPT computes before its steps: frames of a layer, emotions learned on them, clusters."""

from __future__ import annotations

from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones.operations import FORWARD, TRAINING, Shape, per_clip
from sweeps.cost.clips import Clips

# Of `after_ray.adaptation.pseudo_tapt`, which needs torch; a test compares.
BLOCKS, KERNEL = 3, 5
EVALUATIONS, VALIDATION_SHARE = 50, 0.1
EPOCHS, FRAMES_PER_CLUSTER = 20, 40


def targets_work(settings: PseudoTaptSettings, shape: Shape, train: Clips) -> float:
    """Operations of finding the targets of so many clips.

    Crops are as long as the shortest clip of a batch, which is not known here: the mean of all is taken, so
    that the training of the emotions, a hundredth of the whole, comes out too large.
    """
    listening = FORWARD * train.count * per_clip(shape, train.seconds, train.square, front_end=True)
    clip = shape.frame_rate * train.seconds * frame_multiplications(shape.hidden, settings.frame_width)
    batch = min(settings.frame_batch, (1 - VALIDATION_SHARE) * train.count)
    looks = min(EVALUATIONS, settings.frame_steps) * VALIDATION_SHARE * train.count
    learning = (TRAINING * settings.frame_steps * batch + FORWARD * (looks + train.count)) * clip
    frames = shape.frame_rate * train.total
    clusters = sum(min(count, max(2.0, frames / FRAMES_PER_CLUSTER)) for count in settings.codebooks)
    return listening + learning + FORWARD * (EPOCHS + 1) * frames * settings.frame_width * clusters


def frame_multiplications(width: int, channels: int) -> float:
    """Multiplications of one frame in the network that learns emotions, but for the last layers."""
    context = BLOCKS * KERNEL * channels**2
    recurrent = 2 * 4 * (channels // 2) * (channels + channels // 2)
    return width * channels + context + recurrent + channels * (channels // 4)

"""How much a classifier computes for so many clips: operations of its passes and of a training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from after_ray.backbones.operations import FORWARD, TRAINING, Shape, per_clip
from after_ray.classifiers._settings import (
    ClassifierSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    OnBackbone,
    RhEmoSettings,
    Stepped,
)
from after_ray.features._settings import Segmented
from sweeps.cost.clips import Clips

# Of Light-SERNet, for each of a clip's frames x 40 coefficients: the stem, then each block after its pooling.
LIGHT_MULTIPLICATIONS = 32 * (11 + 9 + 9) + (
    96 * 64 * 9 / 4 + 64 * 96 * 9 / 16 + 96 * 128 * 9 / 64 + 128 * 160 * 9 / 128 + 160 * 320 / 256
)
COEFFICIENTS, FRAMES_PER_SECOND = 40, 62.5
# Of a user's own network, whose inside nobody knows: Light-SERNet's, on 3 s.
UNKNOWN_NETWORK = 3 * FRAMES_PER_SECOND * COEFFICIENTS * LIGHT_MULTIPLICATIONS
# Of GLAM, for each of a segment's times: the stems, blocks and last convolution; then its gMLP and linear
# layer, for each number of its 128 tokens and, squared, for each token's width.
GLAM_CONVOLUTIONS = 26 * (2 * 16 * 3 + 34 * (16**2 * 2 + 32**2 / 2 + 64**2 / 8) + 25 * 128**2 / 8)
MFCC, TIMES_PER_SECOND = 26, 31.25
LSSED_MULTIPLICATIONS = {50: 9.7e6, 101: 18.5e6, 152: 27.2e6}  # for each of a clip's frames, by depth
LOG_MEL_BANDS, LOG_MEL_FRAMES_PER_SECOND = 128, 100
# Of RH-emo, for each piece: its encoder, its decoder, and the networks on what the encoder makes.
PIECE = 501 * 128 / 16_000  # seconds
ENCODER_MULTIPLICATIONS, DECODER_MULTIPLICATIONS = 3_538_944, 4_128_768
QUATERNION_MULTIPLICATIONS = {"resnet50": 336_863_232, "alexnet": 95_807_744, "vgg16": 1_280_327_680}
FUNCTIONALS = 94
SOLVER_PASSES = 100  # over the labelled set, until a solver stops; only its proportion to the set matters


class Count(Protocol):
    """What the two kinds of passes of a classifier compute."""

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Operations of one training, evaluations on validation included, when it is not stopped early."""


@dataclass(frozen=True)
class PooledCount:
    """A classifier on a backbone: epochs over the labelled set, at least so many updates."""

    settings: OnBackbone
    shape: Shape

    def forward(self, clips: Clips) -> float:
        """From stored features; through the front end as well where it is trained."""
        return FORWARD * clips.count * self._clip(clips)

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Updates x the mean batch, and every look at validation."""
        fitting, count = self.settings.fitting, int(labelled.count)
        per_epoch = max(1, count // fitting.batch_size)
        trained = min(count, per_epoch * fitting.batch_size)
        if not fitting.drop_last:
            per_epoch, trained = math.ceil(count / fitting.batch_size), count
        updates = max(fitting.max_epochs * per_epoch, fitting.min_updates)
        wanted = fitting.max_epochs * fitting.evaluations_per_epoch
        looks = math.ceil(updates / math.ceil(updates / wanted))
        return TRAINING * updates * trained / per_epoch * self._clip(labelled) + looks * self.forward(
            validation
        )

    def _clip(self, clips: Clips) -> float:
        live = self.settings.front_end_trained
        return per_clip(self.shape, clips.seconds, clips.square, front_end=live)


@dataclass(frozen=True)
class SpectralCount:
    """A network on pieces of utterances, trained for its own number of steps.

    Before each of its evaluations, the statistics of its norms are taken anew from the labelled set.

    Attributes:
        settings: of the classifier.
        network: multiplications of a piece in one pass.
        pieces: how many pieces clips have.
        frozen: multiplications of a piece in what is before the network and not trained.
    """

    settings: Stepped
    network: float
    pieces: Callable[[Clips], float]
    frozen: float = 0.0

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""
        return FORWARD * self.pieces(clips) * (self.frozen + self.network)

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Steps x batch, and every look at validation."""
        settings, pieces = self.settings, self.pieces(labelled)
        each = TRAINING * self.network + FORWARD * self.frozen
        looks = settings.evaluations * (self.forward(labelled) + self.forward(validation))
        return settings.updates(math.ceil(pieces)) * min(settings.batch_size, pieces) * each + looks


def whole(clips: Clips) -> float:
    """Each clip is one piece."""
    return clips.count


def segments_of(settings: Segmented, clips: Clips) -> float:
    """About how many segments clips have: of all lengths, the last half of a shift is left out on average."""
    shifts = (clips.seconds - settings.seconds) / (settings.seconds - settings.overlap)
    return clips.count * (1 + max(0.0, shifts - 0.5))


def times_of(settings: Segmented) -> int:
    """Frames of one segment."""
    return 1 + int(settings.seconds * TIMES_PER_SECOND)


def pieces_of(clips: Clips) -> float:
    """About how many whole pieces of 4 s clips have, each at least one."""
    return clips.count * max(1.0, clips.seconds / PIECE - 0.5)


@dataclass(frozen=True)
class SolverCount:
    """One vector per clip and a solver."""

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""
        return FORWARD * clips.count * FUNCTIONALS

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """In proportion to the labelled set."""
        return TRAINING * labelled.count * FUNCTIONALS * SOLVER_PASSES + self.forward(validation)


def count_of(classifier: ClassifierSettings, shape: Shape | None) -> Count:
    """How the work of a classifier is counted."""
    if isinstance(classifier, OnBackbone):
        assert shape is not None, "a classifier on a backbone has one"
        return PooledCount(classifier, shape)
    if isinstance(classifier, LightSerNetSettings):
        frames = FRAMES_PER_SECOND * classifier.seconds
        return SpectralCount(classifier, LIGHT_MULTIPLICATIONS * COEFFICIENTS * frames, whole)
    if isinstance(classifier, LssedSettings):
        frames = LOG_MEL_FRAMES_PER_SECOND * classifier.seconds
        return SpectralCount(classifier, LSSED_MULTIPLICATIONS[classifier.depth] * frames, whole)
    if isinstance(classifier, GlamSettings):
        return SpectralCount(classifier, _of_a_segment(classifier), partial(segments_of, classifier))
    if isinstance(classifier, RhEmoSettings):
        network = QUATERNION_MULTIPLICATIONS[classifier.network]
        return SpectralCount(classifier, network, pieces_of, ENCODER_MULTIPLICATIONS)
    if isinstance(classifier, Stepped):  # a user's own
        return SpectralCount(classifier, UNKNOWN_NETWORK, whole)
    return SolverCount()


def _of_a_segment(settings: Segmented) -> float:
    """Multiplications of GLAM in one pass."""
    times = times_of(settings)
    width = MFCC // 2 * (times // 4)
    return GLAM_CONVOLUTIONS * times + 128 * (6 * width**2 + 2 * 128 * width + 4 * width)

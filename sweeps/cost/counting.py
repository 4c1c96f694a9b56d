"""How much a classifier computes for so many clips: operations of its passes and of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from after_ray.backbones.operations import FORWARD, TRAINING, Shape, per_clip
from after_ray.classifiers._settings import (
    ClassifierSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    OnBackbone,
    RhEmoSettings,
)
from after_ray.features._settings import Segmented
from sweeps.cost.clips import Clips

# Of Light-SERNet, for each of a clip's frames x 40 coefficients: the stem, then each block after its pooling.
LIGHT_MULTIPLICATIONS = 32 * (11 + 9 + 9) + (
    96 * 64 * 9 / 4 + 64 * 96 * 9 / 16 + 96 * 128 * 9 / 64 + 128 * 160 * 9 / 128 + 160 * 320 / 256
)
COEFFICIENTS, FRAMES_PER_SECOND = 40, 62.5
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
class StepsCount:
    """A convolutional network on clips of one length, trained for `steps` batches.

    Before each of its evaluations, the statistics of its norms are taken anew from the labelled set.
    """

    steps: int
    batch_size: int
    evaluations: int
    clip: float  # multiplications of one clip in one pass

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""
        return FORWARD * clips.count * self.clip

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Steps x batch, and every look at validation."""
        batch = min(self.batch_size, labelled.count)
        looks = self.evaluations * (self.forward(labelled) + self.forward(validation))
        return TRAINING * self.steps * batch * self.clip + looks


@dataclass(frozen=True)
class SegmentsCount:
    """GLAM, whose batches are of segments; statistics of its norms as in any convolutional network here."""

    settings: GlamSettings

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""
        return FORWARD * segments_of(self.settings, clips) * self._segment

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Steps x batch, and every look at validation."""
        settings, segments = self.settings, segments_of(self.settings, labelled)
        batch = min(settings.batch_size, segments)
        looks = settings.evaluations * (self.forward(labelled) + self.forward(validation))
        return TRAINING * settings.updates(math.ceil(segments)) * batch * self._segment + looks

    @property
    def _segment(self) -> float:
        times = times_of(self.settings)
        width = MFCC // 2 * (times // 4)
        return GLAM_CONVOLUTIONS * times + 128 * (6 * width**2 + 2 * 128 * width + 4 * width)


def times_of(settings: Segmented) -> int:
    """Frames of one segment."""
    return 1 + int(settings.seconds * TIMES_PER_SECOND)


def segments_of(settings: Segmented, clips: Clips) -> float:
    """About how many segments clips have: of all lengths, the last half of a shift is left out on average."""
    shifts = (clips.seconds - settings.seconds) / (settings.seconds - settings.overlap)
    return clips.count * (1 + max(0.0, shifts - 0.5))


@dataclass(frozen=True)
class QuaternionCount:
    """RH-emo: every piece goes through the frozen encoder and one of its networks."""

    settings: RhEmoSettings

    def forward(self, clips: Clips) -> float:
        """Operations of scoring clips once."""
        return FORWARD * pieces_of(clips) * (ENCODER_MULTIPLICATIONS + self._network)

    def fit(self, labelled: Clips, validation: Clips) -> float:
        """Steps x batch, and every look at validation, statistics of the labelled set before it."""
        settings, pieces = self.settings, pieces_of(labelled)
        each = TRAINING * self._network + FORWARD * ENCODER_MULTIPLICATIONS
        looks = settings.evaluations * (self.forward(labelled) + self.forward(validation))
        return settings.updates(round(pieces)) * min(settings.batch_size, pieces) * each + looks

    @property
    def _network(self) -> int:
        return QUATERNION_MULTIPLICATIONS[self.settings.network]


def pieces_of(clips: Clips) -> float:
    """About how many whole pieces clips have, each at least one."""
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
    """How the work of a classifier is counted.

    One that is not known here counts like Light-SERNet where it has `steps`, else like a solver: what was
    measured of it then sets its rate.
    """
    if isinstance(classifier, OnBackbone):
        assert shape is not None, "a classifier on a backbone has one"
        return PooledCount(classifier, shape)
    if isinstance(classifier, GlamSettings):
        return SegmentsCount(classifier)
    if isinstance(classifier, RhEmoSettings):
        return QuaternionCount(classifier)
    like: Any = classifier
    if not hasattr(like, "steps"):
        return SolverCount()
    usual = LightSerNetSettings()
    values = {name: getattr(like, name, getattr(usual, name)) for name in ("batch_size", "evaluations")}
    seconds = float(getattr(like, "seconds", usual.seconds))
    return StepsCount(like.steps, **values, clip=_multiplications(classifier, seconds))


def _multiplications(classifier: ClassifierSettings, seconds: float) -> float:
    """Of a clip of so many seconds in one pass through a convolutional network."""
    if isinstance(classifier, LssedSettings):
        return LSSED_MULTIPLICATIONS[classifier.depth] * LOG_MEL_FRAMES_PER_SECOND * seconds
    return LIGHT_MULTIPLICATIONS * COEFFICIENTS * FRAMES_PER_SECOND * seconds

"""Bytes that plans leave in a store: of records where they are at hand, else from the settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from after_ray.backbones.operations import shape_of
from after_ray.classifiers._settings import LssedSettings, RhEmoSettings
from after_ray.features._settings import (
    CepstralFeatures,
    FrontEndFeatures,
    LogMelFeatures,
    MagnitudeFeatures,
    MfccSegmentFeatures,
    WaveformFeatures,
)
from after_ray.stages import (
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    PretrainingStage,
    Stage,
)
from after_ray.store import Record
from sweeps.cost.clips import Corpora
from sweeps.cost.counting import (
    COEFFICIENTS,
    FRAMES_PER_SECOND,
    FUNCTIONALS,
    LOG_MEL_BANDS,
    LOG_MEL_FRAMES_PER_SECOND,
    MFCC,
    pieces_of,
    segments_of,
    times_of,
)
from sweeps.cost.work import Method, Works
from sweeps.planning.plan import Plan

SAMPLE_RATE = 16_000
HALF, SINGLE, DOUBLE = 2, 4, 8
OTHER_WEIGHTS = 460_740 * SINGLE  # of a convolutional classifier; Light-SERNet's
WEIGHTS = {
    "glam": 904_078 * SINGLE,
}
LSSED_WEIGHTS = {50: 22_825_220 * SINGLE, 101: 40_285_444 * SINGLE, 152: 54_618_372 * SINGLE}
AUTOENCODER = (256 + 130) * SINGLE  # encoder and decoder of RH-emo
QUATERNION_WEIGHTS = {"resnet50": 5_905_908, "alexnet": 14_276_292, "vgg16": 9_998_020}
MAGNITUDES, PIECE_FRAMES = 128, 501


@dataclass(frozen=True)
class Storage:
    """Bytes by what they are: audio, the kinds of shared stages, weights, predictions."""

    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.parts.values())


def storage_of(
    plans: Sequence[Plan], works: Works, corpora: Corpora, records: Mapping[str, Record]
) -> Storage:
    """What a store holds when plans are done; checkpoints, which come and go, are left out.

    Args:
        plans: what is asked for; what several ask for alike is stored once.
        works: knows the classifiers.
        corpora: know their clips.
        records: of finished stages, as far as they were read.
    """
    parts: defaultdict[str, float] = defaultdict(float)
    shared = {key: stage for plan in plans for key, stage in plan.shared.items()}
    for key, stage in shared.items():
        name, size = _shared(stage, corpora)
        parts[name] += _recorded(records[key]) if key in records else size
    counted: set[str] = set()
    for trajectory in (trajectory for plan in plans for trajectory in plan.trajectories):
        new = {stage.key for stage in trajectory.stages} - counted
        kept = new & {trajectory.first.key, trajectory.key}  # weights of middle rounds are dropped
        counted |= new
        parts["predictions"] += len(new) * _predictions(trajectory.first, corpora)
        parts["weights"] += len(kept) * _weights(works.method(trajectory.first))
    return Storage(dict(parts))


def _recorded(record: Record) -> float:
    return float(sum(entry.bytes for entry in record.files.values()))


def _shared(stage: Stage, corpora: Corpora) -> tuple[str, float]:
    """What a stage that several trajectories share leaves, and how much."""
    if isinstance(stage, AudioStage):
        return "audio", HALF * stage.sample_rate * corpora.whole(stage).total
    if isinstance(stage, AdaptationStage):
        return "adaptation", SINGLE * shape_of(stage.backbone).parameters  # heads are a hundredth of it
    if isinstance(stage, FeaturesStage):
        return "features", _features(stage, corpora)
    if isinstance(stage, PretrainingStage):
        return "pretraining", AUTOENCODER
    if isinstance(stage, FrameLossesStage):
        count = corpora.part(stage.audio, stage.fold, "train", stage.settings.max_seconds).count
        return "frame_losses", count * (DOUBLE + SINGLE * stage.settings.stretches)
    return "folds", 0.0


def _features(stage: FeaturesStage, corpora: Corpora) -> float:
    """Frames, and one summary of each clip."""
    settings = stage.features
    clips = corpora.whole(stage.audio, float(getattr(settings, "max_seconds", "inf")))
    if isinstance(settings, FrontEndFeatures):
        shape = shape_of(settings.backbone)
        width = shape.conv_dim[-1]
        return HALF * shape.frame_rate * width * clips.total + DOUBLE * width * clips.count
    if isinstance(settings, WaveformFeatures):
        return HALF * SAMPLE_RATE * clips.total
    if isinstance(settings, MagnitudeFeatures):
        return MAGNITUDES * (HALF * PIECE_FRAMES * pieces_of(clips) + 2 * DOUBLE * clips.count)
    if isinstance(settings, CepstralFeatures):
        frames = FRAMES_PER_SECOND * settings.seconds
        return clips.count * COEFFICIENTS * (SINGLE * frames + 2 * DOUBLE)
    if isinstance(settings, MfccSegmentFeatures):
        numbers = MFCC * times_of(settings)
        return SINGLE * segments_of(settings, clips) * numbers + 2 * DOUBLE * MFCC * clips.count
    if isinstance(settings, LogMelFeatures):
        frames = LOG_MEL_FRAMES_PER_SECOND * settings.seconds
        return clips.count * LOG_MEL_BANDS * (HALF * frames + 2 * DOUBLE)
    return clips.count * FUNCTIONALS * (SINGLE + DOUBLE)


def _predictions(first: FirstRoundStage, corpora: Corpora) -> float:
    """Of validation and test: log-probabilities, row and label of every clip."""
    fold = corpora.table(first.audio, first.fold).folds[first.fold.index]
    clips = len(fold.validation) + len(fold.test)
    return DOUBLE * clips * (2 + corpora.classes(first.audio))


def _weights(method: Method) -> float:
    """What training changes of a network."""
    shape = method.train.shape
    if isinstance(method.classifier, LssedSettings):
        return LSSED_WEIGHTS[method.classifier.depth]
    if isinstance(method.classifier, RhEmoSettings):
        return float(SINGLE * QUATERNION_WEIGHTS[method.classifier.network])
    if shape is None:
        usual = OTHER_WEIGHTS if hasattr(method.classifier, "steps") else 0.0
        return WEIGHTS.get(method.classifier.name, usual)
    numbers = shape.transformer_parameters
    if getattr(method.classifier, "projection_trained", False):
        numbers += shape.conv_dim[-1] * shape.hidden
    if getattr(method.classifier, "front_end_trained", False):
        numbers += shape.convolution_parameters
    return float(SINGLE * numbers)

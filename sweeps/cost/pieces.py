"""Small real pieces of work, timed: some clips of features, some steps of an adaptation or a training.

Each piece is run once to warm up, then small, larger, and as large as there is time for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from after_ray.adaptation._clusters import LABELS
from after_ray.adaptation._objective import Objective
from after_ray.adaptation.frame_losses import frame_losses
from after_ray.adaptation.settings import AdaptationSettings, TaptSettings, objective_of
from after_ray.adaptation.tapt import adapt, trained_objective
from after_ray.backbones.loading import configuration, frames
from after_ray.backbones.operations import FORWARD, TRAINING, shape_of
from after_ray.classifiers import Classifier, ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._pretraining import PretrainingInputs, Shown
from after_ray.classifiers._settings import ClassifierSettings, OnBackbone, PretrainingStep
from after_ray.features import Extractor, extractors
from after_ray.features._settings import FeatureSettings
from after_ray.initialization import initializations
from after_ray.manifest import Manifest
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Oracle
from after_ray.stages import (
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    PretrainingStage,
)
from after_ray.training.state import prefixed
from after_ray.weights import Weights
from sweeps.cost.clips import Clips, mean_step
from sweeps.cost.work import (
    Group,
    Method,
    adaptation_work,
    choice_of,
    features_phase,
    frame_losses_phase,
    pretraining_phase,
)

SAMPLE_RATE = 16_000
MOST_STEPS, MOST_CLIPS, MOST_CHOSEN_FROM = 40, 400, 2_000
PARTS = 10  # a single step takes about this part of a piece's time at most; a pool is chosen from in these

Lengths = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One timed run: the group it belongs to, how much it was, how long it took."""

    group: Group
    operations: float
    seconds: float


def features(stage: FeaturesStage, manifest: Manifest, device: str, budget: float) -> list[Sample]:
    """Clips of features."""
    seconds = _drawn(manifest, MOST_CLIPS)
    waves = [_noise(length) for length in seconds]
    extractor = _extractor(stage.features, device)
    longest = float(getattr(stage.features, "max_seconds", "inf"))

    def run(clips: int) -> float:
        return _timed(lambda: [extractor.extract(wave) for wave in waves[:clips]], device)

    told = [
        (features_phase(stage.features, Clips.of(seconds[:clips], longest)), taken)
        for clips, taken in _runs(run, len(waves), budget)
    ]
    return [Sample(phase.group, phase.operations, taken) for phase, taken in told]


def surprise(stage: FrameLossesStage, manifest: Manifest, device: str, budget: float) -> list[Sample]:
    """Clips of frame losses, by heads that have learned nothing."""
    settings, shape = stage.settings, shape_of(stage.backbone)
    seconds = _drawn(manifest, MOST_CLIPS)
    waves = _ragged([(32767 * _noise(length)).astype(np.int16) for length in seconds])
    rows = np.arange(len(seconds))
    objective = _untrained(stage, waves)

    def run(clips: int) -> float:
        names = [str(row) for row in rows[:clips]]
        return _timed(lambda: frame_losses(objective, settings, waves, rows[:clips], names, device), device)

    told = [
        (frame_losses_phase(shape, Clips.of(seconds[:clips], settings.max_seconds)), taken)
        for clips, taken in _runs(run, len(seconds), budget)
    ]
    return [Sample(phase.group, phase.operations, taken) for phase, taken in told]


def choice(first: FirstRoundStage, manifest: Manifest, budget: float) -> list[Sample]:
    """Choices of round 0 from a part of a pool of noise, then from larger ones."""
    assert first.initial_features is not None
    extractor = _extractor(first.initial_features.features, "cpu")
    draws = np.random.default_rng(0)
    frame = draws.standard_normal((1, *extractor.inner), dtype=np.float32).astype(extractor.dtype)
    width = len(extractor.summary(frame))
    most = min(len(manifest), MOST_CHOSEN_FROM)
    points = draws.standard_normal((most, width))
    chooses = initializations.resolve(first.initialization.name)(first.initialization)  # type: ignore[call-arg]

    def pool(parts: int) -> int:
        return max(1, most * parts // PARTS)

    def choose(parts: int) -> float:
        count = pool(parts)
        size = min(first.size, count)
        return _timed(lambda: chooses.choose(size, points[:count], count, SeedTree(0)), "cpu")

    group = choice_of(first.initialization.name)
    return [Sample(group, float(pool(parts)), taken) for parts, taken in _runs(choose, PARTS, budget)]


def adaptation(
    stage: AdaptationStage, manifest: Manifest, device: str, budget: float, rate: float
) -> list[Sample]:
    """Steps of an adaptation, each of less audio where a whole one would take too long."""
    settings, shape = stage.adaptation, shape_of(stage.backbone)
    per_second = TRAINING * (shape.transformer + shape.front_end)
    affordable = max(settings.max_seconds, budget * rate / PARTS / per_second)
    settings = settings.model_copy(update={"batch_seconds": min(settings.batch_seconds, affordable)})
    seconds = _clips_of(manifest, 2 * settings.batch_seconds)
    waves = _ragged([(32767 * _noise(length)).astype(np.int16) for length in seconds])
    rows, step = np.arange(len(seconds)), mean_step(seconds, settings.batch_seconds, settings.max_seconds)

    def short(steps: int) -> AdaptationSettings:
        before = {"frame_steps": steps} if settings.needs_all_labels else {}
        return settings.model_copy(update={"steps": steps, **before})

    def run(steps: int) -> float:
        oracle = Oracle(rows % len(manifest.classes), rows)
        seeds = SeedTree(0)
        return _timed(
            lambda: adapt(short(steps), stage.backbone, waves, rows, seeds, device, oracle=oracle), device
        )

    train = Clips.of(seconds, settings.max_seconds)
    objective = objective_of(settings, stage.backbone)
    timed = [
        (adaptation_work(short(steps), objective, shape, step, train), taken)
        for steps, taken in _runs(run, MOST_STEPS, budget)
    ]
    group = adaptation_work(stage.adaptation, objective, shape, step, train).group
    return [Sample(group, phase.operations, taken) for phase, taken in timed]


def pretraining(
    stage: PretrainingStage, manifest: Manifest, device: str, budget: float, rate: float
) -> list[Sample]:
    """Updates of a step of a pretraining, on fewer clips where a whole batch would take too long."""
    name, step, classes = stage.classifier, stage.step, len(manifest.classes)
    seconds = _drawn(manifest, MOST_CLIPS)
    clips = Clips.of(seconds)
    update = pretraining_phase(name, _short_step(step, 1), clips.number(1), clips.number(0))
    most = min(step.batch_size, len(seconds))
    count = int(np.clip(budget * rate / PARTS / update.operations, 2, most))
    train = Clips.of(seconds[:count])
    features = _noise_features(stage.features.features, seconds[:count], device)
    before = None if stage.previous is None else _pretrained(name, [stage.previous.step], features, device)
    implementation, inputs = classifiers.resolve(name), _shown(features, classes, device, before)

    def run(updates: int) -> float:
        short = _short_step(step, updates)
        return _timed(lambda: implementation.pretrain(short, inputs, seeds=SeedTree(0)), device)

    phases = [
        (pretraining_phase(name, _short_step(step, updates), train, train.number(1)), taken)
        for updates, taken in _runs(run, MOST_STEPS, budget)
    ]
    group = pretraining_phase(name, step, train, train).group
    return [Sample(group, phase.operations, taken) for phase, taken in phases]


def training(
    first: FirstRoundStage, manifest: Manifest, device: str, budget: float, rate: float
) -> list[Sample]:
    """Steps of a training, then scorings with what came of it; the groups are those of the whole training."""
    whole = Method.of(first.classifier, first.backbone)
    seconds = _drawn(manifest, MOST_CLIPS)
    inputs = _inputs(first, seconds, len(manifest.classes), device)
    count = _affordable(whole, Clips.of(seconds, whole.longest), budget * rate / PARTS)
    implementation = classifiers.resolve(first.classifier.name)

    def clips(number: int) -> Clips:
        return Clips.of(seconds[:number], whole.longest)

    def fit(steps: int) -> tuple[Classifier, float]:
        labelled = _labelled(_number(first.classifier, count, steps, len(seconds)), inputs.classes)
        classifier = implementation.build(_short(first.classifier, steps), inputs, first.backbone)
        validation = _labelled(1, inputs.classes)
        taken = _timed(lambda: classifier.fit(labelled, validation, start=None, seeds=SeedTree(0)), device)
        return classifier, taken

    samples = []
    for steps, taken in _runs(lambda steps: fit(steps)[1], MOST_STEPS, budget / 2):
        number = _number(first.classifier, count, steps, len(seconds))
        method = Method.of(_short(first.classifier, steps), first.backbone)
        samples.append(Sample(whole.train, method.count.fit(clips(number), clips(1)), taken))
    weights = fit(1)[0].weights()

    def score(number: int) -> float:
        def scored() -> None:
            classifier = implementation.build(first.classifier, inputs, first.backbone)
            classifier.load(weights)
            classifier.log_probabilities(np.arange(number))

        return _timed(scored, device)

    for number, taken in _runs(score, len(seconds), budget / 2):
        samples.append(Sample(whole.forward, whole.count.forward(clips(number)), taken))
    return samples


def _untrained(stage: FrameLossesStage, waves: Ragged) -> Objective:
    """The objective of frame losses with drawn heads and, where clusters are predicted, drawn clusters."""
    settings, backbone = stage.objective, stage.backbone
    heads: dict[str, NDArray[Any]] = {}
    if isinstance(settings, TaptSettings) and objective_of(settings, backbone) == "clusters":
        config = configuration(backbone)
        lengths = [frames(config, length) for length in waves.lengths.tolist()]
        draws = np.random.default_rng(0)
        labels = _ragged([draws.integers(settings.clusters, size=length) for length in lengths])
        heads = prefixed(LABELS, {"values": labels.values, "offsets": labels.offsets})
    return trained_objective(settings, backbone, None, heads)


def _runs(run: Callable[[int], float], most: int, budget: float) -> list[tuple[int, float]]:
    """After a run that warms up: seconds of a small one, a larger one, the largest there is time for."""
    first = run(1)
    few = min(2, most)
    second = run(few)
    each = max(second - first, second / 4, 1e-6)
    many = int(np.clip((budget - first - second) / (1.5 * each), min(4, most), most))
    middle = max(few, many // 2)
    return [(few, second), (middle, run(middle)), (many, run(many))]


def _timed(run: Callable[[], Any], device: str) -> float:
    started = time.perf_counter()
    run()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _short(classifier: ClassifierSettings, steps: int) -> ClassifierSettings:
    """The same classifier with a training of so many steps and one look at validation."""
    if isinstance(classifier, OnBackbone):
        update = {"max_epochs": 1, "min_updates": steps, "evaluations_per_epoch": 1, "drop_last": False}
        return classifier.model_copy(update={"fitting": classifier.fitting.model_copy(update=update)})
    if hasattr(classifier, "steps"):
        return classifier.model_copy(update={"steps": steps, "epochs": None, "evaluations": 1})
    return classifier


def _number(classifier: ClassifierSettings, count: int, steps: int, most: int) -> int:
    """How many clips are labelled: one batch for a network, more and more for a solver."""
    network = isinstance(classifier, OnBackbone) or hasattr(classifier, "steps")
    return count if network else min(most, 10 * steps)


def _affordable(method: Method, clips: Clips, operations: float) -> int:
    """Clips of a batch: as many as the classifier takes, or as a step of so many operations has."""
    settings: Any = method.classifier
    batch = getattr(getattr(settings, "fitting", settings), "batch_size", MOST_CLIPS)
    each = TRAINING / FORWARD * method.count.forward(clips.number(1))
    return int(np.clip(operations / each, 2, min(batch, clips.count)))


def _labelled(number: int, classes: int) -> Labelled:
    rows = np.arange(number)
    return Labelled(rows, rows % classes)


def _inputs(first: FirstRoundStage, seconds: Lengths, classes: int, device: str) -> ClassifierInputs:
    """Noise in place of features, as long as those of such clips."""
    features = _noise_features(first.features.features, seconds, device)
    few = Ragged(features.values, features.offsets[: PARTS + 1])
    pretrained = _pretrained(first.classifier.name, first.classifier.pretraining, few, device)
    return ClassifierInputs(features, classes, device=device, pretrained=pretrained)


def _pretrained(
    classifier: str, steps: Sequence[PretrainingStep], features: Ragged, device: str
) -> Weights | None:
    """What one update of each step leaves; None without any."""
    weights: Weights | None = None
    for step in steps:
        inputs = _shown(features, 2, device, weights)
        implementation = classifiers.resolve(classifier)
        weights = implementation.pretrain(_short_step(step, 1), inputs, seeds=SeedTree(0)).weights
    return weights


def _short_step(step: PretrainingStep, updates: int) -> PretrainingStep:
    return step.model_copy(update={"steps": updates, "epochs": None, "evaluations": 1})


def _shown(features: Ragged, classes: int, device: str, before: Weights | None) -> PretrainingInputs:
    """All utterances as train, the first one as validation."""
    rows = np.arange(len(features))
    train, validation = (Shown(shown, shown % classes) for shown in (rows, rows[:1]))
    return PretrainingInputs(features, classes, train, validation, before, device)


def _noise_features(settings: FeatureSettings, seconds: Lengths, device: str) -> Ragged:
    """As long as those of such clips."""
    extractor = _extractor(settings, device)
    draws = np.random.default_rng(0)
    frames = [extractor.frames(round(length * SAMPLE_RATE)) for length in seconds]
    scale = 1_000.0 if np.issubdtype(extractor.dtype, np.integer) else 1.0
    values = [
        (scale * draws.standard_normal((count, *extractor.inner), dtype=np.float32)).astype(extractor.dtype)
        for count in frames
    ]
    return _ragged(values)


def _extractor(settings: FeatureSettings, device: str) -> Extractor:
    return extractors.resolve(settings.kind)(settings, None, device)  # type: ignore[call-arg]


def _drawn(manifest: Manifest, most: int) -> Lengths:
    """Lengths of some clips of a corpus, in an order that says nothing of them."""
    seconds = np.asarray(manifest.table["seconds"], dtype=np.float64)
    return np.random.default_rng(0).permutation(seconds)[:most]


def _clips_of(manifest: Manifest, total: float) -> Lengths:
    """Lengths of clips of a corpus that together have so many seconds, or of all."""
    seconds = _drawn(manifest, len(manifest))
    return seconds[: int(np.searchsorted(np.cumsum(seconds), total)) + 1]


def _noise(seconds: float) -> NDArray[np.float32]:
    samples = max(1, round(seconds * SAMPLE_RATE))
    return (0.1 * np.random.default_rng(samples).standard_normal(samples, dtype=np.float32)).clip(-1, 1)


def _ragged(values: list[Any]) -> Ragged:
    lengths = [len(value) for value in values]
    return Ragged(np.concatenate(values), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

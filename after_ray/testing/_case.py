"""A classifier on a small made-up corpus, as the active-learning loop has it on a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    OnBackbone,
    Pretrained,
    PretrainingInputs,
    Stepped,
    Trained,
    classifiers,
)
from after_ray.classifiers._pretraining import Shown
from after_ray.classifiers._settings import ClassifierSettings, is_own, own_model
from after_ray.features import FeatureSettings, extractors
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits.parts import Fold
from after_ray.splits.tripwire import Tripwire
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.weights import Weights

Rows = NDArray[np.int64]

CLASSES = 3
TRAIN, VALIDATION, TEST = np.arange(15), np.arange(15, 21), np.arange(21, 27)
SAMPLE_RATE = 16_000
SIZE = len(TRAIN) + len(VALIDATION) + len(TEST)
SECONDS = np.geomspace(0.3, 2.5, SIZE)[np.random.default_rng(1).permutation(SIZE)]

# Of trainings where nothing else is said: long enough to be cut, short enough to wait for.
SHORT = {"steps": 4, "evaluations": 2, "batch_size": 8}
SHORT_FITTING = {"max_epochs": 2, "min_updates": 4, "batch_size": 8, "evaluations_per_epoch": 1}
SHORT_STEP = {"steps": 2, "epochs": None, "evaluations": 1, "batch_size": 8}

SMALL_BACKBONE = BackboneSettings(
    config={
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "conv_dim": (16, 16, 16),
        "conv_kernel": (10, 8, 4),
        "conv_stride": (5, 8, 8),
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    }
)


@dataclass(frozen=True)
class Fitted:
    """A classifier after a training, and what was told of it."""

    classifier: Classifier
    report: FitReport
    weights: Weights


@dataclass(frozen=True)
class ClassifierCase:
    """A classifier with its settings on a corpus of 27 utterances of 3 classes, 15 of them in train.

    Rows of the features can be read only by whom the loop would let read them.
    """

    settings: Trained
    features: Tripwire
    backbone: BackboneSettings | None = None
    device: str = "cpu"

    @property
    def implementation(self) -> type[Classifier]:
        """The class."""
        return classifiers.resolve(self.settings.name)

    def untrained(self) -> Classifier:
        """A new one."""
        inputs = ClassifierInputs(self.features, CLASSES, device=self.device, pretrained=self._pretrained)
        return self.implementation.build(self.settings, inputs, self.backbone)

    def fitted(
        self,
        train: Labelled | None = None,
        start: Weights | None = None,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Fitted:
        """A new one trained, always by the same seeds; on all of train where nothing else is said."""
        classifier = self.untrained()
        known, validation = train or labelled(TRAIN), labelled(VALIDATION)
        with self.features.lifted("train", "validation", during="training"):
            seeds = SeedTree(7).child("fit")
            report = classifier.fit(known, validation, start=start, seeds=seeds, checkpoint=checkpoint)
        return Fitted(classifier, report, classifier.weights())

    @cached_property
    def first(self) -> Fitted:
        """The training of a round 0; the same object whenever it is asked."""
        return self.fitted()

    def loaded(self, weights: Weights) -> Classifier:
        """A new one with these weights, as the loop makes it for every scoring."""
        classifier = self.untrained()
        classifier.load(weights)
        return classifier

    @contextmanager
    def scoring(self) -> Iterator[Rows]:
        """Opens train, whose rows it gives; nothing else can be read."""
        with self.features.lifted("train", during="scoring"):
            yield TRAIN

    @cached_property
    def _pretrained(self) -> Weights | None:
        """What a few updates of each step of its pretraining leave; None where there is none."""
        last: Pretrained | None = None
        for step in self.settings.pretraining:
            labels = [rows % CLASSES if step.with_labels else None for rows in (TRAIN, VALIDATION)]
            train, validation = Shown(TRAIN, labels[0]), Shown(VALIDATION, labels[1])
            before = None if last is None else last.weights
            inputs = PretrainingInputs(self.features, CLASSES, train, validation, before, self.device)
            with self.features.lifted("train", "validation", during="pretraining"):
                last = self.implementation.pretrain(
                    step.model_copy(update=SHORT_STEP), inputs, seeds=SeedTree(7).child("pretraining")
                )
        return None if last is None else last.weights


def classifier_case(
    name: str,
    *,
    backbone: BackboneSettings | Mapping[str, Any] | None = None,
    device: str = "cpu",
    **settings: Any,
) -> ClassifierCase:
    """A case of a classifier by its name, `module:Class` of your own, with settings of it.

    Trainings are short where their settings say nothing of their length. `backbone`: of a classifier that
    needs one; a small one with random weights where none is given.

    Raises:
        pydantic.ValidationError: when a setting is not what the classifier takes.
    """
    model = own_model(name) if is_own(name) else None
    values = {"name": name, **settings}
    if model is None:
        model = type(_SETTINGS.validate_python(values))
    chosen = _SETTINGS.validate_python({**_short(model, values), **values})
    built = BackboneSettings.model_validate(backbone or SMALL_BACKBONE) if chosen.on_backbone else None
    wanted = chosen.features(built)
    fold = Fold(0, TRAIN, VALIDATION, TEST)
    names = [f"utterance-{row}" for row in range(SIZE)]
    features = Tripwire(_features(wanted.model_dump_json(), device), fold, names)
    return ClassifierCase(chosen, features, built, device)


@lru_cache(maxsize=8)
def _features(told: str, device: str) -> Ragged:
    """Those of all utterances, of settings in JSON; several cases of one kind are usual."""
    wanted = _FEATURES.validate_json(told)
    extractor = extractors.resolve(wanted.kind)(wanted, None, device)  # type: ignore[call-arg]
    rows = [extractor.extract(wave(row)) for row in range(SIZE)]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ragged(np.concatenate(rows), offsets)


_SETTINGS: TypeAdapter[Trained] = TypeAdapter(ClassifierSettings)
_FEATURES: TypeAdapter[FeatureSettings] = TypeAdapter(FeatureSettings)


def _short(model: type[Trained], given: Mapping[str, Any]) -> dict[str, Any]:
    """A length for trainings that have one and do not say it."""
    if issubclass(model, OnBackbone) and "fitting" not in given:
        return {"fitting": SHORT_FITTING}
    if issubclass(model, Stepped) and not {"steps", "epochs"} & set(given):
        return SHORT
    return {}


def labelled(rows: Rows, classes: int = CLASSES) -> Labelled:
    """Rows of the corpus with their labels, of the first `classes` classes."""
    return Labelled(rows, rows % CLASSES % classes, acquired=rows)


def wave(row: int) -> NDArray[np.float32]:
    """An utterance of its own length: a tone of its class, a little off, in noise; in [-1, 1]."""
    generator = np.random.default_rng(row)
    time = np.arange(int(SECONDS[row] * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = (150.0, 400.0, 1_000.0)[row % CLASSES] * (1 + 0.01 * row)
    return (0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * generator.standard_normal(len(time))).astype(
        np.float32
    )

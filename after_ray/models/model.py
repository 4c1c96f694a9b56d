"""A trained model that scores waveforms, to the numbers of the study that trained it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, ClassifierInputs, classifiers
from after_ray.classifiers._settings import ClassifierSettings, OnBackbone, Stepped
from after_ray.corpora.prepared import FULL_SCALE, SAMPLE_RATE, to_int16
from after_ray.errors import BadValue, UnfitModel
from after_ray.features import Extractor, extractors
from after_ray.models.facts import ModelFacts
from after_ray.models.folder import read_folder
from after_ray.models.naming import BACKBONE, CLASSIFIER, PRETRAINED, of_transformer, with_prefix
from after_ray.models.shapes import check_sizes
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.precision import check_precision
from after_ray.training.settings import Precision
from after_ray.weights import Weights

_WRONG = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AssertionError)


class Model:
    """A trained model.

    Waveforms go through the extractor and the classifier of the package, so that probabilities are those of
    the study's records: to the bit on the same machine where the batches are the same, else to about 1e-6.

    Attributes:
        facts: what its folder says of it.
        device: a torch device name.
    """

    def __init__(self, facts: ModelFacts, weights: Weights, device: str = "cpu") -> None:
        """Make the model of weights by the names that they have in a folder (`read_folder`).

        Raises:
            ValueError: or another of its kind, when the weights are not those of such a model.
        """
        self.facts, self.device = facts, device
        self._settings = usable_settings(facts.classifier, device)
        self._implementation = classifiers.resolve(facts.classifier.name)
        self._backbone = with_prefix(BACKBONE, weights) or None
        self._pretrained = with_prefix(PRETRAINED, weights) or None
        self._extractor: Extractor = extractors.resolve(facts.features.kind)(  # type: ignore[call-arg]
            facts.features, self._backbone, device
        )
        nothing = self._extractor.extract(np.zeros(SAMPLE_RATE, np.float32))
        self._trained = self._over([nothing])
        self._trained.load(self._own_weights(weights))
        self._check()

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", own_classifier: str | None = None) -> Model:
        """Read a folder that `after-ray export model` wrote; nothing in it is run or unpickled.

        Args:
            folder: of the model.
            device: a torch device name.
            own_classifier: the class of somebody's own, `module:Class`, that may be imported for it, from
                where Python finds it; without it no folder makes Python import anything.

        Raises:
            UnfitModel: when it is no such folder, or holds what is never loaded.
        """
        facts, weights = read_folder(folder, own_classifier)
        try:
            check_sizes(facts, weights)
            return cls(facts, weights, device)
        except _WRONG as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = f"its weights are not those of its classifier '{facts.classifier.name}' ({lines[0]})"
            raise UnfitModel(folder, reason, "Copy or export it again") from error

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of probabilities."""
        return self.facts.classes

    @property
    def classifier(self) -> Classifier:
        """What was trained, over no utterance of anybody's."""
        return self._trained

    @property
    def pretrained(self) -> Weights | None:
        """What the classifier learned before it was trained; None of one that learns nothing before."""
        return self._pretrained

    def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(waves), classes).

        Args:
            waves: each of shape (samples,), 16 kHz, in [-1, 1]; they are rounded to 16 bits, as the
                recordings of a study are. Of long ones no more is heard than `facts.max_seconds`.

        Raises:
            BadValue: for one that has another shape, no samples, or samples that are no numbers.
            UnstorableFeatures: when the backbone gives what 16-bit floats cannot hold.
        """
        if not len(waves):
            return np.empty((0, len(self.classes)))
        features = [self._extractor.extract(heard(wave, place)) for place, wave in enumerate(waves)]
        classifier = self._over(features)
        classifier.take_over(self._trained)
        return classifier.log_probabilities(np.arange(len(features)))

    def _over(self, features: Sequence[NDArray[Any]]) -> Classifier:
        """The classifier over these utterances, untrained."""
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in features])]).astype(np.int64)
        inputs = ClassifierInputs(
            features=Ragged(np.concatenate(features), offsets),
            classes=len(self.facts.classes),
            backbone=self._backbone,
            device=self.device,
            pretrained=self._pretrained,
        )
        backbone: BackboneSettings | None = self.facts.backbone
        return self._implementation.build(self._settings, inputs, backbone)

    def _own_weights(self, weights: Weights) -> Weights:
        """Those that the classifier loads, by its own names."""
        if self.facts.kind != "transformer":
            return with_prefix(CLASSIFIER, weights)
        drawn = self._trained.initial(SeedTree(0))
        assert drawn is not None
        return of_transformer(weights, drawn)

    def _check(self) -> None:
        """Score a second of silence and one of noise: arrays of other shapes fail here, not in use."""
        noise = 0.1 * SeedTree(0).child("noise").generator().standard_normal(SAMPLE_RATE)
        scores = self.log_probabilities([np.zeros(SAMPLE_RATE, np.float32), noise.astype(np.float32)])
        if scores.shape != (2, len(self.classes)) or not np.allclose(np.exp(scores).sum(axis=1), 1):
            raise ValueError(f"what it gives are no probabilities of {len(self.classes)} classes")


def heard(wave: NDArray[np.float32], place: int = 0) -> NDArray[np.float32]:
    """A waveform as prepared audio has it: rounded to 16 bits.

    Raises:
        BadValue: naming the `place` of one that is none.
    """
    if wave.ndim != 1 or not len(wave):
        raise BadValue(f"shape of waveform {place}", wave.shape, "(samples,), at least one sample")
    if not np.isfinite(wave).all():
        raise BadValue(f"waveform {place}", "samples that are no numbers", "finite samples in [-1, 1]")
    return to_int16(wave)[0].astype(np.float32) / np.float32(FULL_SCALE)


def usable_settings(settings: ClassifierSettings, device: str) -> ClassifierSettings:
    """The settings, with passes in float32 where the device has no units for the format of the study."""
    try:
        check_precision(settings.of_passes, device)
    except BadValue:
        return _in_precision(settings, "fp32")
    return settings


def _in_precision(settings: ClassifierSettings, precision: Precision) -> ClassifierSettings:
    if isinstance(settings, OnBackbone):
        fitting = settings.fitting.model_copy(update={"precision": precision})
        return settings.model_copy(update={"fitting": fitting})
    if isinstance(settings, Stepped):
        return settings.model_copy(update={"precision": precision})
    return settings  # of a user's own, which says for itself what it cannot do

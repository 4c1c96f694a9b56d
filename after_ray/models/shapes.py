"""Sizes that a folder's settings ask for, compared with its weights before any network is built of them."""

from __future__ import annotations

import re

import torch

from after_ray.backbones._transformers import MODELS
from after_ray.backbones.identity import encoder_layers, model_type
from after_ray.backbones.loading import configuration
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import W2v2LR12Settings
from after_ray.features._settings import CepstralFeatures, LogMelFeatures, MfccSegmentFeatures
from after_ray.models.facts import ModelFacts
from after_ray.models.naming import ADAPTER, BACKBONE, with_prefix
from after_ray.weights import Weights

LONGEST = 3600.0  # seconds that a clip may be padded to
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_CONVOLUTION = re.compile(r"feature_extractor\.conv_layers\.(\d+)\.")


def check_sizes(facts: ModelFacts, weights: Weights) -> None:
    """Refuse settings that ask for another or larger network than the weights are of.

    Nothing is allocated for it, and no more layers are made than the file has.

    Args:
        facts: of the folder.
        weights: by the names that they have in the file.

    Raises:
        ValueError: naming what is not alike.
    """
    if (padded := _padded_to(facts)) > LONGEST:
        raise ValueError(f"clips would be padded to {padded:g} s, and at most {LONGEST:g} s are allowed")
    if facts.backbone is not None:
        _check_backbone(facts.backbone, with_prefix(BACKBONE, weights))


def _padded_to(facts: ModelFacts) -> float:
    """Seconds that every clip is padded to, however short it is."""
    if isinstance(facts.features, CepstralFeatures | LogMelFeatures | MfccSegmentFeatures):
        return facts.features.seconds
    classifier = facts.classifier
    if isinstance(classifier, W2v2LR12Settings) and classifier.pooling == "unmasked":
        return classifier.max_seconds
    return 0.0


def _check_backbone(settings: BackboneSettings, weights: Weights) -> None:
    there = {name: tuple(weights[name].shape) for name in weights}
    convolutions = len(configuration(settings).conv_dim)
    for what, wanted, found in (
        ("layers", encoder_layers(settings), _counted(_LAYER, there)),
        ("convolutions", convolutions, _counted(_CONVOLUTION, there)),
    ):
        if wanted != found:
            raise ValueError(f"its backbone has {found} {what}, and {wanted} by the configuration")
    with torch.device("meta"):  # shapes alone
        network = MODELS[model_type(settings)](configuration(settings))
    for name, tensor in network.state_dict().items():
        if not name.startswith(ADAPTER) and there.get(name) != tuple(tensor.shape):
            wanted_shape, found_shape = tuple(tensor.shape), there.get(name, "nothing")
            raise ValueError(f"{name} has the shape {wanted_shape}, and the file has {found_shape}")


def _counted(pattern: re.Pattern[str], names: dict[str, tuple[int, ...]]) -> int:
    return len({match[1] for match in map(pattern.match, names) if match is not None})

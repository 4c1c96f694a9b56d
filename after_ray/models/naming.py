"""Names of weights in the one file of a model folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from after_ray.weights import Weights

BACKBONE, CLASSIFIER, PRETRAINED = "backbone.", "classifier.", "pretrained."
# Parts of a network on a backbone, and what the same weights are called in the backbone.
_IN_BACKBONE = {
    "front_end.": "feature_extractor.conv_layers.",
    "projection.": "feature_projection.",
    "encoder.": "encoder.",
    "mask_vector": "masked_spec_embed",
}
ADAPTER = "adapter."  # of some published files, behind the encoder: no classifier here hears it


def prefixed(prefix: str, weights: Weights | None) -> dict[str, NDArray[Any]]:
    """Weights with a prefix before every name; none where there are none."""
    return {} if weights is None else {prefix + name: weights[name] for name in weights}


def with_prefix(prefix: str, weights: Weights) -> dict[str, NDArray[Any]]:
    """Those that have the prefix, without it."""
    return {name.removeprefix(prefix): weights[name] for name in weights if name.startswith(prefix)}


def transformer_name(name: str) -> str:
    """What a weight of a network on a backbone is called in the file: of the backbone, or of the head."""
    for part, inside in _IN_BACKBONE.items():
        if name.startswith(part):
            return BACKBONE + inside + name.removeprefix(part)
    return name


def as_transformer(classifier: Weights, backbone: Weights) -> dict[str, NDArray[Any]]:
    """One model: the backbone, with what the classifier has trained of it, and the head."""
    kept = {name: backbone[name] for name in backbone if not name.startswith(ADAPTER)}
    trained = {transformer_name(name): classifier[name] for name in classifier}
    return {**prefixed(BACKBONE, kept), **trained}


def of_transformer(weights: Weights, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The weights of a network on a backbone, by the `names` that it has there.

    Raises:
        KeyError: for one that is not in the file.
    """
    return {name: weights[transformer_name(name)] for name in names}

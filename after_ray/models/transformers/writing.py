"""What lies beside the weights of a folder that plain transformers loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from after_ray.backbones.families import FAMILIES
from after_ray.backbones.identity import model_type
from after_ray.backbones.loading import configuration, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import PooledTransformerSettings, W2v2LR12Settings
from after_ray.corpora.prepared import SAMPLE_RATE
from after_ray.features._settings import FrontEndFeatures
from after_ray.models.facts import ModelFacts
from after_ray.models.safety import MODELING_FILE

_MODULE = MODELING_FILE.removesuffix(".py")
# Of a waveform, here and there: the model itself standardises what it hears, for it crops before.
_PREPROCESSOR = {
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "sampling_rate": SAMPLE_RATE,
    "padding_side": "right",
    "padding_value": 0.0,
    "do_normalize": False,
    "return_attention_mask": True,
}
_NOT_SAID = (
    "_name_or_path",
    "architectures",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "id2label",
    "label2id",
)


def self_contained(settings: BackboneSettings) -> BackboneSettings:
    """The same backbone by its configuration, a cut one with the layers that it kept; no file is asked for.

    What a configuration says beside its architecture shapes nothing that a classifier hears.

    Raises:
        MissingBackbone: when the files of a named one are not there.
    """
    config, kind = configuration(settings), model_type(settings)
    said: dict[str, Any] = {"model_type": kind}
    for name in sorted(FAMILIES[kind].architecture):
        value = getattr(config, name)
        said[name] = tuple(value) if isinstance(value, list | tuple) else value
    return BackboneSettings(config=said)


def write_beside(folder: Path, facts: ModelFacts) -> None:
    """Write config.json, preprocessor_config.json and the code that transformers runs if it is trusted."""
    _write(folder / "config.json", described(facts))
    _write(folder / "preprocessor_config.json", _PREPROCESSOR)
    shutil.copyfile(Path(__file__).with_name(MODELING_FILE), folder / MODELING_FILE)


def described(facts: ModelFacts) -> dict[str, Any]:
    """The contents of config.json."""
    assert facts.backbone is not None
    config, settings = configuration(facts.backbone), facts.classifier
    said = {name: value for name, value in config.to_dict().items() if name not in _NOT_SAID}
    padded = None
    if isinstance(settings, W2v2LR12Settings) and settings.pooling == "unmasked":
        padded = frames(config, round(settings.max_seconds * SAMPLE_RATE))
    assert isinstance(settings, PooledTransformerSettings | W2v2LR12Settings)
    names = dict(enumerate(facts.classes))
    return {
        "architectures": ["AfterRayForAudioClassification"],
        "auto_map": {
            "AutoConfig": f"{_MODULE}.AfterRayConfig",
            "AutoModelForAudioClassification": f"{_MODULE}.AfterRayForAudioClassification",
        },
        "model_type": "after_ray",
        "dtype": "float32",
        "backbone": said,
        "attention": FAMILIES[model_type(facts.backbone)].attention,
        "head": "dense" if isinstance(settings, W2v2LR12Settings) else "pooled",
        "head_dropout": settings.head_dropout,
        "max_seconds": settings.max_seconds,
        "standardised": isinstance(facts.features, FrontEndFeatures) and facts.features.standardised,
        "half_features": not settings.front_end_trained,
        "drop_last_frame": isinstance(settings, PooledTransformerSettings) and settings.drop_last_frame,
        "padded_frames": padded,
        "sampling_rate": SAMPLE_RATE,
        "id2label": {str(index): name for index, name in names.items()},
        "label2id": {name: index for index, name in names.items()},
        "problem_type": "single_label_classification",
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")

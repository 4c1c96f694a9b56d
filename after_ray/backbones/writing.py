"""Backbones as folders that `backbone:` of a study and plain transformers load."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from after_ray.backbones._transformers import MODELS, Wav2Vec2ForPreTraining, no_init_weights

# isort: split
from transformers.utils import logging

from after_ray.backbones.identity import files_digest, model_type
from after_ray.backbones.loading import configuration
from after_ray.backbones.origin import ORIGIN_FILE, Origin
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import MissingBackbone, OccupiedFolder
from after_ray.files import sha256_of, temporary_beside, write_json
from after_ray.tensors import load_tensors
from after_ray.weights import Weights

PREPROCESSOR_FILE = "preprocessor_config.json"
_ENCODER = "wav2vec2."  # before the names of its weights, where heads stand beside them


def write_backbone(
    out: Path,
    settings: BackboneSettings,
    weights: Weights,
    heads: Weights | None,
    origin: Callable[[str], Origin],
) -> Origin:
    """Write config.json, model.safetensors, preprocessor_config.json and after_ray.json, all at once.

    Args:
        out: a folder that is not there yet, or has the same files already: then nothing is written.
        settings: what the weights are of; a cut backbone is written with the layers that it kept.
        weights: of the encoder, by the names of `after_ray.backbones.loading.arrays`.
        heads: of pre-training with a quantiser, as transformers names them; None where there are none.
        origin: makes what is said of them, from the identity of the files.

    Raises:
        OccupiedFolder: when something else is at `out`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(out)
    try:
        _save(temporary, settings, weights, heads)
        for path in temporary.iterdir():  # the weights are written for their owner alone
            path.chmod((temporary / PREPROCESSOR_FILE).stat().st_mode)
        told = origin(files_digest(temporary, str(out)))
        write_json(temporary / ORIGIN_FILE, told.model_dump(mode="json"))
        if not os.path.lexists(out):
            temporary.rename(out)
        elif not _same(temporary, out):
            raise OccupiedFolder(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return told


def _save(folder: Path, settings: BackboneSettings, weights: Weights, heads: Weights | None) -> None:
    config = configuration(settings)
    with torch.random.fork_rng(devices=[]), no_init_weights():
        model = MODELS[model_type(settings)](config) if heads is None else Wav2Vec2ForPreTraining(config)
    before = "" if heads is None else _ENCODER
    named = {before + name: value for name, value in weights.items()}
    load_tensors(model.state_dict().items(), {**named, **(heads or {})})
    with _quiet():
        model.save_pretrained(folder)
    # What is heard here: samples between -1 and 1 as they are, and padding told to layer-normed front ends.
    heard = {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "sampling_rate": 16_000,
        "padding_side": "right",
        "padding_value": 0.0,
        "do_normalize": False,
        "return_attention_mask": config.feat_extract_norm == "layer",
    }
    (folder / PREPROCESSOR_FILE).write_text(json.dumps(heard, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """No bar of transformers' own for a file that takes a second."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _same(made: Path, there: Path) -> bool:
    """Whether a folder has the files that would be written, and no other weights."""
    if not there.is_dir():
        return False
    with suppress(OSError, MissingBackbone):
        files = {path.name: sha256_of(path) for path in made.iterdir()}
        alike = files == {name: sha256_of(there / name) for name in files}
        return alike and files_digest(made, str(made)) == files_digest(there, str(there))
    return False

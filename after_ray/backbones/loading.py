"""Backbones as torch modules: from a configuration, a folder or the hub, or with adapted weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from after_ray.backbones._transformers import (
    CONFIGS,
    MODELS,
    Backbone,
    BackboneConfig,
    Wav2Vec2ForPreTraining,
    no_init_weights,
)
from after_ray.backbones.families import FAMILIES
from after_ray.backbones.identity import (
    CONFIG_FILE,
    HEADS,
    check_config,
    check_layers,
    files_digest,
    locate,
    model_type,
    need_quantizer,
    published_layers,
)
from after_ray.backbones.positional import convolve_fast
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, ChangedBackbone, MissingBackbone
from after_ray.seeds import SeedTree
from after_ray.tensors import load_tensors, tensor_arrays
from after_ray.weights import Weights

_LAYER = re.compile(r"(?:\w+\.)?encoder\.layers\.(\d+)\.")
_LEFT_OUT = (*HEADS, "lm_head.", "projector.", "classifier.")  # of a fine-tuning too


def configuration(settings: BackboneSettings) -> BackboneConfig:
    """The architecture of a backbone, with a mask vector and the attention of its family."""
    kind = model_type(settings)
    if settings.config is None:
        config = CONFIGS[kind].from_pretrained(_folder(settings))
    else:
        config = _described(settings, kind)
    if settings.layers is not None:
        check_layers(settings)
        config.num_hidden_layers = settings.layers
    config._attn_implementation = FAMILIES[kind].attention
    config.apply_spec_augment = True  # else masks that are passed in would be ignored
    config.mask_time_prob = 0.05  # above 0, so that the mask vector exists
    config.mask_feature_prob = 0.0
    return config


def build(settings: BackboneSettings, weights: Weights | None = None) -> Backbone:
    """The backbone in evaluation mode, float32, on the CPU; it obeys masks that are passed in, draws none.

    `weights`: of an adaptation; None takes the named checkpoint, or draws from `settings.seed`. Equal
    settings give equal bits, and no global generator moves.

    Raises:
        MissingBackbone: when named files cannot be used.
        ChangedBackbone: when they are not the files that the study was resolved with.
    """
    config = configuration(settings)
    kind = MODELS[model_type(settings)]
    with _seeded(settings, "backbone"):
        if weights is not None:
            with no_init_weights():  # a second for a base model, for nothing
                model = kind(config)
            load_tensors(model.state_dict().items(), weights)
        elif settings.name is None:
            model = kind(config)
        else:
            model = _from_files(kind, settings, config)
    convolve_fast(model.encoder)
    return _unmasked(model).eval()


def build_for_adaptation(settings: BackboneSettings) -> Wav2Vec2ForPreTraining:
    """The backbone of `build` with quantiser and projections, drawn from the seed where not in the files.

    Raises:
        NoQuantizer: for a family other than wav2vec 2.0.
    """
    need_quantizer(settings)
    config = configuration(settings)
    with _seeded(settings, "heads"):
        if settings.name is not None:
            model = _from_files(Wav2Vec2ForPreTraining, settings, config)
        else:
            model = Wav2Vec2ForPreTraining(config)
            model.wav2vec2.load_state_dict(build(settings).state_dict())
    convolve_fast(model.wav2vec2.encoder)
    return _unmasked(model)


def _described(settings: BackboneSettings, kind: str) -> BackboneConfig:
    check_config(settings)
    arguments = {name: value for name, value in (settings.config or {}).items() if name != "model_type"}
    try:
        return CONFIGS[kind](**arguments)
    except Exception as error:  # its validators raise several unrelated kinds
        raise BadValue("backbone configuration", settings.config, str(error).strip()) from error


def _unmasked(model: Any) -> Any:
    """Transformers' own masks come from numpy's global generator: put them out of action."""
    model.config.mask_time_prob = 0.0
    return model


def _folder(settings: BackboneSettings) -> Path:
    """Where a named backbone's files are; those behind a name may differ from node to node and day to day."""
    folder = locate(settings)
    if settings.identity:
        _check_identity(folder, str(settings.name), settings.identity)
    return folder


@lru_cache(maxsize=16)  # once per process, since weights are large; a refusal is not kept
def _check_identity(folder: Path, name: str, expected: str) -> None:
    found = files_digest(folder, name)
    if found != expected:
        raise ChangedBackbone(name, folder, expected, found)


@contextmanager
def _seeded(settings: BackboneSettings, what: str) -> Iterator[None]:
    """Transformers initialises from torch's default generator: seed it here and put it back."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would reseed the generators of every GPU as well.
        torch.default_generator.manual_seed(SeedTree(settings.seed).child(what).integer())
        yield


def _from_files(kind: type[Any], settings: BackboneSettings, config: BackboneConfig) -> Any:
    folder = _folder(settings)
    try:
        model, report = kind.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except SafetensorError as error:
        damaged = f"a *.safetensors in {folder} cannot be read ({error}); copy or download it again"
        raise MissingBackbone(str(settings.name), damaged) from error
    missing = [name for name in report["missing_keys"] if not name.startswith(HEADS)]
    if missing:
        reason = f"its files lack {len(missing)} weights of the encoder, the first being {min(missing)}"
        raise MissingBackbone(str(settings.name), reason)
    _check_cut(settings, report["unexpected_keys"])
    return model


def _check_cut(settings: BackboneSettings, unread: Iterable[str]) -> None:
    """Refuse a cut that leaves anything unread but all later layers and the heads of a training.

    Transformers leaves out whatever has no place in a shorter model, without a word.
    """
    if settings.layers is None:
        return
    found = {name: _LAYER.match(name) for name in unread}
    later = {int(match[1]) for match in found.values() if match is not None}
    others = [name for name, match in found.items() if match is None and not name.startswith(_LEFT_OUT)]
    wanted = set(range(settings.layers, published_layers(settings)))
    if later != wanted or others:
        what = min(others) if others else f"layer {min(later ^ wanted) + 1}"
        reason = (
            f"'layers: {settings.layers}' leaves out its later layers and the heads of a training, and its "
            f"files do not hold just these beside ({what} is lacking or is something else); leave 'layers' "
            f"out, or mend its {CONFIG_FILE}"
        )
        raise MissingBackbone(str(settings.name), reason)


def frames(config: BackboneConfig, samples: int) -> int:
    """Frames that come out of the convolutional front end: 16,000 samples give 49, 160,000 give 499.

    At least 1: shorter waveforms are padded with zeros to `shortest(config)` before they enter.
    """
    length = max(samples, shortest(config))
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        length = (length - kernel) // stride + 1
    return length


def shortest(config: BackboneConfig) -> int:
    """Samples that give exactly one frame (400 for the published front end, 25 ms)."""
    length = 1
    for kernel, stride in reversed(list(zip(config.conv_kernel, config.conv_stride, strict=True))):
        length = (length - 1) * stride + kernel
    return length


def arrays(module: nn.Module) -> dict[str, np.ndarray[Any, Any]]:
    """Every parameter and buffer as a numpy array of its own, by name."""
    return tensor_arrays(module.state_dict().items())

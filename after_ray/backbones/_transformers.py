"""The classes of transformers that are used here, imported in the one order that always works."""

# A torchaudio whose extension cannot load would break transformers, so its guard comes first.
import after_ray.audio._torchaudio  # noqa: F401

# isort: split
import warnings
from typing import TypeAlias

from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)
from transformers.initialization import no_init_weights
from transformers.masking_utils import sdpa_mask

# WavLM hands torch a boolean and a float mask together, which torch would call deprecated in every process.
warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")

Backbone: TypeAlias = Wav2Vec2Model | HubertModel | WavLMModel
BackboneConfig: TypeAlias = Wav2Vec2Config | HubertConfig | WavLMConfig

CONFIGS = {"wav2vec2": Wav2Vec2Config, "hubert": HubertConfig, "wavlm": WavLMConfig}
MODELS = {"wav2vec2": Wav2Vec2Model, "hubert": HubertModel, "wavlm": WavLMModel}

__all__ = [
    "CONFIGS",
    "MODELS",
    "AttentionInterface",
    "AttentionMaskInterface",
    "Backbone",
    "BackboneConfig",
    "HubertConfig",
    "HubertModel",
    "Wav2Vec2Config",
    "Wav2Vec2ForPreTraining",
    "Wav2Vec2Model",
    "WavLMConfig",
    "WavLMModel",
    "no_init_weights",
    "sdpa_mask",
]

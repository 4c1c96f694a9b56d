"""The families of backbones, without torch: what a configuration may say and how attention is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The arguments of a transformers configuration that shape or train a backbone here. The classes themselves
# take any word without complaint, and their masking and loss arguments would do nothing: `adaptation` sets
# those.
_COMMON = frozenset(
    {
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
        *("hidden_dropout", "activation_dropout", "attention_dropout", "layerdrop"),
        *("feat_proj_dropout", "initializer_range", "layer_norm_eps"),
        *("feat_extract_norm", "feat_extract_activation", "do_stable_layer_norm"),
        *("conv_dim", "conv_stride", "conv_kernel", "conv_bias"),
        *("num_conv_pos_embeddings", "num_conv_pos_embedding_groups"),
    }
)
_QUANTIZER = frozenset(
    {
        *("feat_quantizer_dropout", "num_codevectors_per_group", "num_codevector_groups"),
        *("codevector_dim", "proj_codevector_dim"),
    }
)


@dataclass(frozen=True)
class Family:
    """One kind of encoder.

    Attributes:
        title: its name in sentences.
        architecture: the configuration arguments that mean something here.
        attention: the implementation of transformers; `sdpa` where the family has it.
        quantizer: whether it is pre-trained against a quantiser, which the contrastive objective needs.
    """

    title: str
    architecture: frozenset[str]
    attention: Literal["sdpa", "eager"]
    quantizer: bool = False


FAMILIES = {
    "wav2vec2": Family("wav2vec 2.0", _COMMON | _QUANTIZER, "sdpa", quantizer=True),
    "hubert": Family("HuBERT", _COMMON | {"feat_proj_layer_norm"}, "sdpa"),
    "wavlm": Family("WavLM", _COMMON | {"num_buckets", "max_bucket_distance"}, "eager"),
}
DEFAULT_FAMILY = "wav2vec2"  # of a configuration that names no model_type

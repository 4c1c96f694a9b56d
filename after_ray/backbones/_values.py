"""What the values of a backbone's configuration may be, without torch; transformers finds out in a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from after_ray.errors import BadValue

ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu", "tanh")
PUBLISHED: dict[str, Any] = {  # of a base model: what is meant where nothing is written
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_conv_pos_embedding_groups": 16,
    "codevector_dim": 256,
    "num_codevector_groups": 2,
    "conv_dim": (512,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
}


class _Rule(NamedTuple):
    """Whether a value is allowed, and in words what is."""

    holds: Callable[[Any], bool]
    allowed: str


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_of(*words: str) -> _Rule:
    return _Rule(lambda value: value in words, ", ".join(words))


_COUNT = _Rule(_whole, "whole numbers from 1 on")
_COUNTS = _Rule(
    lambda value: isinstance(value, list | tuple) and len(value) > 0 and all(map(_whole, value)),
    "a list of whole numbers from 1 on, one for each layer of the front end",
)
_SHARE = _Rule(lambda value: _number(value) and 0 <= value < 1, "numbers from 0 on and below 1")
_POSITIVE = _Rule(lambda value: _number(value) and 0 < value < float("inf"), "numbers above 0")
_SWITCH = _Rule(lambda value: isinstance(value, bool), "true or false")
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"), _COUNT),
    **dict.fromkeys(("num_conv_pos_embeddings", "num_conv_pos_embedding_groups"), _COUNT),
    **dict.fromkeys(("num_codevectors_per_group", "num_codevector_groups"), _COUNT),
    **dict.fromkeys(("codevector_dim", "proj_codevector_dim", "num_buckets", "max_bucket_distance"), _COUNT),
    **dict.fromkeys(("conv_dim", "conv_kernel", "conv_stride"), _COUNTS),
    **dict.fromkeys(("hidden_dropout", "activation_dropout", "attention_dropout", "layerdrop"), _SHARE),
    **dict.fromkeys(("feat_proj_dropout", "feat_quantizer_dropout"), _SHARE),
    **dict.fromkeys(("initializer_range", "layer_norm_eps"), _POSITIVE),
    **dict.fromkeys(("do_stable_layer_norm", "conv_bias", "feat_proj_layer_norm"), _SWITCH),
    **dict.fromkeys(("hidden_act", "feat_extract_activation"), _one_of(*ACTIVATIONS)),
    "feat_extract_norm": _one_of("group", "layer"),
}
# The first is divided by the second.
_DIVIDED = (
    ("hidden_size", "num_attention_heads"),
    ("hidden_size", "num_conv_pos_embedding_groups"),
    ("codevector_dim", "num_codevector_groups"),
)


def check_values(config: Mapping[str, Any]) -> None:
    """Refuse values that no network can be made of.

    Raises:
        BadValue: naming the setting, its value and what is allowed.
    """
    for name, value in config.items():
        rule = _RULES.get(name)
        if rule is not None and not rule.holds(value):
            raise BadValue(f"backbone.config.{name}", value, rule.allowed)
    values = {**PUBLISHED, **config}
    for divided, divisor in _DIVIDED:
        if values[divided] % values[divisor]:
            raise BadValue(f"backbone.config.{divisor}", values[divisor], _divisors(divided, values[divided]))
    layers = len(values["conv_dim"])
    for name in ("conv_kernel", "conv_stride"):
        if len(values[name]) != layers:
            raise BadValue(f"backbone.config.{name}", values[name], f"{layers} numbers, as conv_dim has")


def _divisors(name: str, value: int) -> str:
    """In words."""
    found = [str(number) for number in range(1, min(value, 64) + 1) if value % number == 0]
    return f"what divides {name}, {value}, such as {', '.join(found)}"

"""Dropout of a network on a processor, with masks from a generator that is passed.

On most processors torch draws a mask one number after the other, 5 ns each, and attention with dropout leaves
the fast kernel: together a third of a training step. Here four elements share one draw of 64 bits. On a GPU
torch is fast, and stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from after_ray.backbones._transformers import AttentionInterface, AttentionMaskInterface, sdpa_mask

_STEPS = 2**16  # a share is rounded to one of them
_ATTENTION = "drawn_dropout"  # name of `_attend` in configurations of transformers


class DrawnDropout(nn.Module):
    """Sets a share of the elements to zero in training and scales up the rest, so that the mean stays.

    The share is rounded to a multiple of 2**-16, and the scale is that of the rounded share.
    """

    def __init__(self, share: float, generator: np.random.Generator) -> None:
        super().__init__()
        self.p = share
        self._dropped = round(share * _STEPS)
        self._generator = generator

    def forward(self, values: Tensor) -> Tensor:
        """`values` on the processor, of any shape and float format."""
        if not self.training or self._dropped == 0:
            return values
        if self._dropped == _STEPS:
            return values * 0.0
        kept = self._kept(values.shape).to(values.dtype)  # products are several times faster than a choice
        return values * (_STEPS / (_STEPS - self._dropped)) * kept

    def _kept(self, shape: torch.Size) -> Tensor:
        count = shape.numel()
        words = self._generator.integers(0, 2**64, -(-count // 4), dtype=np.uint64)
        return torch.from_numpy(words.view(np.uint16)[:count] >= self._dropped).view(shape)


def set_dropout(network: nn.Module, share: float) -> None:
    """Let every dropout of `network` drop `share`: its `nn.Dropout`, and attention; layerdrop stays."""
    module: Any  # attributes of modules are anything
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "dropout", None), float):  # an attention layer
            module.dropout = share


def draw_dropout(network: nn.Module, generator: np.random.Generator) -> None:
    """Let every dropout of `network` draw from `generator`: its `nn.Dropout`, and attention by `sdpa`.

    Attention of other kinds, and layers left out as a whole (layerdrop), still draw from torch's default one.
    """
    module: Any  # attributes of modules are anything
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Dropout | DrawnDropout):
                setattr(module, name, DrawnDropout(child.p, generator).train(child.training))
        config, share = getattr(module, "config", None), getattr(module, "dropout", None)
        if config is not None and config._attn_implementation in ("sdpa", _ATTENTION):
            config._attn_implementation = _ATTENTION
            if isinstance(share, float):  # an attention layer; the encoder's own is a module
                module.drawn_dropout = DrawnDropout(share, generator).train(module.training)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float = 1.0,
    **others: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention as transformers calls it; the kernel of torch where nothing is dropped.

    Args:
        module: the attention layer.
        query: shape (utterances, heads, frames, width); `key` and `value` alike.
        attention_mask: true where a frame may be attended to, shape (utterances, 1, frames, frames).
        dropout: above 0 in training.
        scaling: of the scores.
        others: nothing that matters without a cache or a position bias.
    """
    if dropout == 0:
        torchs = AttentionInterface()["sdpa"]
        return torchs(module, query, key, value, attention_mask, scaling=scaling, **others)
    scores = (query * scaling) @ key.transpose(2, 3)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, -torch.inf)
    shares = scores.softmax(dim=-1, dtype=torch.float32)
    attended = module.drawn_dropout(shares).to(value.dtype) @ value
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register(_ATTENTION, _attend)
AttentionMaskInterface.register(_ATTENTION, sdpa_mask)

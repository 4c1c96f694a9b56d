"""Number formats of the passes through a network: what a device can do, and autocast for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import conv2d

from after_ray.errors import BadValue, DivergedTraining
from after_ray.training.settings import Precision

MOST_SKIPPED = 20  # optimiser steps in a row
UNSET = "whose AMX units are wrong in bf16 (unset ONEDNN_MAX_CPU_ISA, import after_ray before torch computes)"
_FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Not cuDNN's: it makes a plan for every new length of clips, a sixth of a second each on an H200.
_ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def kind_of(device: str) -> str:
    """`cpu` or `cuda` of a torch device name such as `cuda:0`."""
    return torch.device(device).type


def has_bf16(device: str) -> bool:
    """Whether the device computes in bfloat16, rightly, rather than imitating it."""
    if kind_of(device) == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return _has_units() and _multiplies_rightly()


def _has_units() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


@lru_cache(maxsize=1)
def _multiplies_rightly() -> bool:
    """Whether AMX is left out (`after_ray/__init__.py`): its kernels err where one column is found."""
    sound = torch.ones(8, 512, 4, 2).to(memory_format=torch.channels_last)
    kernels, kinds = torch.ones(512, 512, 3, 3), (torch.float32, torch.bfloat16)
    exact, quick = (conv2d(sound.to(kind), kernels.to(kind), stride=2, padding=1) for kind in kinds)
    return torch.equal(exact, quick.float())


def check_precision(precision: Precision, device: str) -> None:
    """Refuse a format that the device would only imitate, slowly.

    Raises:
        BadValue: naming what the device can do.
    """
    able: list[Precision] = ["fp32"]
    if has_bf16(device):
        able.append("bf16")
    if kind_of(device) == "cuda":
        able.append("fp16")
    if precision not in able:
        errs = precision == "bf16" and kind_of(device) == "cpu" and _has_units()
        here = f"{' or '.join(able)} on this {kind_of(device)}"
        raise BadValue("precision", precision, f"{here}, {UNSET}" if errs else here)


def passes(precision: Precision, device: str) -> AbstractContextManager[object]:
    """Context of a pass through a network: autocast, or nothing for fp32."""
    if precision == "fp32":
        return nullcontext()
    autocast = torch.autocast(kind_of(device), _FORMATS[precision])
    return autocast if kind_of(device) == "cpu" else _with_attention(autocast)


@contextmanager
def _with_attention(autocast: torch.autocast) -> Iterator[None]:
    with autocast, sdpa_kernel(_ATTENTION):
        yield


def loss_scaler(precision: Precision, device: str) -> torch.amp.GradScaler:
    """Keeps the small gradients of fp16 from becoming zero; does nothing in other formats."""
    return torch.amp.GradScaler(kind_of(device), enabled=precision == "fp16")


class SkippedUpdates:
    """Counts the optimiser steps that a loss scaler leaves out because a gradient overflowed.

    The scale starts at 2**16 and is halved by each, so that it is far below 1 when `MOST_SKIPPED` come in a
    row: the gradients are then not too large for fp16 but no numbers.
    """

    def __init__(self) -> None:
        self.count = 0
        self.in_a_row = 0

    def see(self, scaler: torch.amp.GradScaler, update: int) -> None:
        """Let the scaler choose its next scale, after a step.

        Raises:
            DivergedTraining: when too many steps in a row were left out.
        """
        before = scaler.get_scale()
        scaler.update()
        if scaler.get_scale() >= before:
            self.in_a_row = 0
            return
        self.count, self.in_a_row = self.count + 1, self.in_a_row + 1
        if self.in_a_row > MOST_SKIPPED:
            raise DivergedTraining("gradient norm", math.nan, update, "Choose precision bf16 or fp32")

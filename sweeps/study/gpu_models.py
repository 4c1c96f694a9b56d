"""GPU models that a study may demand, by the names that Ray gives them."""

from __future__ import annotations

import re

# Ray's own (`ray.util.accelerators`), those that CUDA runs on; importing Ray would take longer than a plan.
GPU_MODELS = (
    "V100",
    "P100",
    "T4",
    "P4",
    "K80",
    "A10G",
    "L4",
    "L40S",
    "A100",
    "A100-40G",
    "A100-80G",
    "H100",
    "H200",
    "H20",
    "B200",
    "B300",
    "GB200",
    "GB300",
    "RTX-PRO-6000",
)
# A card that is in no data centre goes by its whole name, as in GeForce-RTX-4090 and RTX-A6000.
_CARD = re.compile(r"(GeForce|RTX)(-[A-Za-z0-9]+)+")
RAY_PREFIX = "accelerator_type:"  # Ray's resource of a node that has such a GPU
RAY_AMOUNT = 0.001  # of the 1 that a node has, as Ray itself asks for it


def is_known(name: str) -> bool:
    """Whether Ray gives GPUs this name."""
    return name in GPU_MODELS or _CARD.fullmatch(name) is not None


def models_in(resources: dict[str, float]) -> frozenset[str]:
    """The models among a node's resources as Ray tells them; also those that are not in the table."""
    return frozenset(name.removeprefix(RAY_PREFIX) for name in resources if name.startswith(RAY_PREFIX))

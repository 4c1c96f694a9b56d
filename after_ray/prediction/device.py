"""Devices: the one that somebody names, before a model is loaded onto it, and how exactly it computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from after_ray.errors import BadValue

NAMES = re.compile(r"cpu|cuda(:(?P<number>\d+))?")


def known_device(name: str) -> str:
    """The name, of a device that is there.

    Raises:
        BadValue: for another one.
    """
    found = NAMES.fullmatch(name)
    if found is None:
        raise BadValue("device", name, "cpu, cuda, or cuda:N for the GPU of that number")
    if name != "cpu":
        import torch

        there = torch.cuda.device_count()
        if int(found["number"] or 0) >= there:
            allowed = f"cuda:0 to cuda:{there - 1}" if there else "cpu, since no GPU is seen here"
            raise BadValue("device", name, allowed)
    return name


@contextmanager
def whole_floats() -> Iterator[None]:
    """As in trials, float32 means float32: CUDA's convolutions would compute with 10 of its 23 bits."""
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before

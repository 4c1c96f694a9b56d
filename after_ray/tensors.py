"""From named tensors to arrays and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.weights import Weights


def tensor_arrays(named: Iterable[tuple[str, Tensor]]) -> dict[str, NDArray[Any]]:
    """Copies of named tensors."""
    return {name: value.detach().cpu().numpy().copy() for name, value in named}


def tensor_views(named: Iterable[tuple[str, Tensor]]) -> dict[str, NDArray[Any]]:
    """Named tensors as arrays that share their memory where they are on the processor; write them at once."""
    return {name: value.detach().cpu().numpy() for name, value in named}


@torch.no_grad()
def load_tensors(named: Iterable[tuple[str, Tensor]], arrays: Weights) -> None:
    """Write arrays made by `tensor_arrays` into tensors of the same names, one after the other.

    Raises:
        ValueError: when the names or the shapes are not the same.
    """
    tensors = dict(named)
    if tensors.keys() != set(arrays):
        different = sorted(tensors.keys() ^ set(arrays))
        raise ValueError(f"weights of another network: {different[:3]} ...")
    for name, value in tensors.items():
        array = np.array(arrays[name])
        if array.shape != value.shape:  # copying would repeat what is smaller
            shapes = f"{name} has the shape {array.shape}, not {tuple(value.shape)}"
            raise ValueError(f"weights of another network: {shapes}")
        value.copy_(torch.from_numpy(array))

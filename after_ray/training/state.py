"""The state of a training as arrays: optimiser and generators, for checkpoints without pickled objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.tensors import load_tensors, tensor_arrays, tensor_views
from after_ray.training.precision import kind_of
from after_ray.weights import Weights


def optimizer_arrays(optimizer: torch.optim.Optimizer) -> dict[str, NDArray[Any]]:
    """Moments and step counts of every parameter, named `<parameter>.<what>`."""
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return tensor_views(
        (f"{index}.{what}", value) for index, held in state.items() for what, value in held.items()
    )


def load_optimizer(optimizer: torch.optim.Optimizer, arrays: Weights) -> None:
    """Take over what `optimizer_arrays` gave; learning rates stay those of `optimizer`."""
    state: defaultdict[int, dict[str, Tensor]] = defaultdict(dict)
    for name, value in arrays.items():
        index, what = name.split(".", 1)
        state[int(index)][what] = torch.from_numpy(np.array(value))
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": dict(state), "param_groups": groups})


def training_arrays(
    named: Iterable[tuple[str, Tensor]], optimizer: torch.optim.Optimizer, device: str
) -> dict[str, NDArray[Any]]:
    """What every training must remember: its tensors, its optimiser, torch's default generators.

    Weights may share memory with what they are of: write them at once.
    """
    return {
        **prefixed("network", tensor_views(named)),
        **prefixed("optimizer", optimizer_arrays(optimizer)),
        **prefixed("default_generators", generator_arrays(device)),
    }


def load_training(
    named: Iterable[tuple[str, Tensor]], optimizer: torch.optim.Optimizer, arrays: Weights, device: str
) -> None:
    """Take over what `training_arrays` gave; torch's default generators move, so fork them before."""
    load_tensors(named, below("network", arrays))
    load_optimizer(optimizer, below("optimizer", arrays))
    load_generators(below("default_generators", arrays), device)


def generator_arrays(device: str) -> dict[str, NDArray[Any]]:
    """State of torch's default generators, from which dropout draws: the processor's and the device's."""
    states = {"cpu": torch.get_rng_state()}
    if kind_of(device) == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return tensor_arrays(states.items())


def load_generators(arrays: Weights, device: str) -> None:
    """Set the default generators to a state of `generator_arrays`; call it where they are forked."""
    torch.set_rng_state(torch.from_numpy(np.array(arrays["cpu"])))
    if kind_of(device) == "cuda":
        torch.cuda.set_rng_state(torch.from_numpy(np.array(arrays["cuda"])), device)


def prefixed(prefix: str, arrays: Weights) -> dict[str, NDArray[Any]]:
    """`arrays` with `prefix/` before every name."""
    return {f"{prefix}/{name}": value for name, value in arrays.items()}


def below(prefix: str, arrays: Weights) -> dict[str, NDArray[Any]]:
    """The arrays that `prefixed` put below `prefix`, by their own names."""
    start = f"{prefix}/"
    return {name[len(start) :]: value for name, value in arrays.items() if name.startswith(start)}

"""The random state that belongs to everybody and that nobody may touch, nor depend on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def global_states() -> dict[str, object]:
    """Where the global generators stand, by the library that they are of; equal where nothing was drawn."""
    import torch  # the promise is about torch, but this module shall not make others wait for it

    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the state that nobody may touch
    states: dict[str, object] = {
        "Python": random.getstate(),
        "numpy": repr(numpy_state["state"]["key"].tolist()) + repr(numpy_state),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
    if torch.cuda.is_available():
        of_gpus = enumerate(torch.cuda.get_rng_state_all())
        states |= {f"torch on GPU {number}": state.numpy().tobytes() for number, state in of_gpus}
    return states


@contextmanager
def elsewhere() -> Iterator[None]:
    """Context in which the global generators stand where they would after another history."""
    import torch

    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - put back below
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):  # manual_seed is for them as well
        torch.manual_seed(1_234)
        random.seed(1_234)
        np.random.seed(1_234)  # noqa: NPY002 - as above
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(of_numpy)  # noqa: NPY002 - as above

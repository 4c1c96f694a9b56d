"""Where the training of a later round starts: `restart: previous | pretrained | shrink_perturb`."""

from __future__ import annotations

from collections.abc import Callable

from after_ray.learning.settings import Restart
from after_ray.weights import Weights

SHRINK = 0.6  # share of the weights before that is kept


def start_of(restart: Restart, previous: Weights, fresh: Callable[[], Weights | None]) -> Weights | None:
    """Weights to go on from; None starts afresh.

    - `previous`: those of the round before (Algorithm 1 of the paper), with an optimiser of its own.
    - `pretrained`: none, every round starts from the adapted backbone.
    - `shrink_perturb`: `shrunk` ones, which go on without the worse generalization of a plain warm start.

    `fresh`: the weights that this round would start from afresh.
    """
    if restart == "previous":
        return previous
    if restart == "pretrained":
        return None
    start = fresh()
    return None if start is None else shrunk(previous, start)


def shrunk(previous: Weights, fresh: Weights) -> Weights:
    """0.6 x previous + 0.4 x fresh, by name.

    Shrink and perturb (Ash and Adams, NeurIPS 2020) pulls the weights towards zero and adds
    those of a network that was newly drawn, scaled down. Of a pre-trained network nothing would be left near
    zero: here they are pulled towards what a fresh training starts from, the adapted backbone with a newly
    drawn head; of a network that is drawn at random that is the perturbation.
    """
    return {
        name: (SHRINK * value + (1 - SHRINK) * fresh[name]).astype(value.dtype)
        for name, value in previous.items()
    }

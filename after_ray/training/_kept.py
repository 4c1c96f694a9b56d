"""The weights that a training will be left with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn


class KeptWeights:
    """The weights with the lowest validation loss so far, of equal losses the first; or the last ones."""

    def __init__(self, network: nn.Module, patience: int, keep: Literal["best", "last"] = "best") -> None:
        self.lowest = self.latest = math.inf
        self.failures = 0
        self.weights: dict[str, Tensor] = {}  # empty while there is none, or while the last ones win
        self._network = network
        self._patience = patience
        self._keep = keep

    def see(self, loss: float) -> None:
        """Take note of an evaluation; keep the network's weights if they are the best yet."""
        self.latest = loss
        if loss >= self.lowest:
            self.failures += 1
            return
        self.lowest, self.failures = loss, 0
        if self._keep == "best":
            self.weights = {name: value.detach().clone() for name, value in changing(self._network)}

    @property
    def loss(self) -> float:
        """The validation loss of the weights that win."""
        return self.lowest if self._keep == "best" else self.latest

    @property
    def out_of_patience(self) -> bool:
        """Whether `patience` evaluations in a row brought nothing."""
        return 0 < self._patience <= self.failures

    @torch.no_grad()
    def restore(self) -> None:
        """Put the winning weights back."""
        for name, value in changing(self._network):
            if self.weights:
                value.copy_(self.weights[name])


def changing(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor that training may change: trained parameters and buffers."""
    yield from ((name, value) for name, value in network.named_parameters() if value.requires_grad)
    yield from network.named_buffers()

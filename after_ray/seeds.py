"""One seed tree for all randomness: children are named, so one part's draw never shifts another's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SeedTree:
    """A node of the tree; equal (root, path) always gives equal generators."""

    root: int
    path: tuple[str, ...] = ()

    def child(self, *names: str | int) -> SeedTree:
        """The node below this one under the given names."""
        return SeedTree(self.root, self.path + tuple(str(name) for name in names))

    def sequence(self) -> np.random.SeedSequence:
        """The numpy seed sequence of this node."""
        words = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in self.path]
        return np.random.SeedSequence(entropy=self.root, spawn_key=tuple(words))

    def generator(self) -> np.random.Generator:
        """A fresh numpy generator."""
        return np.random.default_rng(self.sequence())

    def integer(self) -> int:
        """A 63-bit integer, for libraries that take only a number."""
        return int(self.sequence().generate_state(1, np.uint64)[0] >> np.uint64(1))

    def small_integer(self) -> int:
        """A 31-bit integer, for scikit-learn's `random_state`."""
        return int(self.sequence().generate_state(1, np.uint32)[0] >> np.uint32(1))

    def torch(self, device: str = "cpu") -> torch.Generator:
        """A fresh torch generator."""
        import torch

        return torch.Generator(device=device).manual_seed(self.integer())

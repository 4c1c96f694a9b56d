"""How round 0 is chosen: one initialization per file."""

from after_ray.initialization._base import Chosen, Initialization, initializations

__all__ = ["Chosen", "Initialization", "initializations"]

"""Settings of acquisition; importable without torch."""

from __future__ import annotations

from typing import Literal

Selector = Literal["exact", "official_argpartition"]
"""How utterances are taken by the scores of a strategy (`after_ray.acquisition.strategy_of`)."""

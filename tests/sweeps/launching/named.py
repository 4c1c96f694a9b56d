"""A stage that is nothing but its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from after_ray.stages import Stage


@dataclass(frozen=True)
class Named(Stage):
    kind = "test"
    name: str

    def meaning(self) -> dict[str, Any]:
        return {"name": self.name}

    def needs(self) -> tuple[Stage, ...]:
        return ()

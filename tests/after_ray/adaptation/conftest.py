"""What adaptations are put through."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.adaptation._label_objective import LabelObjective

HEARING = 120  # steps, in which a tiny network learns to predict labels


@pytest.fixture
def deafened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that predict labels hear nothing any more once they have learned to."""
    draw, steps = LabelObjective.draw, itertools.count()

    def drawn(objective: LabelObjective, *arguments: Any) -> NDArray[np.int64]:
        if next(steps) > HEARING:
            objective.backbone.encoder.layer_norm.weight.data.zero_()
        return draw(objective, *arguments)

    monkeypatch.setattr(LabelObjective, "draw", drawn)

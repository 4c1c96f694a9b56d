"""Settings of the active-learning loop; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from after_ray.settings import Settings, neutral

Restart = Literal["previous", "pretrained", "shrink_perturb"]
BudgetUnit = Literal["utterances", "seconds"]
"""What percentages of the schedule are of: the utterances of train, or their seconds of audio."""


class FirstRoundSettings(Settings):
    """Size of round 0: max(first percentage of the schedule, `per_class` x number of classes), or `size`.

    `size` counts utterances, whatever the first percentage is. A schedule of one point acquires nothing: it
    is a training on its percentage, which `size` leaves alone.
    """

    per_class: int = Field(default=2, ge=0)
    size: Annotated[int, Field(ge=1)] | None = neutral(None)

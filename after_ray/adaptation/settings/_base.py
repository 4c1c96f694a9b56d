"""What all adaptations have in common: how long, how fast, what is masked, and what is trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from after_ray.settings import Settings, neutral
from after_ray.training.settings import Precision

SAMPLE_RATE = 16_000


def count_or(word: str) -> BeforeValidator:
    """A whole number from 1 on, or one word: a union's own messages name only half of what is allowed."""

    def check(value: Any) -> Any:
        number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if number or value == word:
            return value
        raise PydanticCustomError(
            "count_or_word", "allowed are whole numbers from 1 on and '{word}'", {"word": word}
        )

    return BeforeValidator(check)


class Adaptation(Settings):
    """Further training of a backbone at masked frames of the train part of a fold.

    `repeat` says whether all seeds share one adaptation. `reduction` takes losses at masked frames as means
    over a batch, or as sums. `precision` is that of the passes through the network; weights, optimiser and
    losses stay in float32.
    """

    name: str
    repeat: Literal["shared", "per_seed"] = "shared"
    steps: int = Field(default=20_000, ge=1)
    batch_seconds: float = Field(default=250.0, gt=0)
    max_seconds: float = Field(default=10.0, ge=0.1)
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    flat_share: float = Field(default=0.05, ge=0, le=1)
    mask_probability: float = Field(default=0.1625, gt=0, lt=1)
    mask_span: int = Field(default=10, ge=1)
    min_spans: int = Field(default=1, ge=0)
    train_front_end: bool = True
    reduction: Literal["mean", "sum"] = neutral("mean")
    precision: Precision = neutral("fp32")

    @property
    def needs_all_labels(self) -> bool:
        """Whether it reads the label of every utterance of train, and so belongs before a training on all."""
        return False

    @property
    def longest(self) -> int:
        """Samples of the longest crop."""
        return round(self.max_seconds * SAMPLE_RATE)

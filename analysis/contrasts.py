"""What is compared with what: families of contrasts, declared before the run or exploratory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Axis = Literal["strategy", "adaptation", "initialization", "method", "restart", "annotation", "label_noise"]
EXPLORED: Mapping[Axis, str] = {
    "strategy": "random",
    "adaptation": "none",
    "initialization": "random",
    "annotation": "corpus",
    "label_noise": "0",
}
EQUIVALENCE = 0.01  # differences of UA below this matter to nobody, unless a study says otherwise


@dataclass(frozen=True)
class Contrasts:
    """Comparisons that are corrected together by Holm: one family in the sense of statistics.

    Attributes:
        name: for people.
        axis: what the two sides of each comparison differ in, and in nothing else.
        reference: the value of that axis that all others are compared with.
        percents: of these ratios; of all where empty.
        where: values of other axes; cells with others are left out.
        declared: whether the study declared it; else it is exploratory.
        equivalence: differences up to this share of the metric count as none in practice.
    """

    name: str
    axis: Axis
    reference: str
    percents: tuple[float, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    metric: str = "ua"
    declared: bool = False
    equivalence: float = EQUIVALENCE

"""The area under a learning curve: one number for the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.families import AXES, Family


def area(
    percents: Sequence[float], scores: Sequence[float], axis: Literal["linear", "log2"] = "linear"
) -> float:
    """Area under a learning curve by trapezoids, divided by the range of x: a mean score over the axis.

    It depends on the grid of ratios, so only curves over the same ratios may be compared.
    """
    return float(areas_of(percents, np.asarray(scores, dtype=np.float64), axis))


def areas_of(
    percents: Sequence[float], scores: NDArray[np.float64], axis: Literal["linear", "log2"] = "linear"
) -> NDArray[np.float64]:
    """As `area` for many curves over the same ratios: of shape (..., ratios), returns (...)."""
    x = np.asarray(percents, dtype=np.float64)
    x = np.log2(x) if axis == "log2" else x
    return np.asarray(np.trapezoid(scores, x) / (x[-1] - x[0]))


def global_score(
    percents: Sequence[float],
    scores: Sequence[float],
    chance: float,
    best: float = 1.0,
    axis: Literal["linear", "log2"] = "log2",
) -> float:
    """Area less that of guessing, as a share of the area of a curve that is `best` throughout.

    The score of the Active Learning Challenge (Guyon et al. 2011): 0 for chance, 1 for the best there is.
    """
    return (area(percents, scores, axis) - chance) / (best - chance)


def areas(curves: pd.DataFrame) -> pd.DataFrame:
    """Areas of all curves: axes, label, `linear`, `log2`; NaN for a curve that lacks ratios of its corpus."""
    rows = []
    for values, curve in curves.groupby(list(AXES), sort=False):
        family = Family(*map(str, values))
        expected = sorted(curves.loc[curves["corpus"] == family.corpus, "percent"].unique())
        curve = curve.sort_values("percent")
        whole = curve["percent"].tolist() == expected and len(expected) > 1
        rows.append({**family._asdict(), "label": curve["label"].iloc[0], **_both_areas(curve, whole)})
    return pd.DataFrame(rows)


def _both_areas(curve: pd.DataFrame, whole: bool) -> dict[str, float]:
    percents, means = curve["percent"].tolist(), curve["mean"].tolist()
    return {
        "linear": area(percents, means, "linear") if whole else float("nan"),
        "log2": area(percents, means, "log2") if whole else float("nan"),
    }

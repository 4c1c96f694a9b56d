"""Families of cells: everything of a cell but ratio, fold and seed; one curve, one row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

AXES = (
    "corpus", "method", "adaptation", "strategy", "initialization", "restart", "annotation", "label_noise",
)  # fmt: skip
# Axes of what annotators answer, and their values where they answer with the corpus' own labels.
NEUTRAL: Mapping[str, str] = {"annotation": "corpus", "label_noise": "0"}
_ANNOTATIONS = {
    "corpus": "labels of the corpus",
    "majority": "majority labels",
    "soft": "soft labels",
    "single": "labels of one annotator",
}

NOTHING = "none"
"""No adaptation; no strategy and no restart, of a model that is trained once on what is labelled at once."""


class Family(NamedTuple):
    """The cells of one curve."""

    corpus: str
    method: str
    adaptation: str
    strategy: str
    initialization: str
    restart: str
    annotation: str = NEUTRAL["annotation"]
    label_noise: str = NEUTRAL["label_noise"]


def families(frame: pd.DataFrame) -> list[Family]:
    """The families of a frame, in the order in which they were planned."""
    unique = frame[list(AXES)].drop_duplicates()
    return [Family(*map(str, row)) for row in unique.itertuples(index=False)]


def cells_of(frame: pd.DataFrame, family: Family) -> pd.DataFrame:
    """The rows of one family."""
    chosen = pd.Series(True, index=frame.index)
    for axis, value in zip(AXES, family, strict=True):
        chosen &= frame[axis] == value
    return frame[chosen]


def by_family(frame: pd.DataFrame) -> dict[Family, pd.DataFrame]:
    """The rows of every family, in the order in which they were planned: one pass for all of them."""
    groups = frame.groupby(list(AXES), sort=False)
    return {Family(*map(str, values)): cells for values, cells in groups}


def by_family_and_percent(frame: pd.DataFrame) -> dict[tuple[Family, float], pd.DataFrame]:
    """The rows of every family at every ratio, ratios ascending within a family."""
    groups = frame.sort_values("percent", kind="stable").groupby([*AXES, "percent"], sort=False)
    found = {
        (Family(*map(str, values[:-1])), float(values[-1])): cells  # type: ignore[arg-type]
        for values, cells in groups
    }
    return {key: found[key] for family in families(frame) for key in found if key[0] == family}


def varying(frame: pd.DataFrame) -> list[str]:
    """The axes with more than one value; `strategy` where there is none, so that a label is never empty."""
    axes = [axis for axis in AXES if frame[axis].nunique() > 1]
    return axes or ["strategy"]


def label(family: Family, axes: list[str]) -> str:
    """A family's name for people, from the axes that tell it from the others.

    >>> family = Family("emodb", "glam", "none", "entropy", "clustering", "fresh")
    >>> label(family, ["strategy", "initialization"])
    'entropy, clustering init.'
    """
    shown = [axis for axis in AXES if axis in axes and not (axis == "restart" and family.restart == NOTHING)]
    return ", ".join(words(axis, getattr(family, axis)) for axis in shown)


def words(axis: str, value: str) -> str:
    """A value of an axis that is understood without its axis."""
    if value == NOTHING:
        return {"adaptation": "no adaptation", "strategy": "all at once"}.get(axis, value)
    if axis == "annotation":
        return _ANNOTATIONS.get(value) or f"labels by {value.replace('(', ' of ').rstrip(')')}"
    if axis == "label_noise":
        return f"{100 * float(value):g} % flipped" if value != NEUTRAL[axis] else "none flipped"
    return {"initialization": f"{value} init.", "restart": f"from {value}"}.get(axis, value)


def annotated(found: Iterable[Family]) -> bool:
    """Whether anybody else than the corpus annotates, so that a label may be several annotations."""
    return any(family.annotation != NEUTRAL["annotation"] for family in found)


def of_single_votes(family: Family) -> bool:
    """Whether annotators are drawn, so that what is told of an utterance depends on who is asked."""
    return family.annotation == "single" or family.annotation.startswith("votes(")


def percent_text(percent: float) -> str:
    """A ratio as people write it: `5 %`, `12.5 %`."""
    return f"{percent:g} %"

"""What the tables of measures have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis._rendering import NOTHING, Cell
from analysis.families import Family


def family_of(row: pd.Series[Any]) -> Family:
    """The family that a row of a frame is of."""
    return Family(*(str(row[axis]) for axis in Family._fields))


def absent(value: float | None) -> bool:
    """Whether there is no such figure."""
    return value is None or math.isnan(value)


def figure(value: float | None, text: Callable[[float], str], more: str = "", bold: bool = False) -> Cell:
    """A number as text, with the number to sort by; a dash where there is none."""
    if value is None or math.isnan(value):
        return Cell(NOTHING)
    return Cell(text(value) + more, bold, value=float(value))


def range_text(low: float | None, high: float | None, text: Callable[[float], str]) -> str:
    """An interval for people; a dash where there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NOTHING
    return f"{text(low)} to {text(high)}"

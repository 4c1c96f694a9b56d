"""What a page needs to answer the pointer: the legend, and the numbers behind each point."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from analysis._rendering import percent, seconds_text
from analysis.families import by_family, percent_text
from analysis.figures import SeriesStyle, series_styles

_DASHES = {"-": "", "--": "7 3", "-.": "7 3 2 3", ":": "2 2.5"}
_MARKERS = {
    "o": "M14 3a3 3 0 1 0 .01 0z",
    "s": "M11 3h6v6h-6z",
    "D": "M14 2l4 4-4 4-4-4z",
    "^": "M14 2l4 7h-8z",
    "v": "M14 10l4-7h-8z",
    "P": "M13 2h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
    "X": "M11 3l1-1 2 2 2-2 1 1-2 3 2 3-1 1-2-2-2 2-1-1 2-3z",
}


@dataclass(frozen=True)
class LegendEntry:
    """One series in the legend: its number, its name and a sample of its line."""

    number: int
    label: str
    sample: Markup


def legend(table: pd.DataFrame, reference: str) -> list[LegendEntry]:
    """The series of a table of curves, in the order in which they are drawn."""
    styles = series_styles(table, reference).values()
    return [LegendEntry(style.number, style.label, _sample(style)) for style in styles]


def points_of_curves(curves: pd.DataFrame, reference: str) -> list[dict[str, Any]]:
    """For each line of the learning curves what is said of each of its points, in the order of drawing."""
    return _points(curves, reference, _curve_point)


def points_of_seconds(seconds: pd.DataFrame, reference: str) -> list[dict[str, Any]]:
    """The same for the lines of charged time."""
    return _points(seconds, reference, _seconds_point)


def to_script(values: dict[str, Any]) -> Markup:
    """Values as JSON that may stand inside a page's script: no tag can begin in it."""
    # Escaped here: inside a script element nothing else is.
    return Markup(json.dumps(values, separators=(",", ":")).replace("<", "\\u003c"))


def _points(table: pd.DataFrame, reference: str, say: Any) -> list[dict[str, Any]]:
    styles = series_styles(table, reference)
    lines = []
    for panel, (_, part) in enumerate(table.groupby(["corpus", "method"], sort=False)):
        for family, curve in by_family(part).items():
            style = styles[family[2:]]
            rows = curve.sort_values("percent").to_dict("records")
            said = [say(row) for row in rows]
            lines.append({"panel": panel, "series": style.number, "label": style.label, "points": said})
    return lines


def _curve_point(row: dict[str, Any]) -> str:
    interval = "" if pd.isna(row["low"]) else f" ({percent(row['low'])} to {percent(row['high'])})"
    labelled = f"{row['labelled']:.0f} labelled and {row['validation']:.0f} validation utterances"
    return f"UA {percent(row['mean'])} %{interval} at {percent_text(row['percent'])}, {labelled}"


def _seconds_point(row: dict[str, Any]) -> str:
    return f"{seconds_text(row['charged_seconds'])} at {percent_text(row['percent'])}"


def _sample(style: SeriesStyle) -> Markup:
    # Made of our own constants only, so nothing needs to be escaped.
    dash = f' stroke-dasharray="{_DASHES[style.dash]}"' if _DASHES[style.dash] else ""
    return Markup(
        f'<svg viewBox="0 0 28 12" aria-hidden="true"><path d="M0 6h28" stroke="{style.color}" '
        f'stroke-width="2"{dash}/><path d="{_MARKERS[style.marker]}" fill="{style.color}"/></svg>'
    )

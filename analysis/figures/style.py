"""What all pictures look like: colours, fonts, one style per curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.families import AXES, NOTHING, Family, label

INK = "#3b3f46"  # text and axes; a page replaces it by its own text colour
# Okabe & Ito's colours that stand out on white and on black alike; the reference is grey.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
GREY = "#8a8f98"
MARKERS = "osD^vPX"
DASHES = ("-", "--", "-.", ":")

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a name with dollar signs is a name
    "svg.fonttype": "none",  # text stays text: small, sharp, searchable
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class SeriesStyle:
    """How one series looks in every picture of a study.

    Attributes:
        number: its place among the series; part of the ids of what is drawn of it.
        label: its name for people.
    """

    number: int
    label: str
    color: str
    dash: str
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """As matplotlib's properties of a line."""
        return {
            "color": self.color,
            "linestyle": self.dash,
            "marker": self.marker,
            "markersize": 4,
            "linewidth": 1.6,
            "label": self.label,
        }


def series_styles(table: pd.DataFrame, reference: str) -> dict[tuple[str, ...], SeriesStyle]:
    """One style per adaptation, strategy, initialization and what follows it, the same in every panel.

    Colour and marker tell the strategy (the reference is grey), the dash tells the rest; with a single
    strategy colour and marker tell the rest, and of trainings at once, which have no strategy and are points
    without a line.
    """
    inner = list(AXES[2:])
    keys = list(table[inner].drop_duplicates().itertuples(index=False, name=None))
    shown = [axis for axis in inner if table[axis].nunique() > 1] or ["strategy"]
    place = inner.index("strategy")
    several = len({key[place] for key in keys}) > 1
    by_strategy = {key: several and key[place] != NOTHING for key in keys}
    coloured = list(dict.fromkeys(key[place] if by_strategy[key] else key for key in keys))
    rests = {key: key[:place] + key[place + 1 :] for key in keys if by_strategy[key]}
    dashed = list(dict.fromkeys(rests.values()))
    candidates = [value for value in coloured if not (several and value == reference)]
    styles = {}
    for number, key in enumerate(keys):
        hue = key[place] if by_strategy[key] else key
        turn = candidates.index(hue) if hue in candidates else 0
        dash = (dashed.index(rests[key]) if key in rests else 0) + turn // len(PALETTE)
        styles[key] = SeriesStyle(
            number,
            label(Family("", "", *key), shown),
            PALETTE[turn % len(PALETTE)] if hue in candidates else GREY,
            DASHES[dash % len(DASHES)],
            MARKERS[coloured.index(hue) % len(MARKERS)],
        )
    return styles

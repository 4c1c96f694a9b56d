"""The critical-difference diagram of Demsar (2006), drawn by scikit-posthocs."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from numpy.typing import NDArray

from analysis.figures.style import INK, STYLE
from analysis.rankings import Ranked

_ABOVE = 1.7  # rows above the axis


def critical_figure(ranked: Ranked) -> Figure:
    """Mean ranks on a line, best left; a bar joins methods that Nemenyi's test does not tell apart.

    Raises:
        ValueError: when nothing was ranked.
    """
    from scikit_posthocs import critical_difference_diagram  # a second to import

    ranking = ranked.ranking
    if ranking is None:
        raise ValueError(f"there is no ranking to draw: {ranked.reason}")
    # By number, not by name: the library keeps methods in sets, whose order hangs on the hash of a name.
    pairs = pd.DataFrame(ranking.nemenyi)
    lowest, widest = float(ranking.ranks.min()), float(np.ptp(ranking.ranks))
    with matplotlib.rc_context(STYLE | {"axes.spines.top": True}):
        # Room at the sides: a page sets the names in its own font, which may be wider.
        room = ConstrainedLayoutEngine(w_pad=0.35)
        figure = Figure(figsize=_size(ranked.names), layout=room)
        axes = figure.subplots()
        drawn = critical_difference_diagram(
            dict(enumerate(ranking.ranks.tolist())),
            pairs,
            alpha=ranking.alpha,
            ax=axes,
            label_fmt_left="{label}",
            label_fmt_right="{label}",
            label_props={"fontsize": 9},
            marker_props={"s": 14},
            elbow_props={"color": INK, "linewidth": 0.8},
            crossbar_props={"color": INK, "linewidth": 2.5},
            text_h_margin=0.04 * widest,
        )
        for text in drawn["labels"]:
            text.set_text(_named(text, ranked.names, ranking.ranks))
        end = lowest + ranking.critical_difference
        # Above the numbers of the axis, where the library would draw it through them.
        axes.plot([lowest, end], [_ABOVE, _ABOVE], color=INK, linewidth=1, marker="|")
        axes.annotate(
            f"critical difference {ranking.critical_difference:.2f}", ((lowest + end) / 2, _ABOVE), (0, 4),
            textcoords="offset points", ha="center", fontsize=9,
        )  # fmt: skip
        axes.set_ylim(top=_ABOVE + 1)
    return figure


def _size(names: Sequence[str]) -> tuple[float, float]:
    """Inches: half of the names stand on each side of the line, one below the other."""
    longest = max(len(name) for name in names) + len(" (10.00)")
    return 3.6 + 2 * 0.08 * longest, 1.2 + 0.26 * ((len(names) + 1) // 2 + 1)


def _named(label: Text, names: Sequence[str], ranks: NDArray[np.float64]) -> str:
    """The name of a method, which the label has the number of, and its mean rank beside the line."""
    place = int(label.get_text())
    name, rank = names[place], f"({ranks[place]:.2f})"
    return f"{name} {rank}" if label.get_horizontalalignment() == "right" else f"{rank} {name}"

"""Pictures of a study, drawn without a screen: learning curves and charged seconds, as SVG and PNG."""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.families import AXES, Family, label

INK = "#3b3f46"  # text and axes; a page replaces it by its own text colour
# Okabe & Ito's colours that stand out on white and on black alike; the reference is grey.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
GREY = "#8a8f98"
MARKERS = "osD^vPX"
_DASHES = ("-", "--", "-.", ":")
_WIDE = 20.0  # from this spread of ratios on, percents are drawn on a logarithmic axis

_STYLE: Any = {
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


def curves_figure(curves: pd.DataFrame, chance: dict[str, float], reference: str) -> Figure:
    """Learning curves (`learning_curves`), a panel per corpus and method, intervals shaded, chance dotted.

    Args:
        curves: one row per family and ratio.
        chance: 1 / classes per corpus.
        reference: the strategy drawn in grey.
    """
    figure, panels = _panels(curves, "UA (%)", reference)
    for axes, (corpus, _), lines in panels:
        axes.axhline(100 * chance[corpus], color=GREY, linewidth=1, linestyle=":")
        axes.annotate(
            "chance", (0, 100 * chance[corpus]), (4, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=GREY, fontsize=8,
        )  # fmt: skip
        for curve, style in lines:
            axes.fill_between(
                curve["percent"], 100 * curve["low"], 100 * curve["high"],
                color=style["color"], alpha=0.18, linewidth=0,
            )  # fmt: skip
            axes.plot(curve["percent"], 100 * curve["mean"], **style)
    return figure


def seconds_figure(seconds: pd.DataFrame, reference: str) -> Figure:
    """Mean charged minutes of a cell (`seconds_frame`) against the labelled share, as `curves_figure`."""
    figure, panels = _panels(seconds, "charged minutes", reference)
    for axes, _, lines in panels:
        for curve, style in lines:
            axes.plot(curve["percent"], curve["charged_seconds"] / 60, **style)
        axes.set_ylim(bottom=0)
    return figure


def to_svg(figure: Figure, salt: str) -> str:
    """The figure as SVG text, the same bytes for the same data; `salt` keeps ids of two pictures apart."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": salt}):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    return buffer.getvalue()


def to_png(figure: Figure) -> bytes:
    """The figure as PNG on white."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def inline_svg(svg: str, title: str) -> str:
    """SVG to stand inside an HTML page: no prologue, no namespaces, ink in the page's text colour.

    It shrinks with its column and grows to at most 1.2 times its size. `title` is read to those who do not
    see the picture.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = (
        re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", body)
        .replace("xlink:href", "href")
        .replace(INK, "currentColor")
    )
    size = re.match(r'<svg width="([\d.]+)pt" height="[\d.]+pt"', body)
    assert size is not None, body[:80]
    widest = 1.2 * float(size.group(1))
    opening = f'<svg role="img" aria-label="{html.escape(title)}" style="max-width: {widest:.0f}pt"'
    return opening + body[size.end() :]


def _panels(
    table: pd.DataFrame, unit: str, reference: str
) -> tuple[Figure, Iterator[tuple[Axes, tuple[str, str], list[tuple[pd.DataFrame, dict[str, Any]]]]]]:
    """A figure with one panel per corpus and method, and for each its curves with their styles."""
    groups = list(table.groupby(["corpus", "method"], sort=False))
    columns = min(2, len(groups))
    rows = math.ceil(len(groups) / columns)
    styles = _styles(table, reference)
    height = 3.1 * rows + 0.22 * math.ceil(len(styles) / columns) + 0.5
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.2 * columns + 1.4 * (columns == 1), height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=False)
        for spare in grid.flat[len(groups) :]:
            spare.set_visible(False)
        for axes, ((corpus, method), _) in zip(grid.flat, groups, strict=False):
            _dress(
                axes,
                sorted(table["percent"].unique()),
                unit,
                f"{corpus}, {method}" if len(groups) > 1 else "",
            )
        _legend(figure, styles, columns)

    def fill() -> Iterator[tuple[Axes, tuple[str, str], list[tuple[pd.DataFrame, dict[str, Any]]]]]:
        for axes, ((corpus, method), part) in zip(grid.flat, groups, strict=False):
            curves = [
                (curve.sort_values("percent"), styles[Family(*map(str, family))[2:]])
                for family, curve in part.groupby(list(AXES), sort=False)
            ]
            yield axes, (str(corpus), str(method)), curves

    return figure, fill()


def _styles(table: pd.DataFrame, reference: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """One style per adaptation, strategy, initialization and restart, the same in every panel.

    Colour and marker tell the strategy (the reference is grey), the dash tells the rest; with a single
    strategy colour and marker tell the rest.
    """
    inner = list(AXES[2:])
    keys = list(table[inner].drop_duplicates().itertuples(index=False, name=None))
    shown = [axis for axis in inner if table[axis].nunique() > 1] or ["strategy"]
    place = inner.index("strategy")
    several = len({key[place] for key in keys}) > 1
    coloured = list(dict.fromkeys(key[place] if several else key for key in keys))
    dashed = list(dict.fromkeys(key[:place] + key[place + 1 :] for key in keys)) if several else []
    candidates = [value for value in coloured if not (several and value == reference)]
    styles = {}
    for key in keys:
        hue = key[place] if several else key
        turn = candidates.index(hue) if hue in candidates else 0
        dash = (dashed.index(key[:place] + key[place + 1 :]) if several else 0) + turn // len(PALETTE)
        styles[key] = {
            "color": PALETTE[turn % len(PALETTE)] if hue in candidates else GREY,
            "linestyle": _DASHES[dash % len(_DASHES)],
            "marker": MARKERS[coloured.index(hue) % len(MARKERS)],
            "markersize": 4,
            "linewidth": 1.6,
            "label": label(Family("", "", *key), shown),
        }
    return styles


def _dress(axes: Axes, percents: list[float], unit: str, title: str) -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xlabel("labelled share of train (%)")
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    if percents[-1] / percents[0] >= _WIDE:
        axes.set_xscale("log")
    axes.set_xticks(percents, [f"{percent:g}" for percent in percents])
    axes.minorticks_off()
    if len(percents) == 1:
        axes.set_xlim(percents[0] - 1, percents[0] + 1)


def _legend(figure: Figure, styles: dict[tuple[str, ...], dict[str, Any]], panels: int) -> None:
    """Below the panels, in as many columns as the longest label leaves room for, evenly filled."""
    handles = [Line2D([], [], **style) for style in styles.values()]
    longest = max(len(style["label"]) for style in styles.values())
    most = max(1, (60 * panels - 10) // (longest + 8))
    lines = math.ceil(len(handles) / most)
    figure.legend(
        handles=handles, loc="outside lower center", frameon=False, ncols=math.ceil(len(handles) / lines)
    )

"""Learning curves and charged seconds, drawn without a screen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.families import by_family
from analysis.figures.output import band_id, series_id
from analysis.figures.style import GREY, STYLE, SeriesStyle, series_styles

_LETTERS_PER_INCH = 13  # of a legend
_SHORT = 120.0  # seconds; the report writes shorter times in seconds too
_CLOSE = 0.05  # of an axis: the names of two ticks closer than that would touch
_WIDE = 20.0  # from this spread of ratios on, percents are drawn on a logarithmic axis


@dataclass(frozen=True)
class Panel:
    """One pair of axes: a corpus and a method, with the curves to be drawn and their styles."""

    number: int
    corpus: str
    axes: Axes
    lines: list[tuple[pd.DataFrame, SeriesStyle]]


def curves_figure(
    curves: pd.DataFrame, chance: dict[str, float], reference: str, legend: bool = True
) -> Figure:
    """Learning curves (`learning_curves`), a panel per corpus and method, intervals shaded, chance dotted.

    Args:
        curves: one row per family and ratio.
        chance: 1 / classes per corpus, as far as it is known.
        reference: the strategy drawn in grey.
        legend: whether there is one below; a page has its own.
    """
    figure, panels = _panels(curves, "UA (%)", reference, legend)
    for panel in panels:
        _count_labels(panel)
        axes = panel.axes
        if panel.corpus in chance:
            level = 100 * chance[panel.corpus]
            axes.axhline(level, color=GREY, linewidth=1, linestyle=":")
            axes.annotate(
                "chance", (0, level), (4, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", color=GREY, fontsize=8,
            )  # fmt: skip
        for curve, style in panel.lines:
            band = axes.fill_between(
                curve["percent"], 100 * curve["low"], 100 * curve["high"],
                color=style.color, alpha=0.18, linewidth=0,
            )  # fmt: skip
            band.set_gid(band_id(panel.number, style.number))
            _draw(panel, style, curve["percent"], 100 * curve["mean"])
    return figure


def seconds_figure(seconds: pd.DataFrame, reference: str, legend: bool = True) -> Figure:
    """Mean charged time of a cell (`seconds_frame`) against the labelled share, as `curves_figure`.

    In minutes, or in seconds where none takes two minutes.
    """
    short = not seconds["charged_seconds"].max() >= _SHORT
    unit, divisor = ("charged seconds", 1) if short else ("charged minutes", 60)
    figure, panels = _panels(seconds, unit, reference, legend)
    for panel in panels:
        for curve, style in panel.lines:
            _draw(panel, style, curve["percent"], curve["charged_seconds"] / divisor)
        panel.axes.set_ylim(bottom=0)
    return figure


def _draw(panel: Panel, style: SeriesStyle, x: pd.Series, y: pd.Series) -> None:
    panel.axes.plot(x, y, **style.line, gid=series_id(panel.number, style.number))


def _panels(table: pd.DataFrame, unit: str, reference: str, legend: bool) -> tuple[Figure, Iterator[Panel]]:
    """A figure with its panels, still empty."""
    groups = list(table.groupby(["corpus", "method"], sort=False))
    columns = min(2, len(groups))
    rows = math.ceil(len(groups) / columns)
    styles = series_styles(table, reference)
    height = 3.4 * rows + (0.22 * math.ceil(len(styles) / columns) + 0.5) * legend
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4 * columns + 2.6 * (columns == 1), height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=False)
        for spare in grid.flat[len(groups) :]:
            spare.set_visible(False)
        for axes, ((corpus, method), part) in zip(grid.flat, groups, strict=False):
            title = f"{corpus}, {method}" if len(groups) > 1 else ""
            _dress(axes, sorted(part["percent"].unique()), unit, title)
        if legend:
            _legend(figure, list(styles.values()))

    def fill() -> Iterator[Panel]:
        drawn = zip(grid.flat, groups, strict=False)
        for number, (axes, ((corpus, _), part)) in enumerate(drawn):
            lines = [
                (curve.sort_values("percent"), styles[family[2:]])
                for family, curve in by_family(part).items()
            ]
            yield Panel(number, str(corpus), axes, lines)

    return figure, fill()


def _dress(axes: Axes, percents: list[float], unit: str, title: str) -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xlabel("labelled share of train (%)")
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    if percents[-1] / percents[0] >= _WIDE:
        axes.set_xscale("log")
        places = np.log(percents)
    else:
        places = np.array(percents)
    axes.set_xticks(percents, _readable([f"{percent:g}" for percent in percents], places))
    axes.minorticks_off()
    if len(percents) == 1:
        axes.set_xlim(percents[0] - 1, percents[0] + 1)


def _count_labels(panel: Panel) -> None:
    """Below every named ratio the labels behind it, those of validation included, which are labels too."""
    rows = pd.concat([curve for curve, _ in panel.lines])
    labels = (rows["labelled"] + rows["validation"]).groupby(rows["percent"]).mean()
    axes = panel.axes
    names = [text.get_text() for text in axes.get_xticklabels()]
    ticks = axes.get_xticks().tolist()
    axes.set_xticks(
        ticks,
        [f"{name}\n{labels[tick]:.0f}" if name else "" for name, tick in zip(names, ticks, strict=True)],
    )
    axes.set_xlabel("labelled share of train (%)\nlabels, those of validation included")


def _readable(names: list[str], places: NDArray[np.float64]) -> list[str]:
    """The names of ticks, those left out that would touch the next one to the right; the last one stays."""
    shown, right = list(names), np.inf
    for tick in reversed(range(len(names))):
        if (right - places[tick]) < _CLOSE * float(np.ptp(places)):
            shown[tick] = ""
        else:
            right = places[tick]
    return shown


def _legend(figure: Figure, styles: list[SeriesStyle]) -> None:
    """Below the panels, in as many columns as the longest label leaves room for, evenly filled."""
    handles = [Line2D([], [], **style.line) for style in styles]
    longest = max(len(style.label) for style in styles)
    most = max(1, int(_LETTERS_PER_INCH * figure.get_figwidth()) // (longest + 8))
    lines = math.ceil(len(handles) / most)
    figure.legend(
        handles=handles, loc="outside lower center", frameon=False, ncols=math.ceil(len(handles) / lines)
    )

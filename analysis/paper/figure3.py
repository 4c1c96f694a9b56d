"""Figure 3: charged minutes, of the four ways to train (A) and by labelled share (B)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.families import percent_text
from analysis.figures import GREY, INK, PALETTE, STYLE
from analysis.figures.style import DASHES, MARKERS
from analysis.paper.board import Board, Point, Trained
from analysis.paper.minutes import Minutes, minutes

_HATCH = "///"
_NAME_WIDTH = 32  # characters, from where on a name takes another line


def figure3(board: Board) -> tuple[Figure, pd.DataFrame] | None:
    """The two panels and their numbers; None where no time is known."""
    bars, curves = _bars(board), _curves(board)
    if not bars and not curves:
        return None
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(9.6, max(3.4, 1.0 + 0.3 * sum(1 + len(name) // _NAME_WIDTH for name, *_ in bars))),
            layout="constrained",
        )
        left, right = figure.subplots(1, 2)
        _draw_bars(left, bars)
        _draw_curves(right, board, curves)
        if not all(found.alone for *_, found in (*bars, *curves)):
            figure.supxlabel(
                "Hatched and dotted: trials shared their device or were resumed; no benchmark.",
                fontsize=8, color=INK,
            )  # fmt: skip
    return figure, pd.DataFrame(
        [_line(panel, one) for panel, part in (("A", bars), ("B", curves)) for one in part]
    )


Timed = tuple[str, Point, Minutes]


def _bars(board: Board) -> list[Timed]:
    """Each training with all labels (without active learning), and with active learning up to the ratio."""
    found = []
    active = {(one.corpus, one.method) for one in board.trained if board.learned(one)}
    for trained in board.trained:
        if (trained.corpus, trained.method) not in active:
            continue
        name = board.training_name(trained)
        full = board.full(trained)
        few = board.few(board.curve(trained, board.strategy(trained)))
        if full is not None and full.single_shot:
            found.append((f"{name} (100 %)", full))
        elif full is not None:
            found.append((f"{name}+AL (100 %)", full))
        if few is not None:
            found.append((f"{name}+AL ({percent_text(few.percent)})", few))
    several = len(board.corpora) > 1
    return [
        (f"{point.family.corpus}: {name}" if several else name, point, time)
        for name, point in found
        if (time := minutes(board, point)) is not None
    ]


def _curves(board: Board) -> list[Timed]:
    found = []
    for trained in board.trained:
        curve = board.curve(trained, board.strategy(trained))
        if curve is None:
            continue
        points = [Point(curve, percent) for percent in board.percents(curve)]
        found += [
            (_curve_name(board, trained), point, time)
            for point in points
            if (time := minutes(board, point)) is not None
        ]
    return found


def _curve_name(board: Board, trained: Trained) -> str:
    name = f"{board.training_name(trained)}+AL"
    return f"{trained.corpus}: {name}" if len(board.corpora) > 1 else name


def _draw_bars(axes: Axes, bars: Sequence[Timed]) -> None:
    axes.set_title("A")
    axes.set_xlabel("charged minutes")
    axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.6)
    places = range(len(bars))
    colours = [
        PALETTE[0] if point.single_shot or point.percent == 100 else PALETTE[4] for _, point, _ in bars
    ]
    drawn = axes.barh(places, [time.mean for *_, time in bars], color=colours, edgecolor="white", height=0.7)
    for bar, (*_, time) in zip(drawn, bars, strict=True):
        if not time.alone:
            bar.set_hatch(_HATCH)
        text = f"{time.mean:.1f}" if time.mean >= 1 else f"{time.mean:.2g}"
        axes.annotate(
            text, (time.mean, bar.get_y() + bar.get_height() / 2), (3, 0),
            textcoords="offset points", va="center", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yticks(list(places), [_wrapped(name) for name, *_ in bars])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.locator_params(axis="x", nbins=4)  # short times have long numbers


def _draw_curves(axes: Axes, board: Board, curves: Sequence[Timed]) -> None:
    axes.set_title("B")
    axes.set_xlabel("labelled share of train (%)")
    axes.set_ylabel("charged minutes")
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    names = list(dict.fromkeys(name for name, *_ in curves))
    for place, name in enumerate(names):
        part = [(point.percent, time) for one, point, time in curves if one == name]
        style: dict[str, Any] = {
            "color": PALETTE[place % len(PALETTE)],
            "marker": MARKERS[place % len(MARKERS)],
            "linestyle": DASHES[place % 3] if all(time.alone for _, time in part) else ":",
        }
        axes.plot(
            [percent for percent, _ in part], [time.mean for _, time in part],
            label=_wrapped(name), markersize=4, linewidth=1.6, **style,
        )  # fmt: skip
    axes.axvline(board.choice.percent, color=GREY, linewidth=1, linestyle=":")
    axes.set_ylim(bottom=0)
    if names:
        axes.legend(frameon=False, fontsize=9)


def _wrapped(name: str) -> str:
    return textwrap.fill(name, _NAME_WIDTH)


def _line(panel: str, one: Timed) -> dict[str, Any]:
    name, point, time = one
    return {
        "panel": panel,
        "name": name,
        **point.family._asdict(),
        "percent": point.percent,
        "minutes": time.mean,
        "cells": time.cells,
        "benchmark": time.alone,
    }

"""Pictures of a study, as SVG, PNG and PDF, for a page and for a paper."""

from analysis.figures.critical import critical_figure
from analysis.figures.curves import curves_figure, seconds_figure
from analysis.figures.output import inline_svg, to_pdf, to_png, to_svg
from analysis.figures.style import GREY, INK, PALETTE, STYLE, SeriesStyle, series_styles

__all__ = [
    "GREY",
    "INK",
    "PALETTE",
    "STYLE",
    "SeriesStyle",
    "critical_figure",
    "curves_figure",
    "inline_svg",
    "seconds_figure",
    "series_styles",
    "to_pdf",
    "to_png",
    "to_svg",
]

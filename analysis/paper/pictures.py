"""Forms of a picture for a paper: vector PDF and SVG, and PNG; the same bytes for the same data."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import to_pdf, to_png, to_svg


def forms(figure: Figure, name: str) -> dict[str, str | bytes]:
    """The picture as `NAME.pdf`, `NAME.svg` and `NAME.png`."""
    return {
        f"{name}.pdf": to_pdf(figure),
        f"{name}.svg": to_svg(figure, name),
        f"{name}.png": to_png(figure),
    }

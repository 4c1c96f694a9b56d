"""Pictures as text and bytes: the same for the same data."""

from __future__ import annotations

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure

from analysis.figures.style import INK, STYLE

SERIES = re.compile(r'id="(band-)?series-(\d+)-(\d+)"')


def to_svg(figure: Figure, salt: str) -> str:
    """The figure as SVG text, the same bytes for the same data; `salt` keeps ids of two pictures apart."""
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": salt}):
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
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """The figure as PDF, for a paper; fonts are embedded, no date."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            buffer, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None}
        )
    return buffer.getvalue()


def series_id(panel: int, series: int) -> str:
    """The id of what is drawn of one series in one panel."""
    return f"series-{panel}-{series}"


def band_id(panel: int, series: int) -> str:
    """The id of the band around that line."""
    return f"band-{series_id(panel, series)}"


def inline_svg(svg: str, title: str) -> str:
    """SVG to stand inside an HTML page: no prologue, no namespaces, ink in the page's text colour.

    It shrinks with its column and grows to at most 1.2 times its size. `title` is read to those who do not
    see the picture. What is drawn of a series (`series_id`, `band_id`) has its numbers as `data-panel` and
    `data-series`, because ids of two pictures on one page would collide.
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
    body = SERIES.sub(_as_data, body)
    widest = 1.2 * float(size.group(1))
    opening = f'<svg role="img" aria-label="{html.escape(title)}" style="max-width: {widest:.0f}pt"'
    return opening + body[size.end() :]


def _as_data(found: re.Match[str]) -> str:
    kind = "band" if found.group(1) else "line"
    return f'class="{kind}" data-panel="{found.group(2)}" data-series="{found.group(3)}"'

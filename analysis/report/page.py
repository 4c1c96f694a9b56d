"""The page of a report: complete in itself, readable without scripts, better with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis._rendering import Cell, p_text
from analysis.families import percent_text
from analysis.figures import inline_svg, to_svg
from analysis.rankings import Ranked
from analysis.report.contents import Contents, critical_name
from analysis.report.interactive import legend, points_of_curves, points_of_seconds, to_script
from analysis.tables import sharing

SECTIONS = (
    ("curves", "Learning curves"),
    ("scores", "Scores"),
    ("comparisons", "Comparisons"),
    ("ranks", "Ranks"),
    ("measures", "Measures"),
    ("paper", "The paper"),
    ("time", "Time and cost"),
    ("trust", "Trust in the tests"),
    ("methods", "Methods"),
    ("provenance", "Provenance"),
)
# Columns of words, which may break.
_WORDS = frozenset({"verdict", "answer", "numbers", "where", "chosen by validation", "best on test"})
_TEMPLATES = Path(__file__).parent / "templates"


def page(contents: Contents, files: Sequence[str]) -> str:
    """The page as HTML, with its pictures, style and script inside; `files` are those beside it."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"attributes": _attributes, "heading": _heading}
    pictures = {name: to_svg(figure, name) for name, figure in contents.figures(legend=False).items()}
    points = {
        "curves": points_of_curves(contents.curves, contents.reference),
        "seconds": points_of_seconds(contents.seconds, contents.reference),
    }
    return environment.get_template("report.html.j2").render(
        contents=contents,
        sections=[
            (anchor, title) for anchor, title in SECTIONS if anchor != "trust" or contents.calibrations
        ],
        study=contents.study,
        style=_verbatim("page.css"),
        script=_verbatim("page.js"),
        points=to_script(points),
        legend=legend(contents.curves, contents.reference),
        curves=_picture(pictures["curves"], "Learning curves"),
        seconds=_picture(pictures["seconds"], "Charged time"),
        bands=_bands(contents.curves),
        rankings=_rankings(contents),
        sharing=sharing(contents.results.frame),
        files=files,
    )


def _attributes(cell: Cell, column: str) -> Markup:
    """Of a field: its class, and the number it is sorted by."""
    classes = " ".join(name for name, on in (("best", cell.bold), ("words", column in _WORDS)) if on)
    found = f' class="{classes}"' if classes else ""
    if cell.value is not None and not math.isnan(cell.value):
        number = f"{cell.value:.9g}".replace("inf", "Infinity")  # as scripts write it
        found += f' data-value="{number}"'
    return Markup(found)


def _heading(column: str) -> Markup:
    """The class of a heading above sentences."""
    return Markup(' class="words"' if column in _WORDS else "")


def _verbatim(name: str) -> Markup:
    # Our own files, which hold no value of a study.
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def _picture(svg: str, title: str) -> Markup:
    # The SVG is made by us from numbers and escaped labels; everything else on the page is autoescaped.
    return Markup(inline_svg(svg, title))


def _bands(curves: pd.DataFrame) -> str:
    if curves["low"].notna().any():
        return (
            "Bands: 95 % bootstrap of seeds within folds. They say how sure a curve is on these speakers, "
            "not on others."
        )
    return "No bands: with a single seed there is nothing to resample."


def _rankings(contents: Contents) -> list[tuple[str, str, Markup]]:
    """Title, sentence and diagram of every ranking; the diagram is empty where it was refused."""
    drawn = {name: to_svg(figure, name) for name, figure in contents.critical_figures.items()}
    return [
        (
            f"{one.title} at {percent_text(one.percent)}",
            _ranking_in_words(one),
            _picture(drawn[name], one.title) if (name := critical_name(place)) in drawn else Markup(),
        )
        for place, one in enumerate(contents.ranked)
    ]


def _ranking_in_words(one: Ranked) -> str:
    if one.ranking is None:
        return f"Not ranked over {one.blocks}: {one.reason}."
    ranking = one.ranking
    verdict = "tells methods apart" if ranking.f_p < ranking.alpha else "does not tell methods apart"
    return (
        f"Mean ranks over {one.blocks}, 1 being the best. The test {verdict} (Friedman χ² = "
        f"{ranking.chi2:.2f}, p = {p_text(ranking.p)}; Iman-Davenport p = {p_text(ranking.f_p)}). A bar "
        f"joins methods closer than the critical difference of {ranking.critical_difference:.2f} "
        "(Nemenyi, 5 %)."
    )

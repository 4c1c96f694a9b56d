"""The report of a study: one page that can be sent around, and beside it the files it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from after_ray.files import write_atomic, write_text
from analysis._facts import Facts, facts, warnings
from analysis._rendering import Cell, Table, percent, to_latex, to_markdown
from analysis.by_corpus import by_corpus_frame, by_corpus_table
from analysis.comparisons import Axis, Comparison, axes_to_compare, compare
from analysis.curves import areas, learning_curves
from analysis.errors import NoResults
from analysis.figures import curves_figure, inline_svg, seconds_figure, to_png, to_svg
from analysis.results import Results
from analysis.study import StudyInfo
from analysis.tables import (
    METRICS,
    cells_frame,
    comparison_frame,
    comparison_table,
    score_frame,
    score_table,
    seconds_frame,
    seconds_table,
    sharing,
)

_DRAWS_SEED = 20230  # of the bootstrap bands: the same results give the same page, byte for byte
_TITLES: dict[Axis, str] = {
    "strategy": "Strategies against {}",
    "adaptation": "Adaptations against {}",
    "initialization": "Initializations against {}",
}
_NO_PRETRAINED_WEIGHTS = "not testable here (no pretrained weights)"


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written; `page` is complete in itself."""

    folder: Path
    page: Path
    files: tuple[Path, ...]


def write_report(
    study: StudyInfo, results: Results, folder: Path, reference: str | None = None
) -> ReportPaths:
    """Write the page and its files into `folder`, each atomically, the page last.

    Args:
        study: what the results are of.
        results: finished and missing cells; an unfinished study is reported as far as it got.
        folder: made when it is not there; files of an earlier report are replaced.
        reference: the strategy to compare with; by default the study's.

    Raises:
        NoResults: when no cell is finished.
    """
    if results.frame.empty:
        raise NoResults(study.name, results.planned)
    reference = reference or study.reference
    report = _Report(study, results, reference)
    files = report.files()
    for name, content in files.items():
        if isinstance(content, bytes):
            write_atomic(folder / name, content)
        else:
            write_text(folder / name, content)
    page = folder / "index.html"
    write_text(page, report.page(tuple(files)))
    return ReportPaths(folder, page, tuple(folder / name for name in files))


class _Report:
    """Everything a report shows, computed once."""

    def __init__(self, study: StudyInfo, results: Results, reference: str) -> None:
        self._study, self._results, self._reference = study, results, reference
        self._comparisons: dict[Axis, list[Comparison]] = {
            axis: found
            for axis, name in axes_to_compare(results, reference).items()
            if (found := compare(results, axis, name, untestable=self._untestable(axis)))
        }
        self._curves = learning_curves(results.frame, np.random.default_rng(_DRAWS_SEED))
        chance = {
            str(corpus): 1 / len(cells["classes"].iloc[0])
            for corpus, cells in results.frame.groupby("corpus")
        }
        self._curves_figure = curves_figure(self._curves, chance, reference)
        self._seconds_figure = seconds_figure(seconds_frame(results), reference)
        self._curves_svg = to_svg(self._curves_figure, "curves")
        self._seconds_svg = to_svg(self._seconds_figure, "seconds")
        self._scores = [score_table(results, metric) for metric in METRICS]
        self._by_corpus = by_corpus_table(results)

    def _untestable(self, axis: Axis) -> str:
        """Why this study can say nothing on an axis: TAPT from random weights is pre-training itself."""
        if axis == "adaptation" and self._study.weights_are == "random":
            return _NO_PRETRAINED_WEIGHTS
        return ""

    def files(self) -> dict[str, str | bytes]:
        """Names and contents of all files beside the page."""
        tables = self._comparison_tables()
        return {
            "curves.svg": self._curves_svg,
            "curves.png": to_png(self._curves_figure),
            "seconds.svg": self._seconds_svg,
            "seconds.png": to_png(self._seconds_figure),
            "table.csv": to_csv(score_frame(self._results)),
            "table.md": to_markdown(self._scores),
            "table.tex": to_latex(self._scores),
            "comparison.csv": to_csv(
                comparison_frame([c for found in self._comparisons.values() for c in found])
            ),
            "comparison.md": to_markdown(tables),
            "comparison.tex": to_latex(tables),
            "curves.csv": to_csv(self._curves),
            "seconds.csv": to_csv(seconds_frame(self._results)),
            "cells.csv": to_csv(cells_frame(self._results)),
            **self._files_by_corpus(),
        }

    def _files_by_corpus(self) -> dict[str, str | bytes]:
        """None where every cell is tested on a single corpus."""
        if self._by_corpus is None:
            return {}
        return {
            "by_corpus.csv": to_csv(by_corpus_frame(self._results)),
            "by_corpus.md": to_markdown([self._by_corpus]),
            "by_corpus.tex": to_latex([self._by_corpus]),
        }

    def page(self, files: Sequence[str]) -> str:
        """The page, with its pictures inside."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("report.html.j2").render(
            study=self._study,
            reference=self._reference,
            facts=self._facts(),
            warnings=warnings(self._results, self._study),
            missing=self._results.missing,
            planned=self._results.planned,
            curves=_picture(self._curves_svg, "Learning curves"),
            bands=_bands(self._curves),
            area=_area_table(self._curves),
            scores=[*self._scores, *([] if self._by_corpus is None else [self._by_corpus])],
            comparisons=self._comparison_tables(),
            seconds=seconds_table(self._results),
            seconds_picture=_picture(self._seconds_svg, "Charged time"),
            sharing=sharing(self._results.frame),
            files=files,
        )

    def _comparison_tables(self) -> list[Table]:
        return [
            comparison_table(found, _TITLES[axis].format(getattr(found[0].reference, axis)))
            for axis, found in self._comparisons.items()
        ]

    def _facts(self) -> Facts:
        everything = [c for found in self._comparisons.values() for c in found]
        return facts(self._results, self._study, everything)


def to_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV text without its index; shares keep six digits."""
    return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")


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


def _area_table(curves: pd.DataFrame) -> Table:
    rows = tuple(
        (Cell(row["label"]), Cell(percent(row["linear"])), Cell(percent(row["log2"])))
        for _, row in areas(curves).iterrows()
    )
    note = (
        "Mean UA over the axis of labelled shares (area by trapezoids). It depends on the ratios of this "
        "study, so compare it only within this table; a dash: the curve lacks ratios, or has a single one."
    )
    return Table("Area under the learning curve", ("", "linear axis", "log2 axis"), rows, note)

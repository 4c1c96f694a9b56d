"""Writing a report: its files first, each atomically, the page that names them last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from after_ray.files import write_atomic, write_text
from analysis.errors import NoResults
from analysis.report.contents import SIMULATIONS, Contents
from analysis.report.files import files
from analysis.report.page import page
from analysis.results import Results
from analysis.study import StudyInfo


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written; `page` is complete in itself."""

    folder: Path
    page: Path
    files: tuple[Path, ...]


def write_report(
    study: StudyInfo,
    results: Results,
    folder: Path,
    reference: str | None = None,
    simulations: int = SIMULATIONS,
) -> ReportPaths:
    """Write the page and its files into `folder`.

    Args:
        study: what the results are of.
        results: finished and missing cells; an unfinished study is reported as far as it got.
        folder: made when it is not there; files of an earlier report are replaced.
        reference: the strategy to compare with; by default the study's.
        simulations: studies without any difference, in each of two worlds, to see how often tests err.

    Raises:
        NoResults: when no cell is finished.
    """
    if results.frame.empty:
        raise NoResults(study.name, results.planned)
    contents = Contents(study, results, reference or study.reference, simulations)
    beside = files(contents)
    for name, content in beside.items():
        if isinstance(content, bytes):
            write_atomic(folder / name, content)
        else:
            write_text(folder / name, content)
    place = folder / "index.html"
    write_text(place, page(contents, tuple(beside)))
    return ReportPaths(folder, place, tuple(folder / name for name in beside))

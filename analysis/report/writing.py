"""Writing a report: its files first, each atomically, the page that names them last."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from after_ray.files import write_atomic, write_text
from analysis.errors import NoResults
from analysis.report.contents import SIMULATIONS, Contents, Select
from analysis.report.files import files
from analysis.report.page import page
from analysis.results import Results
from analysis.study import StudyInfo

LISTED = "files.txt"  # names of all files of the report beside its page


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
    select: Select = "paper",
) -> ReportPaths:
    """Write the page and its files into `folder`.

    Args:
        study: what the results are of.
        results: finished and missing cells; an unfinished study is reported as far as it got.
        folder: made when it is not there; files of an earlier report are replaced, or removed where there
            is nothing of the kind any more.
        reference: the strategy to compare with; by default the study's.
        simulations: studies without any difference, in each of two worlds, to see how often tests err.
        select: `validation` shows AFTER also with the setting that validation chooses.

    Raises:
        NoResults: when no cell is finished.
    """
    if results.frame.empty:
        raise NoResults(study.name, results.planned)
    gc.freeze()  # statsmodels collects garbage at every correction; what is loaded by now is none
    try:
        return _write(Contents(study, results, reference or study.reference, simulations, select), folder)
    finally:
        gc.unfreeze()


def _write(contents: Contents, folder: Path) -> ReportPaths:
    beside = files(contents)
    for name, content in beside.items():
        if isinstance(content, bytes):
            write_atomic(folder / name, content)
        else:
            write_text(folder / name, content)
    place = folder / "index.html"
    write_text(place, page(contents, tuple(beside)))
    _remove_left_over(folder, beside)
    return ReportPaths(folder, place, tuple(folder / name for name in beside))


def _remove_left_over(folder: Path, beside: Mapping[str, object]) -> None:
    """Remove what an earlier report wrote into the folder and this one did not; nothing else is touched."""
    listed = folder / LISTED
    before = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    write_text(listed, "".join(f"{name}\n" for name in beside))
    for name in before:
        path = folder / name
        if name not in beside and path.resolve().is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)

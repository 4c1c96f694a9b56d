"""All measures of a study at once, for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis._rendering import Table
from analysis.measures.annotations import annotations_frame, annotations_tables
from analysis.measures.areas import areas_frame, areas_table
from analysis.measures.calibration import calibration_frame, calibration_table
from analysis.measures.composition import composition
from analysis.measures.composition_table import composition_table
from analysis.measures.deficiencies import deficiencies_frame, deficiencies_table
from analysis.measures.groups import BY, By, gaps_frame, gaps_table, groups_frame
from analysis.measures.penalties import penalties, penalties_frame, penalties_tables
from analysis.measures.targets import targets_frame, targets_tables, without_full_data
from analysis.results import Results
from analysis.tables import sharing


@dataclass(frozen=True)
class Measures:
    """What a report shows beside scores and comparisons.

    Attributes:
        tables: for people, at the ratios that matter.
        files: long frames by file name, with everything; shares as shares, one row per thing measured.
        notes: sentences on what could not be measured, and why.
    """

    tables: tuple[Table, ...]
    files: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...] = ()


def measure(
    results: Results, reference: str, targets: Sequence[float], generator: np.random.Generator
) -> Measures:
    """Everything that `analysis.measures` knows of a study with at least one finished cell.

    Args:
        results: finished and missing cells.
        reference: the strategy that others are compared with.
        targets: UA to be reached, as shares; 95 % of the full-data model is one more where there is one.
        generator: draws the bootstraps, so that equal ones give equal reports.
    """
    areas = areas_frame(results, reference, generator)
    needed = targets_frame(results, reference, targets, generator)
    deficiencies = deficiencies_frame(results, reference)
    matrices, refused = penalties(results, reference)
    spent = annotations_frame(results)
    made_of, calibration = composition(results), calibration_frame(results)
    by_group = {by: groups_frame(results, by) for by in BY}
    gaps = {by: gaps_frame(frame) for by, frame in by_group.items()}
    tables = (
        areas_table(areas),
        *targets_tables(needed, sharing(results.frame)),
        *annotations_tables(spent),
        deficiencies_table(deficiencies),
        *penalties_tables(matrices),
        composition_table(made_of),
        gaps_table(gaps),
        calibration_table(calibration),
    )
    files = {
        "areas.csv": areas,
        "labels_to_target.csv": needed,
        "annotations.csv": spent,
        "deficiency.csv": deficiencies,
        "penalties.csv": penalties_frame(matrices),
        "composition.csv": made_of.summary,
        "composition_shares.csv": made_of.shares,
        "groups.csv": _together(by_group),
        "gaps.csv": _together(gaps),
        "calibration.csv": calibration,
    }
    return Measures(
        tuple(table for table in tables if table is not None),
        {name: frame for name, frame in files.items() if not frame.empty},
        (*without_full_data(results), *refused),
    )


def _together(frames: Mapping[By, pd.DataFrame]) -> pd.DataFrame:
    """One frame of all kinds of groups, the kind in `by`."""
    known = [frame.assign(by=by) for by, frame in frames.items() if not frame.empty]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame()

"""What is read off the results of a study beside its scores: one measure per file, all by `measure`."""

from analysis.measures.areas import area_evidence, areas_frame, areas_table
from analysis.measures.calibration import calibration_frame, calibration_table
from analysis.measures.composition import Composition, composition
from analysis.measures.composition_table import composition_table
from analysis.measures.deficiencies import deficiencies_frame, deficiencies_table
from analysis.measures.everything import Measures, measure
from analysis.measures.groups import by_corpus_frame, by_corpus_table, gaps_frame, gaps_table, groups_frame
from analysis.measures.penalties import Penalties, penalties, penalties_frame, penalties_tables
from analysis.measures.targets import targets_frame, targets_tables, without_full_data
from analysis.measures.trajectories import Trajectories, trajectories_of

__all__ = [
    "Composition",
    "Measures",
    "Penalties",
    "Trajectories",
    "area_evidence",
    "areas_frame",
    "areas_table",
    "by_corpus_frame",
    "by_corpus_table",
    "calibration_frame",
    "calibration_table",
    "composition",
    "composition_table",
    "deficiencies_frame",
    "deficiencies_table",
    "gaps_frame",
    "gaps_table",
    "groups_frame",
    "measure",
    "penalties",
    "penalties_frame",
    "penalties_tables",
    "targets_frame",
    "targets_tables",
    "trajectories_of",
    "without_full_data",
]

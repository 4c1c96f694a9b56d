"""A batch as a table: one row per clip that waits, to be filled in with any spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from after_ray.corpora._csv_table import read_table
from after_ray.labelling import CANNOT_TELL, Clip
from sweeps.labelling.incoming import Row, refuse_unreadable
from sweeps.selections.csv_file import harmless_path, write_csv

COLUMNS = ("clip", "audio", "seconds", "label", "annotator")
MOST_BYTES = 16_000_000  # a hundred thousand rows have two thirds of it; millions would take minutes


def write(path: Path, clips: Sequence[Clip], root: Path) -> None:
    """Write the clips with the paths of their audio, label and annotator empty."""
    rows = (
        (clip.utterance, harmless_path(str(root / clip.path)), round(clip.seconds, 2), "", "")
        for clip in clips
    )
    write_csv(path, COLUMNS, rows)


def read(path: Path, annotator: str) -> list[Row]:
    """The rows that are filled in; `annotator` is who filled in those that name nobody.

    Raises:
        AfterRayError: when it is no such table.
    """
    refuse_unreadable(path, MOST_BYTES)
    table = read_table(path, ("clip", "label"), ("annotator",))
    columns = table.columns
    cells = zip(table.lines, columns["clip"], columns["label"], columns["annotator"], strict=True)
    return [
        Row(f"line {line}", clip, who or annotator, None if label.casefold() in CANNOT_TELL else label)
        for line, clip, label, who in cells
        if label
    ]

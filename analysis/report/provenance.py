"""Where results come from: what was read, and by which code, packages and devices the cells were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from after_ray.wording import counted
from analysis.results import Results
from analysis.study import StudyInfo


def provenance(study: StudyInfo, results: Results) -> list[tuple[str, str]]:
    """Names and values: what the study knows itself, then what its records say; nothing that is not known."""
    frame = results.frame
    told = [
        *study.provenance,
        ("Results read from", results.read_from),
        ("Code (commit)", _most(frame, "commit")),
        ("Python", _most(frame, "python")),
        ("Packages", _packages(frame)),
        ("Devices", _most(frame, "device_name")),
        ("Threads of a trial", _most(frame, "threads")),
    ]
    return [(name, text) for name, text in told if text]


def _most(frame: pd.DataFrame, column: str) -> str:
    """The values that cells were made with, most frequent first, counted where there are several."""
    values = frame[column].dropna() if column in frame else ()
    counts = Counter(_plain(value) for value in values if value != "")
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({counted(count, 'cell')})" for value, count in counts.most_common())


def _plain(value: object) -> str:
    """A whole number without the point that a column with gaps gives it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _packages(frame: pd.DataFrame) -> str:
    known = [one for one in frame["packages"] if isinstance(one, dict)] if "packages" in frame else []
    return ", ".join(f"{name} {_versions(name, known)}" for name in sorted({n for one in known for n in one}))


def _versions(name: str, known: Iterable[dict[str, str]]) -> str:
    return " and ".join(sorted({str(one.get(name, "unknown")) for one in known}))

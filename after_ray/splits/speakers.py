"""Who belongs together: speakers of one dialog hear each other, so no fold may tear them apart."""

from __future__ import annotations

import numpy as np
import pandas as pd


def recorded_together(table: pd.DataFrame) -> pd.DataFrame:
    """Speakers, those who were only ever recorded in one session together as one.

    Args:
        table: rows of a manifest.

    Returns:
        One row per unit, most utterances first, ties by name: `source` (the corpus), `gender` (`female+male`
        of a mixed dialog), `speakers` (a tuple), `utterances`.
    """
    by_speaker = table.groupby("speaker", sort=True).agg(
        gender=("gender", "first"), utterances=("utterance", "size"), sessions=("session", "nunique"),
        session=("session", "first"), sample=("utterance", "first"),
    )  # fmt: skip
    names = "session " + by_speaker["session"], "speaker " + by_speaker.index
    by_speaker["unit"] = np.where(_paired(by_speaker), *names)
    by_speaker["source"] = by_speaker["sample"].str.partition("/")[0]
    by_speaker["name"] = by_speaker.index
    units = by_speaker.groupby(["source", "unit"], sort=True).agg(
        gender=("gender", lambda genders: "+".join(sorted(set(genders)))),
        speakers=("name", tuple),
        utterances=("utterances", "sum"),
    )
    units = units.reset_index().assign(first=lambda unit: unit["speakers"].map(min))
    return units.sort_values(["utterances", "first"], ascending=[False, True], kind="stable")


def _paired(by_speaker: pd.DataFrame) -> pd.Series[bool]:
    """Speakers of one session only, in which nobody of other sessions speaks."""
    loose = set(by_speaker["session"][by_speaker["sessions"] > 1])
    session = by_speaker["session"]
    return (by_speaker["sessions"] == 1) & (session != "") & ~session.isin(loose)

"""Whether both sides of a pair were computed on the same devices: these alone can change a ranking.

Processors count like GPUs: their kernels differ as well, and with them bits, picks and all that follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from after_ray.wording import counted
from analysis.families import AXES

UNKNOWN = "not recorded"


class Unlike(NamedTuple):
    """How many of the pairs of a comparison (same corpus, fold and seed) differ in their devices."""

    pairs: int
    of: int


NO_PAIRS = Unlike(0, 0)


def with_devices(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `devices`: of each reported round those of all up to it, in their order, as one text.

    A round's picks come from the rounds before it, so a trajectory that changed its device on the way is
    unlike one that did not, whatever computed the last round of both.
    """
    if frame.empty:
        return frame.assign(devices="")
    named = frame.assign(devices=frame["device_name"].fillna(UNKNOWN).astype(str))
    ordered = named.sort_values("percent", kind="stable")
    so_far = ordered.groupby([*AXES, "fold", "seed"], sort=False)["devices"].transform(_so_far)
    return frame.assign(devices=so_far)


def _so_far(devices: pd.Series) -> pd.Series:
    names = list(devices)
    return pd.Series([" > ".join(names[: count + 1]) for count in range(len(names))], index=devices.index)


def unlike(left: pd.DataFrame, right: pd.DataFrame) -> Unlike:
    """Of the cells of two sides of a comparison, paired by fold and seed."""
    sides = (side.set_index(["fold", "seed"])["devices"] for side in (left, right))
    pairs = pd.concat(sides, axis=1, join="inner", keys=("left", "right"))
    return Unlike(int((pairs["left"] != pairs["right"]).sum()), len(pairs))


def unlike_in_words(names: Mapping[str, Unlike]) -> str:
    """One sentence on the comparisons (by name) that hold such pairs; empty where none does."""
    by_count: dict[Unlike, list[str]] = defaultdict(list)
    for name, found in names.items():
        if found.pairs:
            by_count[found].append(name)
    if not by_count:
        return ""
    told = (f"{one.pairs} of {counted(one.of, 'pair')} ({'; '.join(said)})" for one, said in by_count.items())
    return (
        "The two sides were computed on unlike devices, which alone can change picks and scores, in "
        f"{', '.join(told)}."
    )

"""Everything that a study compares, ranked over blocks that share no test utterance (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.families import AXES, Family, by_family, label, varying
from analysis.results import Results
from analysis.significance import Ranking, friedman

ALIKE = ("method", "adaptation")  # without pretrained weights nothing can be said between these


@dataclass(frozen=True)
class Ranked:
    """Methods ranked over blocks at one ratio.

    Attributes:
        title: what was ranked, for people.
        blocks: what a block is, as `5 folds of emodb`.
        names: of the methods, in the order of `ranking.ranks`.
        ranking: None where the test was refused.
        reason: why it was; empty where it was not.
    """

    title: str
    percent: float
    blocks: str
    names: tuple[str, ...]
    ranking: Ranking | None
    reason: str = ""


def rank(results: Results, percent: float, metric: str = "ua", alike: bool = False) -> list[Ranked]:
    """Rankings at one ratio: over the folds of every corpus, and over corpora where a study has several.

    A block of folds is a fold's mean over seeds; folds of one corpus share no test utterance. A block of
    corpora is a corpus' mean over folds; corpora that are tested on the same utterances are refused, and so
    is whatever lacks cells. `alike`: only what has the same method and adaptation is ranked together.
    """
    planned, finished, lacking = (
        part[part["percent"] == percent] for part in (results.cells, results.frame, results.missing)
    )
    if not alike:
        return _ranked_together(planned, finished, lacking, percent, metric)
    found = []
    for values in planned[list(ALIKE)].drop_duplicates().itertuples(index=False, name=None):
        ranked = _ranked_together(
            _only(planned, values), _only(finished, values), _only(lacking, values), percent, metric
        )
        found += [replace(one, title=f"{one.title} ({', '.join(values)})") for one in ranked]
    return found


def shared_tests(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Pairs of corpora of a study that are tested on the same utterances, with the corpus these come from."""
    tested = {str(name): _tested_corpora(str(name), cells) for name, cells in frame.groupby("corpus")}
    return [
        (one, other, ", ".join(sorted(tested[one] & tested[other])))
        for one, other in combinations(tested, 2)
        if tested[one] & tested[other]
    ]


def _only(part: pd.DataFrame, values: tuple[str, ...]) -> pd.DataFrame:
    chosen = pd.Series(True, index=part.index)
    for axis, value in zip(ALIKE, values, strict=True):
        chosen &= part[axis] == value
    return part[chosen]


def _ranked_together(
    planned: pd.DataFrame, finished: pd.DataFrame, lacking: pd.DataFrame, percent: float, metric: str
) -> list[Ranked]:
    return [
        *_over_folds(planned, finished, lacking, percent, metric),
        *_over_corpora(planned, finished, lacking, percent, metric),
    ]


def _over_folds(
    planned: pd.DataFrame, finished: pd.DataFrame, lacking: pd.DataFrame, percent: float, metric: str
) -> Iterator[Ranked]:
    for corpus, cells in planned.groupby("corpus", sort=False):
        members = list(by_family(cells))
        names = _names(members, cells)
        blocks = f"{cells['fold'].nunique()} folds of {corpus}"
        title = f"Methods on {corpus}"
        own = finished[finished["corpus"] == corpus]
        absent = int((lacking["corpus"] == corpus).sum())
        yield _ranked(title, percent, blocks, names, _table(own, members, ["fold"], metric), absent)


def _over_corpora(
    planned: pd.DataFrame, finished: pd.DataFrame, lacking: pd.DataFrame, percent: float, metric: str
) -> Iterator[Ranked]:
    corpora = planned["corpus"].nunique()
    if corpora < 2:
        return
    title, blocks = "Methods over corpora", f"{corpora} corpora"
    anonymous = planned.assign(corpus="")
    members = list(by_family(anonymous))
    names = _names(members, anonymous)
    if shared := shared_tests(finished):
        one, other, common = shared[0]
        reason = (
            f"{one} and {other} are tested on the same utterances of {common}, so they are not two blocks"
        )
        yield Ranked(title, percent, blocks, names, None, reason)
        return
    own = finished.assign(block=finished["corpus"], corpus="")
    yield _ranked(title, percent, blocks, names, _table(own, members, ["block"], metric), len(lacking))


def _names(members: list[Family], cells: pd.DataFrame) -> tuple[str, ...]:
    axes = varying(cells)
    return tuple(label(member, axes) for member in members)


def _table(cells: pd.DataFrame, members: list[Family], blocks: list[str], metric: str) -> pd.DataFrame:
    """Mean scores, a row per block and a column per member: over seeds within folds, then over folds."""
    by_fold = cells.groupby([*AXES, *{*blocks, "fold"}], sort=False)[metric].mean().reset_index()
    means = by_fold.groupby([*AXES, *blocks], sort=False)[metric].mean().reset_index()
    places = {member: place for place, member in enumerate(members)}
    means["place"] = [places[Family(*map(str, row))] for row in means[list(AXES)].itertuples(index=False)]
    return means.pivot(index=blocks, columns="place", values=metric).reindex(columns=range(len(members)))


def _ranked(
    title: str, percent: float, blocks: str, names: tuple[str, ...], table: pd.DataFrame, absent: int
) -> Ranked:
    if absent:
        return Ranked(title, percent, blocks, names, None, f"cells are missing: {absent}")
    found = friedman(table.to_numpy(dtype=np.float64))
    if isinstance(found, str):
        return Ranked(title, percent, blocks, names, None, found)
    return Ranked(title, percent, blocks, names, found)


def _tested_corpora(corpus: str, cells: pd.DataFrame) -> set[str]:
    """The corpora that the test utterances of a corpus come from: its own, or members of a merged one."""
    named = {name for scores in cells["ua_by_corpus"].dropna() for name in scores}
    return named or {corpus}

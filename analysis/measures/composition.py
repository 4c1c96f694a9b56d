"""What labelled sets are made of, beside what they were chosen from: classes, corpora, speakers, seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.families import AXES
from analysis.results import Results

KINDS = {
    "class": "emotion",
    "corpus": "corpus",
    "gender": "gender",
    "speaker": "speaker",
}  # as records name them
NAMED = ("class", "corpus", "gender")  # few enough groups to give the share of each
_OF_CELL = ("groups", "entropy", "largest_share", "distance")

Counts = Mapping[str, int]  # utterances of each group


@dataclass(frozen=True)
class Composition:
    """Two long frames; both are empty where no record counts its labelled set.

    Attributes:
        summary: one row per family, ratio and kind of group (`by`): `groups` with a labelled utterance and
            `groups_in_train`; `entropy` of the shares over its largest value with the groups of train (1: all
            alike; NaN with one group); `largest_share`; `distance` to the shares of train, from 0 to 1 (half
            the sum of absolute differences: the share of the set that would have to be others);
            `labelled`, `seconds_per_clip`, `train_seconds_per_clip` and `seconds_ratio`, the first of these
            over the second.
        shares: one row per family, ratio and group of classes, corpora and genders: `by`, `group`, `share`,
            `train_share` and `excess`, the first less the second. Of speakers, who may be hundreds, only the
            summary is given.

    All figures are means over folds of the mean over seeds. Those that need train are NaN where neither the
    records of the fold say what it is made of nor a cell of it has everything labelled.
    """

    summary: pd.DataFrame
    shares: pd.DataFrame


def composition(results: Results) -> Composition:
    """What the labelled set of every family consists of at every ratio."""
    frame = results.frame
    if "labelled_by" not in frame or frame["labelled_by"].isna().all():
        return Composition(pd.DataFrame(), pd.DataFrame())
    cells = frame.dropna(subset=["labelled_by"]).reset_index(drop=True)
    cells = cells.assign(family=cells.groupby(list(AXES), sort=False).ngroup())
    summaries, shares, seconds = [], [], []
    for _, of_corpus in cells.groupby("corpus", sort=False):
        folds = [_Fold.of(of_fold) for _, of_fold in of_corpus.groupby("fold")]
        named = {kind: sorted(set().union(*(fold.groups(kind) for fold in folds))) for kind in NAMED}
        for fold in folds:
            summaries += [fold.summary(kind) for kind in KINDS]
            shares += [fold.shares(kind, named[kind]) for kind in NAMED]
            seconds.append(fold.seconds())
    names = cells.drop_duplicates("family").set_index("family")[list(AXES)]
    summary = _means(pd.concat(summaries), ["family", "percent", "by"])
    summary = summary.merge(_means(pd.concat(seconds), ["family", "percent"]), on=["family", "percent"])
    by_group = _means(pd.concat(shares), ["family", "percent", "by", "group"])
    by_group["excess"] = by_group["share"] - by_group["train_share"]
    return Composition(_named(summary, names), _named(by_group, names))


@dataclass(frozen=True)
class _Fold:
    """Cells of one fold of a corpus, and what they were labelled from; None where nobody knows."""

    cells: pd.DataFrame
    train: Mapping[str, Counts] | None
    train_seconds_per_clip: float

    @classmethod
    def of(cls, cells: pd.DataFrame) -> _Fold:
        """Train as the records count it, else as a cell does that has labelled all of it."""
        if "train_by" in cells and cells["train_by"].notna().any():
            said = cells[cells["train_by"].notna()].iloc[0]
            return cls(cells, said["train_by"], float(said["train_seconds"]) / float(said["train"]))
        everything = cells[cells["labelled"] >= cells["train"]]
        if everything.empty:
            return cls(cells, None, float("nan"))
        said = everything.iloc[0]
        return cls(cells, said["labelled_by"], float(said["labelled_seconds"]) / float(said["train"]))

    def groups(self, kind: str) -> list[str]:
        """Those of train; where nobody knows them, those that some cell has labelled."""
        if self.train is not None:
            return sorted(self.train[KINDS[kind]])
        return sorted({name for counts in self.cells["labelled_by"] for name in counts[KINDS[kind]]})

    def summary(self, kind: str) -> pd.DataFrame:
        """One row per cell with the figures of one kind of group."""
        known = None if self.train is None else self.train[KINDS[kind]]
        groups = self.groups(kind)
        shares = self._shares(kind, groups)
        return self._rows(
            by=kind,
            groups=(shares > 0).sum(axis=1),
            groups_in_train=float("nan") if known is None else len(groups),
            entropy=_entropy(shares),
            largest_share=shares.max(axis=1),
            distance=float("nan")
            if known is None
            else np.abs(shares - _share(known, groups)).sum(axis=1) / 2,
        )

    def shares(self, kind: str, groups: Sequence[str]) -> pd.DataFrame:
        """One row per cell and group."""
        shares = self._shares(kind, groups)
        known = None if self.train is None else _share(self.train[KINDS[kind]], groups)
        return pd.concat(
            [
                self._rows(
                    by=kind,
                    group=group or "not known",
                    share=shares[:, place],
                    train_share=float("nan") if known is None else known[place],
                )
                for place, group in enumerate(groups)
            ]
        )

    def seconds(self) -> pd.DataFrame:
        """One row per cell: how long its labelled clips are."""
        per_clip = (self.cells["labelled_seconds"] / self.cells["labelled"]).to_numpy(float)
        return self._rows(
            labelled=self.cells["labelled"].to_numpy(float),
            seconds_per_clip=per_clip,
            train_seconds_per_clip=self.train_seconds_per_clip,
            seconds_ratio=per_clip / self.train_seconds_per_clip,
        )

    def _shares(self, kind: str, groups: Sequence[str]) -> NDArray[np.float64]:
        return _share_matrix([counts[KINDS[kind]] for counts in self.cells["labelled_by"]], groups)

    def _rows(self, **columns: Any) -> pd.DataFrame:
        keys = {name: self.cells[name].to_numpy() for name in ("family", "percent", "fold")}
        return pd.DataFrame({**keys, **columns})


def _share(counts: Counts, groups: Sequence[str]) -> NDArray[np.float64]:
    return _share_matrix([counts], groups)[0]


def _share_matrix(counted: Sequence[Counts], groups: Sequence[str]) -> NDArray[np.float64]:
    """Shares of the groups in each set, shape (sets, groups)."""
    place = {group: column for column, group in enumerate(groups)}
    counts = np.zeros((len(counted), len(groups)))
    rows = np.repeat(np.arange(len(counted)), [len(one) for one in counted])
    columns = [place[group] for one in counted for group in one]
    counts[rows, columns] = [count for one in counted for count in one.values()]
    return counts / counts.sum(axis=1, keepdims=True)


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy over its largest value, shape (sets,); NaN with a single group."""
    if shares.shape[1] < 2:
        return np.full(len(shares), np.nan)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=1) / np.log(shares.shape[1]))


def _means(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means over folds of the mean over seeds."""
    of_folds = rows.groupby([*by, "fold"], sort=False).mean()
    return of_folds.groupby(level=by, sort=False).mean().reset_index()


def _named(rows: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """The axes of the family in place of its number, in the order of the results."""
    rows = rows.sort_values(["family", "percent"], kind="stable", ignore_index=True)
    axes = names.loc[rows["family"]].reset_index(drop=True)
    return pd.concat([axes, rows.drop(columns="family")], axis=1)

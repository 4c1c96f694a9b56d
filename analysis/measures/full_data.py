"""What a model scores with all labels, on every fold where its learning curves need it; or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.families import Family
from analysis.measures.trajectories import Trajectories

AT_ONCE = "one trained on all labels at once"
AT_THE_END = "the mean of all cells of this method and adaptation at 100 %"

Model = tuple[str, ...]  # corpus, method and adaptation


@dataclass(frozen=True)
class FullData:
    """The full-data model of one corpus, method and adaptation.

    Attributes:
        by_fold: its score on each fold, the mean over seeds; empty where there is none to be compared with.
        source: what the scores are of. reason: why there are none.
    """

    by_fold: Mapping[int, float] = field(default_factory=dict)
    source: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Ends:
    """Cells with all labels: scores of the finished ones by fold, and how many are planned."""

    by_fold: Mapping[int, float]
    finished: int
    planned: int

    def named(self, name: str) -> str:
        """The name of their mean, which says when it is not that of all."""
        whole = self.finished == self.planned
        return name if whole else f"{name} ({self.finished} of {self.planned} cells finished)"


def model_of(family: Family) -> Model:
    """What a full-data model is shared by: everything with this corpus, method and adaptation."""
    return family[:3]


def full_data(found: Mapping[Family, Trajectories]) -> dict[Model, FullData]:
    """Of every model that has a learning curve of which a cell is finished."""
    models: dict[Model, list[Trajectories]] = {}
    for family, one in found.items():
        models.setdefault(model_of(family), []).append(one)
    return {model: _full_data(alike) for model, alike in models.items() if _begun(alike)}


def _begun(alike: Sequence[Trajectories]) -> bool:
    return any(len(one.percents) > 1 and not np.isnan(one.values["score"]).all() for one in alike)


def _full_data(alike: Sequence[Trajectories]) -> FullData:
    """Trained at once where that is finished on every fold of the curves, else the ends of trajectories."""
    curves = [one for one in alike if len(one.percents) > 1]
    needed = {fold for one in curves for fold in one.by_fold()}
    at_once = _ends([one for one in alike if one.percents == (100,)])
    at_the_end = _ends([one for one in curves if one.percents[-1] == 100])
    if not needed:
        return FullData(reason="no learning curve of it is finished on any fold")
    if needed <= at_once.by_fold.keys():
        return FullData(at_once.by_fold, at_once.named(AT_ONCE))
    state = [
        f"{name} is finished on {len(needed & ends.by_fold.keys())} of {len(needed)} folds"
        for name, ends in (("training on all labels at once", at_once), ("a curve up to 100 %", at_the_end))
        if ends.planned
    ]
    if needed <= at_the_end.by_fold.keys():
        why = f", since {state[0]}" if at_once.planned else ""
        return FullData(at_the_end.by_fold, at_the_end.named(AT_THE_END) + why)
    return FullData(reason=" and ".join(state) or "nothing of it is trained on all labels")


def _ends(families: Sequence[Trajectories]) -> _Ends:
    scores: dict[int, list[float]] = {}
    for one in families:
        for place, fold in enumerate(one.folds):
            scores.setdefault(fold, []).extend(one.values["score"][place, one.planned[place], -1].tolist())
    every = np.array([score for of_fold in scores.values() for score in of_fold])
    known = {fold: values for fold, values in scores.items() if not np.isnan(values).all()}
    means = {fold: float(np.nanmean(values)) for fold, values in known.items()}
    return _Ends(means, int((~np.isnan(every)).sum()), len(every))

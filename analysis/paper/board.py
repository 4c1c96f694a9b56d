"""What the tables of the paper are filled from: scores of points of curves, and who plays which part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis.curves import learning_curves
from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import AXES, NEUTRAL, Family, families, label, percent_text
from analysis.results import Results
from analysis.significance import Differences, Evidence, paired
from analysis.study import StudyInfo
from analysis.tables import Metric, leaves_one_speaker_out, score_frame
from analysis.undisturbed import undisturbed

NO_ADAPTATION = "none"
SINGLE_SHOT = "none"  # the strategy of a run that labels everything at once
USES_LABELS = "pseudo_tapt"  # an adaptation of a baseline, not of AFTER
ALL = 100.0
PAIRED = ("fold", "seed", "ua", "wa", "charged_seconds")
PAIRED_IF_ANNOTATED = ("wrong_acquired",)  # of studies with other answers than the corpus'


_IsWanted = Callable[[Family], bool]
# The paper's labels: those of the corpus, as they are.
_PLAIN: Mapping[str, _IsWanted] = {
    "annotation": lambda family: family.annotation == NEUTRAL["annotation"],
    "label_noise": lambda family: family.label_noise == NEUTRAL["label_noise"],
}


@dataclass(frozen=True)
class Choice:
    """What AFTER stands for in a study: by default what the paper's headline says.

    Attributes:
        strategy, initialization: of AFTER; a study without them has its own first in their place.
        percent: the ratio at which it is compared.
    """

    strategy: str = "entropy"
    initialization: str = "clustering"
    percent: float = 20.0


class Trained(NamedTuple):
    """How a model came about: its method and what its backbone was adapted by."""

    corpus: str
    method: str
    adaptation: str

    @property
    def adapted(self) -> bool:
        """Whether its backbone was adapted without labels."""
        return self.adaptation != NO_ADAPTATION and not self.adaptation.startswith(USES_LABELS)


class Point(NamedTuple):
    """A family at one ratio."""

    family: Family
    percent: float

    @property
    def trained(self) -> Trained:
        """How its models came about."""
        return Trained(self.family.corpus, self.family.method, self.family.adaptation)

    @property
    def selection(self) -> dict[str, str]:
        """What tells its cells from those of another point in `Board.both`."""
        return {"of": f"{label(self.family, list(AXES))}, {percent_text(self.percent)}"}

    @property
    def single_shot(self) -> bool:
        """Whether everything was labelled at once."""
        return self.family.strategy == SINGLE_SHOT


@dataclass(frozen=True)
class Chosen:
    """What validation chose for a model.

    Attributes:
        settings: how many there were to choose from.
        point: of the cells that were chosen, in every fold those of its own choice; None where none could be.
        told: which settings, in how many folds.
        reason: a clause on why none could be chosen.
    """

    settings: int
    point: Point | None = None
    told: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Score:
    """A score at a point, as shares: mean over folds of seed means, its t interval over folds, and pooled."""

    mean: float
    low: float
    high: float
    pooled: float
    cells: int
    planned: int

    @property
    def whole(self) -> bool:
        """Whether every planned cell is finished."""
        return self.cells == self.planned


class Board:
    """A study laid out for the paper's tables; everything is computed once and looked up by point.

    Args:
        results: finished and missing cells.
        study: what the results are of.
        choice: what AFTER stands for, by default entropy with clustering initialization at 20 %.
    """

    def __init__(self, results: Results, study: StudyInfo, choice: Choice | None = None) -> None:
        self.results, self.study = results, study
        self.choice = choice or Choice()
        self.families = families(results.cells)
        self._paired: dict[Point, pd.DataFrame] = {}
        self._percents = {
            Family(*map(str, axes)): sorted(map(float, part["percent"].unique()))
            for axes, part in results.cells.groupby(list(AXES), sort=False)
        }

    @cached_property
    def corpora(self) -> list[str]:
        """In the order in which they were planned."""
        return list(dict.fromkeys(family.corpus for family in self.families))

    @cached_property
    def trained(self) -> list[Trained]:
        """Every way in which a model came about, in the order in which it was planned."""
        return list(dict.fromkeys(Point(family, 0).trained for family in self.families))

    @cached_property
    def pooled_leads(self) -> bool:
        """With one speaker per fold the score over all test utterances leads."""
        return leaves_one_speaker_out(self.results.frame)

    def percents(self, family: Family) -> list[float]:
        """The ratios of a family, planned."""
        return self._percents.get(family, [])

    def learned(self, trained: Trained) -> list[Family]:
        """The families of active learning of a model, on the corpus' own labels if there are such."""
        return self._narrowed(
            [
                family
                for family in self.families
                if Point(family, 0).trained == trained and family.strategy != SINGLE_SHOT
            ],
            _PLAIN,
        )

    def active(self, only: Mapping[Any, str] | Mapping[Any, tuple[str, ...]]) -> list[Family]:
        """The families of active learning that have these values on these axes."""
        wanted = {axis: (one,) if isinstance(one, str) else one for axis, one in only.items()}
        return [
            family
            for family in self.families
            if family.strategy != SINGLE_SHOT
            and all(getattr(family, axis) in allowed for axis, allowed in wanted.items())
        ]

    def preferred(self, only: list[Family], hidden: Collection[str]) -> list[Family]:
        """Of each corpus and method the families that are AFTER's on the axes that are not `hidden`.

        An axis on which none is AFTER's is left as it is.
        """
        wanted: dict[str, _IsWanted] = {
            "adaptation": lambda family: Point(family, 0).trained.adapted,
            "initialization": lambda family: family.initialization == self.choice.initialization,
            **_PLAIN,
        }
        return self._narrowed(only, {axis: of for axis, of in wanted.items() if axis not in hidden})

    def _narrowed(self, only: list[Family], wanted: Mapping[str, _IsWanted]) -> list[Family]:
        """Of each corpus and method the families that are wanted on these axes; all where none is."""
        for is_wanted in wanted.values():
            found = {(family.corpus, family.method) for family in only if is_wanted(family)}
            only = [f for f in only if is_wanted(f) or (f.corpus, f.method) not in found]
        return only

    def same_runs(self, one: Point, other: Point) -> bool:
        """Whether two points are planned as the same runs, as round 0 of two strategies is."""
        return self._keys[one] == self._keys[other]

    def tuned(self, method: str) -> bool:
        """Whether a method stands on a backbone, so that it is fine-tuned."""
        return method in self._tuned

    def training_name(self, trained: Trained) -> str:
        """How the paper calls it: FT and TAPT+FT; a method without a backbone has its own name."""
        if not self.tuned(trained.method):
            return trained.method
        name = "FT" if trained.adaptation == NO_ADAPTATION else f"{trained.adaptation.upper()}+FT"
        return name if len(self._tuned) == 1 else f"{name} ({trained.method})"

    def strategy(self, trained: Trained) -> str | None:
        """The strategy that AFTER stands for; None where nothing is learned actively."""
        names = list(dict.fromkeys(family.strategy for family in self.learned(trained)))
        others = [name for name in names if name != self.study.reference]
        return self.choice.strategy if self.choice.strategy in names else next(iter(others or names), None)

    def curve(
        self, trained: Trained, strategy: str | None, initialization: str | None = None
    ) -> Family | None:
        """The family of a strategy with the initialization that AFTER stands for, or else its first."""
        wanted = initialization or self.choice.initialization
        found = [family for family in self.learned(trained) if family.strategy == strategy]
        return next((family for family in found if family.initialization == wanted), next(iter(found), None))

    def chosen(self, trained: Trained) -> Chosen | None:
        """What validation chose for a model; None on a board that asks for the paper's setting alone."""
        return None

    def few(self, family: Family | None) -> Point | None:
        """A family at the ratio of the comparison: the highest that it has up to there, never everything."""
        if family is None:
            return None
        below = [percent for percent in self.percents(family) if percent <= self.choice.percent]
        return Point(family, below[-1]) if below else None

    def full(self, trained: Trained) -> Point | None:
        """The model with all labels: in a single shot where there is one, else at the end of a curve."""
        found = [
            family
            for family in self.families
            if Point(family, 0).trained == trained and ALL in self.percents(family)
        ]
        found = self._narrowed(found, _PLAIN)
        at_once = [family for family in found if family.strategy == SINGLE_SHOT]
        if not at_once:
            order = (self.strategy(trained), self.study.reference)
            found = [family for name in order for family in found if family.strategy == name] or found
        named = at_once or found
        chosen = [family for family in named if family.initialization == self.choice.initialization]
        return next((Point(family, ALL) for family in (*chosen, *named)), None)

    def score(self, point: Point | None, metric: Metric) -> Score | None:
        """The score at a point; None where no cell of it is finished, or none is planned."""
        return None if point is None else self._scores[metric].get(point)

    def shown(self, score: Score) -> float:
        """The number that a table shows."""
        return score.pooled if self.pooled_leads else score.mean

    def cells(self, point: Point) -> pd.DataFrame:
        """The finished cells of a point, and whether the time of each is `undisturbed`."""
        return self._cells.get(point, self.results.frame.iloc[:0].assign(undisturbed=False))

    def missing(self, point: Point) -> int:
        """How many planned cells of a point are not finished."""
        return self._missing.get(point, 0)

    def evidence(self, one: Point, other: Point, metric: str = "ua") -> Evidence:
        """Paired differences, one minus other, or the sentence why there are none."""
        absent = self.missing(one) + self.missing(other)
        if absent:
            return Evidence(None, reason=f"planned cells are missing: {absent}")
        try:
            differences = self.differences(one, other, metric)
        except (EmptySelection, AmbiguousSelection, RaggedTable) as error:
            return Evidence(None, reason=str(error))
        return Evidence(differences, self.test_over_train(one))

    def differences(self, one: Point, other: Point, metric: str) -> Differences:
        """Paired by fold and seed, of shape (seeds, folds); raises what `paired` raises."""
        return paired(self.both(one, other), one.selection, other.selection, metric)

    def both(self, one: Point, other: Point) -> pd.DataFrame:
        """The cells of two points, few columns of them, to be paired."""
        return pd.concat([self._few_columns(point) for point in dict.fromkeys((one, other))])

    def test_over_train(self, point: Point) -> float:
        """Utterances of test over those that the fold could label."""
        cells = self.cells(point)
        return float((cells["test"] / cells["train"]).mean())

    def _few_columns(self, point: Point) -> pd.DataFrame:
        if point not in self._paired:
            cells = self.cells(point)
            columns = [*PAIRED, *(name for name in PAIRED_IF_ANNOTATED if name in cells)]
            self._paired[point] = cells[columns].assign(**point.selection)
        return self._paired[point]

    @cached_property
    def _tuned(self) -> set[str]:
        cells = self.results.cells
        on_backbone = (cells["adaptation"] != NO_ADAPTATION) | cells["pretrained"].astype(bool)
        return set(cells["method"][on_backbone]) | (self.study.with_backbone & set(cells["method"]))

    @cached_property
    def _cells(self) -> dict[Point, pd.DataFrame]:
        frame = self.results.frame
        return dict(_by_point(frame.assign(undisturbed=undisturbed(frame))))

    @cached_property
    def _keys(self) -> dict[Point, frozenset[str]]:
        return {point: frozenset(cells["key"]) for point, cells in _by_point(self.results.cells)}

    @cached_property
    def _missing(self) -> dict[Point, int]:
        return {point: len(cells) for point, cells in _by_point(self.results.missing)}

    @cached_property
    def _scores(self) -> dict[Metric, dict[Point, Score]]:
        rows = [(_point(row), row) for _, row in score_frame(self.results).iterrows() if row["cells"]]
        return {
            metric: {
                point: Score(
                    row[f"{metric}_mean"],
                    *intervals[point],
                    row[f"{metric}_pooled"],
                    int(row["cells"]),
                    int(row["planned"]),
                )
                for point, row in rows
            }
            for metric in ("ua", "wa")
            for intervals in [_intervals(self.results.frame, metric)]
        }


def ratio_text(percent: float) -> str:
    """How a ratio is named behind a method: `(20 %)`."""
    return f"({percent_text(percent)})"


def _by_point(frame: pd.DataFrame) -> Iterator[tuple[Point, pd.DataFrame]]:
    for key, cells in frame.groupby([*AXES, "percent"], sort=False):
        *axes, percent = key
        yield Point(Family(*map(str, axes)), float(percent)), cells  # type: ignore[arg-type]


def _point(row: pd.Series) -> Point:
    return Point(Family(*(str(row[axis]) for axis in AXES)), float(row["percent"]))


def _intervals(frame: pd.DataFrame, metric: Literal["ua", "wa"]) -> dict[Point, tuple[float, float]]:
    curves = learning_curves(frame, np.random.default_rng(0), metric, interval="folds")
    return {_point(row): (row["low"], row["high"]) for _, row in curves.iterrows()}

"""AFTER with the strategy, the initialization and the ratio that validation chooses.

Every fold chooses for itself, by the mean over seeds of the UA on its own validation part: pooled over folds,
the validation of one would hold the test speakers of another. The score is then that of mixed settings.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

import pandas as pd

from after_ray.wording import counted
from analysis.families import percent_text
from analysis.paper.board import Board, Choice, Chosen, Point, Score, Trained
from analysis.results import Results
from analysis.study import StudyInfo
from analysis.tables import Metric

CHOSEN = "chosen by validation"  # in the place of a strategy and of an initialization


class BoardByValidation(Board):
    """A board that also has, for each model, one point of the cells that validation chose.

    Among the settings are all strategies and initializations of a model, with the `restart` that tables show,
    at all ratios up to that of the comparison; settings that are the same runs count once. Of equals the
    first is taken, in the order of the plan.
    """

    def __init__(self, results: Results, study: StudyInfo, choice: Choice | None = None) -> None:
        super().__init__(results, study, choice)
        self._mixed: dict[Point, Board] = {}  # by what was chosen, a board of its cells alone

    def chosen(self, trained: Trained) -> Chosen | None:
        """What validation chose for a model; None where it learns nothing actively."""
        return self._chosen.get(trained)

    def score(self, point: Point | None, metric: Metric) -> Score | None:
        """As of any board; of what was chosen, that of its cells."""
        mixed = self._mixed.get(point) if point is not None else None
        return super().score(point, metric) if mixed is None else mixed.score(point, metric)

    def cells(self, point: Point) -> pd.DataFrame:
        """As of any board; of what was chosen, its cells under the names of the choice."""
        mixed = self._mixed.get(point)
        return super().cells(point) if mixed is None else mixed.cells(point)

    @cached_property
    def _chosen(self) -> dict[Trained, Chosen]:
        return {trained: self._choose(trained) for trained in self.trained if self.learned(trained)}

    def _choose(self, trained: Trained) -> Chosen:
        settings = self._settings(trained)
        cells = [self.cells(point) for point in settings]
        if refused := self._refused(settings, cells):
            return Chosen(len(settings), reason=refused)
        means = {place: each.groupby("fold")["validation_ua"].mean() for place, each in enumerate(cells)}
        places = pd.DataFrame(means).idxmax(axis=1)  # the first of equals
        family = settings[0].family._replace(strategy=CHOSEN, initialization=CHOSEN)
        point = Point(family, self.choice.percent)
        named: dict[str, Any] = {"strategy": CHOSEN, "initialization": CHOSEN, "percent": point.percent}
        of_folds = [cells[place][cells[place]["fold"] == fold] for fold, place in places.items()]
        frame = pd.concat(of_folds).drop(columns="undisturbed").assign(**named)
        self._mixed[point] = Board(self._only(frame), self.study, self.choice)
        return Chosen(len(settings), point, _in_words([settings[place] for place in places]))

    def _refused(self, settings: list[Point], cells: list[pd.DataFrame]) -> str:
        """Why validation cannot choose, as a clause; empty where it can."""
        if len(settings) < 2:
            return "there is a single setting, and nothing to choose"
        if missing := sum(self.missing(point) for point in settings):
            return f"validation cannot choose, planned cells are missing: {missing}"
        if any("validation_ua" not in each or each["validation_ua"].isna().any() for each in cells):
            return "validation cannot choose, scores on validation are not recorded"
        return ""

    def _settings(self, trained: Trained) -> list[Point]:
        """Families and ratios to choose from, each run once."""
        learned = self.learned(trained)
        found: dict[frozenset[str], Point] = {}
        for family in learned:
            for percent in self.percents(family):
                if percent <= self.choice.percent and family.restart == learned[0].restart:
                    point = Point(family, percent)
                    found.setdefault(self._keys[point], point)
        return list(found.values())

    def _only(self, frame: pd.DataFrame) -> Results:
        whole = self.results
        return Results(frame.reset_index(drop=True), whole.missing.iloc[:0], whole.arrays, whole.read_from)


def _in_words(chosen: list[Point]) -> str:
    """`entropy with clustering initialization at 20 % (3 folds), ...`, the most frequent first."""
    counts = Counter(
        f"{point.family.strategy} with {point.family.initialization} initialization at "
        f"{percent_text(point.percent)}"
        for point in chosen
    )
    return ", ".join(f"{name} ({counted(count, 'fold')})" for name, count in counts.most_common())

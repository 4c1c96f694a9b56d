"""Everything that a report shows, computed once."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis._rendering import Table
from analysis.comparisons import Comparison, Pair, compare, to_explore
from analysis.contrasts import Contrasts
from analysis.cost import cost_table
from analysis.curves import learning_curves
from analysis.families import Family
from analysis.figures import critical_figure, curves_figure, seconds_figure
from analysis.measures import by_corpus_table, measure
from analysis.paper import Board, BoardByValidation, Verdict, answers, paper_tables, walk, walk_table
from analysis.rankings import Ranked, rank
from analysis.report.facts import Facts, facts, warnings
from analysis.report.headline import headline
from analysis.report.methods import When, checklist, declared_in_words, in_words, methods, when_declared
from analysis.report.provenance import provenance
from analysis.report.summary import summary
from analysis.report.trust import calibrated, trust_tables
from analysis.results import Results, chance_levels
from analysis.selection import selection_frame, selection_table
from analysis.study import ChecklistItem, StudyInfo
from analysis.tables import (
    METRICS,
    comparison_table,
    score_frame,
    score_table,
    seconds_frame,
    seconds_table,
)

Select = Literal[
    "paper", "validation"
]  # what AFTER stands for: the paper's setting, or also that of validation
BOARDS: dict[Select, type[Board]] = {"paper": Board, "validation": BoardByValidation}
Compared = tuple[Contrasts, list[Comparison]]

SIMULATIONS = 400  # studies in each of two worlds: a rate of 5 % is then known to about 2 points
_DRAWS_SEED = 20230  # of bootstrap and simulations: the same results give the same page, byte for byte
_NO_PRETRAINED_WEIGHTS = "not testable here (no pretrained weights)"


class Contents:
    """What the page and its files are made of.

    Attributes:
        study, results, reference: as they were given.
        at: the ratio that is spoken of first.
        when: whether the study's families were declared before its results.
        declared, explored: families with their comparisons: those declared in time, and the others.
        ranked: methods ranked over blocks at that ratio.
        curves, seconds, scores: the frames behind pictures and tables.
        board: the study laid out for the paper's tables, as `select` asks.
        verdicts: what this study says to each claim of the paper.
        measures: areas, labels to a target, composition and the like.
        calibrations: how often tests err, by corpus.
    """

    def __init__(
        self, study: StudyInfo, results: Results, reference: str, simulations: int, select: Select = "paper"
    ) -> None:
        self.study, self.results, self.reference = study, results, reference
        self.at = headline(sorted(results.cells["percent"].unique()), study.families)
        self.when: When = when_declared(study, results)
        # Families that were declared when results were known already are explored like those of nobody.
        late = [replace(one, declared=False) for one in study.families if self.when == "late"]
        timely = study.families if not late else ()
        self.declared = self._compared(timely)
        own = frozenset(one.pair for _, found in self.declared for one in found)
        self.explored = self._compared([*late, *to_explore(results, reference, study.equivalence)], own)
        self.ranked: list[Ranked] = rank(results, self.at, alike=study.weights_are == "random")
        self.curves = learning_curves(results.frame, np.random.default_rng(_DRAWS_SEED))
        self.measures = measure(results, reference, study.targets, np.random.default_rng(_DRAWS_SEED + 1))
        self.board = BOARDS[select](results, study)
        self.verdicts: list[Verdict] = walk(self.board)
        self.seconds = seconds_frame(results)
        self.scores = score_frame(results)
        self.calibrations = calibrated(study.designs, simulations, _DRAWS_SEED)

    @property
    def by_validation(self) -> bool:
        """Whether validation was asked to choose for AFTER, and could."""
        found = (self.board.chosen(trained) for trained in self.board.trained)
        return any(one is not None and one.point is not None for one in found)

    @property
    def comparisons(self) -> list[Comparison]:
        """All of them, declared families first."""
        return [one for _, found in (*self.declared, *self.explored) for one in found]

    @property
    def leading(self) -> list[Comparison]:
        """What was declared counts before what was explored."""
        return [one for _, found in self.declared for one in found] or self.comparisons

    @cached_property
    def summary(self) -> tuple[str, str, str]:
        """The study in three sentences."""
        flags, chosen = len(self.warnings), self.by_validation
        return summary(self.study, self.results, self.scores, self.leading, flags, self.at, chosen)

    @cached_property
    def facts(self) -> Facts:
        """The box."""
        return facts(self.results, self.study, self.leading)

    @cached_property
    def warnings(self) -> list[str]:
        """What weakens the results."""
        return warnings(self.results, self.study, self.comparisons)

    @property
    def provenance(self) -> list[tuple[str, str]]:
        """Where the results come from."""
        return provenance(self.study, self.results)

    @property
    def declaration(self) -> str:
        """Whether families were declared, and when."""
        return declared_in_words(self.study, self.results, self.when)

    @property
    def without_pairs(self) -> list[str]:
        """Names of declared families that have nothing to compare."""
        paired = {one.name for one, _ in (*self.declared, *self.explored)}
        return [family.name for family in self.study.families if family.name not in paired]

    @property
    def methods(self) -> list[str]:
        """Paragraphs to be pasted."""
        simulated = next((one.additive[0].studies for one in self.calibrations.values()), 0)
        return methods(self.study, self.results, self.comparisons, simulated, self.by_validation)

    @property
    def checklist(self) -> list[ChecklistItem]:
        """Questions and answers."""
        return checklist(self.study, self.results, self.declaration)

    @cached_property
    def score_tables(self) -> list[Table]:
        """UA and WA by ratio."""
        return [score_table(self.results, metric, self.scores) for metric in METRICS]

    @cached_property
    def by_corpus_table(self) -> Table | None:
        """UA of each tested corpus; None where there is a single one."""
        return by_corpus_table(self.results)

    @cached_property
    def selection(self) -> pd.DataFrame:
        """What validation chooses at each ratio."""
        return selection_frame(self.results)

    @property
    def selection_table(self) -> Table | None:
        """The same for people; None where there is nothing to choose."""
        return None if self.selection.empty else selection_table(self.selection)

    @cached_property
    def declared_tables(self) -> list[Table]:
        """A table for each family that was declared in time."""
        return [comparison_table(found, f"{one.name}: {in_words(one)}") for one, found in self.declared]

    @cached_property
    def explored_tables(self) -> list[Table]:
        """A table for each family that was not."""
        return [comparison_table(found, one.name) for one, found in self.explored]

    @property
    def walk_table(self) -> Table:
        """The paper's claims and what this study says to them."""
        return walk_table(self.verdicts)

    @property
    def walk_in_words(self) -> str:
        """How many claims got which answer."""
        counts = [f"{count} {answer}" for answer, count in answers(self.verdicts).items() if count]
        return f"Of the paper’s claims, as far as this study can speak of them: {', '.join(counts)}."

    @cached_property
    def paper_tables(self) -> list[Table]:
        """The tables of the paper that this study has something of."""
        return [table.flat() for table in paper_tables(self.board)]

    @property
    def seconds_table(self) -> Table:
        """Charged time."""
        return seconds_table(self.results)

    @property
    def cost_table(self) -> Table:
        """What it cost by device."""
        return cost_table(self.results)

    @cached_property
    def trust_tables(self) -> list[Table]:
        """False positives of every test, a table per corpus."""
        return trust_tables(self.calibrations)

    def figures(self, legend: bool = True) -> dict[str, Figure]:
        """Learning curves and charged time; without a legend for a page that has its own."""
        chance = chance_levels(self.results.frame)
        return {
            "curves": curves_figure(self.curves, chance, self.reference, legend),
            "seconds": seconds_figure(self.seconds, self.reference, legend),
        }

    @cached_property
    def critical_figures(self) -> dict[str, Figure]:
        """Critical-difference diagrams, those of rankings that were refused left out."""
        return {
            critical_name(place): critical_figure(one)
            for place, one in enumerate(self.ranked)
            if one.ranking is not None
        }

    def _compared(
        self, families: Iterable[Contrasts], without: AbstractSet[Pair] = frozenset()
    ) -> list[Compared]:
        """The comparisons of each family, those of `without` left out; families without any are left out."""
        found = [(one, compare(self.results, one, self._untestable, without)) for one in families]
        return [(one, comparisons) for one, comparisons in found if comparisons]

    def _untestable(self, candidate: Family, reference: Family) -> str:
        """Why this study can say nothing on a pair: TAPT from random weights is pre-training itself."""
        adapted = candidate.adaptation != reference.adaptation
        methods = {candidate.method, reference.method}
        other_method = len(methods) > 1 and not methods.isdisjoint(self.study.with_backbone)
        if self.study.weights_are == "random" and (adapted or other_method):
            return _NO_PRETRAINED_WEIGHTS
        return ""


def critical_name(place: int) -> str:
    """The name of the diagram of the ranking at a place."""
    return f"critical_difference_{place + 1}"

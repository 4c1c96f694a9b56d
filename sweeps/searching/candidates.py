"""From a configuration to a candidate: validated as a study, expanded into the rounds of its rungs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from after_ray.candidate import CandidateStage
from after_ray.errors import AfterRayError
from after_ray.execution.kept_folds import standing_folds
from after_ray.manifest import Manifest
from after_ray.splits.fold_file import FoldTable
from after_ray.stages import FirstRoundStage, FoldsStage, NextRoundStage
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy, with_identities
from sweeps.planning.plan import Plan, make_plan
from sweeps.planning.trajectories import Trajectory
from sweeps.study.declaration import Resources, Study
from sweeps.study.loading import study_of
from sweeps.study.search.checking import folds_of, rungs_of, too_much_grace
from sweeps.study.search.settings import Search
from sweeps.study.search.space import Configuration
from sweeps.study.search.values import candidate_source
from sweeps.study.study_file import StudySource, read_study_file

RoundStage = FirstRoundStage | NextRoundStage


class BadCandidate(AfterRayError):
    """A configuration that is a study, but not one that can be compared with the others."""


class BadRungs(AfterRayError):
    """A search without rungs to stop candidates at."""

    def __init__(self, study: str, sentence: str) -> None:
        super().__init__(f"The search of '{study}' cannot be run: {sentence}.")


@dataclass(frozen=True)
class Expanded:
    """What a configuration asks for."""

    stage: CandidateStage
    plan: Plan
    resources: Resources


@dataclass(frozen=True)
class Candidate:
    """One configuration that was drawn, and what it asks for, or the sentence that refuses it."""

    number: int
    configuration: Configuration
    asks: Expanded | str

    @property
    def key(self) -> str | None:
        """The key of its record; None when it was refused."""
        return None if isinstance(self.asks, str) else self.asks.stage.key


class Expander:
    """Expands configurations of one opened study with a search."""

    def __init__(self, opened: OpenStudy) -> None:
        assert opened.study.search is not None
        self.search: Search = opened.study.search
        self._base = opened.study
        self._source: StudySource = read_study_file(opened.path, opened.overrides)
        self._splits = opened.plan.splits
        self._manifests: list[Manifest] = [scan.manifest for scan in opened.scans]
        self._standing = _remembered(lambda stage, manifest: standing_folds(stage, manifest, opened.store))

    @property
    def resources(self) -> Resources:
        """What a candidate takes at most."""
        return self._base.resources

    @cached_property
    def rungs(self) -> int:
        """How many rungs each candidate climbs.

        Raises:
            BadRungs: when the corpus has too few folds for the search, or too many.
        """
        folds, there = folds_of(self._base, self.search), len(self._splits[0].table.folds)
        if folds != "all" and max(folds) >= there:
            raise BadRungs(
                self._base.study,
                f"it names fold {max(folds)}, but the corpus is cut into {there}; allowed: 0 to {there - 1}",
            )
        count = there if folds == "all" else len(folds)
        rungs = rungs_of(self.search, count * len(self.search.seed), len(self._base.reported))
        if isinstance(rungs, str):
            raise BadRungs(self._base.study, rungs)
        if (sentence := too_much_grace(self.search, rungs)) is not None:
            raise BadRungs(self._base.study, sentence)
        return rungs

    def candidate(self, number: int, configuration: Configuration) -> Candidate:
        """The candidate of a configuration; one that is no study is refused with its sentence."""
        try:
            return Candidate(number, configuration, self.expand(configuration))
        except AfterRayError as error:
            return Candidate(number, configuration, str(error))

    def expand(self, configuration: Configuration) -> Expanded:
        """What a configuration asks for.

        Raises:
            AfterRayError: when it is no study, or cannot be compared with the others.
        """
        study = with_identities(study_of(candidate_source(self._source, self.search, configuration)))
        self._refuse_other_ratios(study)
        plan = make_plan(study, self._manifests, self._standing)
        stage = CandidateStage(_rounds(study, plan, self.search), self.search.rule)
        return Expanded(stage, plan, _resources(plan))

    def _refuse_other_ratios(self, study: Study) -> None:
        first = 0 if self.search.rungs == "ratios" else -1
        if study.reported[first:] != self._base.reported[first:]:
            asked, compared = (_percents(each.reported[first:]) for each in (study, self._base))
            raise BadCandidate(
                f"It reports at {asked} %, but candidates are compared at {compared} %; let every schedule "
                "that is searched have these points."
            )


def _percents(ratios: tuple[float, ...]) -> str:
    return ", ".join(f"{ratio:g}" for ratio in ratios)


def _rounds(study: Study, plan: Plan, search: Search) -> tuple[RoundStage, ...]:
    """The rounds of the rungs: seed by seed through the folds, so that the first rungs see many speakers."""
    blocks = sorted(plan.trajectories, key=lambda each: search.seed.index(each.axes.seed))
    seen = {(block.axes.fold, block.axes.seed) for block in blocks}
    if len(seen) != len(blocks):
        raise BadCandidate(
            f"It asks for {len(blocks) // len(seen)} trajectories per fold and seed, but a candidate is one "
            "configuration; let each choice be a single value."
        )
    if search.rungs == "ratios":
        return tuple(_round(blocks[0], percent) for percent in study.reported)
    return tuple(_round(block, study.reported[-1]) for block in blocks)


def _round(block: Trajectory, percent: float) -> RoundStage:
    return block.stages[block.percents.index(percent)]


def _resources(plan: Plan) -> Resources:
    """A candidate runs all its stages itself, so it takes what the largest of them takes."""
    return max((job.resources for job in jobs_of([plan], ()).values()), key=lambda each: each.gpu)


def _remembered(
    standing: Callable[[FoldsStage, Manifest], FoldTable | None],
) -> Callable[[FoldsStage, Manifest], FoldTable | None]:
    """Folds are read and checked once, however many candidates use them."""
    known: dict[str, FoldTable] = {}

    def found(stage: FoldsStage, manifest: Manifest) -> FoldTable | None:
        if stage.key not in known:
            table = standing(stage, manifest)
            if table is None:
                return None
            known[stage.key] = table
        return known[stage.key]

    return found

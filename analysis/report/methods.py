"""A methods paragraph and a checklist, written from what was really done, ready to be pasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from after_ray.wording import counted, duration
from analysis._rendering import percent
from analysis.comparisons import Comparison
from analysis.contrasts import Contrasts
from analysis.results import Results
from analysis.study import ChecklistItem, StudyInfo

_PRIMARY = (
    "A difference is claimed only if two two-sided tests both stay below .05 after Holm's correction over "
    "its family: the crossed folds × seeds quasi-F (Satterthwaite), for which folds and seeds are random, "
    "and the corrected resampled t-test of Nadeau and Bengio on fold means, which allows for training sets "
    "that overlap. Intervals are those of the quasi-F and not corrected."
)


_CHOSEN = (
    "Beside the fixed setting (the paper's entropy with clustering initialization at 20 % of train, where "
    "the study has it) stand the strategy, initialization and ratio up to 20 % that validation chooses: in "
    "every fold those with the highest UA on its own validation part, mean over seeds, the first of equals. "
    "Whether they beat the baselines is a question of its own in the same family of Holm's correction."
)


def methods(
    study: StudyInfo,
    results: Results,
    comparisons: Sequence[Comparison],
    simulated: int,
    chosen: bool = False,
) -> list[str]:
    """Paragraphs: what the study did (as it says itself), and how its results were analysed.

    `chosen`: whether AFTER is also shown with what validation chooses.
    """
    analysed = _statistics(study, results, comparisons, simulated)
    return [" ".join(study.methods), " ".join([*analysed, *([_CHOSEN] if chosen else [])])]


def checklist(study: StudyInfo, results: Results, declared: str) -> list[ChecklistItem]:
    """The study's own answers, then those that only the results can give; `declared`: about families."""
    frame = results.frame
    devices = ", ".join(sorted(map(str, frame["device_name"].dropna().unique()))) or "not recorded"
    spent = frame.drop_duplicates("key")["spent_seconds"].sum()
    lacking = "none" if results.complete else f"{len(results.missing)} of {results.planned}"
    return [
        *study.checklist,
        ChecklistItem(
            "Which measures, and what do ± and intervals mean?",
            "UA is the mean recall over the classes that a test part has, WA the share of correct "
            "utterances. ± is the standard deviation over folds of the mean over seeds; intervals of "
            "differences are 95 % intervals of the crossed folds × seeds model, bands of curves resample "
            "seeds within folds.",
        ),
        ChecklistItem("Which comparisons were planned, and how were they corrected?", declared),
        ChecklistItem("Are runs missing or left out?", f"Missing cells: {lacking}. None was left out."),
        ChecklistItem(
            "On what was it computed, and for how long?",
            f"{devices}; the rounds of the reported cells took {duration(float(spent))} in all, "
            "without shared stages.",
        ),
    ]


When = Literal["never", "in time", "late", "unknown"]


def when_declared(study: StudyInfo, results: Results) -> When:
    """Whether families were declared before anybody could know a result of the study."""
    if not study.families:
        return "never"
    if study.declared_at is None:
        return "unknown"
    return "late" if _known(study.declared_at, results) else "in time"


def declared_in_words(study: StudyInfo, results: Results, when: When) -> str:
    """The same in sentences."""
    if when == "never":
        return (
            "No family of comparisons was declared in the study file, so all of them are exploratory; each "
            "table is corrected by Holm over all its rows."
        )
    names = ", ".join(f"“{family.name}”" for family in study.families)
    told = f"Declared in the study file, each corrected by Holm: {names}."
    if when == "unknown" or study.declared_at is None:
        return f"{told} No launch from this store had them, so when they were declared is not known."
    if when == "in time":
        return f"{told} They were declared before the first of these cells had finished."
    known = counted(_known(study.declared_at, results), "of these cells", "of these cells")
    return f"{told} They were declared when {known} had finished already, and are therefore exploratory."


def _known(moment: float, results: Results) -> int:
    """How many cells had finished by then."""
    if "finished" not in results.frame:
        return 0
    return int((results.frame["finished"].dropna() < moment).sum())


def in_words(family: Contrasts) -> str:
    """What a family of comparisons is about: `strategy against random at 20 %; UA`."""
    ratios = ", ".join(f"{one:g}" for one in family.percents)
    at = f" at {ratios} %" if ratios else " at every reported ratio"
    held = ", ".join(f"{axis} is {value}" for axis, value in family.where.items())
    where = f", where {held}" if held else ""
    return f"{family.axis} against {family.reference}{at}{where}; {family.metric.upper()}"


def _statistics(
    study: StudyInfo, results: Results, comparisons: Sequence[Comparison], simulated: int
) -> list[str]:
    cells = results.cells
    folds, seeds = cells["fold"].nunique(), cells["seed"].nunique()
    said = [
        f"Scores are means over {counted(folds, 'fold')} of the mean over {counted(seeds, 'seed')}.",
    ]
    if not results.complete:
        said.append(
            f"Of {results.planned} planned cells {len(results.frame)} are finished; others are missing."
        )
    if comparisons:
        said.append(_PRIMARY)
        said.append(
            f"Differences within {percent(study.equivalence)} points count as none in practice (Bayesian "
            "correlated t-test). Tests over runs alone are reported as conditional on these speakers."
        )
    if simulated:
        said.append(
            f"The false-positive rate of every test was simulated in {simulated} studies of this design, "
            "with additive effects and with learners on overlapping training sets."
        )
    return said

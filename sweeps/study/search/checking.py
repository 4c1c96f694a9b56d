"""What is wrong with a search before anything is run, with the line of the study file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from sweeps.study.search.space import Configuration, Parameter, size_of
from sweeps.study.search.values import NO_LINE, candidate_source
from sweeps.study.study_file import BadOverride, Place, StudyError, StudySource

if TYPE_CHECKING:
    from sweeps.study.declaration import Study
    from sweeps.study.search.settings import Search

Validated = Callable[[StudySource], "Study"]

# Settings that make no configuration: places, what candidates are compared on, how trials run.
NOT_SEARCHED = {
    "study": "is a name",
    "description": "is a text",
    "corpus": "is what candidates are compared on",
    "label_noise": "is what candidates are compared on",
    "fold": "is in 'search.fold'",
    "seed": "is in 'search.seed'",
    "ratios": "decides where candidates are compared",
    "resources": "changes no result",
    "reference": "changes no result",
    "search": "is the search itself",
    "selected_from": "is what a search writes",
}
OF_THE_COMPARISON = ("protocol", "protocol.preset", "protocol.folds", "protocol.fold", "protocol.validation")
AXES = (
    "corpus", "classifier", "backbone", "adaptation", "strategy", "initialization", "restart", "annotation",
    "label_noise",
)  # fmt: skip


class BadSearch(StudyError):
    """A search that cannot be run as it is declared."""

    def __init__(self, source: StudySource, place: Place, sentence: str) -> None:
        told = f"{'.'.join(map(str, place))}: {sentence}"
        override = source.override(place)
        if override is not None:
            super().__init__(source.path, None, f"--set '{override}': {told}")
        else:
            super().__init__(source.path, source.line(place), told)


def refuse_search(study: Study, source: StudySource, validated: Validated) -> None:
    """Refuse a search whose seeds, axes, rungs or space cannot be what is meant.

    Raises:
        BadSearch: for the first mistake.
    """
    assert study.search is not None
    _refuse_seeds(study, study.search, source)
    _refuse_paths(study.search, source)
    _refuse_axes(study, study.search, source)
    _refuse_rungs(study, study.search, source)
    for path, each in study.search.space.items():
        for probe in each.probes:
            _refuse_value(study.search, source, validated, path, probe)
    _refuse_too_many(study.search, source)


def _refuse_seeds(study: Study, search: Search, source: StudySource) -> None:
    shared = sorted(set(study.seed) & set(search.seed))
    if shared:
        raise BadSearch(
            source,
            ("search", "seed"),
            f"{', '.join(map(str, shared))} is also a seed of the study, whose results would then be those "
            "that were chosen; allowed: seeds that the study does not report, such as 100..102",
        )


def _refuse_paths(search: Search, source: StudySource) -> None:
    for path in search.space:
        top = path.split(".")[0]
        if "" in path.split("."):
            sentence = "this is no path of a setting; write one such as 'classifier.steps'"
            raise BadSearch(source, ("search", "space", path), sentence)
        reason = NOT_SEARCHED.get(top)
        if any(path == each or path.startswith(f"{each}.") for each in OF_THE_COMPARISON[1:]):
            reason = "is what candidates are compared on"
        if path == "protocol":
            reason = "decides what candidates are compared on; name one of its other settings"
        if reason is not None:
            raise BadSearch(source, ("search", "space", path), f"this cannot be searched, since it {reason}")


def _refuse_axes(study: Study, search: Search, source: StudySource) -> None:
    for axis in AXES:
        if axis not in search.space and len(getattr(study, axis)) > 1:
            raise BadSearch(
                source,
                (axis,),
                "a search compares configurations, so each axis but fold and seed has one value; name one, "
                f"or search it ('{axis}: {{choice: [...]}}' in search.space)",
            )


def _refuse_rungs(study: Study, search: Search, source: StudySource) -> None:
    folds = folds_of(study, search)
    if folds != "all":
        rungs = rungs_of(search, len(folds) * len(search.seed), len(study.reported))
        if isinstance(rungs, str):
            raise BadSearch(source, ("search", "scheduler" if search.rungs == "blocks" else "rungs"), rungs)
        if (sentence := too_much_grace(search, rungs)) is not None:
            raise BadSearch(source, ("search", "grace"), sentence)


def too_much_grace(search: Search, rungs: int) -> str | None:
    """What is wrong where a scheduler may stop no candidate before its last rung."""
    if search.scheduler == "none" or search.grace < rungs:
        return None
    return (
        f"a candidate is stopped after {search.grace} rungs at the earliest, but climbs only {rungs}; "
        f"allowed: 1 to {rungs - 1}, or 'scheduler: none'"
    )


def _refuse_too_many(search: Search, source: StudySource) -> None:
    size = size_of(search.space)
    if size is not None and search.candidates > size:
        raise BadSearch(
            source,
            ("search", "candidates"),
            f"the space has {size} different configurations, {search.candidates} are asked for; write {size} "
            "or less",
        )


def folds_of(study: Study, search: Search) -> Literal["all"] | tuple[int, ...]:
    """The folds that candidates are compared on."""
    if search.fold is None:
        return study.folds_wanted
    return study.protocol.fold if search.fold == "protocol" else search.fold


def rungs_of(search: Search, blocks: int, ratios: int) -> int | str:
    """How many rungs a candidate climbs; a sentence when it cannot."""
    if search.rungs == "ratios" and blocks > 1:
        return (
            f"rungs of ratios are within one block, but the folds and seeds of the search make {blocks}; "
            "name one fold and one seed, or write 'rungs: blocks'"
        )
    rungs = ratios if search.rungs == "ratios" else blocks
    if rungs == 1 and search.scheduler != "none":
        what = "the study reports at one ratio" if search.rungs == "ratios" else "there is one (fold, seed)"
        return (
            f"{search.scheduler} stops candidates between two rungs, but {what}, so there is only one rung; "
            "name more of them, or write 'scheduler: none'"
        )
    return rungs


def _refuse_value(search: Search, source: StudySource, validated: Validated, path: str, probe: Any) -> None:
    """Refuse a value that its setting does not take, whatever is chosen for the blocks that it is in."""
    refusal: StudyError | BadOverride | None = None
    for above in _assignments_above(path, search.space):
        configuration = above | {path: probe}
        refusal = _refusal(source, search, validated, path, configuration)
        if refusal is None:
            return
    if isinstance(refusal, BadOverride):
        sentence = "the path goes through a list; write what it goes through as a single block"
        raise BadSearch(source, ("search", "space", path), sentence) from refusal
    if refusal is not None:
        raise refusal


def _assignments_above(path: str, space: Mapping[str, Parameter]) -> Iterator[Configuration]:
    """All choices of the searched blocks that a setting is in: `classifier` of `classifier.steps`."""
    blocks = {other: other.removesuffix(".name") for other in space if other != path}
    holders = [other for other, block in blocks.items() if path.startswith(f"{block}.")]
    for values in itertools.product(*(space[other].probes for other in holders)):
        yield dict(zip(holders, values, strict=True))


def _refusal(
    source: StudySource, search: Search, validated: Validated, path: str, configuration: Configuration
) -> StudyError | BadOverride | None:
    """Why a configuration is no study, as far as the setting at `path` is to blame."""
    try:
        changed = candidate_source(source, search, configuration)
    except BadOverride as error:
        return error
    try:
        validated(changed)
    except StudyError as error:
        line = source.line(("search", "space", path)) or NO_LINE
        return error if error.line == line else None
    return None

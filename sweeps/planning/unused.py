"""Finished results that a plan does not use because a setting is another: which one, and how many."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from after_ray.annotation import CORPUS
from after_ray.errors import DamagedStore
from after_ray.stages import FirstRoundStage
from after_ray.store import Record
from after_ray.store.ledger import Ledger
from after_ray.wording import counted
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Trajectory

MOST_READ = 500  # records of other studies; in a larger store the counts are those of a part of it
MOST_TOLD = 3  # ways in which results differ, those of most results
SHOWN = 60  # characters of a value
DIGITS = 12  # of a digest

Leaves = dict[str, Any]


@dataclass(frozen=True)
class Other:
    """A setting of finished results, and what a plan asks for in its place."""

    setting: str
    theirs: str
    here: str

    def __str__(self) -> str:
        """`classifier.regularization 1, here 0.5`."""
        return f"{self.setting} {self.theirs}, here {self.here}"


@dataclass(frozen=True)
class Unused:
    """Finished rounds that differ from what a plan asks for by these settings.

    `trajectories`: those of the plan that begin anew where these results could have been. `complete`: whether
    all records of the store were looked at.
    """

    others: tuple[Other, ...]
    results: int
    trajectories: int
    complete: bool

    def sentence(self) -> str:
        """What a person is told."""
        least = "" if self.complete else "at least "
        have = counted(self.results, "finished result has", "finished results have")
        which = "; ".join(map(str, self.others))
        none = "it is not used" if self.results == 1 else "none of them is used"
        begin = "begins" if self.trajectories == 1 else "begin"
        anew = counted(self.trajectories, "trajectory", "trajectories")
        return f"{least}{have} {which}: {none}, {anew} {begin} anew"


def unused(plan: Plan, done: Collection[str], ledger: Ledger) -> list[Unused]:
    """What is finished of the same corpus, fold, seed and methods as round 0s that a plan misses.

    Every such result is compared with the missing round 0 that it differs from least. Results of other
    corpora, methods, seeds or folds are those of another study, and nothing is said of them.
    """
    missing: dict[object, list[Trajectory]] = defaultdict(list)
    for key, trajectory in {t.first.key: t for t in plan.trajectories}.items():
        if key not in done:
            missing[_place(trajectory.first.meaning())].append(trajectory)
    if not missing:
        return []
    others = sorted(set(done) - plan.keys)
    # `store check` names damaged ones; a plan that does not ask for them has no need of them.
    read = ledger.readable(others[:MOST_READ])
    rounds = {key: record for key, record in read.items() if record.kind == "round"}
    compare = _Comparison(missing, ledger)
    found: dict[tuple[Other, ...], tuple[set[str], int]] = {}
    for record in rounds.values():
        first = _first(record, rounds)
        told = None if first is None else compare.nearest(first)
        if told is not None:
            differs, begun = told
            keys, count = found.get(differs, (set(), 0))
            found[differs] = (keys | {begun}, count + 1)
    complete = len(others) <= MOST_READ
    most = sorted(found.items(), key=lambda one: -one[1][1])[:MOST_TOLD]
    return [
        Unused(differs, count, sum(t.first.key in keys for t in plan.trajectories), complete)
        for differs, (keys, count) in most
    ]


def _first(record: Record, rounds: Mapping[str, Record]) -> Record | None:
    """Round 0 of a round's chain; None where it is not among those that were read."""
    current: Record | None = record
    while current is not None and "previous" in current.meaning:
        current = rounds.get(current.meaning["previous"])
    return current


def _place(meaning: Mapping[str, Any]) -> object:
    """What two round 0s must share if a setting is to be what tells them apart."""
    fold = meaning["fold"]
    backbone = json.dumps(meaning["backbone"], sort_keys=True)
    names = (_name(meaning["classifier"]), _name(meaning["initialization"]))
    return (
        meaning["audio"],
        fold.get("index", 0),
        meaning["seed"],
        names,
        backbone,
        meaning["adapted"] is None,
    )


def _name(settings: Mapping[str, Any]) -> str:
    return str(settings.get("name", ""))


class _Comparison:
    """Compares round 0s of a store with those that a plan misses."""

    def __init__(self, missing: Mapping[object, list[Trajectory]], ledger: Ledger) -> None:
        self._missing, self._ledger = missing, ledger
        self._known: dict[str, tuple[tuple[Other, ...], str] | None] = {}

    def nearest(self, first: Record) -> tuple[tuple[Other, ...], str] | None:
        """By what a finished round 0 differs from the nearest missing one, and the key of that one."""
        if first.key not in self._known:
            self._known[first.key] = self._nearest(first)
        return self._known[first.key]

    def _nearest(self, first: Record) -> tuple[tuple[Other, ...], str] | None:
        candidates = self._missing.get(_place(first.meaning), ())
        told = [(self._others(first, one), one.first.key) for one in candidates]
        return min(told, key=lambda one: len(one[0]), default=None)

    def _others(self, record: Record, trajectory: Trajectory) -> tuple[Other, ...]:
        theirs, here = self._of_record(record), _of_stage(trajectory.first)
        differs = [
            Other(name, _shown(theirs.get(name)), _shown(here.get(name)))
            for name in dict.fromkeys([*here, *theirs])
            if theirs.get(name) != here.get(name)
        ]
        size, percent = int(record.meaning["size"]), trajectory.percents[0]
        if size != trajectory.first.size:
            train = int(record.measures.get("train") or 0)
            differs.append(
                Other("a round 0 of", _share(size, train), f"a schedule that begins at {percent:g} %")
            )
        return tuple(differs) or (Other("the code of", "an earlier version", "this one"),)

    def _of_record(self, record: Record) -> Leaves:
        adapted = record.meaning["adapted"]
        adaptation = None
        if adapted is not None:
            with suppress(DamagedStore):  # of another study, perhaps: nobody asks for it here
                found = self._ledger.find(adapted)
                adaptation = None if found is None else found.meaning
        return _leaves_of(record.meaning, adaptation)


def _of_stage(first: FirstRoundStage) -> Leaves:
    adapted = first.adapted
    return _leaves_of(first.meaning(), None if adapted is None else adapted.meaning())


def _leaves_of(first: Mapping[str, Any], adapted: Mapping[str, Any] | None) -> Leaves:
    """The settings of a round 0 by their dotted path in a study file."""
    fold = first["fold"]
    adaptation = {} if adapted is None else dict(adapted["adaptation"])
    told = {
        "classifier": first["classifier"],
        "initialization": first["initialization"],
        "protocol": {
            "folds": fold.get("folds", {}),
            "validation": {**fold.get("validation", {}), "cap": first.get("validation_cap", "none")},
            "budget": "seconds" if "seconds" in first else "utterances",
        },
        "adaptation": adaptation,
        "annotation": first.get("annotation", CORPUS.meaning()),
        "label_noise": first.get("label_noise", 0.0),
    }
    if "source" in first:  # of a classifier of one's own
        told[f"the source of {_name(first['classifier'])}"] = first["source"][:DIGITS]
    return dict(_leaves(told, ""))


def _leaves(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}", inner


def _shown(value: Any) -> str:
    """A setting that is not there is at its default, or of a kind of settings that the other one has not."""
    if value is None:
        return "unset"
    text = (
        f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    )
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _share(size: int, train: int) -> str:
    """Of the train part; folds differ by a few utterances, and are told alike."""
    percent = 100 * size / train if train else 0
    return (
        f"about {percent:.2g} %"
        if 0 < percent < 1
        else f"about {percent:.0f} %"
        if percent
        else f"{size} utterances"
    )

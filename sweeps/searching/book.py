"""The book of a search: which candidates were drawn, and how each stands by the store's records and notes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from after_ray.errors import AfterRayError, DamagedRecord
from after_ray.store import Failure, Record, Store, digest
from after_ray.store.places import Place
from after_ray.store.pruned import PrunedNotes
from sweeps.planning.opening import OpenStudy
from sweeps.searching.candidates import Candidate, Expander
from sweeps.study.search.space import Configuration, label_of

SEARCHES = "searches"  # folder of a store
Name = Literal["finished", "pruned", "failed", "missing"]


@dataclass(frozen=True)
class State:
    """How a candidate stands: its scores at the rungs that it passed, and why it failed.

    `barred`: refused, or failed so often that it is not run again unasked.
    """

    name: Name
    scores: tuple[float, ...] = ()
    sentence: str = ""
    barred: bool = False

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to run."""
        return self.name in ("finished", "pruned") or self.barred


@dataclass
class Book:
    """All candidates of one search.

    The configurations are in files of their own below `drawn`, one per candidate, so that a search that was
    killed goes on with those that it had drawn; all else is in the ledger. `place`: what people read.
    """

    store: Store
    study: str
    place: Place
    drawn: str  # folder of `place`
    expander: Expander
    candidates: list[Candidate] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)

    @classmethod
    def open(cls, opened: OpenStudy) -> Book:
        """The book of a study's search, with all that was drawn before from the same space.

        Raises:
            AfterRayError: when the corpus does not have the folds that candidates are compared on.
        """
        expander = Expander(opened)
        _ = expander.rungs  # what cannot be compared is refused before anything is drawn
        search = expander.search
        drawn_from = {
            "space": {path: each.model_dump(mode="json") for path, each in search.space.items()},
            "algorithm": search.algorithm,
            "sampling_seed": search.sampling_seed,
        }
        drawn = f"drawn/{digest('search', 1, drawn_from)}"
        book = cls(opened.store, opened.study.study, search_place(opened), drawn, expander)
        for number, configuration in book._read():
            book._enter(number, configuration)
        book.look_again()
        return book

    @property
    def pruned(self) -> PrunedNotes:
        """What this search stopped; another, or one with other rules, judges for itself."""
        search = self.expander.search
        rules = {"scheduler": search.scheduler, "reduction": search.reduction, "grace": search.grace}
        judge = {"drawn": f"{SEARCHES}/{self.study}/{self.drawn}", **rules}
        return PrunedNotes(self.store.place, digest("pruned", 1, judge))

    def add(self, configuration: Configuration) -> Candidate:
        """The candidate of a configuration, written down before it runs.

        Where another launch draws from the same space at that moment, its candidates are taken in first, and
        one of the same configuration is what is returned.
        """
        data = (json.dumps({"configuration": configuration}, indent=1) + "\n").encode()
        while (known := self._of(label_of(configuration))) is None:
            number = max((one.number for one in self.candidates), default=0) + 1
            mine = self.place.create(self._name(number), data)
            self._enter(number, configuration if mine else self._drawn_in(self._name(number)))
        return known

    def _of(self, label: str) -> Candidate | None:
        return next((one for one in self.candidates if label_of(one.configuration) == label), None)

    def look(self, candidate: Candidate) -> State:
        """How a candidate stands now."""
        self.states[candidate.number] = self._state(candidate, self.store.ledger.failures())
        return self.states[candidate.number]

    def look_again(self) -> None:
        """Look at all candidates: notes of lost processes are written after their trials ended."""
        failures = self.store.ledger.failures()
        for candidate in self.candidates:
            self.states[candidate.number] = self._state(candidate, failures)

    def first_sentence(self) -> str:
        """Why the first candidate that failed did."""
        return next((state.sentence for state in self.states.values() if state.sentence), "none was tried.")

    @property
    def labels(self) -> set[str]:
        """The configurations that were drawn, as texts."""
        return {label_of(candidate.configuration) for candidate in self.candidates}

    @property
    def wanted(self) -> list[Candidate]:
        """The candidates that the study asks for: the first ones, if more were drawn before."""
        return self.candidates[: self.expander.search.candidates]

    def counts(self) -> dict[str, int]:
        """Candidates that are wanted, and how many of them are finished, pruned, failed and missing."""
        names = [self.states[candidate.number].name for candidate in self.wanted]
        each = {name: names.count(name) for name in ("finished", "pruned", "failed")}
        wanted = self.expander.search.candidates
        return {"candidates": wanted, **each, "missing": wanted - sum(each.values())}

    def best(self) -> Candidate | None:
        """The finished candidate of the highest validation UA, the first one where several have it."""
        finished = [one for one in self.wanted if self.states[one.number].name == "finished"]
        return max(finished, key=lambda one: self.values(one)[-1], default=None)

    def values(self, candidate: Candidate) -> tuple[float, ...]:
        """What a candidate was worth at each rung that it passed."""
        if isinstance(candidate.asks, str):
            return ()
        stage, scores = candidate.asks.stage, self.states[candidate.number].scores
        return tuple(stage.value(scores[: rung + 1]) for rung in range(len(scores)))

    def _enter(self, number: int, configuration: Configuration) -> None:
        """What is known of it is looked up before it runs."""
        candidate = self.expander.candidate(number, configuration)
        self.candidates.append(candidate)
        refused = isinstance(candidate.asks, str)
        self.states[number] = self._state(candidate, {}) if refused else State("missing")

    def _record(self, key: str) -> Record | None:
        """A damaged one counts as none: whoever finishes the candidate again sets it aside."""
        try:
            return self.store.find(key)
        except DamagedRecord:
            return None

    def _state(self, candidate: Candidate, failures: Mapping[str, Failure]) -> State:
        if isinstance(candidate.asks, str):
            return State("failed", sentence=candidate.asks, barred=True)
        key = candidate.asks.stage.key
        record = self._record(key)
        if record is not None:
            return State("finished", tuple(record.details["scores"]))
        pruned = self.pruned.find(key, among=self.expander.search.candidates)
        if pruned is not None:
            return State("pruned", pruned.scores)
        failure = failures.get(key)
        if failure is not None:
            return State("failed", sentence=failure.sentence, barred=failure.quarantined)
        return State("missing")

    def _read(self) -> Iterator[tuple[int, Configuration]]:
        names = self.place.json_files(self.drawn)
        for name, drawn in zip(names, self.place.ask_each(self._drawn_in, names), strict=True):
            yield self._number_of(name), drawn

    def _name(self, number: int) -> str:
        return f"{self.drawn}/{number:06d}.json"

    def _number_of(self, name: str) -> int:
        try:
            return int(name.rpartition("/")[2].removesuffix(".json"))
        except ValueError as error:
            raise DamagedCandidate(self.place.told(name), error) from error

    def _drawn_in(self, name: str) -> Configuration:
        try:
            return dict(json.loads(self.place.read(name))["configuration"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedCandidate(self.place.told(name), error) from error


class DamagedCandidate(AfterRayError):
    """A file among the drawn candidates that is none."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(
            f"{path} is no candidate of a search ({error}); remove it and run the same command again."
        )


def search_place(opened: OpenStudy) -> Place:
    """Where a search keeps what it drew, its lease, and what people read."""
    return opened.store.place.below(f"{SEARCHES}/{opened.study.study}")

"""What the candidates of a search will take: some are drawn, and stand for all that are missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from after_ray.stages import ancestors
from after_ray.wording import counted, duration
from sweeps.cost.estimate import HOUR, Basis, Estimate, estimate
from sweeps.cost.startup import Startup
from sweeps.scheduling.schedule import TINY, Capacity
from sweeps.searching.book import Book
from sweeps.searching.candidates import Candidate, Expanded
from sweeps.study.declaration import Resources
from sweeps.study.search.space import Choice, Configuration, Parameter, label_of

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy

DRAWN = 8  # candidates that stand for all
TRIES = 3 * DRAWN  # a space may hold configurations that are refused, or few different ones


@dataclass(frozen=True)
class SearchCost:
    """The candidates of one search that are left.

    Attributes:
        study: whose search it is.
        candidates: that are neither finished, pruned nor given up.
        each: seconds of those that were looked at, up to their last rung.
        shared: seconds of what is missing and that several of them need, such as features or one of few
            adaptations: it is computed once.
        pruned: whether a scheduler stops some of them earlier.
        resources, concurrent: what one takes, and how many may run at once if that is limited.
        basis, startup: as of an estimate.
    """

    study: str
    candidates: int
    each: tuple[float, ...]
    shared: float
    pruned: bool
    resources: Resources
    concurrent: int | None
    basis: Basis
    startup: Startup

    @property
    def seconds(self) -> float:
        """Of trials."""
        return self.shared + self.candidates * mean(self.each)

    def wall_seconds(self, capacity: Capacity) -> float | None:
        """From the launch of the search to the end of its last candidate; None where none fits."""
        slots = min(self._fitting(capacity), self.concurrent or self.candidates, self.candidates)
        if slots == 0:
            return None
        turns = math.ceil(self.candidates / slots)
        return self.startup.seconds + self.shared + turns * mean(self.each)

    def _fitting(self, capacity: Capacity) -> int:
        there = capacity.cpus / self.resources.cpu
        if self.resources.gpu:
            there = min(there, capacity.gpus / self.resources.gpu)
        return int(there + TINY)

    def sentence(self, capacity: Capacity) -> str:
        """What a person is told."""
        most = "at most " if self.pruned else ""
        earlier = " (a scheduler stops some of them earlier)" if self.pruned else ""
        wall = self.wall_seconds(capacity)
        where = f"{capacity.cpus:g} cores" + (f" and {capacity.gpus:g} GPUs" if capacity.gpus else "")
        ends = "no candidate fits" if wall is None else f"{most or 'about '}{duration(wall)}"
        return (
            f"search of {self.study}, not in these hours ({self.basis}): {most}{duration(self.seconds)} of "
            f"trials for {counted(self.candidates, 'candidate')}{earlier}, {ends} on {where}; "
            f"{len(self.each)} drawn at random stand for all"
        )


def search_costs(studies: Sequence[OpenStudy], assume: str = "A100") -> list[SearchCost | str]:
    """What is left of the search of each study that has one; a sentence where that cannot be told.

    Raises:
        UnknownName: for a GPU of which nothing is known.
    """
    found = (_cost(one, assume) for one in studies if one.study.search is not None)
    return [one for one in found if one is not None]


def _cost(opened: OpenStudy, assume: str) -> SearchCost | str | None:
    book = Book.open(opened)
    left = _left(book)
    if not left:
        return None
    expanded, refused = _samples(book)
    if not expanded:
        return (
            f"search of {opened.study.study}: what its candidates take is not in these hours and not known, "
            f"since none could be drawn: {refused}"
        )
    manifests = [scan.manifest for scan in opened.scans]
    done = opened.store.ledger.finished()
    plans = [one.plan for one in expanded]
    told = estimate(plans, manifests, opened.store, done, assume)
    search = book.expander.search
    parts = [frozenset(stage.key for stage in ancestors(one.stage)) - done for one in expanded]
    users = Counter(key for keys in parts for key in keys)
    shared = frozenset(key for key, count in users.items() if count > 1)
    return SearchCost(
        opened.study.study,
        left,
        tuple(_seconds(told, keys - shared) for keys in parts),
        _seconds(told, shared),
        search.scheduler != "none",
        book.expander.resources,
        search.concurrent,
        told.basis,
        told.startup,
    )


def _left(book: Book) -> int:
    settled = sum(book.states[one.number].settled for one in book.wanted)
    return book.expander.search.candidates - settled


def _samples(book: Book) -> tuple[list[Expanded], str]:
    """Different candidates, first those that are written down and did not run; why the last was refused."""
    settled = {label_of(one.configuration) for one in book.candidates if book.states[one.number].settled}
    open_ones = [one for one in book.wanted if not book.states[one.number].settled]
    found: dict[str, Expanded] = {}
    refused = f"of {TRIES} draws all were done before."
    for candidate in [*open_ones[:DRAWN], *_drawn(book)]:
        if len(found) == DRAWN:
            break
        if isinstance(candidate.asks, str):
            refused = candidate.asks
        elif label_of(candidate.configuration) not in settled:
            found.setdefault(label_of(candidate.configuration), candidate.asks)
    return list(found.values()), refused


def _drawn(book: Book) -> Iterator[Candidate]:
    """Candidates as a search draws them at random; they are written nowhere."""
    generator = np.random.default_rng(0)
    for number in range(TRIES):
        yield book.expander.candidate(number, configuration(book.expander.search.space, generator))


def configuration(space: Mapping[str, Parameter], generator: np.random.Generator) -> Configuration:
    """A configuration drawn from a space, each setting for itself.

    A search draws from Ray Tune's own domains (`Parameter.domain`); a plan imports no Ray.
    """
    return {path: _value(each, generator) for path, each in space.items()}


def _value(each: Parameter, generator: np.random.Generator) -> object:
    if isinstance(each, Choice):
        return each.values[int(generator.integers(len(each.values)))]
    bounds = (each.low, each.high + 1 if each.kind == "int" else each.high)
    low, above = (math.log(bound) for bound in bounds) if each.log else bounds
    drawn = generator.uniform(low, above)
    # Of whole numbers the fraction is cut off; rounding may have left the bounds by the last digit.
    return each.decoded(min(max(math.exp(drawn) if each.log else drawn, each.low), each.high))


def _seconds(told: Estimate, keys: Collection[str]) -> float:
    return sum(told.stages[key].seconds for key in keys if key in told.stages)


def hours_of(costs: Sequence[SearchCost | str]) -> dict[str, float]:
    """What `plan --json` prints: by study the hours of trials of its search."""
    return {one.study: one.seconds / HOUR for one in costs if isinstance(one, SearchCost)}

"""Votes of annotators as one cell of a table: `anger=2 neutral=1`, and as numbers for all of a corpus."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import AfterRayError

FORM = "class=count, with counts of 1 to 999999 and a blank between, as in 'anger=2 neutral=1'"
Named = tuple[str, ...]
# A name ends at the last '=' before a count: it may hold '=' and blanks, only not one after the other.
_VOTE = re.compile(r"(?P<name>\S.*?)=(?P<count>[1-9][0-9]{0,5})(?:\s+|$)", re.DOTALL)
_UNTELLABLE = re.compile(r"=.*\s|[,/]", re.DOTALL)
_ASKED = re.compile(r"(?<=\S)\s+/\s*(?P<asked>[1-9][0-9]{0,6})$")


@dataclass(frozen=True)
class Ballots:
    """What the annotators of one utterance named.

    Attributes:
        named: by the classes that an annotator named (sorted; mostly one) how many annotators did.
        asked: how many annotators there were, also those who named nothing that is used.
    """

    named: Mapping[Named, int]
    asked: int

    @classmethod
    def of_counts(cls, counts: Mapping[str, int]) -> Ballots:
        """Of annotators who named one class each; a class without a vote is none."""
        return cls({(name,): count for name, count in counts.items() if count}, sum(counts.values()))

    @classmethod
    def of_annotators(cls, annotators: Iterable[Iterable[str]]) -> Ballots:
        """Of what each annotator named."""
        each = [tuple(sorted(set(named))) for named in annotators]
        return cls(Counter(named for named in each if named), len(each))

    def __bool__(self) -> bool:
        """Whether anybody has a vote."""
        return bool(self.named)

    @property
    def voters(self) -> int:
        """How many annotators have a vote."""
        return sum(self.named.values())

    @property
    def classes(self) -> set[str]:
        """All classes that somebody named."""
        return {name for names in self.named for name in names}

    def mapped(self, classes: Mapping[str, str]) -> Ballots:
        """With names for labels, those that have none left out; as many annotators were asked."""
        named: Counter[Named] = Counter()
        for labels, count in self.named.items():
            if names := {classes[label] for label in labels if label in classes}:
                named[tuple(sorted(names))] += count
        return Ballots(named, self.asked)

    def counts(self) -> dict[str, float]:
        """Votes by class: each annotator has one, in equal parts for the classes that they named."""
        exact: dict[str, Fraction] = {}
        for names, count in self.named.items():
            for name in names:
                exact[name] = exact.get(name, Fraction(0)) + Fraction(count, len(names))
        return {name: float(votes) for name, votes in exact.items()}  # equal votes are equal floats


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes for every utterance of a corpus.

    Attributes:
        ballots: of each utterance, class indices that an annotator named, and how many annotators did.
        asked: how many annotators there were, shape (n,); 0 where there are no votes.
        counts: votes per class, shape (n, classes), each row summing to its annotators with a vote.
    """

    ballots: tuple[tuple[tuple[tuple[int, ...], int], ...], ...]
    asked: NDArray[np.int64]
    counts: NDArray[np.float64]

    @classmethod
    def of(cls, ballots: Sequence[Ballots], classes: Sequence[str]) -> Votes:
        """Of every utterance's ballots, and the classes that they name, in their order."""
        position = {name: index for index, name in enumerate(classes)}
        indexed: dict[int, tuple[tuple[tuple[int, ...], int], ...]] = {}
        counts = np.zeros((len(ballots), len(classes)))
        for row, each in enumerate(ballots):
            if id(each) not in indexed:  # a corpus has few cells that differ
                pairs = ((tuple(position[name] for name in names), n) for names, n in each.named.items())
                indexed[id(each)] = tuple(sorted(pairs))
            for name, votes in each.counts().items():
                counts[row, position[name]] = votes
        asked = np.array([each.asked for each in ballots], dtype=np.int64)
        return cls(tuple(indexed[id(each)] for each in ballots), asked, counts)


@lru_cache(maxsize=4096)
def read_votes(cell: str) -> Ballots:
    """What annotators named; an empty cell says that nobody named anything.

    `anger=2 sad=1`: three annotators with a vote each. `anger=1 anger,sad=1 / 3`: three, of whom one named
    both and one nothing that is used. Without the number of annotators asked, they are those with a vote.

    Raises:
        ValueError: saying what is wrong, when the cell is not of this form or has the same classes twice.
    """
    text = cell.strip()
    said = _ASKED.search(text)
    text = text if said is None else text[: said.start()]
    named: dict[Named, int] = {}
    place = 0
    while place < len(text):
        match = _VOTE.match(text, place)
        names = () if match is None else tuple(sorted(set(match["name"].split(","))))
        if match is None or any(_untellable(name) for name in names):
            raise ValueError(f"'{text[place:]}' does not begin with class=count")
        if names in named:
            raise ValueError(f"{','.join(names)} is there twice")
        named[names] = int(match["count"])
        place = match.end()
    voters = sum(named.values())
    asked = voters if said is None else int(said["asked"])
    if asked < voters:
        raise ValueError(f"{voters} annotators have a vote, and {asked} were asked")
    return Ballots(named, asked)


def write_votes(ballots: Ballots) -> str:
    """The cell that `read_votes` reads: sorted by class; empty where nobody has a vote.

    Raises:
        AfterRayError: for a class that could not be told from two.
    """
    wrong = next((name for name in sorted(ballots.classes) if _untellable(name)), None)
    if wrong is not None:
        raise AfterRayError(
            f"The class '{wrong}' has a blank after a '=', a ',' or a '/', so votes for it cannot be "
            "written; allowed are names without. Name it differently in 'labels'."
        )
    cells = " ".join(f"{','.join(names)}={count}" for names, count in sorted(ballots.named.items()))
    return f"{cells} / {ballots.asked}" if cells and ballots.asked > ballots.voters else cells


def _untellable(name: str) -> bool:
    return not name or name[0].isspace() or _UNTELLABLE.search(name) is not None

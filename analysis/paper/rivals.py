"""Who is compared with whom in the paper's main comparison: AFTER, its baselines, the rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.families import Family, percent_text
from analysis.paper.board import Board, Point, Trained, ratio_text
from analysis.paper.numbers import Entry


class Unchosen(NamedTuple):
    """A row that is lacking: validation had `settings` to choose from, and could not."""

    name: str
    settings: int
    reason: str


@dataclass(frozen=True)
class Rivals:
    """The rows of one corpus.

    Attributes:
        baselines: fully supervised models, those of AFTER's own training apart.
        bounds: AFTER's own training with all labels: an upper bound, no baseline.
        random: the reference strategy at AFTER's ratio.
        candidates: AFTER.
        chosen: AFTER with the setting that validation chooses, where that is asked for.
        unchosen: names of those of which validation could not choose, and why.
    """

    baselines: tuple[Entry, ...]
    bounds: tuple[Entry, ...]
    random: tuple[Entry, ...]
    candidates: tuple[Entry, ...]
    chosen: tuple[Entry, ...] = ()
    unchosen: tuple[Unchosen, ...] = ()

    def against(self, candidate: Entry) -> list[Entry]:
        """The baselines of a candidate; where no model is adapted, the others with all labels are so too."""
        assert candidate.point is not None
        own = candidate.point.trained
        if own.adapted:
            return list(self.baselines)
        others = [*self.baselines, *self.bounds]
        return [entry for entry in others if entry.point is not None and entry.point.trained != own]


def rivals(board: Board, corpus: str) -> Rivals:
    """The rows of a corpus, from the axes of the study.

    AFTER is what was adapted without labels; in a study without adaptation every model that learns actively
    stands for it, and its row says by its strategy and initialization what it is.
    """
    trained = [one for one in board.trained if one.corpus == corpus]
    after = [one for one in trained if one.adapted] or [one for one in trained if board.learned(one)]
    bounds = [entry for one in after if (entry := _full(board, one))]
    baselines = [entry for one in trained if one not in after and (entry := _full(board, one))]
    pairs = [(_random(board, one), _candidate(board, one)) for one in after]
    return Rivals(
        tuple(baselines),
        tuple(bounds),
        tuple(random for random, _ in pairs if random is not None),
        tuple(candidate for _, candidate in pairs if candidate is not None),
        *_by_validation(board, after),
    )


def is_after(board: Board, family: Family) -> bool:
    """Whether a family is the paper's method by its axes."""
    return (
        Point(family, 0).trained.adapted
        and family.strategy == board.choice.strategy
        and family.initialization == board.choice.initialization
    )


def names_of(entries: Sequence[Entry]) -> str:
    """Their names in one enumeration."""
    return ", ".join(entry.name for entry in entries)


def _full(board: Board, trained: Trained) -> Entry | None:
    point = board.full(trained)
    return (
        None if point is None else Entry(f"{board.training_name(trained)} {ratio_text(point.percent)}", point)
    )


def _random(board: Board, trained: Trained) -> Entry | None:
    """The reference strategy, where it is another than AFTER's."""
    if board.strategy(trained) == board.study.reference:
        return None
    point = board.few(board.curve(trained, board.study.reference))
    return None if point is None else Entry(_learned_name(board, point), point)


def _candidate(board: Board, trained: Trained) -> Entry | None:
    point = board.few(board.curve(trained, board.strategy(trained)))
    if point is None:
        return None
    if is_after(board, point.family) and board.tuned(trained.method):
        return Entry(f"{_who(board, trained)} {ratio_text(point.percent)}", point)
    return Entry(_learned_name(board, point), point)


def _by_validation(board: Board, after: Sequence[Trained]) -> tuple[tuple[Entry, ...], tuple[Unchosen, ...]]:
    entries, lacking = [], []
    for one in after:
        found = board.chosen(one)
        if found is None:
            continue
        who = _who(board, one) if one.adapted else board.training_name(one)
        name = f"{who}, chosen by validation (up to {percent_text(board.choice.percent)})"
        if found.point is None:
            lacking.append(Unchosen(name, found.settings, found.reason))
        else:
            entries.append(Entry(name, found.point))
    return tuple(entries), tuple(lacking)


def _who(board: Board, trained: Trained) -> str:
    """AFTER, with the name of its training where several stand for it."""
    several = len({(one.method, one.adaptation) for one in board.trained if one.adapted}) > 1
    return f"AFTER, {board.training_name(trained)}" if several else "AFTER"


def _learned_name(board: Board, point: Point) -> str:
    family = point.family
    return (
        f"{board.training_name(point.trained)}, {family.strategy}, {family.initialization} init. "
        f"{ratio_text(point.percent)}"
    )

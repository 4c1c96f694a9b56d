"""Table 3: methods against each other, with daggers where AFTER is better than every baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis._rendering import Cell
from analysis.paper.board import ALL, Board, Point
from analysis.paper.layout import Group, Head, PaperTable, Row
from analysis.paper.numbers import (
    DAGGER,
    Entry,
    best,
    line,
    missing_note,
    published_cell,
    published_note,
    score_cell,
    score_notes,
)
from analysis.paper.published import published
from analysis.paper.rivals import Rivals, is_after, names_of, rivals
from analysis.significance import Dagger, claim, daggers
from analysis.tables import METRICS, Metric

Place = tuple[Point, Metric]
_UNDER_TRAINING = "no pretrained weights: AFTER against baselines is not testable here"


@dataclass(frozen=True)
class _Rows:
    """Entries of all corpora by the name of their row, in groups."""

    full: tuple[str, ...]
    few: tuple[str, ...]
    points: Mapping[tuple[str, str], Point]  # by name of the row and corpus

    def entry(self, name: str, corpus: str) -> Entry:
        return Entry(name, self.points.get((name, corpus)))


def table3(board: Board) -> PaperTable | None:
    """Baselines with all labels, upper bounds, the reference and AFTER with few, per corpus.

    None where a study has nothing but one row.
    """
    of_corpora = {corpus: rivals(board, corpus) for corpus in board.corpora}
    rows = _rows(of_corpora)
    if len({*rows.full, *rows.few}) < 2 or not rows.few:
        return None
    shown = _daggers(board, of_corpora)
    printed = {
        corpus
        for (_, corpus), point in rows.points.items()
        if published().number(board, "table3", point, "ua") is not None
    }
    points = list(rows.points.values())
    return PaperTable(
        "table3",
        "Methods: few labels against all labels.",
        _heads(board, printed),
        tuple(
            Group(tuple(_row(board, rows, name, shown, printed) for name in names))
            for names in (rows.full, rows.few)
            if names
        ),
        (
            *score_notes(board, points),
            "Best of a column bold.",
            *_by_validation(board, of_corpora),
            *_notes(board, of_corpora, shown),
            *published_note(bool(printed)),
            *missing_note(list(_missing(board, of_corpora))),
        ),
        pd.DataFrame(_lines(board, rows, shown)),
    )


def table3_comparisons(board: Board) -> pd.DataFrame:
    """Every candidate against every baseline: difference, intervals, p of both tests, uncorrected."""
    rows = []
    for corpus in board.corpora:
        found = rivals(board, corpus)
        for candidate in (*found.candidates, *found.chosen):
            for baseline in found.against(candidate):
                rows += [_comparison(board, candidate, baseline, metric) for metric in METRICS]
    return pd.DataFrame(rows)


def _rows(of_corpora: Mapping[str, Rivals]) -> _Rows:
    points: dict[tuple[str, str], Point] = {}
    full: dict[str, None] = {}
    few: dict[str, None] = {}
    for part, names in (
        ("baselines", full),
        ("bounds", full),
        ("random", few),
        ("candidates", few),
        ("chosen", few),
    ):
        for corpus, found in of_corpora.items():
            for entry in getattr(found, part):
                names[entry.name] = None
                points[entry.name, corpus] = entry.point
    return _Rows(tuple(full), tuple(few), points)


def _daggers(board: Board, of_corpora: Mapping[str, Rivals]) -> dict[Place, Dagger]:
    """One intersection-union claim per candidate, corpus and metric; Holm over all of them."""
    places: list[Place] = []
    evidence = []
    for found in of_corpora.values():
        for candidate in (*found.candidates, *found.chosen):
            for metric in METRICS:
                assert candidate.point is not None
                places.append((candidate.point, metric))
                evidence.append(
                    [
                        board.evidence(candidate.point, baseline.point, metric)
                        for baseline in found.against(candidate)
                        if baseline.point is not None
                    ]
                )
    if _untestable(board):
        return {place: Dagger(None, reason=_UNDER_TRAINING) for place in places}
    return dict(zip(places, daggers(evidence), strict=True))


def _untestable(board: Board) -> bool:
    """Whether AFTER stands on random weights here: then it may not be compared with baselines."""
    return board.study.weights_are == "random"


def _heads(board: Board, printed: set[str]) -> tuple[tuple[Head, ...], ...]:
    below = {
        corpus: ["UA", "paper", "WA", "paper"] if corpus in printed else ["UA", "WA"]
        for corpus in board.corpora
    }
    return (
        (Head(""), *(Head(corpus, len(columns)) for corpus, columns in below.items())),
        (Head("method"), *(Head(name) for columns in below.values() for name in columns)),
    )


def _row(board: Board, rows: _Rows, name: str, shown: Mapping[Place, Dagger], printed: set[str]) -> Row:
    cells = [Cell(name)]
    for corpus in board.corpora:
        point = rows.points.get((name, corpus))
        for metric in METRICS:
            column = [one for (_, of), one in rows.points.items() if of == corpus]
            dagger = None if point is None else shown.get((point, metric))
            mark = DAGGER if dagger is not None and dagger.shown else ""
            score = board.score(point, metric)
            cells.append(score_cell(board, score, point in best(board, column, metric), mark))
            if corpus in printed:
                cells.append(published_cell(score, published().number(board, "table3", point, metric)))
    return tuple(cells)


def _notes(board: Board, of_corpora: Mapping[str, Rivals], shown: Mapping[Place, Dagger]) -> Iterator[str]:
    if any(dagger.shown is not None for dagger in shown.values()):
        against = dict.fromkeys(
            names_of(found.against(candidate))
            for found in of_corpora.values()
            for candidate in found.candidates
        )
        yield (
            f"{DAGGER} better than every baseline ({'; '.join(filter(None, against))}): the crossed "
            "folds × seeds test and Nadeau-Bengio on fold means both below .05, Holm over the "
            f"{len(shown)} daggers of this table."
        )
    yield from dict.fromkeys(
        f"No {DAGGER} tested for {point.family.corpus}: {dagger.reason}."
        for (point, _), dagger in shown.items()
        if dagger.shown is None
    )
    trajectories = [
        entry.name
        for found in of_corpora.values()
        for entry in (*found.baselines, *found.bounds)
        if entry.point is not None and not entry.point.single_shot
    ]
    if trajectories:
        yield (
            f"All labels at the end of a trajectory, not at once: {', '.join(dict.fromkeys(trajectories))}."
        )


def _by_validation(board: Board, of_corpora: Mapping[str, Rivals]) -> Iterator[str]:
    """What was chosen in which row, or why nothing was."""
    for corpus, found in of_corpora.items():
        for entry in found.chosen:
            assert entry.point is not None
            chosen = board.chosen(entry.point.trained)
            assert chosen is not None
            yield (
                f"{entry.name}, {corpus}: every fold takes of {chosen.settings} settings the one with the "
                f"highest UA on its own validation part, mean over seeds: {chosen.told}."
            )
        for name, _, reason in found.unchosen:
            yield f"No row {name} for {corpus}: {reason}."


def _missing(board: Board, of_corpora: Mapping[str, Rivals]) -> Iterator[str]:
    """What the paper's table has and no corpus of the study."""
    candidates = [entry.point for found in of_corpora.values() for entry in found.candidates if entry.point]
    if not any(is_after(board, point.family) for point in candidates):
        choice = board.choice
        yield f"AFTER itself (TAPT, {choice.strategy}, {choice.initialization} initialization)"
    if all(point.percent != board.choice.percent for point in candidates):
        yield f"{board.choice.percent:g} % as a reported ratio"
    if not any(found.baselines for found in of_corpora.values()):
        yield "baselines with all labels"
    if not any(found.bounds for found in of_corpora.values()):
        yield f"AFTER's own training at {ALL:g} % (the upper bound)"
    if not any(found.random for found in of_corpora.values()):
        yield f"{board.study.reference} at the same ratio"


def _lines(board: Board, rows: _Rows, shown: Mapping[Place, Dagger]) -> Iterator[dict[str, Any]]:
    for corpus in board.corpora:
        for name in (*rows.full, *rows.few):
            entry = rows.entry(name, corpus)
            if entry.point is None:
                continue
            for metric in METRICS:
                values = line(board, "table3", entry, metric)
                dagger = shown.get((entry.point, metric))
                yield values if dagger is None else values | _of_dagger(dagger)


def _of_dagger(dagger: Dagger) -> dict[str, Any]:
    return {
        "dagger": dagger.shown,
        "p_quasi_f": dagger.p_crossed,
        "p_nadeau_bengio": dagger.p_corrected,
        "p_quasi_f_holm": dagger.crossed_holm,
        "p_nadeau_bengio_holm": dagger.corrected_holm,
        "reason": dagger.reason,
    }


def _comparison(board: Board, one: Entry, other: Entry, metric: Metric) -> dict[str, Any]:
    assert one.point is not None
    assert other.point is not None
    found = claim([board.evidence(one.point, other.point, metric)])[0]
    row: dict[str, Any] = {
        "corpus": one.point.family.corpus,
        "candidate": one.name,
        "baseline": other.name,
        "metric": metric,
        "reason": found.reason,
    }
    for name, outcome in (("quasi_f", found.crossed), ("nadeau_bengio", found.corrected)):
        if outcome is not None:
            low, high = outcome.interval or (None, None)
            row |= {"difference": outcome.estimate, f"{name}.p": outcome.p}
            row |= {f"{name}.low": low, f"{name}.high": high, f"{name}.df": outcome.df}
    return row | {"detectable": found.detectable}

"""Table 1: the corpora, as the study's manifests have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis._rendering import NOTHING, Cell
from analysis.paper.board import Board
from analysis.paper.layout import Group, Head, PaperTable, Row
from analysis.paper.published import published

Counts = Mapping[str, int]


def table1(board: Board) -> PaperTable | None:
    """Utterances per class and corpus, members of a merged corpus one by one; None where none are known."""
    known = {name: board.study.corpus(name).counts for name in board.corpora}
    known = {name: counts for name, counts in known.items() if counts}
    if not known:
        return None
    classes = sorted({emotion for counts in known.values() for of in counts.values() for emotion in of})
    papers = {name for name in known if published().comparable(board, name)}
    groups = tuple(_group(name, counts, classes, name in papers) for name, counts in known.items())
    if not papers:
        groups = tuple(Group(tuple(row[:-1] for row in group.rows), group.title) for group in groups)
    heads = ("corpus", *classes, "utterances", "ratio", *(["paper"] if papers else []))
    return PaperTable(
        "table1",
        "Corpora: utterances of each class.",
        (tuple(map(Head, heads)),),
        groups,
        (
            f"Ratio: {' : '.join(classes)}, the rarest class being 1.",
            *(["Paper: utterances of all labels of a corpus."] if papers else []),
        ),
        pd.DataFrame([line for name, counts in known.items() for line in _lines(name, counts)]),
    )


def _group(name: str, members: Mapping[str, Counts], classes: list[str], papers: bool) -> Group:
    rows = [_row(member, counts, classes, papers) for member, counts in members.items()]
    if len(members) == 1:
        return Group(tuple(rows))
    return Group((*rows, _row(f"{name}, together", _together(members), classes, papers, name)))


def _row(name: str, counts: Counts, classes: list[str], papers: bool, called: str = "") -> Row:
    own = [counts.get(emotion, 0) for emotion in classes]
    title = published().alias.get(called, called) or name
    printed = published().utterances.get(title) if papers else None
    return (
        Cell(name),
        *(Cell(str(count), value=count) for count in own),
        Cell(str(sum(own)), value=sum(own)),
        Cell(_ratio(own)),
        Cell(NOTHING if printed is None else str(printed), value=printed),
    )


def _ratio(counts: list[int]) -> str:
    least = min((count for count in counts if count), default=0)
    return " : ".join(f"{count / least:.1f}" if count else "0" for count in counts) if least else NOTHING


def _together(members: Mapping[str, Counts]) -> Counts:
    classes = {emotion for counts in members.values() for emotion in counts}
    return {emotion: sum(counts.get(emotion, 0) for counts in members.values()) for emotion in classes}


def _lines(name: str, members: Mapping[str, Counts]) -> Iterator[dict[str, Any]]:
    for member, counts in members.items():
        for emotion, count in counts.items():
            yield {"corpus": name, "member": member, "class": emotion, "utterances": count}

"""Which copy of a corpus the results were made from: in words, and the warnings about it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.study import UNKNOWN, Copy, StudyInfo

SHOWN = 5
_WORDS = {
    "official": "official",
    "none": "no official release",
    "converted": "converted: another rate or codec",
    "altered": "ALTERED",
    UNKNOWN: "not recorded",
}


def levels(cells: pd.DataFrame) -> dict[str, int]:
    """How many cells come from a copy of each level, best level first; older records count as unknown."""
    counts = cells["conformity"].fillna(UNKNOWN).value_counts()
    known = [level for level in _WORDS if level in counts.index]
    return {level: int(counts[level]) for level in known}


def copy_in_words(cells: pd.DataFrame, copy: Copy) -> str:
    """What the cells of one corpus were made from; `copy` is the one that is read now."""
    return " and ".join(_recorded(level, copy) for level in levels(cells))


def copy_warnings(frame: pd.DataFrame, study: StudyInfo) -> list[str]:
    """Sentences about altered copies, then about corpora whose cells come from unlike copies."""
    by_corpus = [(str(name), cells) for name, cells in frame.groupby("corpus", sort=False)]
    return [
        *(text for name, cells in by_corpus for text in _altered(name, cells, study.corpus(name).copy)),
        *(text for name, cells in by_corpus for text in _mixed(name, cells)),
    ]


def differences_in_words(copy: Copy) -> str:
    """The first clauses; those of a member of a merged corpus begin with its name."""
    clauses = list(_clauses(copy))
    more = [f"and {len(clauses) - SHOWN} more differences"] if len(clauses) > SHOWN else []
    return "; ".join([*clauses[:SHOWN], *more])


def _recorded(level: str, copy: Copy) -> str:
    """A level of the records in words; only a copy of that level can say more about it."""
    if level == UNKNOWN and copy.level != UNKNOWN:
        return f"{_WORDS[UNKNOWN]} (read now: {_in_words(copy)})"
    return _in_words(copy) if level == copy.level else _in_words(Copy(level))


def _in_words(copy: Copy) -> str:
    if copy.members:
        return ", ".join(f"{name} ({_in_words(member)})" for name, member in copy.members.items())
    differences = differences_in_words(copy)
    if not differences:
        return _WORDS[copy.level]
    return f"{_WORDS[copy.level].partition(':')[0]}: {differences}"


def _clauses(copy: Copy) -> Iterator[str]:
    if not copy.members:
        yield from copy.differences
    for name, member in copy.members.items():
        yield from (f"{name}: {clause}" for clause in _clauses(member))


def _altered(corpus: str, cells: pd.DataFrame, copy: Copy) -> Iterator[str]:
    found = levels(cells)
    # What makes a copy altered is in its digest, hence in the keys: an older record of it is of it too.
    count = found.get("altered", 0) + (found.get(UNKNOWN, 0) if copy.level == "altered" else 0)
    if not count:
        return
    differences = differences_in_words(copy) or "in what way is not known"
    yield (
        f"Results of {corpus} are of an ALTERED copy and not of the official release ({_cells(count)}): "
        f"{differences}."
    )


def _mixed(corpus: str, cells: pd.DataFrame) -> Iterator[str]:
    found = levels(cells)
    if len(found) > 1:
        counts = ", ".join(f"{level} in {_cells(count)}" for level, count in found.items())
        yield f"Results of {corpus} come from copies of different levels ({counts}): compare them with care."


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"

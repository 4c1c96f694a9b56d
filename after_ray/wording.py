"""Parts of sentences that more than one of them has."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence


def printable(text: str) -> str:
    """A text as it can be shown and written: bytes that are no UTF-8 and control characters as escapes."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in decoded)


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 utterance`, `2 utterances`; `plural` is for nouns that take more than an s."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """`under 1 s`, `90 s`, `12 min`, `3.4 h`: as exact as a person wants to know it."""
    if 0 < seconds < 1:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """`512 B`, `3.4 kB`, `1.2 GB`: powers of ten."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} B" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} GB"


def first_of(items: Sequence[str], most: int = 5, between: str = ",", noun: str = "") -> str:
    """`a, b and 3 more`, or between semicolons `a; b; and 3 more differences`."""
    shown, left = f"{between} ".join(items[:most]), len(items) - most
    link = "" if between == "," else between
    return f"{shown}{link} and {left} more{noun}" if left > 0 else shown


def with_hints(unknown: Sequence[str], known: Collection[str]) -> str:
    """Unknown names, the first five of them, each with the nearest known one."""
    shown = []
    for name in unknown[:5]:
        close = difflib.get_close_matches(name, known, n=1)
        shown.append(f"'{name}'" + (f" (did you mean '{close[0]}'?)" if close else ""))
    return first_of([*shown, *unknown[5:]])

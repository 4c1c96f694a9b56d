"""Errors that build their own sentence: what was wrong, the value, what is allowed, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path


class AfterRayError(Exception):
    """Base of every error a user can cause or mend; its text is one sentence for the command line."""


class UnknownName(AfterRayError):
    """A name that no registry or settings model knows."""

    def __init__(self, kind: str, name: str, allowed: Iterable[str], where: str = "") -> None:
        names = sorted(allowed)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        place = f" ({where})" if where else ""
        super().__init__(f"Unknown {kind} '{name}'{place}; allowed: {', '.join(names)}.{hint}")


class BadValue(AfterRayError):
    """A value outside what is allowed."""

    def __init__(self, what: str, value: object, allowed: str, where: str = "") -> None:
        place = f" ({where})" if where else ""
        super().__init__(f"Bad {what}: {value!r}{place}; allowed: {allowed}.")


class MissingCorpus(AfterRayError):
    """The folder of a corpus is not there or holds none of its files."""

    def __init__(self, corpus: str, root: Path, expected: str) -> None:
        super().__init__(
            f"Corpus '{corpus}' was not found in {root}; expected {expected} below it. "
            "Check the study's corpus root (a relative root is relative to the study file)."
        )


class UnusableAudio(AfterRayError):
    """Audio files that cannot be used and that the study does not allow to skip."""

    def __init__(self, corpus: str, problems: Sequence[tuple[str, str]]) -> None:
        shown = "; ".join(f"{path}: {reason}" for path, reason in problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        super().__init__(
            f"Corpus '{corpus}' has {len(problems)} unusable audio file(s): {shown}{more}. "
            "Mend them, or set 'unusable: skip' in the study's corpus block to leave them out."
        )


class TooFewUtterances(AfterRayError):
    """A pool or training set smaller than what a round asks for."""

    def __init__(self, what: str, available: int, requested: int) -> None:
        super().__init__(f"{what}: {available} utterances available, {requested} requested.")


class DamagedStore(AfterRayError):
    """A stored file that is missing or whose digest is wrong."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Stored file {path} cannot be used: {reason}. "
            "Remove the record that names it (the error above says which key) and run the study again."
        )

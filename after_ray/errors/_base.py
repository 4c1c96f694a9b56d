"""What every error of after-ray is, and those that any part may raise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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


class IdleSetting(AfterRayError):
    """A setting that is written and that nothing would read."""

    def __init__(self, what: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(f"'{what}' is {value!r}, but {reason}, which does not read it. {remedy}.")

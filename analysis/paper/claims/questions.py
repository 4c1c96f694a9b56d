"""A claim asked of one part of a study: its members, all of which have to hold, or why it cannot be asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from analysis._rendering import points
from analysis.paper.claims.declared import PaperClaim
from analysis.significance import Evidence


@dataclass(frozen=True)
class Scale:
    """How a tested number, which is positive where a claim holds, is shown to people.

    Attributes:
        shown: from the tested number to the estimand; falling ones turn intervals round.
        text: of a shown number.
        step: text of a difference of tested numbers that could have been found.
    """

    shown: Callable[[float], float]
    text: Callable[[float], str]
    step: Callable[[float], str]


POINTS = Scale(lambda x: x, lambda x: f"{points(x)} points", lambda x: f"{100 * x:.1f} points")


def log_ratio(largest: float) -> Scale:
    """Of log(largest) minus the logarithm of a ratio."""
    return Scale(
        lambda x: largest * math.exp(-x),
        lambda x: f"ratio {x:.2f}",
        lambda x: f"a factor of {math.exp(x):.2f}",
    )


def below(margin: float) -> Scale:
    """Of a margin minus a difference of shares."""
    return Scale(lambda x: margin - x, POINTS.text, POINTS.step)


def above(bar: float) -> Scale:
    """Of a share minus the least that it should be."""
    return Scale(lambda x: bar + x, lambda x: f"{x:.3f}", lambda x: f"{x:.3f}")


@dataclass(frozen=True)
class Member:
    """One comparison of a claim, positive where it holds.

    Attributes:
        smallest: the least difference that would matter.
        tests: both primary ones, or only that over folds where there are no seeds to cross them with.
    """

    label: str
    evidence: Evidence
    smallest: float
    scale: Scale = POINTS
    tests: Literal["both", "folds"] = "both"


@dataclass(frozen=True)
class Question:
    """A claim and where it is asked; without members it is not testable, for the `reason`.

    `coverage`: which comparisons at which ratios stand for its "every".
    """

    claim: PaperClaim
    where: str
    members: tuple[Member, ...] = ()
    reason: str = ""
    coverage: str = ""


def refused(claim: PaperClaim, where: str, reason: str) -> Question:
    """A question that the study was meant to answer and cannot: it still counts in its family."""
    return Question(claim, where, (Member("", Evidence(None, reason=reason), 0.0),))

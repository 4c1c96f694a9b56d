"""Votes of annotators as one cell of a table: `anger=2 neutral=1`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from after_ray.errors import AfterRayError

FORM = "class=count, with counts of 1 to 999999 and a blank between, as in 'anger=2 neutral=1'"
# A name ends at the last '=' before a count: it may hold '=' and blanks, only not one after the other.
_VOTE = re.compile(r"(?P<name>\S.*?)=(?P<count>[1-9][0-9]{0,5})(?:\s+|$)", re.DOTALL)
_UNTELLABLE = re.compile(r"=.*\s", re.DOTALL)


def read_votes(cell: str) -> dict[str, int]:
    """How many voted for each class; an empty cell says that nobody did.

    Raises:
        ValueError: saying what is wrong, when the cell is not of this form or names a class twice.
    """
    votes: dict[str, int] = {}
    text = cell.strip()
    place = 0
    while place < len(text):
        match = _VOTE.match(text, place)
        if match is None or _UNTELLABLE.search(match["name"]):
            raise ValueError(f"'{text[place:]}' does not begin with class=count")
        if match["name"] in votes:
            raise ValueError(f"{match['name']} is there twice")
        votes[match["name"]] = int(match["count"])
        place = match.end()
    return votes


def write_votes(votes: Mapping[str, int]) -> str:
    """The cell that `read_votes` reads: sorted by class, without classes that have no vote.

    Raises:
        AfterRayError: for a class that could not be told from two.
    """
    wrong = next((name for name in votes if _UNTELLABLE.search(name)), None)
    if wrong is not None:
        raise AfterRayError(
            f"The class '{wrong}' has a blank after a '=', so votes for it cannot be written; allowed: one "
            "of the two. Name it differently in 'labels'."
        )
    return " ".join(f"{name}={count}" for name, count in sorted(votes.items()) if count)

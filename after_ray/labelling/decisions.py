"""What becomes of the answers about one utterance: a class, votes, or nothing that could be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from after_ray.labelling.answers import Answer
from after_ray.votes import Ballots, write_votes

By = Literal["majority", "soft"]


@dataclass(frozen=True)
class Decision:
    """What an utterance counts as.

    Attributes:
        emotion: its class; empty where nobody could tell it.
        votes: those for a class, as one cell.
        abstained: how many annotators have heard what nobody could tell; else 0, as the votes say all.
    """

    emotion: str
    votes: str
    abstained: int = 0

    @property
    def left(self) -> bool:
        """Whether nobody could tell it."""
        return not self.emotion


@dataclass(frozen=True)
class Undecided:
    """An utterance that waits: for how many more annotators, and whether those who answered disagree."""

    missing: int
    tied: bool = False


def decide(answers: Sequence[Answer], per_clip: int, by: By) -> Decision | Undecided:
    """What the answers about one utterance come to.

    Args:
        answers: one of each annotator, in the order in which they were given.
        per_clip: how many annotators are asked.
        by: `majority`: the class that most say; where several are said as often, one more annotator is asked.
            `soft`: the shares of all votes; the class is then the one that most say, of several the first by
            name, as of the votes of a corpus.
    """
    if len(answers) < per_clip:
        return Undecided(per_clip - len(answers))
    named = [answer.label for answer in answers if answer.label is not None]
    if not named:
        return Decision("", "", len(answers))
    counts = Counter(sorted(named))
    most = max(counts.values())
    leading = [label for label, count in counts.items() if count == most]
    if len(leading) > 1 and by == "majority":
        return Undecided(1, tied=True)
    ballots = Ballots({(label,): n for label, n in counts.items()}, len(answers))
    return Decision(leading[0], write_votes(ballots))

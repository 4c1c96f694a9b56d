"""The votes of a corpus' annotators, as a scan shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from after_ray.manifest import VOTES, Manifest
from after_ray.votes import read_votes
from after_ray.wording import counted, first_of

MOST_COUNTS = 20  # different numbers of votes that are listed


def votes_in_words(manifest: Manifest) -> Iterator[str]:
    """How many utterances have how many votes, and how far these agree; nothing where there are none.

    The agreement of an utterance is the share of its votes that are for the class with most of them.
    """
    pairs = zip(manifest.table[VOTES], manifest.table["emotion"], strict=True)
    judged = [(ballots, emotion) for cell, emotion in pairs if (ballots := read_votes(cell))]
    if not judged:
        return
    totals = Counter(ballots.voters for ballots, _ in judged)
    each = [f"{counted(count, 'utterance')} with {total}" for total, count in sorted(totals.items())]
    counts = [ballots.counts() for ballots, _ in judged]
    agreement = sum(
        max(votes.values()) / ballots.voters for votes, (ballots, _) in zip(counts, judged, strict=True)
    ) / len(judged)
    yield f"votes: {first_of(each, MOST_COUNTS)}; mean agreement {agreement:.1%}"
    asked, voted = (sum(getattr(ballots, of) for ballots, _ in judged) for of in ("asked", "voters"))
    if asked > voted:
        yield f"votes: {asked - voted} of {asked} annotators named nothing that is used"
    others = sum(
        votes.get(emotion, 0) < max(votes.values())
        for votes, (_, emotion) in zip(counts, judged, strict=True)
    )
    if others:
        have = counted(others, "utterance has", "utterances have")
        yield f"votes: {have} more votes for another class than for its own"

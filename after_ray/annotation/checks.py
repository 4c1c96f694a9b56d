"""Whether a corpus has the votes that its annotation reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from after_ray.annotation.settings import AnnotationSettings
from after_ray.errors import NoVotes
from after_ray.votes import Votes


def check_votes(
    settings: AnnotationSettings,
    votes: Votes | None,
    sources: NDArray[np.object_],
    train: NDArray[np.int64],
    remedy_of: Callable[[str], str],
) -> None:
    """Refuse an annotation by votes where utterances that may be acquired have none.

    Args:
        settings: the annotation.
        votes: those of every manifest row, or None.
        sources: the corpus of every manifest row, shape (n,).
        train: manifest rows of the train part.
        remedy_of: what to do so that the votes of a corpus, by its name, are read.

    Raises:
        NoVotes: for the first corpus with such utterances.
    """
    if not settings.of_votes:
        return
    lacking = train if votes is None else train[votes.counts[train].sum(axis=1) == 0]
    if not len(lacking):
        return
    corpus = str(sources[lacking[0]])
    of_corpus = sources == corpus
    count, total = int(of_corpus[lacking].sum()), int(of_corpus[train].sum())
    raise NoVotes(settings.title, corpus, count, total, remedy_of(corpus))

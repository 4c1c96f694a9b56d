"""Whether a corpus has the votes that its annotation reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from after_ray.annotation.settings import AnnotationSettings
from after_ray.errors import NoVotes

# By corpus what to do so that its votes are read; others are users' tables.
REMEDIES: Mapping[str, str] = {
    "cremad": "Set 'votes: voice' in its block of the study",
    "iemocap": "Set 'votes: evaluators' in its block of the study",
    **dict.fromkeys(
        ("emodb", "emovdb", "ravdess", "savee", "shemo", "synthetic"),
        "No votes of it are published; take another corpus, or 'label_noise', which needs none",
    ),
}
OF_A_TABLE = "Fill the column 'votes' of its table in every row"


def check_votes(
    settings: AnnotationSettings,
    votes: NDArray[np.int64] | None,
    sources: NDArray[np.object_],
    train: NDArray[np.int64],
) -> None:
    """Refuse an annotation by votes where utterances that may be acquired have none.

    Args:
        settings: the annotation.
        votes: counts per class, shape (n, classes), or None.
        sources: the corpus of every manifest row, shape (n,).
        train: manifest rows of the train part.

    Raises:
        NoVotes: for the first corpus with such utterances.
    """
    if not settings.of_votes:
        return
    lacking = train if votes is None else train[votes[train].sum(axis=1) == 0]
    if not len(lacking):
        return
    corpus = str(sources[lacking[0]])
    of_corpus = sources == corpus
    count, total = int(of_corpus[lacking].sum()), int(of_corpus[train].sum())
    raise NoVotes(settings.title, corpus, count, total, REMEDIES.get(corpus, OF_A_TABLE))

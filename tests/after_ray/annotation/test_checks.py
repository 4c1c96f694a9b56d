"""An annotation by votes is refused where an utterance that may be acquired has none."""

from __future__ import annotations

import numpy as np
import pytest

from after_ray.annotation import CORPUS, AnnotationSettings, check_votes
from after_ray.errors import NoVotes

SOFT = AnnotationSettings(name="soft")
SOURCES = np.array(["cremad", "cremad", "mine", "emodb", "iemocap"], dtype=object)
VOTES = np.array([[1, 2], [0, 0], [0, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ([0, 1], "1 of 2 train utterances of corpus 'cremad' have none; .* Set 'votes: voice'"),
        ([0, 2], "1 of 1 train utterances of corpus 'mine' have none; .* Fill the column 'votes'"),
        ([3], "corpus 'emodb' have none; .* No votes of it are published"),
        ([4], "corpus 'iemocap' have none; .* Set 'votes: evaluators'"),
    ],
)
def test_the_corpus_and_what_to_do_are_named(train: list[int], told: str) -> None:
    with pytest.raises(NoVotes, match=told) as refused:
        check_votes(SOFT, VOTES, SOURCES, np.array(train))
    assert "allowed is 'annotation: corpus'" in str(refused.value)
    assert str(refused.value).startswith("The annotation soft reads the votes")


def test_rows_outside_train_need_no_votes_and_the_corpus_own_label_needs_none_at_all() -> None:
    check_votes(SOFT, VOTES, SOURCES, np.array([0]))
    check_votes(CORPUS, None, SOURCES, np.arange(5))
    with pytest.raises(NoVotes, match="2 of 2"):
        check_votes(SOFT, None, SOURCES, np.array([0, 1]))

"""An annotation by votes is refused where an utterance that may be acquired has none."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from after_ray.annotation import CORPUS, AnnotationSettings, check_votes
from after_ray.corpora._settings import CsvSettings, MemberSettings, votes_remedy
from after_ray.errors import NoVotes
from after_ray.votes import Ballots, Votes

SOFT = AnnotationSettings(name="soft")
SOURCES = np.array(["cremad", "cremad", "mine", "emodb", "iemocap"], dtype=object)
VOTES = Votes.of([Ballots.of_counts({"a": 1, "b": 2}), *[Ballots({}, 0)] * 4], ("a", "b"))


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
        check_votes(SOFT, VOTES, SOURCES, np.array(train), votes_remedy)
    assert "allowed is 'annotation: corpus'" in str(refused.value)
    assert str(refused.value).startswith("The annotation soft reads the votes")


@pytest.mark.parametrize("settings", get_args(get_args(MemberSettings)[0]), ids=lambda one: one.__name__)
def test_every_corpus_says_what_to_do_about_its_votes(settings: type[MemberSettings]) -> None:
    remedy = votes_remedy(settings.model_fields["name"].default)
    assert remedy == settings.votes_remedy
    can_be_read = "votes" in settings.model_fields
    assert (("'votes: " in remedy) == can_be_read) or settings is CsvSettings
    if can_be_read:
        choice = remedy.partition("'votes: ")[2].partition("'")[0]
        assert choice in get_args(settings.model_fields["votes"].annotation)


def test_rows_outside_train_need_no_votes_and_the_corpus_own_label_needs_none_at_all() -> None:
    check_votes(SOFT, VOTES, SOURCES, np.array([0]), votes_remedy)
    check_votes(CORPUS, None, SOURCES, np.arange(5), votes_remedy)
    with pytest.raises(NoVotes, match="2 of 2"):
        check_votes(SOFT, None, SOURCES, np.array([0, 1]), votes_remedy)

"""The votes of a user's own CSV: in its own words, of every row or of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import AfterRayError, BadManifest
from tests.after_ray.corpora.test_csv import ROWS, refused, root, scanned

__all__ = ["root"]  # a fixture

FORM = (
    "Write class=count, with counts of 1 to 999999 and a blank between, as in 'anger=2 neutral=1'; a column "
    "that means something else needs another name."
)


def rows(*votes: str) -> list[str]:
    head, *others = ROWS
    return [f"{head},votes", *(f"{row},{cell}" for row, cell in zip(others, votes, strict=True))]


def test_votes_are_read_in_the_words_of_the_csv(root: Path) -> None:
    manifest = scanned(root, rows("anger=2 sad=1", "sad=3", "sad=2 anger=1", "anger=1")).manifest
    assert list(manifest.table["votes"]) == ["anger=2 sad=1", "sad=3", "anger=1 sad=2", "anger=1"]
    assert manifest.votes is not None
    assert manifest.votes.counts.tolist() == [[2, 1], [0, 3], [1, 2], [1, 0]]


def test_who_was_asked_and_who_named_several_can_be_said(root: Path) -> None:
    manifest = scanned(root, rows("anger=1 / 4", '"anger,sad=1 sad=1"', "sad=2", "anger=1")).manifest
    assert list(manifest.table["votes"]) == ["anger=1 / 4", "anger,sad=1 sad=1", "sad=2", "anger=1"]
    assert manifest.votes is not None
    assert manifest.votes.counts.tolist() == [[1, 0], [0.5, 1.5], [0, 2], [1, 0]]
    assert manifest.votes.asked.tolist() == [4, 2, 2, 1]


def test_a_column_of_empty_cells_is_a_csv_without_votes(root: Path) -> None:
    found, without = scanned(root, rows("", " ", "", "")), scanned(root)
    assert found.manifest.votes is None
    assert found.manifest.digest == without.manifest.digest
    assert (found.notes, found.ignored) == ((), {})


def test_an_empty_cell_among_votes_is_refused(root: Path) -> None:
    sentence = refused(root, rows("anger=2", "", "anger=1", ""))
    assert sentence.endswith("no votes in lines 3 and 5. Write them into every row, or into none.")


def test_votes_are_mapped_by_labels_and_those_left_out_are_not_counted(root: Path) -> None:
    labels = {"anger": "negative", "sad": "other", "cross": "negative", "odd": None}
    found = scanned(root, rows("anger=2 cross=1 odd=5", "sad=3", "odd=1 sad=1", "sad=1"), labels=labels)
    assert list(found.manifest.table["votes"]) == ["negative=3 / 8", "other=3", "other=1 / 2", "other=1"]
    assert found.notes == ()
    spare = scanned(root, rows("anger=2", "sad=3", "sad=1", "sad=1"), labels=labels)
    assert spare.notes == ("'labels' maps what no row has: cross, odd",)


def test_a_row_with_votes_only_for_what_is_left_out_is_left_out_and_counted(root: Path) -> None:
    labels = {"anger": "anger", "sad": "sad", "odd": None}
    found = scanned(root, rows("anger=2", "sad=3", "odd=4", "sad=1"), labels=labels)
    assert list(found.manifest.table["utterance"]) == ["mine/a", "mine/b", "mine/sub/d"]
    assert found.ignored == {"no vote for a used class": 1}
    assert found.unvoted == ("sub/c",)
    excluded = scanned(root, rows("anger=2", "sad=3", "odd=4", "sad=1"), labels=labels, exclude=["sub/c"])
    assert (excluded.unvoted, excluded.excluded) == ((), ("sub/c",))


@pytest.mark.parametrize("cell", ["anger", "anger=0", "3", "anger:2", "anger=1 anger=2"])
def test_what_is_no_vote_is_refused_by_its_line(root: Path, cell: str) -> None:
    sentence = refused(root, rows("anger=2", "sad=3", cell, "sad=1"))
    assert sentence.endswith(f"the votes cannot be read: '{cell}' in line 4. {FORM}")


def test_votes_for_an_unknown_emotion_are_refused_with_the_known_ones(root: Path) -> None:
    sentence = refused(root, rows("anger=2", "Sad=3", "anger=1", "sad=1"))
    assert sentence.endswith("votes for an unknown label: 'Sad=3' in line 3. Labels are anger, sad.")


def test_votes_for_a_label_that_is_not_mapped_are_refused(root: Path) -> None:
    labels = {"anger": "anger", "sad": "sad"}
    sentence = refused(root, rows("anger=2", "sad=3", "odd=1", "sad=1"), labels=labels)
    assert sentence.endswith(
        "'odd=1' in line 4. Labels are anger, sad; add it to 'labels', with null to leave it out."
    )


def test_votes_for_a_class_of_which_there_is_no_utterance_are_refused(root: Path) -> None:
    labels: dict[str, str | None] = {"anger": "anger", "sad": "sad", "odd": "strange"}
    told = rows("anger=2 odd=1", "sad=3", "anger=1", "sad=1")
    with pytest.raises(
        BadManifest, match=r"votes for strange, which no row has as emotion: 1 \(mine/a\); allowed"
    ) as refused:
        scanned(root, told, labels=labels)
    assert "Leave strange out of 'labels' (map what becomes it to null there, in a tab" in str(refused.value)
    found = scanned(root, told, labels=labels | {"odd": None})  # as it says
    assert next(iter(found.manifest.table["votes"])) == "anger=2 / 3"


def test_a_class_that_no_votes_can_be_written_for_is_refused(root: Path) -> None:
    labels = {"anger": "a=1 b", "sad": "sad"}
    with pytest.raises(AfterRayError, match="The class 'a=1 b' has a blank after a '='"):
        scanned(root, rows("anger=2", "sad=3", "anger=1", "sad=1"), labels=labels)

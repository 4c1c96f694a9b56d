"""Rounds that people label: what is asked, and answers that stand once a training has begun with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import DamagedStore
from after_ray.labelling import Asked, Clip, Decision, Frozen
from after_ray.store.places import Folder

CLIPS = (Clip("c/1", "a/1.wav", "train", 1.25), Clip("c/2", "a/2.wav", "test", 0.1 + 0.2))
SAD, ANGER, LEFT = Decision("sad", "sad=2 / 3"), Decision("anger", "anger=1"), Decision("", "", abstained=2)


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_a_round_asks_is_read_back_to_the_bit_and_in_its_order(place: Folder) -> None:
    assert Asked.read(place, 0) is None
    Asked(0, "key", CLIPS).write(place)
    Asked(1, "another", CLIPS[:1]).write(place)
    assert Asked.read(place, 0) == Asked(0, "key", CLIPS)
    assert Asked.read(place, 1) == Asked(1, "another", CLIPS[:1])


def test_a_round_that_chose_anew_asks_for_that_alone(place: Folder) -> None:
    Asked(0, "key", CLIPS).write(place)
    Asked(0, "other key", CLIPS[1:]).write(place)
    assert Asked.read(place, 0) == Asked(0, "other key", CLIPS[1:])


def test_frozen_answers_add_up_round_by_round(place: Folder) -> None:
    assert Frozen.read(place) == Frozen(0, {})
    first = Frozen.read(place).freeze(place, {"c/1": SAD, "c/2": LEFT})
    second = first.freeze(place, {"c/3": ANGER})
    assert Frozen.read(place) == second == Frozen(2, {"c/1": SAD, "c/2": LEFT, "c/3": ANGER})
    assert second.emotions == {"c/1": "sad", "c/3": "anger"}
    assert second.votes == {"c/1": "sad=2 / 3", "c/3": "anger=1"}
    assert second.left == {"c/2": 2}


def test_of_two_who_freeze_a_round_the_first_counts_for_both(place: Folder) -> None:
    one, other = Frozen.read(place), Frozen.read(place)
    stands = one.freeze(place, {"c/1": SAD})
    assert other.freeze(place, {"c/1": ANGER}) == stands == Frozen(1, {"c/1": SAD})


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"decisions": {"c/1": {"emotion": "sad"}}}'])
def test_damaged_frozen_answers_are_told_with_their_path(content: bytes, place: Folder) -> None:
    Frozen.read(place).freeze(place, {"c/1": SAD})
    (place.local / "rounds" / "0.json").write_bytes(content)
    with pytest.raises(DamagedStore, match=r"rounds/0\.json"):
        Frozen.read(place)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"round": 0, "key": "k", "clips": [{}]}'])
def test_a_damaged_question_is_told_with_its_path(content: bytes, place: Folder) -> None:
    Asked(0, "key", CLIPS).write(place)
    (place.local / "asked" / "0.json").write_bytes(content)
    with pytest.raises(DamagedStore, match=r"asked/0\.json"):
        Asked.read(place, 0)

"""The journal of answers: nothing that was said is lost, and the newest of each annotator counts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from after_ray.errors import DamagedStore
from after_ray.labelling import Answer, Journal
from after_ray.store.places import Folder, Place
from after_ray.store.places.bucket import Bucket


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Folder(tmp_path) if request.param == "folder" else Bucket("s3://memory", MemoryStore())


def labels(journal: Journal) -> dict[str, dict[str, str | None]]:
    standing = journal.standing()
    return {name: {who: one.label for who, one in said.items()} for name, said in standing.items()}


def test_answers_are_read_back_in_the_order_in_which_they_were_given(place: Place) -> None:
    journal = Journal(place)
    journal.add([Answer("c/1", "ann", "sad"), Answer("c/2", "ann", None)], "csv")
    journal.add([Answer("c/1", "bo", "anger")], "page")
    for reader in (journal, Journal(place)):
        said = reader.said()
        assert [(one.number, one.via) for one in said] == [(1, "csv"), (2, "page")]
        assert said[0].answers == (Answer("c/1", "ann", "sad"), Answer("c/2", "ann", None))
        assert said[0].at <= said[1].at
        assert labels(reader) == {"c/1": {"ann": "sad", "bo": "anger"}, "c/2": {"ann": None}}


def test_a_later_answer_of_an_annotator_counts_and_comes_later(place: Place) -> None:
    journal = Journal(place)
    journal.add([Answer("c/1", "ann", "sad")], "csv")
    journal.add([Answer("c/1", "bo", "anger")], "csv")
    journal.add([Answer("c/1", "ann", "happy")], "csv")
    assert list(labels(journal)["c/1"].items()) == [("bo", "anger"), ("ann", "happy")]


def test_a_withdrawn_answer_counts_no_more_until_another_is_given(place: Place) -> None:
    journal = Journal(place)
    journal.add([Answer("c/1", "ann", "sad"), Answer("c/1", "bo", "anger")], "page")
    journal.add([Answer("c/1", "ann", None, withdrawn=True)], "page")
    assert labels(Journal(place)) == {"c/1": {"bo": "anger"}}
    journal.add([Answer("c/1", "ann", "happy")], "page")
    assert labels(Journal(place)) == {"c/1": {"bo": "anger", "ann": "happy"}}


def test_what_another_process_wrote_meanwhile_is_read_and_written_behind(place: Place) -> None:
    one, other = Journal(place), Journal(place)
    assert (list(one.said()), list(other.said())) == ([], [])
    one.add([Answer("c/1", "ann", "sad")], "csv")
    assert other.add([Answer("c/1", "bo", "anger")], "page").number == 2
    assert labels(one) == labels(other) == {"c/1": {"ann": "sad", "bo": "anger"}}


def test_of_writers_at_once_none_loses_an_answer(place: Place) -> None:
    def write(who: str) -> None:
        journal = Journal(place)
        for number in range(20):
            journal.add([Answer(f"c/{number}", who, "sad")], "page")

    writers = [threading.Thread(target=write, args=(who,)) for who in ("ann", "bo", "cy")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    said = Journal(place).said()
    assert [one.number for one in said] == list(range(1, 61))
    assert labels(Journal(place)) == {f"c/{n}": dict.fromkeys(("ann", "bo", "cy"), "sad") for n in range(20)}
    for who in ("ann", "bo", "cy"):
        own = [one.answers[0].utterance for one in said if one.answers[0].annotator == who]
        assert own == [f"c/{n}" for n in range(20)], "an annotator's own order is lost"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"via": "csv", "at": 1}', b'{"via": "csv", "at": 1, "answers": [{}]}'],
)
def test_a_damaged_file_is_told_with_its_path_and_none_is_skipped(content: bytes, place: Place) -> None:
    journal = Journal(place)
    for label in ("sad", "anger"):
        journal.add([Answer("c/1", "ann", label)], "csv")
    place.write("answers/00000001.json", content)
    with pytest.raises(DamagedStore, match=r"00000001\.json.*its answers cannot be read"):
        Journal(place).standing()

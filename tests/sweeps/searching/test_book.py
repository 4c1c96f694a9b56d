"""The book of a search: what was drawn is remembered, and how it stands is read off the store alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import AfterRayError
from after_ray.store.ledger import QUARANTINE
from after_ray.store.pruned import Pruned
from sweeps.searching.retrying import forgive_failures
from tests.sweeps.searching.toy import STUDY, book, configuration, finish, opened


def test_pruned_candidates_are_counted_as_such_and_not_as_missing(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    best, stopped, refused = (
        drawn.add(configuration(1.0)),
        drawn.add(configuration(2.0)),
        drawn.add(configuration(2.0, "margn")),
    )
    finish(drawn.store, best, 0.5, 0.6, 0.7, 0.8)
    drawn.pruned.note(Pruned(str(stopped.key), (0.1,), 4))
    assert refused.key is None
    assert book(tmp_path).counts() == {
        "candidates": 4, "finished": 1, "pruned": 1, "failed": 1, "missing": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "stands"),
    [
        ((), "pruned"),
        (("search.candidates=6",), "pruned"),
        (("search.candidates=2",), "missing"),
        (("search.grace=2",), "missing"),
        (("search.scheduler=median",), "missing"),
        (("study=other",), "missing"),
    ],
)
def test_only_who_compares_a_candidate_with_no_more_takes_its_pruning_over(
    tmp_path: Path, overrides: tuple[str, ...], stands: str
) -> None:
    drawn = book(tmp_path)
    drawn.pruned.note(Pruned(str(drawn.add(configuration(1.0)).key), (0.1,), 4))
    other = book(tmp_path, STUDY, *overrides)
    assert other.look(other.add(configuration(1.0))).name == stands


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    stopped = drawn.add(configuration(2.0))
    drawn.pruned.note(Pruned(str(stopped.key), (0.1,), 4))
    (note,) = (drawn.store.root / "pruned").glob("*/*.json")
    for text in ("{", "[]", '{"key": "a"}', ""):
        note.write_text(text)
        assert drawn.look(stopped).name == "missing"


def test_a_record_counts_more_than_a_note(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    candidate = drawn.add(configuration(1.0))
    drawn.pruned.note(Pruned(str(candidate.key), (0.1,), 4))
    finish(drawn.store, candidate, 0.5, 0.6, 0.7, 0.8)
    assert drawn.look(candidate).name == "finished"


def test_the_best_is_the_finished_one_with_the_highest_value(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    scores = [(0.5, 0.5, 0.5, 0.5), (0.9, 0.9, 0.1, 0.2), (0.4, 0.8, 0.6, 0.5)]
    for number, each in enumerate(scores):
        finish(drawn.store, drawn.add(configuration(1.0 + number)), *each)
    stopped = drawn.add(configuration(9.0))
    drawn.pruned.note(Pruned(str(stopped.key), (0.99,), 4))
    drawn.look_again()
    best = drawn.best()
    assert best is not None
    assert best.number == 3, "a pruned one was never compared on all blocks"
    assert drawn.values(best) == pytest.approx((0.4, 0.6, 0.6, 0.575))


def test_a_failed_candidate_is_tried_again_until_it_failed_too_often(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    candidate = drawn.add(configuration(1.0))
    for attempt in range(1, QUARANTINE + 1):
        drawn.store.ledger.fail(str(candidate.key), "it diverged")
        state = drawn.look(candidate)
        assert (state.name, state.sentence) == ("failed", "it diverged")
        assert state.settled is (attempt == QUARANTINE)
    forgive_failures(opened(tmp_path))
    assert drawn.look(candidate).name == "missing"


def test_another_space_or_algorithm_has_candidates_of_its_own_that_share_what_they_mean(
    tmp_path: Path,
) -> None:
    drawn = book(tmp_path)
    candidate = drawn.add(configuration(1.0))
    finish(drawn.store, candidate, 0.5, 0.6, 0.7, 0.8)
    other = book(tmp_path, STUDY.replace("candidates: 4", "candidates: 9\n  sampling_seed: 1"))
    assert other.candidates == []
    assert other.look(other.add(configuration(1.0))).name == "finished"


def test_more_candidates_or_another_schedule_go_on_from_those_that_were_drawn(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    keys = [drawn.add(configuration(1.0)).key, drawn.add(configuration(2.0)).key]
    more = book(tmp_path, STUDY.replace("candidates: 4", "candidates: 40"))
    assert [one.key for one in more.candidates] == keys
    longer = book(tmp_path, STUDY.replace("[20, 40]\n", "[20, 60]\n"))
    assert [one.configuration for one in longer.candidates] == [one.configuration for one in drawn.candidates]
    assert not set(keys) & {one.key for one in longer.candidates}


def test_two_launches_that_draw_at_once_share_the_numbers_and_draw_nothing_twice(tmp_path: Path) -> None:
    one, other = book(tmp_path), book(tmp_path)
    one.add(configuration(1.0))
    one.add(configuration(2.0))
    other.add(configuration(3.0))
    assert other.add(configuration(2.0)).number == 2
    assert one.add(configuration(3.0)).number == 3
    all_three = [configuration(1.0), configuration(2.0), configuration(3.0)]
    for each in (one, other, book(tmp_path)):
        assert [candidate.configuration for candidate in each.candidates] == all_three
        assert [candidate.number for candidate in each.candidates] == [1, 2, 3]


def test_a_damaged_candidate_is_named(tmp_path: Path) -> None:
    drawn = book(tmp_path)
    drawn.add(configuration(1.0))
    (name,) = drawn.place.names(drawn.drawn)
    drawn.place.write(name, b"{")
    with pytest.raises(AfterRayError, match=r"000001\.json is no candidate of a search.*remove it"):
        book(tmp_path)

"""What each annotator is asked on the page, and what becomes of an answer."""

from __future__ import annotations

import pytest

from after_ray.errors import AfterRayError
from after_ray.labelling import Answer
from sweeps.labelling.going import freeze
from sweeps.labelling.opening import OpenLabelling
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.desk import Desk, NotWaiting
from tests.sweeps.labelling.conftest import went_on


def answer(desk, label="sad"):
    """Answer the clip that is shown; returns its utterance."""
    state = desk.state()
    desk.answer(state["clip"], state["utterance"], label)
    return state["utterance"]


def answer_all(desk):
    while desk.state()["clip"] is not None:
        answer(desk)


def test_an_answer_is_in_the_store_when_the_next_clip_is_shown(begin):
    begun = begin()
    desk = Desk(Batch(begun), "ann")
    before = desk.state()
    utterance = answer(desk, "anger")
    other = begin_again(begun)
    assert other.journal.standing() == {utterance: {"ann": Answer(utterance, "ann", "anger")}}
    after = desk.state()
    assert (before["answered"], after["answered"]) == (0, 1)
    assert after["clip"] == before["clip"] + 1


def begin_again(begun):
    """The same labelling as another process opens it."""
    return OpenLabelling.of(begun.store, None)


def test_who_cannot_tell_says_so(begin):
    begun = begin()
    utterance = answer(Desk(Batch(begun), "ann"), None)
    assert begun.journal.standing()[utterance]["ann"].label is None


def test_undo_brings_the_newest_clip_back_and_nothing_else(begin):
    desk = Desk(Batch(begin()), "ann")
    assert not desk.state()["undo"]
    first, second = answer(desk), answer(desk)
    desk.undo()
    assert desk.state()["utterance"] == second
    desk.undo()
    assert desk.state()["utterance"] == first
    with pytest.raises(NotWaiting, match="no answer to take back"):
        desk.undo()


def test_undo_takes_back_nothing_of_another_annotator(begin):
    batch = Batch(begin(annotators=2))
    ann, bob = Desk(batch, "ann"), Desk(batch, "bob")
    answer(ann)
    with pytest.raises(NotWaiting, match="no answer to take back"):
        bob.undo()


def test_a_clip_that_another_window_answered_is_told_with_its_answer(begin):
    desk = Desk(Batch(begin()), "ann")
    state = desk.state()
    answer(desk, "anger")
    with pytest.raises(NotWaiting, match="answered in another window: anger"):
        desk.answer(state["clip"], state["utterance"], "sad")
    assert desk.state()["answered"] == 1


@pytest.mark.parametrize(("number", "utterance"), [(-1, None), (99, None), (0, "calls/none"), (1, None)])
def test_what_is_not_asked_is_refused(begin, number, utterance):
    desk = Desk(Batch(begin()), "ann")
    with pytest.raises(NotWaiting, match="not asked for any more"):
        desk.answer(number, utterance or desk.state()["utterance"], "sad")
    assert desk.state()["answered"] == 0


def test_a_label_that_is_no_class_is_refused_with_the_classes(begin):
    desk = Desk(Batch(begin()), "ann")
    with pytest.raises(AfterRayError, match="'joy' is no class; allowed: anger, happy, neutral, sad"):
        answer(desk, "joy")
    assert desk.state()["answered"] == 0


def test_two_annotators_hear_every_clip_and_a_third_only_what_they_disagree_about(begin):
    batch = Batch(begin(annotators=2))
    ann, bob, eve = (Desk(batch, name) for name in ("ann", "bob", "eve"))
    answer_all(ann)
    assert not ann.state()["decided"]
    disputed = answer(bob, "anger")
    answer_all(bob)
    assert [desk.state()["clip"] for desk in (ann, bob)] == [None, None]
    assert eve.state()["utterance"] == disputed
    assert eve.state()["clips"] == 1
    answer(eve)
    assert eve.state()["decided"]


def test_a_clip_that_others_decided_takes_no_more_answers(begin):
    batch = Batch(begin(annotators=2))
    ann, bob, eve = (Desk(batch, name) for name in ("ann", "bob", "eve"))
    shown = eve.state()
    answer(ann)
    answer(bob)
    with pytest.raises(NotWaiting, match="Others have answered this clip"):
        eve.answer(shown["clip"], shown["utterance"], "anger")


def test_the_last_answer_can_be_taken_back_until_training_begins(begin):
    batch = Batch(begin())
    desk = Desk(batch, "ann")
    answer_all(desk)
    assert batch.decided
    desk.undo()
    assert not batch.close(), "training would begin without the clip that was taken back"
    answer_all(desk)
    assert batch.close()
    assert desk.state()["training"]
    with pytest.raises(NotWaiting):
        desk.undo()


def test_the_next_batch_follows_a_training(begin, recordings):
    begun = begin()
    batch = Batch(begun)
    desk = Desk(batch, "ann")
    while (state := desk.state())["clip"] is not None:
        answer(desk, recordings.emotion(state["utterance"]))
    assert batch.close()
    batch.goes_on_with(went_on(begun))
    state = desk.state()
    assert (state["round"], state["answered"], state["training"]) == (1, 0, False)
    assert state["clip"] == 0
    assert not state["undo"], "what was trained on is not taken back"


def test_a_desk_sees_that_another_command_has_gone_on(begin, recordings):
    begun = begin()
    desk = Desk(Batch(begun), "ann")
    stale = desk.state()
    other = Desk(Batch(begun), "ann")
    while (state := other.state())["clip"] is not None:
        answer(other, recordings.emotion(state["utterance"]))
    went_on(begun)
    with pytest.raises(NotWaiting):
        desk.answer(stale["clip"], stale["utterance"], "sad")
    assert desk.state()["round"] == 1


def test_a_desk_looks_on_while_another_command_trains_and_shows_what_that_chose(begin, recordings):
    begun = begin()
    desk = Desk(Batch(begun), "ann")
    begun.journal.add(recordings.answers(begun.stands().waiting, "bob"), "csv")
    assert freeze(begun, begun.stands())
    between = desk.state()
    assert (between["training"], between["clips"]) == (True, 0)
    went_on(begun)
    after = desk.state()
    assert (after["round"], after["training"], after["clip"]) == (1, False, 0)


def test_two_who_disagree_are_told_that_a_third_decides(begin):
    batch = Batch(begin(annotators=2))
    ann, bob = Desk(batch, "ann"), Desk(batch, "bob")
    answer_all(ann)
    answer(bob, "anger")
    assert bob.state()["tied"] == 1


def test_nothing_is_shown_to_be_answered_before_the_training_is_over(begin, recordings):
    """The next round is asked for while the launch that chose it still ends."""
    begun = begin()
    batch = Batch(begun)
    desk = Desk(batch, "ann")
    begun.journal.add(recordings.answers(begun.stands().waiting), "page")
    batch.look()
    assert batch.close()
    standing = went_on(begun)
    assert (desk.state()["clip"], desk.state()["training"]) == (None, True)
    batch.goes_on_with(standing)
    assert desk.state()["clip"] == 0

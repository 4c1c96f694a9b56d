"""Going on: what is answered is frozen and trained on, what is not waits, and a change under it is told."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from after_ray.acquisition import PoolEvidence
from after_ray.errors import AfterRayError
from after_ray.labelling import Answer, Asked, Clip, Frozen
from after_ray.learning.active import ActiveLearner
from after_ray.store import Store
from sweeps.labelling import going
from sweeps.labelling.going import ChoseAnew, NobodyCanTell, freeze
from sweeps.labelling.in_words import people_in_words, standing_in_words
from sweeps.labelling.opening import ChangedLabelling, OpenLabelling, WhichLabelling, the_labelling
from sweeps.labelling.starting import Wishes, start
from sweeps.launching.launch import Outcome
from sweeps.provenance.verify import Again, verify
from sweeps.running.studies import RunReport
from tests.sweeps.labelling.calls import CLASSES, bits_of, rounds_of, study_in
from tests.sweeps.labelling.conftest import Begin, Recordings, went_on


def say(opened: OpenLabelling, clips: Sequence[Clip], label: str | None, who: str = "ann") -> None:
    opened.journal.add([Answer(clip.utterance, who, label) for clip in clips], "page")


def never(*asked: Any) -> Any:
    pytest.fail("something was run")


def test_a_round_waits_for_its_last_clip_and_nothing_is_run_or_frozen_before(
    begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin()
    clips = opened.stands().waiting
    opened.journal.add(recordings.answers(clips[1:]), "page")
    with monkeypatch.context() as patch:
        patch.setattr(going, "run_studies", never)
        standing = went_on(opened)
    assert standing.waiting == clips[:1]
    assert Frozen.read(opened.place).rounds == 0
    opened.journal.add(recordings.answers(clips[:1]), "page")
    standing = went_on(opened)
    assert (standing.done, standing.frozen.rounds) == (1, 1)
    assert {clip.part for clip in standing.waiting} == {"train"}
    assert not {clip.utterance for clip in standing.waiting} & {clip.utterance for clip in clips}


def test_round_0_asks_for_what_it_chose_and_all_that_judges_it(begin: Begin) -> None:
    opened = begin(validation=3, test=4)
    asked = opened.stands().asked
    assert asked is not None
    parts = [clip.part for clip in asked.clips]
    assert (parts.count("validation"), parts.count("test")) == (3, 4)
    assert set(parts) == {"train", "validation", "test"}
    assert parts.count("train") == opened.trajectory.first.size
    assert all((opened.root / clip.path).is_file() for clip in asked.clips)
    assert all(0.2 < clip.seconds < 2 for clip in asked.clips)


def test_who_disagree_get_one_annotator_more_and_their_majority_is_trained_on(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin(annotators=2)
    clips = tuple(sorted(opened.stands().waiting, key=lambda clip: clip.part != "train"))
    opened.journal.add(recordings.answers(clips, "ann"), "page")
    assert {one.missing for one in opened.stands().undecided.values()} == {1}
    other = "sad" if recordings.emotion(clips[0].utterance) != "sad" else "anger"
    say(opened, clips[:1], other, "bo")
    opened.journal.add(recordings.answers(clips[1:], "bo"), "page")
    standing = went_on(opened)
    assert standing.waiting == clips[:1]
    (tie,) = standing.undecided.values()
    assert (tie.missing, tie.tied) == (1, True)
    assert "1 clip of them: annotators disagree, and one annotator more decides them" in " | ".join(
        standing_in_words(opened, standing)
    )
    say(opened, clips[:1], other, "cy")
    standing = went_on(opened)
    assert standing.done == 1
    assert standing.frozen.emotions[clips[0].utterance] == other
    (record,) = rounds_of(opened.store.root)
    assert record.measures["annotations"] == 2 * record.measures["labelled"] + 1


def test_shares_of_who_disagree_are_trained_on_where_they_are_asked_for(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin(annotators=2, soft=True)
    clips = opened.stands().waiting
    opened.journal.add(recordings.answers(clips, "ann"), "page")
    say(opened, clips, "sad", "bo")
    waiting = went_on(opened).waiting
    judging = {clip for clip in clips if clip.part != "train" and recordings.emotion(clip.utterance) != "sad"}
    assert set(waiting) == judging, "what judges a model has one class, so that a tie waits"
    say(opened, waiting, "sad", "eve")
    standing = went_on(opened)
    assert standing.done == 1, "a tie waits where shares need no majority"
    train = [clip.utterance for clip in clips if clip.part == "train"]
    name = next(name for name in train if recordings.emotion(name) == "anger")
    assert standing.frozen.votes[name] == "anger=1 sad=1"


def test_what_nobody_can_tell_is_left_and_the_next_round_asks_for_as_many_more(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin()
    clips = opened.stands().waiting
    train = [clip for clip in clips if clip.part == "train"]
    lost = [train[0], train[3], next(clip for clip in clips if clip.part == "test")]
    say(opened, lost, None)
    opened.journal.add(recordings.answers(tuple(clip for clip in clips if clip not in lost)), "page")
    standing = went_on(opened)
    (record,) = rounds_of(opened.store.root)
    assert record.measures["labelled"] == len(train) - 2
    assert sorted(record.details["left"]) == sorted(clip.utterance for clip in lost[:2])
    assert record.measures["test"] == sum(clip.part == "test" for clip in clips) - 1
    sizes = [stage.size for stage in opened.trajectory.stages]
    assert len(standing.waiting) == sizes[1] - (len(train) - 2)
    assert not set(standing.waiting) & set(clips)
    while not standing.finished:
        opened.journal.add(recordings.answers(standing.waiting), "page")
        standing = went_on(opened)
    labelled = [record.measures["labelled"] for record in rounds_of(opened.store.root)]
    assert labelled == [len(train) - 2, *sizes[1:]]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_part_of_which_nothing_could_be_told_is_refused_and_answers_may_still_change(
    part: str, begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin(validation=3, test=4)
    clips = opened.stands().waiting
    lost = tuple(clip for clip in clips if clip.part == part)
    opened.journal.add(recordings.answers(clips), "page")
    say(opened, lost, None)
    with monkeypatch.context() as patch:
        patch.setattr(going, "run_studies", never)
        with pytest.raises(NobodyCanTell, match=f"any of the {len(lost)} clips of the {part} part"):
            went_on(opened)
    assert Frozen.read(opened.place).rounds == 0
    opened.journal.add(recordings.answers(lost[:1]), "page")
    assert freeze(opened, opened.stands())


def test_answers_after_a_round_is_frozen_change_no_bit_of_it(
    begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = begin()
    clips = opened.stands().waiting
    opened.journal.add(recordings.answers(clips), "page")
    shutil.copytree(tmp_path / "store", tmp_path / "undisturbed")
    undisturbed = OpenLabelling.of(Store(str(tmp_path / "undisturbed")), None)
    went_on(undisturbed)

    run = going.run_studies

    def change_first(*asked: Any) -> Any:
        say(opened, clips, "sad")
        return run(*asked)

    monkeypatch.setattr(going, "run_studies", change_first)
    assert went_on(opened).done == 1
    (one,), (other,) = rounds_of(opened.store.root), rounds_of(undisturbed.store.root)
    assert bits_of(opened.store.root, one) == bits_of(undisturbed.store.root, other)


def test_a_process_killed_after_it_froze_is_gone_on_with_by_the_same_call(
    begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin()
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")

    def die(*asked: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(going, "run_studies", die)
        with pytest.raises(KeyboardInterrupt):
            went_on(opened)
    standing = opened.stands()
    assert (standing.frozen.rounds, standing.done, standing.asked) == (1, 0, None)
    assert "no clip is asked for yet" in standing_in_words(opened, standing)[-1]
    assert "'after-ray annotate next --study calls --store" in people_in_words(opened.opened)
    standing = went_on(opened)
    assert (standing.done, len(standing.waiting) > 0) == (1, True)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(1, failed={"key": "A file is broken."}), "A file is broken"),
        (Outcome(1, stopped="The node is gone."), "The node is gone"),
        (Outcome(1, unmet="No node has a GPU."), "No node has a GPU"),
        (Outcome(0, quarantined=1), "It failed too often before"),
        (Outcome(1), r"Round 0 is answered and was not trained: what it had chosen was lost"),
    ],
)
def test_what_could_not_be_trained_is_an_error(
    outcome: Outcome, told: str, begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin()
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")
    monkeypatch.setattr(going, "run_studies", lambda *asked: RunReport(outcome, ()))
    with pytest.raises(AfterRayError, match=told):
        went_on(opened)


def test_a_choice_that_was_lost_and_is_made_again_alike_disturbs_nobody(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin()
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")
    shutil.rmtree(opened.store.root / "checkpoints")
    assert went_on(opened).done == 1


def test_a_choice_that_was_lost_and_is_another_now_is_told(begin: Begin, recordings: Recordings) -> None:
    opened = begin()
    standing = opened.stands()
    assert standing.asked is not None
    train = [clip for clip in standing.waiting if clip.part == "train"]
    others = set(opened.opened.scans[0].manifest.table["utterance"]) - {
        clip.utterance for clip in standing.waiting
    }
    swapped = [
        Clip(others.pop(), clip.path, clip.part, clip.seconds) if clip == train[0] else clip
        for clip in standing.waiting
    ]
    Asked(0, standing.asked.key, tuple(swapped)).write(opened.place)  # as another machine chose
    opened.journal.add(recordings.answers(tuple(swapped)), "page")
    with pytest.raises(ChoseAnew, match="Round 0 is answered and was not trained"):
        went_on(opened)


def test_recordings_that_change_before_anything_is_trained_are_chosen_from_anew(
    tmp_path: Path, recordings: Recordings
) -> None:
    opened, folder = on_a_folder(tmp_path, recordings)
    before = opened.stands().asked
    assert before is not None
    add_a_recording(folder)
    again = OpenLabelling.of(opened.store, None)
    assert again.stands().asked is None
    after = went_on(again).asked
    assert after is not None
    assert after.key != before.key


def test_recordings_that_change_after_a_training_are_told_and_going_on_is_possible_without_the_change(
    tmp_path: Path, recordings: Recordings
) -> None:
    opened, folder = on_a_folder(tmp_path, recordings)
    say(opened, opened.stands().waiting, "sad")
    say(opened, opened.stands().asked.clips[::2], "anger")  # type: ignore[union-attr]
    went_on(opened)
    added = add_a_recording(folder)
    changed = OpenLabelling.of(opened.store, None)
    for ask in (changed.stands, lambda: went_on(changed), lambda: people_in_words(changed.opened)):
        with pytest.raises(ChangedLabelling, match=r"Round 0 of 'calls' was labelled for other recordings"):
            ask()
    added.unlink()
    assert len(OpenLabelling.of(opened.store, None).stands().waiting) > 0


def on_a_folder(tmp_path: Path, recordings: Recordings) -> tuple[OpenLabelling, Path]:
    shutil.copytree(recordings.folder / "speech", tmp_path / "speech")
    wishes = Wishes(tmp_path / "speech", tuple(CLASSES.split(",")), validation=3, test=4)
    opened = OpenLabelling(*start(study_in(tmp_path), (), wishes, Store(str(tmp_path / "store"))))
    went_on(opened)
    return opened, tmp_path / "speech"


def add_a_recording(folder: Path) -> Path:
    import soundfile

    samples, rate = soundfile.read(sorted((folder / "01").iterdir())[0])
    soundfile.write(folder / "01" / "new.wav", samples[::-1], rate)
    return folder / "01" / "new.wav"


def test_all_rounds_are_labelled_in_their_turn_and_the_last_asks_nothing(
    begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin()
    said: list[str] = []
    for number in range(3):
        standing = opened.stands()
        said.append(people_in_words(opened.opened))
        assert standing.asked is not None
        assert (standing.asked.round, standing.done, standing.finished) == (number, number, False)
        assert said[-1].startswith(
            f"round {number}: {len(standing.waiting)} clips wait for people; 'after-ray"
        )
        opened.journal.add(recordings.answers(standing.waiting), "page")
        went_on(opened)
    standing = opened.stands()
    assert (standing.finished, standing.asked, standing.waiting) == (True, None, ())
    assert people_in_words(opened.opened) == ""
    assert standing_in_words(opened, standing)[-1].startswith("all 3 rounds are labelled and trained")
    monkeypatch.setattr(going, "run_studies", never)
    assert went_on(opened).finished


def test_what_people_labelled_can_be_verified_from_what_was_frozen(
    begin: Begin, recordings: Recordings, tmp_path: Path
) -> None:
    opened = begin()
    lost = opened.stands().waiting[:1]
    for _ in range(3):
        waiting = opened.stands().waiting
        opened.journal.add(recordings.answers(waiting), "page")
        say(opened, [clip for clip in waiting if clip in lost], None)
        went_on(opened)
    say(opened, [Clip(next(iter(opened.stands().frozen.emotions)), "", "train", 1.0)], "sad", "late")
    compared = verify(Again(opened.store, tmp_path / "again"), [opened.trajectory])
    assert [one.stage.key for one in compared] == [stage.key for stage in opened.trajectory.stages]
    assert [one.wrong for one in compared] == [()] * 3
    assert {one.promise.name[:10] for one in compared} == {"equal bits"}


def test_of_several_labellings_the_one_of_a_study_is_opened(tmp_path: Path, recordings: Recordings) -> None:
    store = Store(str(tmp_path / "store"))
    with pytest.raises(
        WhichLabelling, match=r"No labelling has begun in .*; begin one: after-ray annotate start"
    ):
        the_labelling(store, None)
    wishes = Wishes(recordings.folder / "unknown.csv", tuple(CLASSES.split(",")))
    one, _ = start(study_in(tmp_path), (), wishes, store)
    assert the_labelling(store, None) == the_labelling(store, "calls") == one
    two, _ = start(study_in(tmp_path), ("study=more",), wishes, store)
    assert the_labelling(store, "more") == two
    with pytest.raises(
        WhichLabelling, match="has labellings of calls, more; say which one with --study NAME"
    ):
        the_labelling(store, None)
    with pytest.raises(WhichLabelling, match="has no labelling of 'x'; allowed: calls, more"):
        the_labelling(store, "x")


def test_an_answer_that_is_taken_back_while_a_round_is_frozen_freezes_nothing(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin()
    clips = opened.stands().waiting
    opened.journal.add(recordings.answers(clips), "page")
    standing = opened.stands()
    assert not standing.undecided
    opened.journal.add([Answer(clips[0].utterance, "ann", None, withdrawn=True)], "page")
    assert not freeze(opened, standing)
    assert Frozen.read(opened.place).rounds == 0
    assert went_on(opened).waiting == clips[:1]


def test_what_was_chosen_outlives_its_checkpoint(
    begin: Begin, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a training diverged, which clears it; scores of another machine would choose other clips."""
    opened = begin()
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")
    asked = went_on(opened).waiting
    shutil.rmtree(opened.store.root / "checkpoints")
    opened.journal.add(recordings.answers(asked), "page")
    keys = [stage.key for stage in opened.trajectory.stages]
    scored: list[str] = []
    evidence = ActiveLearner._evidence

    def noted(learner: ActiveLearner, *args: Any) -> PoolEvidence:
        scored.append("again")
        return evidence(learner, *args)

    monkeypatch.setattr(ActiveLearner, "_evidence", noted)
    assert went_on(opened).done == 2
    assert scored == ["again"], "round 2 is scored, and round 1 is not once more"
    acquired = opened.store.need(keys[1]).details["acquired"]
    assert set(acquired) == {clip.utterance for clip in asked}


def test_recordings_that_come_later_under_another_name_are_refused_before_anything_is_trained(
    begin: Begin, recordings: Recordings, tmp_path: Path
) -> None:
    opened = begin()
    folder = tmp_path / "recordings"
    shutil.copytree(recordings.folder, folder)
    rows = (folder / "unknown.csv").read_text().splitlines()
    copied = [row for row in rows[1:] if row.split(",")[1] == "01"]
    (folder / "speech" / "copy").mkdir()
    for number, row in enumerate(copied):
        shutil.copy(folder / row.split(",")[0], folder / "speech" / "copy" / f"{number}.wav")
    more = [f"speech/copy/{number}.wav,99,female" for number, _ in enumerate(copied)]
    (folder / "unknown.csv").write_text("\n".join([*rows, *more]) + "\n")
    study = opened.place.local / "study.yaml"
    study.write_text(study.read_text().replace(str(recordings.folder), str(folder)))
    later = OpenLabelling.of(opened.store, None)
    with pytest.raises(AfterRayError, match="duplicate recording"):
        went_on(later)


def test_what_nobody_could_tell_was_paid_for_all_the_same(begin: Begin, recordings: Recordings) -> None:
    opened = begin(annotators=2)
    clips = opened.stands().waiting
    lost = next(clip for clip in clips if clip.part == "train")
    for who in ("ann", "bo"):
        say(opened, [lost], None, who)
        told = recordings.answers(tuple(clip for clip in clips if clip != lost), who)
        opened.journal.add(told, "page")
    went_on(opened)
    (record,) = rounds_of(opened.store.root)
    assert record.measures["annotations"] == 2 * record.measures["labelled"] + 2

"""Whether to go on labelling: by what the last labels brought on validation, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.curves import Gain
from sweeps.labelling.advice import RoundMade, advice, rounds_made
from sweeps.labelling.in_words import standing_in_words
from tests.sweeps.labelling.calls import bits_of, rounds_of
from tests.sweeps.labelling.conftest import Begin, Recordings, went_on

SHOWN, HIDDEN, NONE = Gain(4.0, 1.0, 7.0, 50), Gain(0.5, -2.0, 3.0, 50), Gain(0.1, -0.5, 0.9, 50)


def after(*gains: Gain | None) -> list[RoundMade]:
    """Rounds with these gains, the first one before them."""
    return [
        RoundMade(number, 50 * (number + 1), 50.0, 40, gain) for number, gain in enumerate([None, *gains])
    ]


@pytest.mark.parametrize(
    ("rounds", "told"),
    [
        ([], "go on: what a label brings shows after the next round"),
        (after(), "go on: what a label brings shows after the next round"),
        (after(None), "go on: what a label brings shows after the next round"),
        (
            after(SHOWN),
            "go on: the last 50 labels brought +4.0 points of UA (95 % interval +1.0 to +7.0)",
        ),
        (after(HIDDEN, SHOWN), "go on: the last 50 labels brought +4.0 points"),
        (
            after(NONE),
            "you may stop: the last 50 labels brought +0.1 points of UA (95 % interval -0.5",
        ),
        (after(HIDDEN, NONE), "you may stop: the last 50"),
        (after(HIDDEN), "cannot tell yet: the last 50 labels brought +0.5 points of UA"),
        (after(SHOWN, HIDDEN), "cannot tell yet: the last 50 labels"),
        (after(SHOWN, HIDDEN, None), "go on: what a label brings shows after the next round"),
        (after(HIDDEN, None, HIDDEN), "flattening: the last 50"),
        (after(SHOWN, HIDDEN, HIDDEN), "flattening: the last 50 labels brought +0.5 points"),
        (after(HIDDEN, HIDDEN, SHOWN), "go on"),
    ],
)
def test_it_is_to_stop_only_where_more_is_ruled_out_and_flattening_takes_two_rounds(
    rounds: list[RoundMade], told: str
) -> None:
    assert advice(rounds).startswith(told)


def test_every_advice_says_what_it_rests_on() -> None:
    assert advice(after(HIDDEN)).endswith("which may be nothing; one more round says more")
    assert advice(after(HIDDEN, HIDDEN)).endswith("the labels before them did not show a gain either")
    assert advice(after(NONE)).endswith(
        "(95 % interval -0.5 to +0.9), so 2 points or more for 100 labels are ruled out"
    )


def test_gains_are_those_of_records_on_the_clips_that_judge_both(
    begin: Begin, recordings: Recordings
) -> None:
    opened = begin()
    assert rounds_made(opened) == []
    for _ in range(3):
        opened.journal.add(recordings.answers(opened.stands().waiting), "page")
        went_on(opened)
    made, records = rounds_made(opened), rounds_of(opened.store.root)
    assert [one.number for one in made] == [0, 1, 2]
    assert [one.labelled for one in made] == [record.measures["labelled"] for record in records]
    assert made[0].gain is None
    uas = [100 * float(record.measures["validation_ua"] or 0) for record in records]
    assert [one.validation_ua for one in made] == uas
    for before, later, ua, earlier in zip(made, made[1:], uas[1:], uas, strict=False):
        assert later.gain is not None
        assert later.gain.points == pytest.approx(ua - earlier)
        assert later.gain.labels == later.labelled - before.labelled
        assert later.gain.low <= later.gain.points <= later.gain.high
    lines = standing_in_words(opened, opened.stands())
    assert (
        lines[0]
        == f"round 0: {made[0].labelled} labels, validation UA {uas[0]:.1f} % of {made[0].clips} clips"
    )
    assert made[2].gain is not None
    assert lines[2].startswith(
        f"round 2: {made[2].labelled} labels, validation UA {uas[2]:.1f} % of {made[2].clips} clips "
        f"({made[2].gain.points:+.1f} points, "
    )
    one = np.frombuffer(bits_of(opened.store.root, records[0])["validation_truth"], dtype=np.int64)
    assert len(one) == records[0].measures["validation"]

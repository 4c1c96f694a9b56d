"""Whether to go on labelling: what the last labels brought on validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.store import PREDICTIONS_FILE, Record
from analysis.curves import Gain, gain_between
from sweeps.labelling.opening import OpenLabelling

PER = 100  # labels that a gain is told for
LITTLE = 2.0  # points of UA per so many labels that are not worth an annotator's hour


@dataclass(frozen=True)
class RoundMade:
    """One trained round: its labels, its UA on validation in percent of how many clips, what it gained."""

    number: int
    labelled: int
    validation_ua: float
    clips: int
    gain: Gain | None


def rounds_made(opened: OpenLabelling) -> list[RoundMade]:
    """Every trained round, with its gain over the round before on the validation clips that both used."""
    store, finished = opened.store, opened.store.ledger.finished()
    made: list[RoundMade] = []
    before: Record | None = None
    for number, stage in enumerate(opened.trajectory.stages):
        if stage.key not in finished:
            break
        record = store.need(stage.key)
        labelled = int(record.measures["labelled"] or 0)
        gain = None if before is None else _gain(opened, before, record)
        ua, clips = float(record.measures["validation_ua"] or 0), int(record.measures["validation"] or 0)
        made.append(RoundMade(number, labelled, 100 * ua, clips, gain))
        before = record
    return made


def _gain(opened: OpenLabelling, before: Record, after: Record) -> Gain | None:
    """None where nothing was labelled between the two."""
    labels = int(after.measures["labelled"] or 0) - int(before.measures["labelled"] or 0)
    if labels < 1:
        return None
    earlier, later = (_said(opened, record) for record in (before, after))
    rows = np.intersect1d(earlier[0], later[0])
    truth, was, now = _at(later, rows)[0], _at(earlier, rows)[1], _at(later, rows)[1]
    return gain_between(truth, was, now, labels)


Judged = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _said(opened: OpenLabelling, record: Record) -> Judged:
    """Validation rows, their truth, and what the round says."""
    arrays = opened.store.arrays(record, PREDICTIONS_FILE)
    said = arrays["validation_log_probabilities"].argmax(axis=1)
    return arrays["validation_rows"], arrays["validation_truth"], said


def _at(said: Judged, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    places = np.searchsorted(said[0], rows)
    return said[1][places], said[2][places]


def advice(made: list[RoundMade]) -> str:
    """One sentence: whether the last labels brought anything, or enough to go on."""
    if len(made) < 2 or made[-1].gain is None:
        return "go on: what a label brings shows after the next round"
    gain = made[-1].gain
    told = (
        f"the last {gain.labels} labels brought {gain.points:+.1f} points of UA "
        f"(95 % interval {gain.low:+.1f} to {gain.high:+.1f})"
    )
    if gain.shown:
        return f"go on: {told}"
    if gain.per(PER)[2] < LITTLE:
        return f"you may stop: {told}, so {LITTLE:g} points or more for {PER} labels are ruled out"
    earlier = [one.gain for one in made[:-1] if one.gain is not None]
    if earlier and not earlier[-1].shown:
        return f"flattening: {told}, and the labels before them did not show a gain either"
    return f"cannot tell yet: {told}, which may be nothing; one more round says more"

"""How a labelling stands, for people."""

from __future__ import annotations

import shlex
from collections import Counter

from after_ray.annotation import CORPUS
from after_ray.labelling import Labelling
from after_ray.wording import counted
from sweeps.labelling.advice import advice, rounds_made
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.planning.opening import OpenStudy


def standing_in_words(opened: OpenLabelling, standing: Standing) -> list[str]:
    """Lines: what every round made of its labels, what to do about it, and what waits."""
    made = rounds_made(opened)
    lines = [
        f"round {one.number}: {counted(one.labelled, 'label')}, validation UA {one.validation_ua:.1f} %"
        + (
            ""
            if one.gain is None
            else f" ({one.gain.points:+.1f} points, {one.gain.low:+.1f} to {one.gain.high:+.1f})"
        )
        for one in made
    ]
    if standing.finished:
        return [*lines, f"all {standing.rounds} rounds are labelled and trained"]
    if made:
        lines.append(advice(made))
    return [*lines, *_waiting(opened, standing)]


def people_in_words(opened: OpenStudy) -> str:
    """Whether a study waits for people, and the command that goes on; empty where it does not."""
    annotation = opened.study.annotation[0] if opened.study.annotation else CORPUS
    if not annotation.by_people:
        return ""
    labelling = Labelling.read(opened.store.place, annotation.labelling)
    standing = OpenLabelling(labelling, opened).stands()
    if standing.finished:
        return ""
    command = shlex.join(
        ["after-ray", "annotate", "next", "--study", labelling.study, "--store", opened.store.url]
    )
    if not standing.waiting:
        return f"people label this study; '{command}' goes on with it"
    waiting = counted(len(standing.waiting), "clip waits", "clips wait")
    return f"round {standing.done}: {waiting} for people; '{command}' writes a file to label"


def _waiting(opened: OpenLabelling, standing: Standing) -> list[str]:
    if standing.asked is None:
        return ["nothing is asked yet; 'after-ray annotate next' goes on"]
    clips = standing.asked.clips
    waiting = Counter(clip.part for clip in standing.waiting)
    parts = ", ".join(f"{count} of {part}" for part, count in waiting.items())
    told = f"round {standing.asked.round} asks for {counted(len(clips), 'clip')}"
    lines = [
        f"{told}; {counted(len(standing.waiting), 'clip waits', 'clips wait')} for an answer ({parts})"
        if waiting
        else f"{told}, and all are answered; 'after-ray annotate next' trains on them"
    ]
    tied = [name for name, one in standing.undecided.items() if one.tied]
    if tied:
        again = "one annotator more decides them"
        lines.append(f"{counted(len(tied), 'clip')} of them: annotators disagree, and {again}")
    return lines

"""How a labelling stands, for people."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from after_ray.annotation import CORPUS
from after_ray.labelling import Clip, Labelling
from after_ray.wording import counted
from sweeps.labelling.advice import RoundMade, advice, rounds_made
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.planning.opening import OpenStudy


def standing_in_words(opened: OpenLabelling, standing: Standing) -> list[str]:
    """Lines: what every round made of its labels, what to do about it, and what waits."""
    made = rounds_made(opened)
    lines = [_round(one) for one in made]
    if standing.finished:
        models = "'after-ray export model --out DIR' writes the model, 'annotate labels' the labels"
        return [*lines, f"all {standing.rounds} rounds are labelled and trained; {models}"]
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


def _round(made: RoundMade) -> str:
    judged = f"validation UA {made.validation_ua:.1f} % of {counted(made.clips, 'clip')}"
    told = f"round {made.number}: {counted(made.labelled, 'label')}, {judged}"
    gain = made.gain
    return (
        told if gain is None else f"{told} ({gain.points:+.1f} points, {gain.low:+.1f} to {gain.high:+.1f})"
    )


def _waiting(opened: OpenLabelling, standing: Standing) -> list[str]:
    if standing.asked is None:
        why = "a training is under way, or was ended"
        return [f"no clip is asked for yet: {why}; 'after-ray annotate next' goes on with it"]
    clips = standing.asked.clips
    waiting = Counter(clip.part for clip in standing.waiting)
    parts = ", ".join(f"{count} of {part}" for part, count in waiting.items())
    told = f"round {standing.asked.round} asks for {counted(len(clips), 'clip')}"
    if not waiting:
        return [f"{told}, and all are answered; 'after-ray annotate next' trains on them"]
    waits = counted(len(standing.waiting), "clip waits", "clips wait")
    ways = "'annotate next' writes them into a file, 'annotate serve' opens a page"
    lines = [*_so_far(opened, clips), f"{told}; {waits} for an answer ({parts}); {ways}"]
    tied = [name for name, one in standing.undecided.items() if one.tied]
    if tied:
        again = "one annotator more decides them"
        lines.append(f"{counted(len(tied), 'clip')} of them: annotators disagree, and {again}")
    return lines


def _so_far(opened: OpenLabelling, clips: Sequence[Clip]) -> list[str]:
    """Who has answered how many of the clips, where more than one person is asked or somebody has begun."""
    asked, standing = {clip.utterance for clip in clips}, opened.journal.standing()
    given = Counter(who for name in asked for who in standing.get(name, ()))
    if not given:
        return []
    return ["answered so far: " + ", ".join(f"{who} {count}" for who, count in sorted(given.items()))]

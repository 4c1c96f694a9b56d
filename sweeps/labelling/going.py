"""Going on with a labelling: what has been answered is trained on, and the next round chooses."""

from __future__ import annotations

from after_ray.errors import AfterRayError
from after_ray.labelling import Decision, Frozen
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.labelling.starting import refuse_leaks
from sweeps.launching.ray_start import Where
from sweeps.running.studies import run_studies
from sweeps.tracking import default_tracking_uri


class NobodyCanTell(AfterRayError):
    """A part of round 0 of which nothing can be learnt or judged."""

    def __init__(self, part: str, clips: int) -> None:
        super().__init__(
            f"Nobody could tell any of the {clips} clips of the {part} part, so round 0 has nothing to go "
            "by; answer some of them anew: 'after-ray annotate import FILE' takes later answers over earlier "
            "ones."
        )


class ChoseAnew(AfterRayError):
    """A round whose choice was lost after it was answered, and that chose other clips."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Round {number} is answered and was not trained: what it had chosen was lost with its "
            "checkpoint, and it chose other clips now, as it may on another machine or with other versions. "
            "Go on where it was begun, with the versions it was begun with."
        )


def go_on(opened: OpenLabelling, where: Where, tracking_uri: str | None) -> Standing:
    """Train on what is fully answered, and run until people are needed again or all is done.

    A killed one is gone on with by the same call.

    Raises:
        AfterRayError: one sentence when a trial failed, or nothing can be learnt from the answers.
    """
    standing = opened.stands()
    if standing.finished:
        return standing
    refuse_leaks(opened.opened)  # recordings may have come since it was begun
    if standing.asked is not None and not freeze(opened, standing):
        return standing
    begun = Frozen.read(opened.place).rounds
    uri = tracking_uri or default_tracking_uri(opened.store)
    outcome = run_studies([opened.opened], where, uri).outcome
    for sentence in outcome.failed.values():
        raise AfterRayError(sentence)
    if outcome.stopped or outcome.unavailable or outcome.unmet:
        raise AfterRayError(str(outcome.stopped or outcome.unavailable or outcome.unmet))
    if outcome.quarantined:
        raise AfterRayError("It failed too often before; 'after-ray retry' on its study says why.")
    standing = opened.stands()
    if standing.done < begun:  # nothing failed, and what was answered is not what was waited for
        raise ChoseAnew(standing.done)
    return standing


def freeze(opened: OpenLabelling, standing: Standing) -> bool:
    """Take the answers of a round as those that count, once all are there; whether that is so.

    Raises:
        NobodyCanTell: when nothing of a part could be told.
    """
    if standing.asked is None:
        return False
    decided = opened.decided(standing.asked.clips)  # once: an answer may be taken back at any moment
    decisions = {name: one for name, one in decided.items() if isinstance(one, Decision)}
    if len(decisions) < len(decided):
        return False
    if standing.frozen.rounds == 0:
        for part in dict.fromkeys(clip.part for clip in standing.asked.clips):
            names = [clip.utterance for clip in standing.asked.clips if clip.part == part]
            if all(decisions[name].left for name in names):
                raise NobodyCanTell(part, len(names))
    standing.frozen.freeze(opened.place, decisions)
    return True

"""Errors about schedules, strategies and rounds."""

from __future__ import annotations

from collections.abc import Sequence

from after_ray.errors._base import AfterRayError
from after_ray.wording import counted


class Unanswered(AfterRayError):
    """A round that people have to label before it goes on; `rows` of the manifest, in the order asked."""

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows = tuple(rows)
        super().__init__(
            f"{counted(len(self.rows), 'utterance waits', 'utterances wait')} for somebody to label; "
            "'after-ray annotate next' writes what waits into a file, 'after-ray annotate import FILE' takes "
            "the answers in."
        )


class TooFewUtterances(AfterRayError):
    """A pool or training set smaller than what a round asks for."""

    def __init__(self, what: str, available: int, requested: int) -> None:
        super().__init__(f"{what}: {available} utterances available, {requested} requested.")


class BadSchedule(AfterRayError):
    """A point of the schedule that labels nothing new, so that its round would not exist."""

    def __init__(self, percent: float, size: int, before: int, train: int, smallest: str | None) -> None:
        mend = f"raise it to {smallest} or more, or leave it out" if smallest else "leave it out"
        super().__init__(
            f"Bad schedule: {percent:g} % of the {train} training utterances is {size} labelled, "
            f"but the round before has {before} already; {mend}."
        )


class UnusableScores(AfterRayError):
    """Acquisition scores that are not numbers."""

    def __init__(self, strategy: str, unusable: int, total: int) -> None:
        super().__init__(
            f"{strategy} cannot rank the pool: {unusable} of {total} are not a number; "
            "the training of the round before probably diverged: lower its learning rate."
        )


class NoProbabilities(AfterRayError):
    """What a classifier gives for log-probabilities, and what are none."""

    def __init__(self, wrong: int, total: int, found: float) -> None:
        super().__init__(
            f"The log-probabilities of the classifier are none for {wrong} of {total} utterances: the "
            f"probabilities of the first sum to {found:g}, where 1 is due. Check a classifier of your own "
            "with after_ray.testing.check_classifier; one of ours has diverged: lower its learning rate."
        )


class BrokenInvariant(AfterRayError):
    """A round whose labelled set and pool do not fit together; nothing of it is recorded."""

    def __init__(self, size: int, reason: str) -> None:
        super().__init__(
            f"The round of {size} labelled utterances was stopped: {reason}. "
            "Check a strategy of your own with after_ray.testing.check_strategy; otherwise report this."
        )


class EvidenceNotGiven(AfterRayError):
    """A strategy that asks for evidence which a classifier of its study does not have."""

    def __init__(self, strategy: str, kind: str, classifier: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"The strategy '{strategy}' asks for {kind}, which the classifier {classifier} cannot give: "
            f"{reason}. {remedy}, or study another strategy."
        )


class UnboughtLabels(AfterRayError):
    """Something that reads labels which the schedule of its study does not buy."""

    def __init__(self, what: str, schedule: Sequence[float], remedy: str) -> None:
        percents = ", ".join(f"{percent:g}" for percent in schedule)
        super().__init__(
            f"{what[0].upper()}{what[1:]} reads the labels of all of train before round 0, and the schedule "
            f"is [{percents}], which buys fewer; allowed is 'schedule: [100]'. {remedy}."
        )


class UnannotatedLabels(AfterRayError):
    """Something that reads the corpus' own labels, beside an annotation that gives others."""

    def __init__(self, what: str, given: str, remedy: str) -> None:
        super().__init__(
            f"{what[0].upper()}{what[1:]} reads the corpus' own labels of all of train before round 0, and "
            f"the study has {given}, which gives others; allowed is 'annotation: corpus' with "
            f"'label_noise: 0'. {remedy}."
        )


class Unheard(AfterRayError):
    """A study that people are to label, and that does not fit that."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem[0].upper()}{problem[1:]}; begin with 'after-ray annotate start STUDY --audio DIR', "
            "which writes such a study itself."
        )


class BrokenStrategy(AfterRayError):
    """A strategy that gives something else than it promises."""

    def __init__(self, strategy: str, problem: str) -> None:
        super().__init__(
            f"The strategy {strategy} breaks a promise: {problem}. "
            "Mend it, and check it with after_ray.testing.check_strategy."
        )


class BadStrategy(AfterRayError):
    """A strategy that cannot be read, or does not take the options that it is given."""

    def __init__(self, text: str, problem: str, taken: str = "") -> None:
        allowed = f"it takes: {taken}" if taken else "write name, name(option=value) or name(strategy)"
        super().__init__(f"Bad strategy '{text}': {problem}; {allowed}.")

"""Whether anything of a study is made with labels that its schedule does not buy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from after_ray.adaptation.settings import AdaptationSettings
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import UnboughtLabels

ALL = (100.0,)
TAPT = "Choose 'adaptation: tapt', which reads none"


def refuse_unbought_labels(
    schedule: Sequence[float],
    classifiers: Iterable[ClassifierSettings],
    adaptations: Iterable[AdaptationSettings | None],
) -> None:
    """What reads all labels of train before round 0 may be compared with what is trained on all, and no more.

    Raises:
        UnboughtLabels: for the first such classifier or adaptation, where the schedule is anything but [100].
    """
    if tuple(schedule) == ALL:
        return
    for what, remedy in reading_all_labels(classifiers, adaptations):
        raise UnboughtLabels(what, schedule, remedy)


def reading_all_labels(
    classifiers: Iterable[ClassifierSettings], adaptations: Iterable[AdaptationSettings | None]
) -> Iterator[tuple[str, str]]:
    """What reads the labels of all of train before round 0, and what to choose that reads none."""
    for classifier in classifiers:
        if classifier.needs_all_labels:
            yield f"the classifier {classifier.name}", classifier.without_labels
    for adaptation in adaptations:
        if adaptation is not None and adaptation.needs_all_labels:
            yield f"the adaptation {adaptation.name}", TAPT

"""Whether anything of a study reads other labels than its annotation gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from after_ray.adaptation.settings import AdaptationSettings
from after_ray.annotation import CORPUS, AnnotationSettings, noise_text
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import UnannotatedLabels, Unheard
from sweeps.study.labels import reading_all_labels


def refuse_unannotated_labels(
    annotations: Sequence[AnnotationSettings],
    noises: Sequence[float],
    classifiers: Iterable[ClassifierSettings],
    adaptations: Iterable[AdaptationSettings | None],
) -> None:
    """What is made with the corpus' own labels of all of train knows better than any annotator of the study.

    Raises:
        UnannotatedLabels: for the first such classifier or adaptation, where any answer is not the corpus'.
    """
    given = _given(annotations, noises)
    if not given:
        return
    for what, remedy in reading_all_labels(classifiers, adaptations):
        raise UnannotatedLabels(what, given, remedy)


def refuse_unheard(
    corpora: Sequence[CorpusSettings], annotations: Sequence[AnnotationSettings], noises: Sequence[float]
) -> None:
    """What nobody has labelled is labelled by people while the study waits, and nothing else is.

    Raises:
        Unheard: where that does not fit together.
    """
    declared = [corpus for corpus in corpora if getattr(corpus, "classes", ())]
    asked = any(annotation.by_people for annotation in annotations)
    if not asked and declared:
        raise Unheard(f"the corpus '{declared[0].title}' has 'classes', so that people label it")
    if asked and (len(declared), len(corpora), len(annotations)) != (1, 1, 1):
        raise Unheard("'annotation: people' is of one corpus that has 'classes', and stands alone")
    if asked and any(noises):
        raise Unheard("'label_noise' replaces answers that people give")


def _given(annotations: Sequence[AnnotationSettings], noises: Sequence[float]) -> str:
    """The first setting of a study that is not the corpus' own label; empty where there is none."""
    for annotation in annotations:
        if annotation != CORPUS:
            return f"'annotation: {annotation.title}'"
    return next((f"'label_noise: {noise_text(noise)}'" for noise in noises if noise), "")

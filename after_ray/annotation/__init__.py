"""What the oracle answers: the corpus' label, its annotators' votes, or what is wrong on purpose."""

from after_ray.annotation.answers import Answers, answer, of_corpus
from after_ray.annotation.checks import check_votes
from after_ray.annotation.settings import CORPUS, AnnotationSettings, noise_text

__all__ = ["CORPUS", "AnnotationSettings", "Answers", "answer", "check_votes", "noise_text", "of_corpus"]

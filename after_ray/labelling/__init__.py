"""People who label while a study waits: what they are asked, what they say, and what becomes of it."""

from after_ray.labelling.answers import CANNOT_TELL, Answer, Journal, Said
from after_ray.labelling.decisions import Decision, Undecided, decide
from after_ray.labelling.project import STUDY_FILE, Labelling, labelling_place, labellings, lend_labelling
from after_ray.labelling.rounds import Asked, Clip, Frozen

__all__ = [
    "CANNOT_TELL",
    "STUDY_FILE",
    "Answer",
    "Asked",
    "Clip",
    "Decision",
    "Frozen",
    "Journal",
    "Labelling",
    "Said",
    "Undecided",
    "decide",
    "labelling_place",
    "labellings",
    "lend_labelling",
]

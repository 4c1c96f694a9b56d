"""People who label while a study waits: what they are asked, what they say, and what becomes of it."""

from after_ray.labelling.answers import Answer, Journal, Said
from after_ray.labelling.decisions import Decision, Undecided, decide
from after_ray.labelling.project import Labelling, labelling_place, lend_labelling
from after_ray.labelling.rounds import Asked, Clip, Frozen

__all__ = [
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
    "lend_labelling",
]

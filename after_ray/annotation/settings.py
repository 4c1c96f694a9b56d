"""Settings of annotations; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from after_ray.settings import Settings, neutral

AnnotationName = Literal["corpus", "majority", "soft", "single", "votes", "people"]


class AnnotationSettings(Settings):
    """Who labels an utterance that is acquired, and what the classifier is told.

    `corpus`: the label that the corpus gives. `majority`: the class with most votes of its annotators.
    `soft`: the shares of their votes. `single`: the vote of one annotator, drawn. `votes`: the majority of
    `of` annotators, drawn without replacement; of all there are, where there are fewer.

    `people`: those who listen now (`after-ray annotate`). `labelling` tells one such project from another;
    `by` says what becomes of several answers about an utterance, and `validation` and `test` how many
    utterances of these parts are labelled at most, all by default.
    """

    name: AnnotationName = "corpus"
    of: Annotated[int, Field(ge=1)] | None = neutral(None)
    labelling: Annotated[str, Field(pattern=r"^[a-z0-9]*$")] = neutral("")
    by: Literal["majority", "soft"] = neutral("majority")
    validation: Annotated[int, Field(ge=1)] | None = neutral(None)
    test: Annotated[int, Field(ge=1)] | None = neutral(None)

    @model_validator(mode="after")
    def _of_votes(self) -> AnnotationSettings:
        if self.name == "votes" and self.of is None:
            raise PydanticCustomError(
                "of", "the annotation votes needs 'of', a number of votes: {name: votes, of: 3}"
            )
        if self.name != "votes" and self.of is not None:
            raise PydanticCustomError(
                "of",
                "the annotation {name} has 'of: {of}', which only votes reads; leave 'of' out, or write "
                "(name: votes, of: {of})",
                {"name": self.name, "of": self.of},
            )
        return self

    @model_validator(mode="after")
    def _of_people(self) -> AnnotationSettings:
        only_theirs = {"labelling": "", "by": "majority", "validation": None, "test": None}
        said = [name for name, neutral in only_theirs.items() if getattr(self, name) != neutral]
        if self.labelling if self.by_people else not said:
            return self
        if self.by_people:
            raise PydanticCustomError(
                "people",
                "the annotation people asks whoever listens, which 'after-ray annotate start STUDY --audio "
                "DIR' begins; leave 'annotation' out of the study that it is given",
            )
        raise PydanticCustomError(
            "labelling",
            "'{setting}' is of the annotation people; leave it out of {name}",
            {"name": self.name, "setting": said[0]},
        )

    @property
    def title(self) -> str:
        """Its name in tables and tags: `soft`, `votes(3)`."""
        return self.name if self.of is None else f"{self.name}({self.of})"

    @property
    def of_votes(self) -> bool:
        """Whether it reads the votes of annotators."""
        return self.name not in ("corpus", "people")

    @property
    def by_people(self) -> bool:
        """Whether people answer while the study waits."""
        return self.name == "people"

    @property
    def of_single_votes(self) -> bool:
        """Whether it draws annotators, so that it may be told another class than all of them together say."""
        return self.name in ("single", "votes")


CORPUS = AnnotationSettings()


def noise_text(noise: float) -> str:
    """A share of flipped answers as tables and tags have it: `0`, `0.1`; they tell it apart by no more."""
    return f"{noise + 0.0:g}"  # minus zero is zero

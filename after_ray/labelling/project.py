"""One labelling: the classes that people tell apart, and how many of them hear every utterance."""

from __future__ import annotations

import json

from pydantic import Field, ValidationError

from after_ray.errors import AfterRayError, DamagedStore
from after_ray.files import as_json
from after_ray.settings import Settings
from after_ray.store.places import Place

FOLDER = "labelling"
STUDY_FILE = "study.yaml"  # of the study that waits, beside it
_FILE = "labelling.json"


class NoLabelling(AfterRayError):
    """A labelling that the store does not hold."""

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"The store {place.url} holds no labelling '{name}'; begin one with 'after-ray annotate start "
            "STUDY --audio DIR', or name the store that holds it with --store."
        )


class Labelling(Settings):
    """What a labelling is, from its start on.

    Attributes:
        name: of it, which is also the part of its folder and of keys.
        study: name of the study that waits for it.
        classes: that annotators choose from, sorted.
        per_clip: how many annotators hear every utterance.
    """

    name: str = Field(pattern=r"^[a-z0-9]+$")
    study: str
    classes: tuple[str, ...] = Field(min_length=2)
    per_clip: int = Field(default=1, ge=1)

    def write(self, store: Place) -> bool:
        """Begin it; False where one of its name is there."""
        return labelling_place(store, self.name).create(_FILE, as_json(self.model_dump(mode="json")))

    @classmethod
    def read(cls, store: Place, name: str) -> Labelling:
        """The labelling of a name.

        Raises:
            NoLabelling: when there is none.
            DamagedStore: when it cannot be read.
        """
        place = labelling_place(store, name)
        try:
            return cls.model_validate(json.loads(place.read(_FILE)))
        except FileNotFoundError:
            raise NoLabelling(store, name) from None
        except (ValueError, ValidationError) as error:
            raise DamagedStore(place.told(_FILE), f"it cannot be read ({error})") from error


def labelling_place(store: Place, name: str) -> Place:
    """Where a labelling keeps what is its own."""
    return store.below(f"{FOLDER}/{name}")


def lend_labelling(name: str, store: Place, other: Place) -> None:
    """Give another store what trainings read of a labelling: what it is, and the answers that are frozen."""
    here, there = labelling_place(store, name), labelling_place(other, name)
    for file in (_FILE, *here.json_files("rounds")):
        there.create(file, here.read(file))


def labellings(store: Place) -> list[Labelling]:
    """All that have begun in a store, by the names of their studies."""
    names = store.folders(FOLDER)
    begun = (name for name in names if labelling_place(store, name).size(_FILE) is not None)
    return sorted((Labelling.read(store, name) for name in begun), key=lambda one: one.study)

"""How long a launch takes before its first trial works: Ray, its workers, and the libraries they load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from after_ray.errors import DamagedStore
from after_ray.store import Store
from after_ray.store.places import Place
from after_ray.wording import counted

FOLDER = "estimates"  # of predictions, which tell when a launch began

ASSUMED_SECONDS = 15.0  # of a launch on the two cores of docs/benchmarks.md, by the store of a first study
LAUNCHES = 5  # the latest that are looked at
MOST_STAGES = 60  # of a launch that is: of a larger one too many records would have to be read
LONGEST = 300.0  # seconds; what began later waited for something else, or for another command


@dataclass(frozen=True)
class Startup:
    """Seconds from a launch to the first work of its trials; told by so many `launches`, 0: assumed."""

    seconds: float = ASSUMED_SECONDS
    launches: int = 0

    def __str__(self) -> str:
        """On what it rests."""
        return f"as in {counted(self.launches, 'launch', 'launches')} before" if self.launches else "assumed"


def startup_of(store: Store) -> Startup:
    """What the latest launches into a store took to start: from their prediction to their first record."""
    told = list(_seconds(store))[:LAUNCHES]
    return Startup(median(told), len(told)) if told else Startup()


def _seconds(store: Store) -> Iterator[float]:
    """The latest launches first."""
    names = store.place.json_files(FOLDER)[-2 * LAUNCHES :]
    kept = list(store.place.ask_each(partial(_read, store.place), names))
    ends = [made for made, _ in kept[1:]] + [float("inf")]
    for (made, keys), end in reversed(list(zip(kept, ends, strict=False))):
        if len(keys) <= MOST_STAGES:
            records = [store.find(key) for key in keys]
            began = [one.started - made for one in records if one is not None and made <= one.started < end]
            if began and min(began) <= LONGEST:
                yield min(began)


def _read(place: Place, name: str) -> tuple[float, list[str]]:
    """When a prediction was made, and the stages that were missing."""
    try:
        told = json.loads(place.read(name))
        return float(told["made"]), list(told["stages"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedStore(place.told(name), f"it holds no prediction ({error}); remove it") from error

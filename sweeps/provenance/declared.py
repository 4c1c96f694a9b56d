"""When a study first declared its families of comparisons: before its results, or knowing them."""

from __future__ import annotations

import json
import math
import time

from after_ray.errors import AfterRayError
from after_ray.store import Store
from sweeps.study.declaration import Study
from sweeps.study.families import digest_of


def note_declaration(study: Study, store: Store) -> None:
    """Write down once that a launch has these families; the first time counts."""
    if not study.families:
        return
    families = [family.model_dump(mode="json") for family in study.families]
    content = {"study": study.study, "declared": time.time(), "families": families}
    store.place.create(_name(study), json.dumps(content, indent=1).encode())


def declared_at(study: Study, store: Store, finished: bool) -> float | None:
    """When a launch first had just these families, in seconds since the epoch; None: nobody knows.

    `finished`: whether the store has finished cells of the study. Where no launch had the families, these
    were then computed before they were declared: the time is infinite.

    Raises:
        AfterRayError: when the note of the launch cannot be read.
    """
    if not study.families:
        return None
    try:
        return float(json.loads(store.place.read(_name(study)))["declared"])
    except FileNotFoundError:
        return math.inf if finished else None
    except (ValueError, KeyError, TypeError) as error:
        raise AfterRayError(
            f"The note on when families were declared, {store.place.told(_name(study))}, cannot be read "
            f"({error}); restore it from a backup, or remove it: the families then count as "
            "declared by the next launch."
        ) from error


def _name(study: Study) -> str:
    return f"declarations/{study.study}/{digest_of(study.families, study.equivalence)[:32]}.json"

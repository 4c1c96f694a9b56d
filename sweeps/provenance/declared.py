"""When a study first declared its families of comparisons: before its results, or knowing them."""

from __future__ import annotations

import json
import time
from pathlib import Path

from after_ray.files import create_exclusive
from after_ray.store import Store
from sweeps.study.declaration import Study
from sweeps.study.families import digest_of


def note_declaration(study: Study, store: Store) -> None:
    """Write down once that a launch has these families; the first time counts."""
    if not study.families:
        return
    families = [family.model_dump(mode="json") for family in study.families]
    content = {"study": study.study, "declared": time.time(), "families": families}
    create_exclusive(_place(study, store), json.dumps(content, indent=1).encode())


def declared_at(study: Study, store: Store) -> float | None:
    """When a launch first had just these families, in seconds since the epoch; None: none had."""
    place = _place(study, store)
    if not study.families or not place.exists():
        return None
    return float(json.loads(place.read_text())["declared"])


def _place(study: Study, store: Store) -> Path:
    return store.root / "declarations" / study.study / f"{digest_of(study.families)[:32]}.json"

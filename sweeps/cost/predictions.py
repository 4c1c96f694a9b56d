"""Each launch's prediction is kept: `estimates/<time>-<digest>.json`; beside real times it is judged."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from after_ray.errors import DamagedStore
from after_ray.files import as_json
from after_ray.store import Store
from sweeps.cost.estimate import Estimate
from sweeps.cost.startup import FOLDER

WORTH_JUDGING = 1.0  # seconds: what is predicted to take less and does so is not judged


@dataclass(frozen=True)
class Comparison:
    """Stages of one kind: how long they really took, of what was predicted.

    Attributes:
        kind: adaptation, features, pretraining, frame_losses, first_round or trajectory (its later rounds).
        basis: measured, mixed or assumed, as the prediction said.
        stages: that are done since, and that took a second or were to take one.
        predicted_hours, real_hours: of all of them.
        ratio: median of real to predicted seconds, either counted as one second at least; above 1 they took
            longer.
        lowest, highest: of these ratios.
    """

    kind: str
    basis: str
    stages: int
    predicted_hours: float
    real_hours: float
    ratio: float
    lowest: float
    highest: float


def keep_prediction(store: Store, estimate: Estimate, now: float | None = None) -> str | None:
    """Write what is expected of the stages that are missing; None where nothing is.

    `now`: seconds since the epoch, by default the time of the call.
    """
    missing = {
        key: [cost.kind, cost.basis, cost.seconds]
        for key, cost in estimate.stages.items()
        if not cost.done and cost.seconds > 0
    }
    if not missing:
        return None
    made = time.time() if now is None else now
    digest = hashlib.sha256(json.dumps(missing, sort_keys=True).encode()).hexdigest()[:12]
    name = f"{FOLDER}/{time.strftime('%Y%m%dT%H%M%S', time.gmtime(made))}-{digest}.json"
    store.place.write(name, as_json({"made": made, "stages": missing}))
    return name


def compare(store: Store, keys: Collection[str] | None = None) -> list[Comparison]:
    """Predicted against real seconds of what is finished, by kind and by what the prediction rested on.

    A stage that several launches predicted counts with the first prediction, before which nothing of it was
    known. What was to take less than a second and did so is left out. `keys`: only these stages.

    Raises:
        DamagedStore: naming a file that holds no prediction.
    """
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    first = _first_predictions(store)
    records = store.ledger.find_all([key for key in first if keys is None or key in keys])
    for key, (kind, basis, predicted) in first.items():
        record = records.get(key)
        if record is not None and max(predicted, record.seconds["total"]) >= WORTH_JUDGING:
            pairs[kind, basis].append((predicted, record.seconds["total"]))
    return [_compared(kind, basis, found) for (kind, basis), found in sorted(pairs.items())]


def _compared(kind: str, basis: str, pairs: list[tuple[float, float]]) -> Comparison:
    ratios = [max(real, WORTH_JUDGING) / max(predicted, WORTH_JUDGING) for predicted, real in pairs]
    predicted, real = (sum(values) / 3600 for values in zip(*pairs, strict=True))
    return Comparison(kind, basis, len(pairs), predicted, real, median(ratios), min(ratios), max(ratios))


def _first_predictions(store: Store) -> dict[str, tuple[str, str, float]]:
    found: dict[str, tuple[str, str, float]] = {}
    for stages in _kept(store):
        for key, (kind, basis, seconds) in stages.items():
            found.setdefault(key, (str(kind), str(basis), float(seconds)))
    return found


def _kept(store: Store) -> Iterator[Mapping[str, Any]]:
    """The stages of every prediction, the earliest first."""
    names = store.place.json_files(FOLDER)
    for name, text in zip(names, store.place.ask_each(store.place.read, names), strict=True):
        try:
            yield dict(json.loads(text)["stages"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedStore(
                store.place.told(name), f"it holds no prediction ({error}); remove it"
            ) from error

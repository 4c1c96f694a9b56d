"""Measured rates in a store: `rates/<digest>.json`, one file for each piece of work that was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from after_ray.backbones.operations import Shape
from after_ray.errors import DamagedStore
from after_ray.files import as_json
from after_ray.store import Store
from sweeps.cost.rates import Observation, Place
from sweeps.cost.work import Group

FOLDER = "rates"


def keep(store: Store, observations: Sequence[Observation]) -> list[str]:
    """Write what was measured; measuring the same work at the same place again replaces it."""
    files: dict[str, list[Observation]] = {}
    for one in observations:
        files.setdefault(_file(one), []).append(one)
    for name, kept in files.items():
        store.place.write(name, as_json({"observations": [asdict(one) for one in kept]}))
    return list(files)


def measured(store: Store) -> Iterator[Observation]:
    """What was measured into a store.

    Raises:
        DamagedStore: naming a file that holds no measurement.
    """
    names = store.place.json_files(FOLDER)
    for name, text in zip(names, store.place.ask_each(store.place.read, names), strict=True):
        try:
            found = [_observation(one) for one in json.loads(text)["observations"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedStore(
                store.place.told(name), f"it holds no measured rates ({error}); remove it"
            ) from error
        yield from found


def _file(one: Observation) -> str:
    what = json.dumps([asdict(one.group), asdict(one.place), one.device_name], sort_keys=True)
    return f"{FOLDER}/{hashlib.sha256(what.encode()).hexdigest()[:32]}.json"


def _observation(told: Mapping[str, Any]) -> Observation:
    group = dict(told["group"])
    shape = group.pop("shape")
    return Observation(
        Group(**group, shape=None if shape is None else _shape(shape)),
        float(told["operations"]),
        float(told["seconds"]),
        Place(**told["place"]),
        str(told["device_name"]),
        bool(told.get("trial", False)),  # files of earlier versions do not say it of short runs
    )


def _shape(told: Mapping[str, Any]) -> Shape:
    """JSON has lists where a shape has tuples."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    return Shape(**values)

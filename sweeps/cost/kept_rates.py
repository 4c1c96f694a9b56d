"""Measured rates in a store: `rates/<digest>.json`, one file for each piece of work that was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from after_ray.backbones.operations import Shape
from after_ray.errors import DamagedStore
from after_ray.files import write_json
from after_ray.store import Store
from sweeps.cost.rates import Observation, Place
from sweeps.cost.work import Group

FOLDER = "rates"


def keep(store: Store, observations: Sequence[Observation]) -> list[Path]:
    """Write what was measured; measuring the same work at the same place again replaces it."""
    files: dict[Path, list[Observation]] = {}
    for one in observations:
        files.setdefault(_file(store, one), []).append(one)
    for path, kept in files.items():
        write_json(path, {"observations": [asdict(one) for one in kept]})
    return list(files)


def measured(store: Store) -> Iterator[Observation]:
    """What was measured into a store.

    Raises:
        DamagedStore: naming a file that holds no measurement.
    """
    for path in sorted((store.root / FOLDER).glob("*.json")):
        try:
            told = json.loads(path.read_bytes())["observations"]
            found = [_observation(one) for one in told]
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedStore(path, f"it holds no measured rates ({error}); remove it") from error
        yield from found


def _file(store: Store, one: Observation) -> Path:
    what = json.dumps([asdict(one.group), asdict(one.place), one.device_name], sort_keys=True)
    return store.root / FOLDER / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.json"


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

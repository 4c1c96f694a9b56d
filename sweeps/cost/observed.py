"""What the records of a store say of speeds: operations of a finished stage beside its seconds, by phase."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from after_ray.stages import MADE_BY_DRIVER, Stage
from after_ray.store import Record, Store
from after_ray.store.reading import Finds
from sweeps.cost.foreign import Foreign
from sweeps.cost.kept_rates import measured
from sweeps.cost.rates import ENOUGH, MOST, Observation, Place
from sweeps.cost.work import Work, Works
from sweeps.planning.plan import Plan

MOST_OF_OTHERS = 60  # records of other studies that are read


@dataclass(frozen=True)
class Seen:
    """What was read of a store: measured phases, and the records of the plans' own stages by key."""

    observations: tuple[Observation, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict)


def look(
    plans: Sequence[Plan],
    works: Works,
    store: Store,
    done: Collection[str],
    finds: Finds | None = None,
) -> Seen:
    """What records tell of the work that plans ask for.

    `finds`: the records of the plans' own stages; the store by default.

    Reading every record of a large store takes longer than planning from it: of the plans' own stages at most
    `MOST` of a kind and a classifier are read; where these are few, some of other studies.
    """
    kinds = _done_by_kind(plans, works, done)
    wanted = [stage for stages in kinds.values() for stage in stages[:MOST]]
    records = (finds or store.ledger).find_all([stage.key for stage in wanted])
    told = [(records[stage.key], works.of(stage)) for stage in wanted if stage.key in records]
    if any(len(stages) < ENOUGH for stages in kinds.values()):
        own = frozenset().union(*(plan.keys for plan in plans))
        others = Foreign(store, [backbone for plan in plans for backbone in plan.study.backbone])
        told += others.works(sorted(set(done) - own), MOST_OF_OTHERS)
    seen = [observation for record, work in told for observation in _told(record, work)]
    return Seen((*measured(store), *seen), records)


def _done_by_kind(
    plans: Sequence[Plan], works: Works, done: Collection[str]
) -> Mapping[object, Sequence[Stage]]:
    """The finished stages of plans in an order that says nothing of them, by what their speed depends on.

    A kind of which nothing is finished is there as well.
    """
    found: dict[object, dict[str, Stage]] = {}
    for plan in plans:
        for stage in plan.shared.values():
            if not isinstance(stage, MADE_BY_DRIVER):
                _note(found, works.of(stage)[0].group, stage, done)
        for trajectory in plan.trajectories:
            method = id(works.method(trajectory.first))
            for round_ in trajectory.stages:
                _note(found, method, round_, done)
    return {kind: [stages[key] for key in sorted(stages)] for kind, stages in found.items()}


def _note(found: dict[object, dict[str, Stage]], kind: object, stage: Stage, done: Collection[str]) -> None:
    kept = found.setdefault(kind, {})
    if stage.key in done:
        kept[stage.key] = stage


def _told(record: Record, work: Work) -> Iterator[Observation]:
    """One observation for each phase that took place; none of a record that does not say where it was."""
    environment: Mapping[str, Any] = record.environment
    if not {"device", "threads", "device_name"} <= environment.keys():
        return
    on_gpu = environment["device"] == "cuda"
    shared = int(environment.get("shared_by", 1)) if on_gpu else 1
    place = Place(environment["device"], int(environment["threads"]), shared)
    seconds = {**record.seconds, "rest": _rest(record.seconds)}
    for phase in work:
        if phase.name in seconds and (phase.operations > 0 or phase.name == "rest"):
            yield Observation(
                phase.group, phase.operations, seconds[phase.name], place, environment["device_name"]
            )


def _rest(seconds: Mapping[str, float]) -> float:
    """What a record's phases leave of its total."""
    phases = sum(value for name, value in seconds.items() if name != "total")
    return max(0.0, seconds.get("total", 0.0) - phases)

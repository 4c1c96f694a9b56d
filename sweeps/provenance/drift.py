"""Drift: results of a study made by other code than today's, or by other versions or devices than others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from after_ray.sources import source_of
from after_ray.stages import Stage
from after_ray.store import Record, Store
from after_ray.wording import counted
from sweeps.planning.plan import Plan

# Packages whose version may change a number.
NUMERICAL = ("torch", "torchaudio", "transformers", "scikit-learn", "numpy", "scipy")
SHOWN = 4  # values of one thing that is mixed


def drift(plans: Sequence[Plan], store: Store, done: Collection[str]) -> list[str]:
    """One sentence for each thing in which finished results of these plans differ.

    Results of earlier versions of after-ray do not say by what code they were made; these are counted apart.
    """
    stages = {key: stage for key, stage in _stages(plans) if key in done}
    records = {key: record for key in stages if (record := store.find(key)) is not None}
    rounds = [record for record in records.values() if record.kind == "round"]
    return [*_other_code(stages, records), *_unknown_code(records), *_mixed(rounds)]


def _stages(plans: Sequence[Plan]) -> Iterator[tuple[str, Stage]]:
    for plan in plans:
        yield from plan.shared.items()
        yield from ((stage.key, stage) for trajectory in plan.trajectories for stage in trajectory.stages)


def _other_code(stages: Mapping[str, Stage], records: Mapping[str, Record]) -> Iterator[str]:
    """Results whose code has changed since, although the key is the same."""
    others = Counter(
        record.kind
        for key, record in records.items()
        if (source := record.environment.get("source")) and source != source_of(stages[key])
    )
    for kind, count in sorted(others.items()):
        yield (
            f"{counted(count, f'{kind} result')} made by other code than today's, with the same version of "
            "the stage: 'after-ray verify' says whether it gives the same"
        )


def _unknown_code(records: Mapping[str, Record]) -> Iterator[str]:
    unknown = sum("source" not in record.environment for record in records.values())
    if unknown:
        yield f"{counted(unknown, 'result')} from before code was recorded: nothing is known of theirs"


def _mixed(rounds: Sequence[Record]) -> Iterator[str]:
    """What differs between the rounds of the plans themselves."""
    for name, place in _QUESTIONS.items():
        found = Counter(_value(record.environment, place) for record in rounds)
        if len(found) > 1:
            told = [f"{value} ({count})" for value, count in found.most_common(SHOWN)]
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            yield f"rounds made with different {name}: {', '.join(told)}{more}"


def _value(environment: Mapping[str, Any], place: tuple[str, ...]) -> str:
    value: Any = environment
    for name in place:
        value = value.get(name, {}) if isinstance(value, Mapping) else {}
    return str(value) if value != {} else "unknown"


# What is asked of each round -> where its environment says it.
_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "devices": ("device_name",),
    "thread counts": ("threads",),
    **{f"versions of {name}": ("packages", name) for name in NUMERICAL},
}

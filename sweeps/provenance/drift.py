"""Drift: results of a study made by other code than today's, or by other versions or devices than others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from after_ray.sources import source_of
from after_ray.stages import FeaturesStage, Stage
from after_ray.store.reading import Environments
from after_ray.wording import counted
from sweeps.planning.plan import Plan

# Packages whose version may change a number.
NUMERICAL = ("torch", "torchaudio", "transformers", "scikit-learn", "numpy", "scipy")
SHOWN = 4  # values of one thing that is mixed

Environment = Mapping[str, Any]
Place = tuple[str, ...]  # names on the way to a value in an environment


@dataclass
class _Alike:
    """Results of one kind that were made in one environment."""

    name: str
    environment: Environment
    count: int = 0


def drift(plans: Sequence[Plan], environments: Environments, done: Collection[str]) -> list[str]:
    """One sentence for each thing in which finished results of these plans differ.

    Results of earlier versions of after-ray do not say by what code they were made; these are counted apart.
    What results do not say of devices and versions counts for nothing.

    Args:
        plans: what is looked at: their rounds, and what these stand on.
        environments: what a record says of where and by what it was made, by key (`Ledger.environments`).
        done: keys that have a record.
    """
    stages = {key: stage for key, stage in _stages(plans) if key in done}
    told = environments(stages.keys())
    made = {key: told[key] for key in stages if key in told}  # in the order of the plans
    alike = _alike(stages, made)
    return [*_other_code(stages, made), *_unknown_code(made.values()), *_places(alike), *_versions(alike)]


def _stages(plans: Sequence[Plan]) -> Iterator[tuple[str, Stage]]:
    for plan in plans:
        yield from plan.shared.items()
        yield from ((stage.key, stage) for trajectory in plan.trajectories for stage in trajectory.stages)


def _alike(stages: Mapping[str, Stage], made: Mapping[str, Environment]) -> list[_Alike]:
    """Results by their kind and environment, of which there are few: those that say the same are one object.

    Folds are left out: they are data, whoever draws them.
    """
    found: dict[tuple[str, int], _Alike] = {}
    for key, environment in made.items():
        if (name := _name(stages[key])) != "folds":
            found.setdefault((name, id(environment)), _Alike(name, environment)).count += 1
    return list(found.values())


def _name(stage: Stage) -> str:
    """What results are compared with each other: features of one kind may need a GPU, of another not."""
    if isinstance(stage, FeaturesStage):
        return f"{stage.features.kind} features"
    return stage.kind.replace("_", " ")


def _other_code(stages: Mapping[str, Stage], made: Mapping[str, Environment]) -> Iterator[str]:
    """Results whose code has changed since, although the key is the same."""
    others = Counter(
        stages[key].kind
        for key, environment in made.items()
        if (source := environment.get("source")) and source != source_of(stages[key])
    )
    for kind, count in sorted(others.items()):
        yield (
            f"{counted(count, f'{kind} result')} made by other code than today's, with the same version of "
            "the stage: 'after-ray verify' says whether it gives the same"
        )


def _unknown_code(made: Iterable[Environment]) -> Iterator[str]:
    unknown = sum("source" not in environment for environment in made)
    if unknown:
        yield f"{counted(unknown, 'result')} from before code was recorded: nothing is known of theirs"


def _places(alike: Sequence[_Alike]) -> Iterator[str]:
    """Where results of one kind were made differently; other kinds may well be made elsewhere."""
    for name in sorted({one.name for one in alike}):
        of_kind = [one for one in alike if one.name == name]
        for what, place in _PLACES.items():
            found = _by_value(of_kind, place)
            if len(found) > 1:
                numbers = {value: str(sum(counts.values())) for value, counts in found.items()}
                yield f"{_many(name)} made with different {what}: {_listed(found, numbers)}"


def _versions(alike: Sequence[_Alike]) -> Iterator[str]:
    """Versions that differ between results of whatever kind: rounds stand on all the others."""
    told: set[str] = set()
    for what, place in _VERSIONS.items():
        found = _by_value(alike, place)
        if len(found) > 1 and _IMPLIED_BY.get(what) not in told:
            told.add(what)
            numbers = {
                value: ", ".join(f"{count} {name if count == 1 else _many(name)}" for name, count in kinds)
                for value, kinds in ((value, sorted(counts.items())) for value, counts in found.items())
            }
            yield f"results made with different {what}: {_listed(found, numbers)}"


def _by_value(alike: Iterable[_Alike], place: Place) -> dict[str, Counter[str]]:
    """How many results of each kind say what; those that do not say it are left out."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in alike:
        value = _value(one.environment, place)
        if value is not None:
            found[value][one.name] += one.count
    return found


def _listed(found: Mapping[str, Counter[str]], numbers: Mapping[str, str]) -> str:
    """The values that most results have first."""
    values = sorted(found, key=lambda value: -sum(found[value].values()))
    told = ", ".join(f"{value} ({numbers[value]})" for value in values[:SHOWN])
    return f"{told} and {len(values) - SHOWN} more" if len(values) > SHOWN else told


def _many(name: str) -> str:
    return name if name.endswith(("features", "losses", "audio")) else f"{name}s"


def _value(environment: Environment, place: Place) -> str | None:
    value: Any = environment
    for name in place:
        value = value.get(name) if isinstance(value, Mapping) else None
    return None if value is None else str(value)


# What is asked of results -> where their environment says it: first of those of one kind, then of all.
_PLACES: Mapping[str, Place] = {
    "devices": ("device_name",),
    "thread counts": ("threads",),
    "capabilities of processors": ("driver", "capability"),
    "GPU drivers": ("driver", "nvidia"),
    "versions of CUDA": ("driver", "cuda"),
    "versions of cuDNN": ("driver", "cudnn"),
}
_VERSIONS: Mapping[str, Place] = {
    "versions of Python": ("python",),
    **{f"versions of {name}": ("packages", name) for name in NUMERICAL},
    "builds of torch": ("torch_build",),
}
_IMPLIED_BY = {"builds of torch": "versions of torch"}

"""A small study, and a store in which its stages took known times."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from after_ray.manifest import Manifest
from after_ray.stages import (
    MADE_BY_DRIVER,
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    NextRoundStage,
    Stage,
)
from after_ray.store import Draft, Store
from sweeps.cost.clips import Corpora
from sweeps.cost.work import Phase, Works
from sweeps.planning.plan import Plan, make_plan
from sweeps.study.declaration import Study
from tests.after_ray.splits.toy import dialogs

DEVICE = "processor X"
ADAPTED = {"name": "tapt", "steps": 10, "batch_seconds": 20}
TINY = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32}


def manifest(each: int = 20) -> Manifest:
    """Ten speakers, four classes, clips of a second."""
    return dialogs(each=each)


def plan(**changes: Any) -> Plan:
    """A pooled transformer on the folds of the manifest; `changes` to the study."""
    study = {
        "study": "small",
        "corpus": [{"name": "synthetic"}],
        "classifier": [{"name": "pooled_transformer"}],
        "backbone": [{"config": {**TINY, "conv_dim": (16,) * 7}}],
        "adaptation": [ADAPTED],
        "strategy": ["random", "entropy"],
        "schedule": [10, 20, 40],
        "fold": [0],
        "seed": [0],
        "protocol": {"preset": "paper", "folds": {"scheme": "sessions"}},
        **changes,
    }
    return make_plan(Study.model_validate(study), [manifest()])


def linear(phase: Phase) -> float:
    """Seconds of any phase: half a second and 2e8 operations per second; choosing takes 10 ms a clip."""
    if phase.name == "acquire":
        return 0.01 * phase.operations
    if phase.operations == 0:
        return 0.25 if phase.name == "rest" else 0.0
    return 0.5 + phase.operations / 2e8


def finish(
    plan: Plan, store: Store, keys: Collection[str] | None = None, seconds: Callable[[Phase], float] = linear
) -> None:
    """Commit the stages of a plan as if they had run; `keys`: only these."""
    corpora = Corpora([plan], [manifest()])
    works = Works(corpora)
    stages: dict[str, Stage] = {**plan.shared}
    stages.update((stage.key, stage) for trajectory in plan.trajectories for stage in trajectory.stages)
    for stage in stages.values():
        if keys is None or stage.key in keys:
            commit(stage, works, corpora, store, seconds)


def commit(
    stage: Stage, works: Works, corpora: Corpora, store: Store, seconds: Callable[[Phase], float]
) -> None:
    """One record with the phases of its stage."""
    told = {phase.name: seconds(phase) for phase in works.of(stage)}
    rest = told.pop("rest", 0.0)
    if not isinstance(stage, MADE_BY_DRIVER):
        told["total"] = sum(told.values()) + rest
    measures, details = _told(stage, corpora)
    draft = Draft(
        stage.key,
        stage.kind,
        stage.meaning(),
        seconds=told,
        measures=measures,
        details=details,
        environment={"device": "cpu", "threads": 1, "shared_by": 1, "device_name": DEVICE},
    )
    store.commit(draft)


def _told(stage: Stage, corpora: Corpora) -> tuple[dict[str, float | int | None], dict[str, Any]]:
    """What a record measures and tells, as far as speeds are read from it."""
    if isinstance(stage, FeaturesStage):
        return {"utterances": len(manifest()), "frames": 50 * len(manifest())}, {}
    if isinstance(stage, AdaptationStage):
        step = corpora.step(stage.audio, stage.adaptation)
        steps = stage.adaptation.steps
        audio = {"steps": steps, "audio_seconds": steps * step.total}
        return {**audio}, {"backbone": {"model_type": "wav2vec2"}}
    if not isinstance(stage, FirstRoundStage | NextRoundStage):
        return {}, {}
    later = isinstance(stage, NextRoundStage)
    first = stage.first if isinstance(stage, NextRoundStage) else stage
    before = stage.previous.size if later else 0
    fold = corpora.table(first.audio, first.fold).folds[first.fold.index]
    sizes = {"labelled": stage.size, "train": len(fold.train), "test": len(fold.test)}
    return {**sizes, "validation_used": len(fold.validation)}, {"acquired": ["x"] * (stage.size - before)}

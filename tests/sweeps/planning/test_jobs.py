"""Plans cut into jobs: what two studies need alike is done once, and nothing waits for more than it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.stages import FeaturesStage
from sweeps.planning.jobs import Job, jobs_of, resting_on
from sweeps.planning.plan import Plan
from tests.after_ray.execution.asking import SUMMARIES
from tests.sweeps.small import small_study


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def plan(store: Path, *overrides: str) -> Plan:
    return small_study(store, *overrides).plan


def trajectories(jobs: dict[str, Job]) -> list[Job]:
    return [job for job in jobs.values() if job.kind == "trajectory"]


def test_a_stage_that_two_plans_need_is_one_job(store: Path) -> None:
    one, other = plan(store), plan(store, "strategy=[entropy, margin]")
    jobs = jobs_of([one, other], set())
    kinds = [job.kind for job in jobs.values()]
    assert (kinds.count("features"), kinds.count("first_round"), kinds.count("trajectory")) == (1, 1, 3)
    assert jobs_of([one, one], set()).keys() == jobs_of([one], set()).keys()


def test_a_trajectory_that_is_the_beginning_of_another_is_no_job(store: Path) -> None:
    short, long = plan(store), plan(store, "schedule=[10,20,40,80]")
    for plans in ([short, long], [long, short]):
        left = trajectories(jobs_of(plans, set()))
        assert {job.key for job in left} == {trajectory.key for trajectory in long.trajectories}
        assert all(len(job.gives) == 3 for job in left)


def test_who_leaves_anothers_path_starts_where_they_part(store: Path) -> None:
    one, other = plan(store, "strategy=entropy"), plan(store, "strategy=entropy", "schedule=[10,20,60]")
    first, second = trajectories(jobs_of([one, other], set()))
    shared = one.trajectories[0].stages[1].key
    assert other.trajectories[0].stages[1].key == shared
    assert first.gives == tuple(stage.key for stage in one.trajectories[0].stages[1:])
    assert second.gives == (other.trajectories[0].key,)
    assert shared in second.needs
    assert first.key not in second.needs, "it need not wait for the end of the other"


def test_finished_rounds_are_neither_given_nor_needed(store: Path) -> None:
    made = plan(store, "strategy=entropy")
    trajectory = made.trajectories[0]
    (left,) = jobs_of([made], made.keys - {stage.key for stage in trajectory.stages[2:]}).values()
    assert left.gives == (trajectory.key,)
    assert left.needs == frozenset()


def test_a_gpu_is_asked_for_only_where_there_is_work_for_one(store: Path) -> None:
    overrides = (
        "classifier=[functionals, light_sernet, pooled_transformer]",
        "backbone={config: {hidden_size: 16, num_attention_heads: 2}}",
        "adaptation=[{name: tapt, steps: 10}]",
        "resources={cpu: 2, gpu: 0.5}",
    )
    jobs = jobs_of([plan(store, *overrides)], set()).values()
    for job in jobs:
        what = getattr(job.stage, "features", None)
        described = (job.kind, getattr(what, "kind", None))
        if job.kind == "adaptation" or described == ("features", "front_end"):
            assert job.resources.gpu == 0.5
        elif job.kind == "features":
            assert job.resources.gpu == 0, described
        assert job.resources.cpu == 2
    of_rounds = {
        job.stage.chain[0].classifier.name: job.resources.gpu for job in jobs if job.kind == "trajectory"
    }
    assert of_rounds == {"functionals": 0, "light_sernet": 0.5, "pooled_transformer": 0.5}


def test_what_rests_on_a_failure_is_found_through_all_that_lies_between(store: Path) -> None:
    one, other = plan(store, "strategy=entropy"), plan(store, "strategy=entropy", "schedule=[10,20,60]")
    jobs = jobs_of([one, other], set())
    everything = {key for job in jobs.values() for key in job.gives}
    features = next(job for job in jobs.values() if job.kind == "features")
    resting = resting_on(jobs, {features.key}, everything)
    assert resting == dict.fromkeys(jobs.keys() - {features.key}, features.key)
    first, second = trajectories(jobs)
    assert resting_on(jobs, {first.key}, everything) == {second.key: first.key}
    parted = everything - set(first.gives[:1])
    assert resting_on(jobs, {first.key}, parted) == {}, "the round where they part was finished before"


def test_what_a_strategy_asks_for_is_waited_for_by_its_trajectory_and_not_by_round_0(store: Path) -> None:
    made = plan(store, f"strategy=['{SUMMARIES}']", "initialization=random", *TRANSFORMER)
    jobs = jobs_of([made], set())
    (summaries,) = [key for key, job in jobs.items() if _before(job)]
    (left,) = trajectories(jobs)
    first = left.stage.first  # type: ignore[attr-defined]
    assert summaries in made.shared
    assert summaries == first.summaries.key
    assert summaries in left.needs
    assert summaries not in jobs[first.key].needs
    assert summaries not in jobs_of([plan(store, "strategy=random", *TRANSFORMER)], set())


TRANSFORMER = (
    "classifier=pooled_transformer",
    "backbone={config: {hidden_size: 16, num_attention_heads: 2}}",
    "adaptation=[{name: tapt, steps: 10}]",
)


def _before(job: Job) -> bool:
    """Whether it makes features of the backbone before adaptation."""
    return isinstance(job.stage, FeaturesStage) and job.stage.adapted is None

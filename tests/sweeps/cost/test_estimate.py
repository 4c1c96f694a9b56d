"""Hours of plans, together and as independent trials, from stores whose times are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.backbones.operations import Shape
from after_ray.stages import AdaptationStage, FeaturesStage
from after_ray.store import Store
from sweeps.cost.clips import Corpora
from sweeps.cost.estimate import Estimate, estimate
from sweeps.cost.forecasting import forecast
from sweeps.cost.naive import naive_seconds
from sweeps.cost.work import Works
from sweeps.planning.jobs import jobs_of
from sweeps.planning.plan import Plan
from sweeps.scheduling.schedule import Capacity
from tests.sweeps.cost.small import DEVICE, TINY, finish, linear, manifest, plan


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan()


def of(made: list[Plan], store: Path) -> Estimate:
    found = Store(store)
    return estimate(made, [manifest()], found, found.ledger.finished())


def expected_hours(made: Plan) -> float:
    """By the rule that the store's times were made with."""
    works = Works(Corpora([made], [manifest()]))
    stages = {**made.shared} | {s.key: s for t in made.trajectories for s in t.stages}
    return sum(linear(phase) for stage in stages.values() for phase in works.of(stage)) / 3600


def test_naive_and_planned_seconds_by_hand(made: Plan) -> None:
    # An adaptation takes 100 s, features 10, round 0 takes 1, the later rounds 2 and 4.
    seconds = {}
    for key, stage in made.shared.items():
        seconds[key] = 100.0 if isinstance(stage, AdaptationStage) else 10.0
    for trajectory in made.trajectories:
        seconds.update(zip((stage.key for stage in trajectory.stages), (1.0, 2.0, 4.0), strict=True))
    naive = naive_seconds([made], seconds)
    assert naive.trials == 6  # two strategies, three ratios
    assert naive.by_kind == {
        "adaptation": 6 * 100,
        "features": 6 * 10,
        "first_round": 6 * 1,
        "trajectory": 2 * (0 + 2 + (2 + 4)),
    }
    assert naive_seconds([made, made], seconds) == naive, "a cell that two plans report is one trial"


def test_linear_times_of_some_stages_tell_those_of_all(made: Plan, tmp_path: Path) -> None:
    others = plan(seed=[1, 2])
    finish(others, Store(tmp_path))  # not one stage but the shared ones is this plan's
    told = of([made], tmp_path)
    assert told.basis == "measured"
    assert told.planned.trials == pytest.approx(expected_hours(made), rel=0.05)
    trajectories = told.by_kind["trajectory"][1]
    assert 0 < trajectories < told.planned.trials
    assert any(f"on {DEVICE}" in clause for clause in told.rests_on())


def test_what_is_done_took_what_it_took_and_is_not_left(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan(initialization=["clustering"])
    features = made.of_kind(FeaturesStage).keys()
    taken = [360.0, 1080.0]  # of equal work: no rate would tell both
    for key, seconds in zip(sorted(features), taken, strict=True):
        finish(made, store, {key}, seconds=lambda phase, seconds=seconds: seconds)  # type: ignore[misc]
    told = of([made], tmp_path)
    assert [told.stages[key].seconds for key in sorted(features)] == taken
    assert all(told.stages[key].done for key in features)
    assert told.left.trials == pytest.approx(told.planned.trials - 0.4)
    finish(made, store)
    assert of([made], tmp_path).left.trials == 0


def test_the_error_of_noisy_records_is_told(made: Plan, tmp_path: Path) -> None:
    others = plan(seed=list(range(1, 9)), strategy=["entropy"])
    disturbed = iter([0.8, 1.25] * 1_000)
    finish(others, Store(tmp_path), seconds=lambda phase: linear(phase) * next(disturbed))
    error = of([made], tmp_path).error
    assert error is not None
    assert 0.05 < error < 0.5


def test_the_basis_says_what_was_measured(made: Plan, tmp_path: Path) -> None:
    nothing = of([made], tmp_path / "empty")
    assert nothing.basis == "assumed"
    assert nothing.error is None
    assert nothing.ratio is not None
    assert all("measured" not in clause.replace("not measured", "") for clause in nothing.rests_on())
    adapted = made.of_kind(AdaptationStage).keys()
    finish(made, Store(tmp_path), adapted)
    assert of([made], tmp_path).basis == "mixed"


def test_the_ratio_needs_no_measurement(made: Plan, tmp_path: Path) -> None:
    told = of([made], tmp_path)
    naive, planned = (sum(pair[i] for pair in told.by_kind.values()) for i in (0, 1))
    assert told.numbers()["ratio"] == told.ratio == pytest.approx(naive / planned)
    assert told.ratio > 1


def test_plans_together_count_what_they_share_once(made: Plan, tmp_path: Path) -> None:
    longer = plan(schedule=[10, 20, 40, 60])
    alone = of([longer], tmp_path)
    together = of([made, longer], tmp_path)
    assert together.planned == alone.planned
    assert together.stages.keys() == alone.stages.keys()


def test_gpu_hours_are_those_of_trials_that_hold_one(tmp_path: Path) -> None:
    half = of([plan(resources={"cpu": 4, "gpu": 0.5})], tmp_path)
    assert half.planned.gpu == pytest.approx(0.5 * half.planned.trials)
    assert half.planned.cpu == pytest.approx(4 * half.planned.trials)
    without = of([plan(classifier=["functionals"], resources={"cpu": 2, "gpu": 1})], tmp_path)
    assert without.planned.gpu == 0


def test_wall_clock_is_at_least_the_longest_chain_and_the_work(made: Plan, tmp_path: Path) -> None:
    told = of([made], tmp_path)
    alone, wide = told.schedule(Capacity(1)), told.schedule(Capacity(64))
    assert alone.makespan == pytest.approx(3600 * told.left.trials)
    assert wide.makespan == pytest.approx(wide.bounds["chain"])


def test_a_launch_goes_by_measured_seconds_and_by_all_chains(made: Plan, tmp_path: Path) -> None:
    jobs = jobs_of([made], frozenset())
    assumed = forecast(of([made], tmp_path / "empty"), jobs)
    assert assumed.measured == {}, "a budget must not hold jobs back by rates that nobody measured"
    assert assumed.chains.keys() == assumed.seconds.keys() == jobs.keys()
    finish(plan(seed=[1, 2]), Store(tmp_path))
    told = of([made], tmp_path)
    known = forecast(told, jobs)
    last = made.trajectories[0].key
    assert known.seconds[last] == known.measured[last] == pytest.approx(told.seconds_of(jobs[last]))
    first = max(known.chains, key=lambda key: known.chains[key])
    assert jobs[first].kind == "adaptation"


def test_storage_by_hand(made: Plan, tmp_path: Path) -> None:
    parts = of([made], tmp_path).storage.parts
    clips, seconds = len(manifest()), 1.0
    assert parts["audio"] == 2 * 16_000 * clips * seconds
    assert parts["features"] == clips * (2 * 50 * 16 + 8 * 16)
    fold = made.splits[0].table.folds[0]
    held_out = len(fold.validation) + len(fold.test)
    weights = 4 * Shape.of({**TINY, "conv_dim": (16,) * 7}).transformer_parameters
    assert parts["weights"] == 3 * weights, "round 0, and the last round of two trajectories"
    rounds = 1 + 2 * 2
    assert parts["predictions"] == rounds * held_out * 8 * (4 + 2)


def test_stored_sizes_of_glam_are_those_of_its_segments_and_network(tmp_path: Path) -> None:
    parts = of([plan(classifier=[{"name": "glam", "seconds": 0.6, "overlap": 0.3}])], tmp_path).storage.parts
    clips = len(manifest())  # of a second each: about 1 + (0.4 / 0.3 - 0.5) segments
    segments = clips * (1 + 0.4 / 0.3 - 0.5)
    assert parts["features"] == pytest.approx(4 * segments * 26 * 19 + 8 * clips * 52)
    assert parts["weights"] % (4 * 904_078) == 0


def test_stored_sizes_are_those_of_real_files() -> None:
    from after_ray.backbones.loading import build
    from after_ray.backbones.operations import shape_of
    from after_ray.backbones.settings import BackboneSettings

    settings = BackboneSettings(config={"hidden_size": 64, "num_hidden_layers": 3, "conv_dim": (32,) * 7})
    encoder = build(
        settings.model_copy(update={"config": {**(settings.config or {}), "num_attention_heads": 4}})
    )
    numbers = sum(weight.numel() for weight in encoder.encoder.parameters())
    assert shape_of(settings).transformer_parameters == pytest.approx(numbers, rel=0.01)

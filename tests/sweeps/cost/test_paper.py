"""The paper's active-learning studies planned together: at least ten times less than independent trials."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.manifest import Manifest
from after_ray.store import Store
from sweeps.cost.estimate import Estimate, estimate
from sweeps.planning.plan import Plan
from sweeps.scheduling.schedule import Capacity
from tests.sweeps.cost.paper import merged_manifest, plans, whole_suite

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus() -> Manifest:
    return merged_manifest()


@pytest.fixture(scope="module")
def studies(corpus: Manifest) -> list[Plan]:
    return plans(corpus)


@pytest.fixture(scope="module")
def told(studies: list[Plan], corpus: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Estimate:
    return estimate(studies, [corpus], Store(tmp_path_factory.mktemp("store")), set())


def test_planned_together_they_take_a_tenth_of_independent_trials(told: Estimate) -> None:
    assert told.ratio is not None
    for kind, (naive, planned) in told.by_kind.items():
        print(f"{kind}: {naive:.0f} h independently, {planned:.1f} h planned, {naive / planned:.1f} times")
    print(f"together: {told.ratio:.1f} times less ({told.basis} rates, {told.naive.trials} trials)")
    assert told.ratio >= 10


def test_they_share_what_the_protocol_lets_them_share(told: Estimate) -> None:
    kinds = [job.kind for job in told.jobs.values()]
    # 5 folds x 10 seeds: adapted, and for Table 4 not adapted; two initializations.
    assert kinds.count("adaptation") == 50
    assert kinds.count("features") == 51
    assert kinds.count("first_round") == 150
    assert kinds.count("trajectory") == 7 * 2 * 50 + 2 * 50
    assert told.naive.trials == 10 * 700 + 7 * 100, "what the tables adapt is in the figure's curves"


def test_features_of_an_adaptation_take_what_was_reckoned(told: Estimate) -> None:
    # 17,084 clips of 3.7 s at most 10 s: 512 numbers of 2 bytes, 50 times a second.
    assert told.storage.parts["features"] / 51 == pytest.approx(3.3e9, rel=0.05)


def test_on_64_gpus_the_order_comes_near_its_bound(told: Estimate) -> None:
    found = told.schedule(Capacity(256, 64))
    assert found.bound <= found.makespan <= 1.05 * found.bound


def test_the_whole_suite_with_baselines_that_share_nothing_saves_less(
    told: Estimate, corpus: Manifest, tmp_path: Path
) -> None:
    everything, manifests = whole_suite(corpus)
    suite = estimate(everything, manifests, Store(tmp_path), set())
    assert suite.ratio is not None
    assert told.ratio is not None
    print(
        f"with Table 3: {suite.ratio:.1f} times less ({suite.naive.hours:.0f} h independently, "
        f"{suite.planned.trials:.0f} h planned)"
    )
    assert 1 < suite.ratio < told.ratio

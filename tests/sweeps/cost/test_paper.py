"""The paper's studies as they ship, planned together: many times less than independent trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from after_ray.store import Store
from sweeps.cost.estimate import Estimate, estimate
from sweeps.planning.opening import open_study
from sweeps.scheduling.schedule import Capacity
from tests.sweeps.made_up import MadeUpScans, made_up_hub

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[3] / "sweeps" / "paper"
ON_MERGED = ("figure2", "figure3", "table2", "table4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("paper")
    with pytest.MonkeyPatch.context() as patch, made_up_hub(made / "hub", patch):
        patch.setenv("AFTER_RAY_CORPORA", str(made))
        yield made


def told_of(folder: Path, *names: str) -> Estimate:
    scans = MadeUpScans()
    studies = [open_study(FOLDER / f"{name}.yaml", folder / "store", scans=scans) for name in names]
    manifests = {scan.manifest.digest: scan.manifest for study in studies for scan in study.scans}
    plans = [study.plan for study in studies]
    return estimate(plans, list(manifests.values()), Store(folder / "store"), set())


@pytest.fixture(scope="module")
def told(folder: Path) -> Estimate:
    return told_of(folder, *ON_MERGED)


def test_planned_together_they_take_a_tenth_of_independent_trials(told: Estimate) -> None:
    assert told.ratio is not None
    for kind, (naive, planned) in told.by_kind.items():
        print(f"{kind}: {naive:.0f} h independently, {planned:.1f} h planned, {naive / planned:.1f} times")
    print(f"together: {told.ratio:.1f} times less ({told.basis} rates, {told.naive.trials} trials)")
    assert told.ratio >= 10


def test_they_share_what_the_protocol_lets_them_share(told: Estimate) -> None:
    kinds = [job.kind for job in told.jobs.values()]
    # 5 folds x 10 seeds, adapted and, for Table 4, not; two initializations; beside them all labels at once.
    assert kinds.count("adaptation") == 50
    assert kinds.count("features") == 51
    assert kinds.count("first_round") == 2 * 2 * 50 + 2 * 50
    assert kinds.count("trajectory") == 7 * 2 * 50 + 3 * 50


def test_features_of_an_adaptation_take_what_was_reckoned(told: Estimate) -> None:
    # 17,015 clips of 3.7 s at most 10 s: 512 numbers of 2 bytes, 50 times a second.
    assert told.storage.parts["features"] / 51 == pytest.approx(3.3e9, rel=0.05)


def test_on_64_gpus_the_order_comes_near_its_bound(told: Estimate) -> None:
    found = told.schedule(Capacity(256, 64))
    assert found.bound <= found.makespan <= 1.05 * found.bound


def test_the_whole_suite_with_baselines_that_share_nothing_saves_less(folder: Path, told: Estimate) -> None:
    suite = told_of(folder, *ON_MERGED, "table3")
    assert suite.ratio is not None
    assert told.ratio is not None
    print(
        f"with Table 3: {suite.ratio:.1f} times less ({suite.naive.hours:.0f} h independently, "
        f"{suite.planned.trials:.0f} h planned)"
    )
    assert 1 < suite.ratio < told.ratio

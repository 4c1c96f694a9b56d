"""The start-up of a launch counts: as earlier launches into the store took, else an assumed one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.store import Draft, Store
from sweeps.cost.estimate import Estimate, estimate
from sweeps.cost.estimating import _sentences, numbers_of
from sweeps.cost.predictions import keep_prediction
from sweeps.cost.startup import ASSUMED_SECONDS, LONGEST, MOST_STAGES, startup_of
from sweeps.scheduling.schedule import Capacity
from tests.sweeps.cost.small import finish, manifest, plan

CLUSTER = Capacity(2)


def estimated(store: Store, **changes: object) -> Estimate:
    return estimate([plan(**changes)], [manifest()], store, store.ledger.finished())


def launched(store: Store, seed: int, made: float, took: float) -> None:
    """A launch that began at `made`, and whose first trial began to work so much later."""
    asked = plan(seed=[seed], strategy=["random"], schedule=[10, 20])
    keep_prediction(store, estimate([asked], [manifest()], store, store.ledger.finished()), now=made)
    for number, stage in enumerate(asked.trajectories[0].stages):
        started = made + took + number
        store.commit(
            Draft(
                stage.key,
                stage.kind,
                stage.meaning(),
                seconds={"total": 1.0},
                started=started,
                finished=started + 1,
            )
        )


def test_a_first_launch_takes_the_assumed_start_up_and_says_so(tmp_path: Path) -> None:
    first = estimated(Store(tmp_path))
    assert startup_of(Store(tmp_path)).seconds == ASSUMED_SECONDS
    trials = first.schedule(CLUSTER).makespan
    assert first.wall_seconds(CLUSTER) == pytest.approx(ASSUMED_SECONDS + trials)
    assert numbers_of(first, CLUSTER)["wall_hours"] == pytest.approx((ASSUMED_SECONDS + trials) / 3600)
    said = " ".join(_sentences(first, CLUSTER))
    assert "on 2 cores, of which 15 s until Ray and its workers are there (assumed)" in said


def test_later_launches_take_what_earlier_ones_took(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seed, took in enumerate((10.0, 20.0, 90.0)):
        launched(store, seed + 1, 1e9 + 1000 * seed, took)
    found = estimated(store).startup
    assert (found.seconds, found.launches) == (20.0, 3)
    assert "until Ray and its workers are there (as in 3 launches before)" in " ".join(
        _sentences(estimated(store), CLUSTER)
    )


def test_a_launch_that_did_nothing_or_waited_tells_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep_prediction(store, estimated(store, seed=[9]), now=1e9)  # was interrupted
    launched(store, 9, 1e9 + 60, 12.0)
    launched(store, 10, 2e9, LONGEST + 1)
    large = list(range(MOST_STAGES))
    keep_prediction(store, estimated(store, seed=large), now=3e9)
    assert startup_of(store).launches == 1
    assert startup_of(store).seconds == 12.0


def test_where_nothing_is_left_nothing_is_started(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(plan(), store)
    assert estimated(store).wall_seconds(CLUSTER) == 0
    assert len(_sentences(estimated(store), CLUSTER)) == 1


def test_small_figures_have_units_of_their_size(tmp_path: Path) -> None:
    found = estimated(Store(tmp_path))
    stages = {key: replace(cost, seconds=cost.seconds / 1e6) for key, cost in found.stages.items()}
    said = " ".join(_sentences(replace(found, stages=stages), CLUSTER))
    assert "under 1 s of trials" in said
    assert " MB of storage" in said or " kB of storage" in said
    assert "0.00 GB" not in said
    assert " 0 s" not in said

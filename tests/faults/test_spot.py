"""A node that its provider will end: what runs there is saved at once and goes on, to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from after_ray.preemption import VARIABLE
from sweeps.launching.launch import launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.launching.sight import Nobody, Standing
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy
from tests.faults import small
from tests.faults.small import Small, results
from trainables.leaving import HEAD_ENDS

STEPS = 400  # of the adaptation: some seconds

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The small study with a long adaptation, which writes no checkpoint but at a notice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        longer = small.STUDY.replace("steps: 4", f"steps: {STEPS}")
        patch.setattr(small, "STUDY", longer.replace("0.0001", "3600"))
        yield Small(tmp_path_factory.mktemp("spot"))


@pytest.fixture(scope="module")
def undisturbed(studies: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    opened = studies.in_store(tmp_path_factory.mktemp("undisturbed") / "store")
    launch([opened.plan], opened.store, Where(cpus=1))
    return results(opened.store)


class Watching(Nobody):
    """Ends a node once the adaptation runs there; once that is saved, does what is to be done then."""

    def __init__(self, opened: OpenStudy, adaptation: str, ends: Path, then: Callable[[], Any]) -> None:
        self._adaptation, self._ends, self._then = adaptation, ends, then
        self._state = opened.store.root / "checkpoints" / adaptation / "state.json"
        self._told = self._done = False

    @property
    def saved(self) -> bool:
        """Whether there is a checkpoint."""
        return self._state.is_file()

    def on_standing(self, standing: Standing) -> None:
        running = any(job.key == self._adaptation and since > 3 for job, since in standing.running)
        if running and not self._told:
            assert not self.saved, "none is due before the notice"
            self._told = True
            self._ends.touch()
        if self._told and self.saved and not self._done:
            self._done = True
            self._then()


def test_work_on_a_node_that_will_be_ended_goes_on_on_another(
    studies: Small, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    import ray
    from ray.cluster_utils import Cluster

    opened, ends = studies.in_store(tmp_path / "store"), tmp_path / "ends"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        spot = cluster.add_node(num_cpus=1, env_vars={VARIABLE: f"file:{ends}"})
        jobs = jobs_of([opened.plan], opened.store.ledger.finished())
        where = Where(address=cluster.address)
        added = []
        watching = Watching(
            opened, studies.adaptation, ends, lambda: added.append(cluster.add_node(num_cpus=1))
        )
        with running_ray(where):
            outcome = launch([opened.plan], opened.store, where, watching)
            left = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    finally:
        cluster.shutdown()
    assert added, "the checkpoint is written at the notice"
    assert spot.node_id not in left, "Ray places nothing more on it, so it leaves as soon as it is idle"
    assert outcome.failed == opened.store.ledger.failures() == {}
    assert len(jobs) < outcome.ran <= len(jobs) + 2, "handed on once, and lost once more at most"
    assert results(opened.store) == undisturbed


def test_where_rays_head_will_be_ended_the_launch_stops_and_the_next_one_goes_on(
    studies: Small, undisturbed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, ends = studies.in_store(tmp_path / "store"), tmp_path / "ends"
    monkeypatch.setenv(VARIABLE, f"file:{ends}")
    watching = Watching(opened, studies.adaptation, ends, lambda: None)
    outcome = launch([opened.plan], opened.store, Where(cpus=1), watching)
    assert watching.saved
    assert outcome.unavailable == outcome.stopped == HEAD_ENDS
    assert outcome.failed == opened.store.ledger.failures() == {}
    assert studies.adaptation not in opened.store.ledger.finished()
    ends.unlink()
    launch([opened.plan], opened.store, Where(cpus=1))
    assert results(opened.store) == undisturbed

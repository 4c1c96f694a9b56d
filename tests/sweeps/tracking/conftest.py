"""A made-up study in a store, beside an MLflow database without runs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from mlflow import MlflowClient

from after_ray.store import Store
from sweeps.tracking import Mirror, default_tracking_uri
from sweeps.tracking._mirror import REFERENCE_ABOVE
from sweeps.tracking.mirrored import MirroredTrajectory
from sweeps.tracking.sample import sample_study, sample_trajectories
from tests.sweeps.tracking.looking import PERCENTS


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_database() -> Iterator[None]:
    """SQLite does not wait for the disk at every commit: no test loses power."""

    def never_waits(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", never_waits)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", never_waits)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[MirroredTrajectory]]:
    """A store of four trajectories beside an MLflow database without runs, made once: that takes seconds."""
    root = tmp_path_factory.mktemp("template")
    trajectories = list(sample_trajectories(Store(root), 1, 1, PERCENTS, utterances=5))
    MlflowClient(default_tracking_uri(Store(root))).search_experiments(max_results=1)
    return root, trajectories


@pytest.fixture
def store(template: tuple[Path, list[MirroredTrajectory]], tmp_path: Path) -> Store:
    return Store(shutil.copytree(template[0], tmp_path / "store"))


@pytest.fixture
def trajectories(template: tuple[Path, list[MirroredTrajectory]]) -> list[MirroredTrajectory]:
    return template[1]


@pytest.fixture
def client(store: Store) -> MlflowClient:
    return MlflowClient(default_tracking_uri(store))


@pytest.fixture
def mirror_all(store: Store) -> Callable[..., list[bool]]:
    def run(trajectories: list[MirroredTrajectory], reference_above: int = REFERENCE_ABOVE) -> list[bool]:
        mirror = Mirror(default_tracking_uri(store), store, reference_above)
        mirror.open_study(sample_study(len(trajectories)))
        written = [mirror.trajectory(trajectory) for trajectory in trajectories]
        mirror.close_study()
        return written

    return run

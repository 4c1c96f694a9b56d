"""Databases that MLflow cannot open: the store's own is made anew, another one is named with what to do."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from after_ray.store import Store
from sweeps.tracking import Mirror, _connection, default_tracking_uri, read_frame
from sweeps.tracking._connection import connect, connect_to_read
from sweeps.tracking._database import make, set_aside, sqlite_file, what_is_wrong, what_went_wrong
from sweeps.tracking.addresses import refuse_unknown
from sweeps.tracking.errors import DatabaseUnusable, NoTracker, TrackerUnreachable
from sweeps.tracking.sample import sample_study
from tests.sweeps.tracking.looking import points

HALF_MIGRATED = "CREATE TABLE _alembic_tmp_runs (run_uuid VARCHAR)"
OLD_RELEASE = "UPDATE alembic_version SET version_num = '451aebb31d03'"
HALF_A_STEP = "UPDATE alembic_version SET version_num = '451aebb31d03'; DROP TABLE trace_tags"


def change(database: Path, statements: str) -> None:
    with closing(sqlite3.connect(database)) as connected:
        connected.executescript(statements)


def mirror_all(store: Store, trajectories, uri: str = "") -> list[str]:
    said: list[str] = []
    mirror = Mirror(uri or default_tracking_uri(store), store, say=said.append)
    try:
        mirror.open_study(sample_study(len(trajectories)))
        for trajectory in trajectories:
            mirror.trajectory(trajectory)
        mirror.close_study()
    finally:
        mirror.release()
    return said


@pytest.mark.slow
@pytest.mark.parametrize("damage", [HALF_MIGRATED, OLD_RELEASE, HALF_A_STEP])
def test_the_stores_own_database_is_set_aside_and_made_anew(store, trajectories, damage):
    """A full disk left such a database, and mirroring failed for ever."""
    (store.root / "mlartifacts").mkdir()
    change(store.root / "mlflow.db", damage)
    (said,) = mirror_all(store, trajectories[:2])
    assert "set aside as mlflow.db.damaged-1" in said
    assert "'after-ray mirror' for the store's other studies" in said
    assert (store.root / "mlflow.db.damaged-1").is_file()
    assert (store.root / "mlartifacts.damaged-1").is_dir()
    ua = [store.need(key).measures["ua"] for _, key, _ in trajectories[0].rounds]
    found = points(MlflowClient(default_tracking_uri(store)))
    assert [value for _, _, value in found[trajectories[0].key, "ua"]] == ua
    assert mirror_all(store, trajectories[:2]) == [], "said once"


@pytest.mark.slow
@pytest.mark.parametrize("text", [b"not a database at all" * 100])
def test_a_file_that_is_no_database_is_set_aside_without_waiting_for_mlflow(store, text, trajectories):
    (store.root / "mlflow.db").write_bytes(text)
    (said,) = mirror_all(store, trajectories[:1])
    assert "file is not a database" in said
    assert what_is_wrong(store.root / "mlflow.db") == ""


@pytest.mark.parametrize(
    ("damage", "remedy"),
    [(HALF_MIGRATED, "restore it from a backup"), (OLD_RELEASE, "copy it and run 'mlflow db upgrade sqlite")],
)
def test_a_database_of_somebody_else_is_named_and_never_touched(
    store, trajectories, tmp_path, damage, remedy
):
    own = (store.root / "mlflow.db").rename(tmp_path / "team.db")
    change(own, damage)
    before = own.read_bytes()
    with pytest.raises(DatabaseUnusable, match=f"{own}.*{remedy}.*after-ray mirror STUDY.yaml"):
        mirror_all(store, trajectories, f"sqlite:///{own}")
    assert own.read_bytes() == before
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (HALF_MIGRATED, "_alembic_tmp_runs"),
        (OLD_RELEASE, "out-of-date"),
        (HALF_A_STEP, "already exists|no such"),
    ],
)
def test_reading_a_damaged_database_is_one_sentence(store, damage, reason):
    change(store.root / "mlflow.db", damage)
    with pytest.raises(DatabaseUnusable, match=f"({reason}).*after-ray mirror"):
        read_frame(default_tracking_uri(store), "sample")


def test_a_database_appears_whole_or_not_at_all(tmp_path):
    """MLflow makes its tables one by one: a disk that fills up on the way must leave nothing."""

    class FullDisk:
        def __init__(self, uri: str) -> None:
            change(sqlite_file(uri), "CREATE TABLE experiments (name VARCHAR)")
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError):
        make(tmp_path / "mlflow.db", FullDisk)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR | 2 << 8])
def test_a_full_disk_or_a_locked_database_is_no_damage(code):
    error = sqlite3.OperationalError("the machine's fault")
    error.sqlite_errorcode = code
    wrapped = RuntimeError("database schema, says a library")
    wrapped.__cause__ = error
    assert what_went_wrong(wrapped) == ""


def test_an_error_of_a_server_is_never_taken_for_a_damaged_file():
    assert what_went_wrong(ConnectionError("refused")) == ""


def test_an_earlier_database_that_was_set_aside_is_kept(tmp_path):
    for text in ("first", "second"):
        (tmp_path / "mlflow.db").write_text(text)
        (tmp_path / "mlflow.db-wal").write_text(text)
        set_aside(tmp_path / "mlflow.db", tmp_path / "mlartifacts")
    assert (tmp_path / "mlflow.db.damaged-1").read_text() == "first"
    assert (tmp_path / "mlflow.db.damaged-2-wal").read_text() == "second"
    assert not (tmp_path / "mlflow.db").exists()


def test_tables_without_a_version_are_half_made(store):
    change(store.root / "mlflow.db", "DELETE FROM alembic_version")
    assert what_is_wrong(store.root / "mlflow.db") == "the making of its tables was interrupted"


def test_only_files_of_sqlite_are_looked_at():
    assert sqlite_file("sqlite:////var/mlflow.db") == Path("/var/mlflow.db")
    assert sqlite_file("sqlite:///here.db") == Path("here.db")
    for other in ("sqlite://", "http://server:5000", "postgresql://u@host/mlflow", "sqlite:///a.db?mode=ro"):
        assert sqlite_file(other) is None


KNOWN = [
    "http://host",
    "https://host:5000/path",
    "sqlite:///here.db",
    "sqlite:////var/mlflow.db",
    "postgresql+psycopg2://user:secret@host/mlflow",
    "mysql:///mlflow",
]
UNKNOWN = [
    "bogus",
    "bogus://host/x",
    "file:///tmp/mlruns",
    "./mlruns",
    "databricks",
    "http://",
    "http:/host",
    "http://host:port",
    "http://[::1",
    "sqlite://",
    "sqlite:///",
    "sqlite://nodir/x.db",
    "sqlite:/var/x.db",
    "postgresql://host",
]


@pytest.mark.parametrize("uri", KNOWN)
def test_servers_and_databases_are_known_forms_of_uri(uri):
    refuse_unknown(uri)


@pytest.mark.parametrize("uri", UNKNOWN)
def test_other_forms_are_refused_with_those_that_are_allowed(uri, tmp_path):
    told = f"{re.escape(repr(uri))} is no tracking URI; allowed: http://.*sqlite:///FILE.db.*mssql://"
    for reached in (lambda: connect(uri, Store(tmp_path)), lambda: connect_to_read(uri)):
        with pytest.raises(NoTracker, match=told):
            reached()
    assert list(tmp_path.iterdir()) == []


def test_a_refused_uri_does_not_show_its_password():
    assert "secret" not in str(NoTracker("bogus://user:secret@host/x"))


def test_no_folder_is_made_for_a_database_outside_of_the_store(tmp_path):
    store = Store(tmp_path / "store")
    told = f"there is no folder {tmp_path}/nodir, and none is made outside of the store.*make it, or correct"
    with pytest.raises(TrackerUnreachable, match=told):
        connect(f"sqlite:///{tmp_path}/nodir/x.db", store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_folder_is_made_for_a_database_inside_of_the_store(tmp_path):
    connect(f"sqlite:///{tmp_path}/store/more/x.db", Store(tmp_path / "store"))
    assert (tmp_path / "store" / "more" / "x.db").is_file()


def test_what_a_library_says_of_a_database_is_cut_to_its_first_sentence(tmp_path, monkeypatch):
    def fails(uri: str) -> None:
        raise RuntimeError("No driver is here. See https://elsewhere for a paragraph.\nAnd more.")

    (tmp_path / "x.db").touch()
    monkeypatch.setattr(_connection, "_answering", fails)
    with pytest.raises(TrackerUnreachable, match=r"\(No driver is here\): start it"):
        connect_to_read(f"sqlite:///{tmp_path}/x.db")

"""Reaching MLflow: where it is by default, whether it answers, and a client that gives up in time."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from after_ray.store import Store
from after_ray.store.places.file_systems import file_system_of
from sweeps.tracking._database import (
    files_elsewhere,
    forget,
    make,
    set_aside,
    sqlite_file,
    what_is_wrong,
    what_went_wrong,
)
from sweeps.tracking._refusals import refused
from sweeps.tracking.addresses import is_server, probe, refuse_unknown
from sweeps.tracking.errors import (
    DatabaseSetAside,
    DatabaseUnusable,
    TrackerUnreachable,
    fills_in,
    first_sentence,
    print_warning,
    without_password,
)
from sweeps.tracking.mirrored import ANY_STUDY

if TYPE_CHECKING:
    from mlflow import MlflowClient

READING = f"'{ANY_STUDY}' makes a store's own database anew, and says what to do about another"
ABSENT = f"name another with --tracking-uri, or fill it with '{ANY_STUDY}'"
# Set before MLflow is imported, whose own defaults hold a client for minutes at a dead server.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines per run otherwise
}
LOCAL_FILE_SYSTEMS = ("ext", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs")


def default_tracking_uri(store: Store) -> str:
    """An SQLite database inside the store."""
    return f"sqlite:///{store.root.resolve() / 'mlflow.db'}"


def artifact_location(tracking_uri: str, store: Store) -> str | None:
    """Where runs keep their artifacts: beside the store's records, or where a server says (None)."""
    return None if is_server(tracking_uri) else (store.root.resolve() / "mlartifacts").as_uri()


def connect(
    tracking_uri: str,
    store: Store,
    command: str = ANY_STUDY,
    say: Callable[[str], None] = print_warning,
) -> MlflowClient:
    """A client that has reached its backend; a new SQLite database is made here, by one process.

    The store's own database is set aside and made anew when MLflow cannot open it, or when it was copied from
    another store, which `say` is told.

    Raises:
        NoTracker: when the URI names no server and no database.
        TrackerUnreachable: within seconds when nobody answers, or a new database outside of the store has no
            folder to be in; it names `command`.
        DatabaseUnusable: when MLflow cannot open a database that is not the store's own.
    """
    refuse_unknown(tracking_uri)
    _refuse_no_folder(tracking_uri, store, command)
    folder = store.root / "mirror"
    folder.mkdir(parents=True, exist_ok=True)
    # Several processes that open a new SQLite database at once crash while its tables are made.
    with FileLock(folder / "database.lock"):
        probe(tracking_uri, fills_in(command))
        if (file := sqlite_file(tracking_uri)) is not None:
            own = tracking_uri == default_tracking_uri(store)
            if file.exists() and (reason := what_is_wrong(file) or (moved(store) if own else "")):
                _renew(tracking_uri, store, reason, command, say)
            make(file, _client)
        client = _open(tracking_uri, store, command, say)
        if tracking_uri == default_tracking_uri(store):
            _use_write_ahead_log(store.root.resolve() / "mlflow.db")
    return client


def moved(store: Store) -> str:
    """Why the store's own database belongs to another place; empty where it does not, or there is none."""
    root = store.root.resolve()
    return files_elsewhere(root / "mlflow.db", root / "mlartifacts") if (root / "mlflow.db").exists() else ""


def _refuse_no_folder(tracking_uri: str, store: Store, command: str) -> None:
    """Folders are made in the store only: elsewhere a missing one is a mistyped one."""
    file = sqlite_file(tracking_uri)
    if file is None or file.parent.is_dir() or file.resolve().is_relative_to(store.root.resolve()):
        return
    reason = f"there is no folder {file.parent}, and none is made outside of the store"
    raise TrackerUnreachable(tracking_uri, reason, f"make it, or correct --tracking-uri; {fills_in(command)}")


def connect_to_read(tracking_uri: str) -> MlflowClient:
    """A client for a backend that is there already.

    Raises:
        NoTracker: when the URI names no server and no database.
        TrackerUnreachable: within seconds when nobody answers, or there is no such database; as AccessRefused
            when a server wants another user.
        DatabaseUnusable: when it is a database that MLflow cannot open.
    """
    refuse_unknown(tracking_uri)
    probe(tracking_uri)
    file = sqlite_file(tracking_uri)
    if file is not None and not file.exists():
        raise TrackerUnreachable(tracking_uri, f"there is no file {file}", ABSENT)
    if file is not None and (reason := what_is_wrong(file)):
        raise DatabaseUnusable(tracking_uri, reason, READING)
    try:
        return _answering(tracking_uri)
    except Exception as error:
        reason = "" if is_server(tracking_uri) else what_went_wrong(error)
        if not reason:
            unread = TrackerUnreachable(tracking_uri, first_sentence(error))
            raise refused(error, tracking_uri) or unread from error
        raise DatabaseUnusable(tracking_uri, reason, READING) from error


def _client(tracking_uri: str) -> MlflowClient:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for noisy in ("alembic", "mlflow"):  # after the import, which sets their levels
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri, registry_uri=tracking_uri)


def _open(tracking_uri: str, store: Store, command: str, say: Callable[[str], None]) -> MlflowClient:
    """A client whose backend has answered; a database that cannot be opened is made anew once."""
    try:
        return _answering(tracking_uri)
    except Exception as error:
        reason = "" if is_server(tracking_uri) else what_went_wrong(error)
        if not reason:
            raise
    forget(tracking_uri)
    make(_renew(tracking_uri, store, reason, command, say), _client)
    return _answering(tracking_uri)


def _answering(tracking_uri: str) -> MlflowClient:
    client = _client(tracking_uri)
    client.search_experiments(max_results=1)
    return client


def _renew(tracking_uri: str, store: Store, reason: str, command: str, say: Callable[[str], None]) -> Path:
    """Set the store's own database aside, with the artifacts of its runs; never another one."""
    if tracking_uri != default_tracking_uri(store):
        remedy = "restore it from a backup"
        if "database schema" in reason:
            remedy = f"copy it and run 'mlflow db upgrade {without_password(tracking_uri)}'"
        raise DatabaseUnusable(
            tracking_uri, reason, f"{remedy}, or move it away; '{command}' then fills a new one"
        )
    database = store.root.resolve() / "mlflow.db"
    aside = set_aside(database, database.with_name("mlartifacts"))
    say(str(DatabaseSetAside(database, reason, aside)))
    return database


def _use_write_ahead_log(database: Path) -> None:
    """Halve the time of a commit, and let MLflow's pages read meanwhile; not possible on a network disk."""
    if (file_system_of(database) or "").startswith(LOCAL_FILE_SYSTEMS):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")

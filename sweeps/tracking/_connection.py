"""Reaching MLflow: where it is by default, whether it answers, and a client that gives up in time."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from after_ray.store import Store
from sweeps.tracking.errors import TrackerUnreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROBE_SECONDS = 5.0
# Set before MLflow is imported, whose own defaults hold a client for minutes at a dead server.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines per run otherwise
}
LOCAL_FILE_SYSTEMS = ("ext", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs")
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def default_tracking_uri(store: Store) -> str:
    """An SQLite database inside the store."""
    return f"sqlite:///{store.root.resolve() / 'mlflow.db'}"


def is_server(tracking_uri: str) -> bool:
    """Whether the URI names a tracking server, which keeps artifacts itself, and not a database."""
    return urlsplit(tracking_uri).scheme in {"http", "https"}


def artifact_location(tracking_uri: str, store: Store) -> str | None:
    """Where runs keep their artifacts: beside the store's records, or where a server says (None)."""
    return None if is_server(tracking_uri) else (store.root.resolve() / "mlartifacts").as_uri()


def connect(tracking_uri: str, store: Store) -> MlflowClient:
    """A client that has reached its backend; a new SQLite database is made here, by one process.

    Raises:
        TrackerUnreachable: within seconds when nobody answers.
    """
    folder = store.root / "mirror"
    folder.mkdir(parents=True, exist_ok=True)
    # Several processes that open a new SQLite database at once crash while its tables are made.
    with FileLock(folder / "database.lock"):
        client = connect_to_read(tracking_uri)
        client.search_experiments(max_results=1)
        if tracking_uri == default_tracking_uri(store):
            _use_write_ahead_log(store.root.resolve() / "mlflow.db")
    return client


def connect_to_read(tracking_uri: str) -> MlflowClient:
    """A client for a backend that is there already.

    Raises:
        TrackerUnreachable: within seconds when nobody answers.
    """
    probe(tracking_uri)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for noisy in ("alembic", "mlflow"):  # after the import, which sets their levels
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri, registry_uri=tracking_uri)


def _use_write_ahead_log(database: Path) -> None:
    """Halve the time of a commit, and let MLflow's pages read meanwhile; not possible on a network disk."""
    if _file_system(database).startswith(LOCAL_FILE_SYSTEMS):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


def _file_system(path: Path) -> str:
    """Type of the file system that holds `path`; empty where the kernel does not list its mounts."""
    mounts = Path("/proc/mounts")
    lines = [line.split() for line in mounts.read_text().splitlines()] if mounts.exists() else []
    above = [(len(line[1]), line[2]) for line in lines if path.is_relative_to(line[1])]
    return max(above, default=(0, ""))[1]


def probe(tracking_uri: str) -> None:
    """Return when somebody listens at the URI.

    Raises:
        TrackerUnreachable: after at most `PROBE_SECONDS` per address.
    """
    parts = urlsplit(tracking_uri)
    try:
        if is_server(tracking_uri):
            urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=PROBE_SECONDS).close()
        elif parts.hostname:
            port = parts.port or DATABASE_PORTS.get(parts.scheme.partition("+")[0], 0)
            socket.create_connection((parts.hostname, port), timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answers; a server behind a proxy may have no health page
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TrackerUnreachable(tracking_uri, str(reason)) from error

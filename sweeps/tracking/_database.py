"""SQLite databases of MLflow: made in one step, looked at before MLflow opens them, set aside when unusable.

MLflow makes its tables in sixty small steps. What a full disk or a kill leaves of that can never be opened
again, so a new database is made under a temporary name and moved into place when it is whole.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

BESIDE = ("", "-wal", "-shm")  # a database and SQLite's files beside it
HALF_MADE = "_alembic_tmp_"  # tables that a change of the schema leaves when it is interrupted
OTHER_TABLES = ("database schema", "Can't locate revision")  # in MLflow's words: made by another release
# What is wrong with the machine, not with the file: SQLite's primary result codes.
PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


def sqlite_file(tracking_uri: str) -> Path | None:
    """The file of an SQLite URI (`sqlite:///relative`, `sqlite:////absolute`); None for anything else."""
    parts = urlsplit(tracking_uri)
    if parts.scheme.partition("+")[0] != "sqlite" or len(parts.path) < 2 or parts.query:
        return None
    return Path(parts.path[1:])


def make(database: Path, client_of: Callable[[str], MlflowClient]) -> None:
    """Make a database with MLflow's tables, unless it is there; `client_of` is given its URI."""
    if database.exists():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    temporary = database.with_name(f".{database.name}.{secrets.token_hex(6)}.tmp")
    uri = f"sqlite:///{temporary.absolute()}"
    try:
        client_of(uri).search_experiments(max_results=1)
        forget(uri)
        os.replace(temporary, database)
    finally:
        for end in BESIDE:
            Path(f"{temporary}{end}").unlink(missing_ok=True)


def what_is_wrong(database: Path) -> str:
    """Why MLflow cannot open a database that is there, as far as that can be seen; empty when it cannot."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            left = [name for name in tables if name.startswith(HALF_MADE)]
            if left:
                return f"a change of its tables was interrupted and left {left[0]}"
            return _half_made(connection, tables)
    except sqlite3.DatabaseError as error:
        return "" if _is_passing(error) else str(error)


def files_elsewhere(database: Path, artifacts: Path) -> str:
    """Why a store's own database is not its own: its runs keep files elsewhere; empty when they do not.

    A store that was copied with its database would write into the store that it was copied from.
    """
    query = "SELECT artifact_location FROM experiments WHERE name LIKE 'after-ray/%'"
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            locations = [str(location) for (location,) in connection.execute(query)]
    except sqlite3.DatabaseError:
        return ""  # whether it can be opened at all is asked by `what_is_wrong`
    others = [location for location in locations if location.rstrip("/") != artifacts.absolute().as_uri()]
    return (
        f"it was copied or moved with its store: its runs keep their files in {others[0]}" if others else ""
    )


def what_went_wrong(error: BaseException) -> str:
    """Why MLflow cannot open a database, from its error; empty when the database may not be to blame."""
    chain = list(_chain(error))
    of_sqlite = [one for one in chain if isinstance(one, sqlite3.Error)]
    if any(map(_is_passing, of_sqlite)):
        return ""
    told = [*of_sqlite, *(one for one in chain if any(words in str(one) for words in OTHER_TABLES))]
    return str(told[0]).strip().partition("\n")[0].partition(". ")[0] if told else ""


def set_aside(database: Path, *beside: Path) -> Path:
    """Rename a database and what belongs to it to `NAME.damaged-<n>`; returns its new name."""
    number = 1
    while _aside(database, number).exists():
        number += 1
    aside = _aside(database, number)
    for end in BESIDE:
        if Path(f"{database}{end}").exists():
            os.replace(f"{database}{end}", f"{aside}{end}")
    for path in beside:
        if path.exists():
            os.replace(path, _aside(path, number))
    return aside


def forget(tracking_uri: str) -> None:
    """Have this process open a database anew: MLflow keeps connections, even to a file that was renamed."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = SqlAlchemyStore._engine_map.pop(tracking_uri, None)
    if engine is not None:
        engine.dispose()


def _half_made(connection: sqlite3.Connection, tables: list[str]) -> str:
    if not tables:
        return ""  # MLflow makes its tables in an empty database
    if "alembic_version" not in tables:
        return "it has tables, but not MLflow's"
    versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return "" if versions or tables == ["alembic_version"] else "the making of its tables was interrupted"


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.damaged-{number}")


def _is_passing(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # none where the error is not SQLite's own
    return code is not None and code & 0xFF in PASSING


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, those that it wraps, and those that they came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "orig", None), one.__cause__, one.__context__]

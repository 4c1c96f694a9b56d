"""Results of a study read back from MLflow: one search for its runs, then `cells.json` of each."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from after_ray.errors import AfterRayError
from after_ray.store import Store
from after_ray.wording import counted
from analysis.results import Results, joined, refuse_no_plan
from sweeps.tracking import _names as names
from sweeps.tracking._artifacts import Artifacts
from sweeps.tracking._connection import connect_to_read, default_tracking_uri, moved
from sweeps.tracking._content import CELLS_FILE, FORMAT, OF_THE_ROUND, predictions_name
from sweeps.tracking._known import PLACE
from sweeps.tracking._refusals import refused
from sweeps.tracking._requests import search
from sweeps.tracking.errors import (
    DatabaseUnusable,
    MirrorBehind,
    MissingArtifact,
    TrackerUnreachable,
    first_sentence,
)
from sweeps.tracking.mirrored import ANY_STUDY, value_of

if TYPE_CHECKING:
    import pandas as pd


class Round(NamedTuple):
    """What MLflow holds of one round: its row of the frame, and where its predictions are."""

    row: Mapping[str, Any]
    root: str
    predictions: str
    sha256: str | None


class FoundRun(NamedTuple):
    """A trajectory's run: its key, the axes that tell it from others, its artifact URI, its format."""

    key: str
    place: tuple[str, ...]
    root: str
    format: str


@dataclass
class Found:
    """Rounds by the keys of their records, and the keys of the runs that could not be read."""

    rounds: dict[str, Round] = field(default_factory=dict)
    outdated: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def add(self, root: str, text: bytes, wanted: AbstractSet[str]) -> None:
        """Take the wanted rounds of one run's `cells.json`.

        Raises:
            ValueError, KeyError, TypeError: when it is half written, or not ours; then none is taken.
        """
        rounds = {}
        for cell in json.loads(text):
            percent, _, key, sha256 = (cell.pop(name) for name in OF_THE_ROUND)
            if key in wanted:
                rounds[key] = Round(cell, root, predictions_name(percent), sha256)
        self.rounds.update(rounds)


def from_mlflow(
    cells: pd.DataFrame, tracking_uri: str, study: str, store: Store, command: str = ANY_STUDY
) -> Results:
    """Join planned cells to what MLflow holds of them: the frame that `analysis.results.from_store` gives.

    Args:
        cells: one row per planned cell (`analysis.results.CELL_COLUMNS`).
        tracking_uri: of the server or database that the study was mirrored to.
        study: its name.
        store: says which cells are finished, so that none is left out unsaid, and why others failed. It may
            be empty.
        command: the command line that mirrors the study, named in errors.

    Raises:
        NoTracker: when the URI names no server and no database.
        TrackerUnreachable, DatabaseUnusable: when nothing can be read, and the store has no finished cell.
        MirrorBehind: when MLflow lacks cells that the store has, or holds them in another form.
    """
    refuse_no_plan(cells)
    finished = store.ledger.finished() & set(cells["key"])
    if not finished:
        command = ANY_STUDY  # this store could fill nothing in
    try:
        if tracking_uri == default_tracking_uri(store) and (reason := moved(store)):
            raise DatabaseUnusable(tracking_uri, reason, f"'{command}' makes it anew")
        found = _read(cells, tracking_uri, study)
    except (TrackerUnreachable, DatabaseUnusable) as error:
        if not finished:
            raise
        lacking = _lacking(cells, Found(), finished)
        raise MirrorBehind(tracking_uri, lacking, f"it {error.state}: {error.reason}", command) from error
    if lacking := _lacking(cells, found, finished):
        again = f"{command} --rebuild" if found.gone else command
        raise MirrorBehind(tracking_uri, lacking, _reason(found), again)
    artifacts = Artifacts(tracking_uri)

    def arrays(key: str) -> Mapping[str, NDArray[Any]]:
        return _predictions(found.rounds, key, artifacts, command)

    results = joined(cells, {key: one.row for key, one in found.rounds.items()}, store, arrays)
    return replace(results, read_from=f"MLflow, experiment {names.experiment_name(study)}")


def _read(cells: pd.DataFrame, tracking_uri: str, study: str) -> Found:
    try:
        with _no_collection():
            runs = find_runs(tracking_uri, study)
            return read_rounds(cells, runs, Artifacts(tracking_uri))
    except AfterRayError:
        raise
    except Exception as error:
        unread = TrackerUnreachable(tracking_uri, first_sentence(error))
        raise refused(error, tracking_uri) or unread from error


@contextmanager
def _no_collection() -> Iterator[None]:
    """Looking for garbage among hundreds of thousands of new objects, none of it, doubles a search's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def find_runs(tracking_uri: str, study: str) -> list[FoundRun]:
    """The runs of a study's trajectories that hold something and count; none where MLflow has no such study.

    Raises:
        TrackerUnreachable, DatabaseUnusable: as `connect_to_read`.
    """
    client = connect_to_read(tracking_uri)
    experiment = client.get_experiment_by_name(names.experiment_name(study))
    if experiment is None or experiment.lifecycle_stage == "deleted":
        return []
    query = f"{names.query_of(study, 'trajectory')} and tags.`{names.CURRENT}` = 'true'"
    found = []
    for run in search(client, experiment.experiment_id, query):
        tags = run.data.tags
        if names.MIRRORED in tags:
            place = tuple(value_of(tags, axis) for axis in PLACE)
            form = tags.get(names.FORMAT, "")
            found.append(FoundRun(tags[names.KEY], place, run.info.artifact_uri, form))
    return found


def read_rounds(cells: pd.DataFrame, runs: Sequence[FoundRun], artifacts: Artifacts) -> Found:
    """The rounds of planned cells: from the runs of their trajectories, then from others in their places.

    A run of another key holds rounds of a planned trajectory where the schedule was changed and the new
    trajectory is not mirrored yet, or is in another study of the same name.
    """
    found, wanted = Found(), frozenset(cells["key"])
    trials = frozenset(cells["trial"])
    _add(found, [run for run in runs if run.key in trials], wanted, artifacts)
    lacking = cells[~cells["key"].isin(found.rounds.keys())]
    if not lacking.empty:
        places = set(lacking[list(PLACE)].astype(str).itertuples(index=False, name=None))
        _add(found, [r for r in runs if r.key not in trials and r.place in places], wanted, artifacts)
    return found


def _add(found: Found, runs: Iterable[FoundRun], wanted: frozenset[str], artifacts: Artifacts) -> None:
    readable = []
    for run in runs:
        if run.format == str(FORMAT):
            readable.append(run)
        else:
            found.outdated.add(run.key)
    texts = artifacts.read_all((run.root for run in readable), CELLS_FILE)
    for run, text in zip(readable, texts, strict=True):
        try:
            found.add(run.root, text or b"", wanted)
        except (ValueError, KeyError, TypeError):
            found.gone.add(run.key)


def _lacking(cells: pd.DataFrame, found: Found, finished: AbstractSet[str]) -> str:
    """How many cells are not read that the store has; where it has none, of runs that cannot be read."""
    unread = cells[~cells["key"].isin(found.rounds.keys())]
    if finished:
        count = int(unread["key"].isin(finished).sum())
        return counted(count, "finished cell") if count else ""
    count = int(unread["trial"].isin(found.outdated | found.gone).sum())
    return f"up to {counted(count, 'cell')}" if count else ""


def _reason(found: Found) -> str:
    told = []
    if found.outdated:
        told.append(f"{counted(len(found.outdated), 'run')} of another version of after-ray")
    if found.gone:
        told.append(f"{counted(len(found.gone), 'run')} without a {CELLS_FILE} that can be read")
    return " and ".join(told)


def _predictions(
    rounds: Mapping[str, Round], key: str, artifacts: Artifacts, command: str
) -> Mapping[str, NDArray[Any]]:
    """The arrays of a round's predictions, checked by the digest that its record names."""
    from safetensors.numpy import load

    one, again = rounds.get(key), f"{command} --rebuild"
    if one is None:
        raise MissingArtifact("Predictions", key, "MLflow has no such cell", command)
    data = artifacts.read(one.root, one.predictions)
    if data is None:
        raise MissingArtifact(one.predictions, key, "it is gone", again)
    if hashlib.sha256(data).hexdigest() != one.sha256:
        raise MissingArtifact(one.predictions, key, "its digest differs from that of its record", again)
    return load(data)

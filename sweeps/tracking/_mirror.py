"""One study in MLflow: a parent run, and one nested run per trajectory, each point exactly once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from after_ray.store import Store
from sweeps.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.tracking import _content as content
from sweeps.tracking._connection import artifact_location, connect
from sweeps.tracking._view import GROUPABLE, VIEW_TAG, curves_view, varying_axes
from sweeps.tracking.errors import MirrorBusy

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Param, Run, RunTag

KEY = "after_ray.key"
STUDY = "after_ray.study"
KIND = "after_ray.kind"
MIRRORED = "after_ray.mirrored"  # digest of what the run is to hold; it does once it is FINISHED
CURRENT = "after_ray.current"  # "false" once the study has another trajectory in the same place
STEP = "after_ray.step"
PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"
NOTE = "mlflow.note.content"
REFERENCE_ABOVE = 50_000_000  # bytes; larger checkpoints are named, not copied
PLACE = (*GROUPABLE, "fold", "seed")


def experiment_name(study: str) -> str:
    """The experiment of a study: one each, so that its page shows that study's runs and nothing else."""
    return f"after-ray/{study}"


@dataclass
class _Known:
    """A trajectory's run as far as the mirror has to know it."""

    run_id: str
    tags: dict[str, str]
    parameters: dict[str, str]
    finished: bool = False

    @classmethod
    def of(cls, run: Run) -> _Known:
        finished = run.info.status == "FINISHED"
        return cls(run.info.run_id, dict(run.data.tags), dict(run.data.params), finished)

    @property
    def place(self) -> tuple[str, ...]:
        return tuple(self.tags.get(axis, "") for axis in PLACE)


class Mirror:
    """Writes what the store's records say; doing so again changes nothing.

    Runs are looked up by their `after_ray.key` tag before they are made, by one search for the whole study.
    Only one mirror per study and store is open at a time. Use it from one thread: `open_study`,
    `trajectory` for each, `close_study`; or `release` when something failed on the way.
    """

    def __init__(self, tracking_uri: str, store: Store, reference_above: int = REFERENCE_ABOVE) -> None:
        self.tracking_uri = tracking_uri
        self._store = store
        self._reference_above = reference_above
        self._lock: FileLock | None = None
        self._last_finished = 0  # milliseconds; when the newest round ended, at least the parent's start

    def open_study(self, study: MirroredStudy) -> None:
        """Make or find the experiment and the parent run, and look up every run of the study.

        Raises:
            TrackerUnreachable: when nobody answers at the tracking URI.
            MirrorBusy: when another process mirrors this study.
        """
        self._lock = self._acquire(study.name)
        self._study = study
        self._client: MlflowClient = connect(self.tracking_uri, self._store)
        self._experiment = self._find_experiment()
        self._parent = self._open_parent()
        self._known = self._look_up()
        self._places: dict[tuple[str, ...], list[_Known]] = {}
        for known in self._known.values():
            self._places.setdefault(known.place, []).append(known)
        self._offer_curves()

    def trajectory(self, trajectory: MirroredTrajectory) -> bool:
        """Bring the run of a trajectory up to what the store has; True when something was written.

        Raises:
            DamagedStore: when a file that a record names is gone.
        """
        known = self._known.get(trajectory.key)
        digest = content.content_digest(trajectory, self._reference_above)
        if known is not None and known.finished and known.tags.get(MIRRORED) == digest:
            return self._make_current(known)
        rounds = content.finished_rounds(trajectory, self._store)
        if not rounds:
            return False
        run = self._run_for(trajectory, rounds, known)
        self._write(run, trajectory, rounds, {MIRRORED: digest})
        self._make_current(run)
        return True

    def close_study(self) -> None:
        """Remove what a retried request made twice, end the parent run, and let the next mirror in."""
        self._look_up()
        self._offer_curves()
        self._client.set_terminated(self._parent, "FINISHED", self._last_finished)
        self.release()

    def release(self) -> None:
        """Let the next mirror of this study in."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _acquire(self, study: str) -> FileLock:
        path = self._store.root / "mirror" / f"{study}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise MirrorBusy(study) from error
        return lock

    def _find_experiment(self) -> str:
        name = experiment_name(self._study.name)
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            location = artifact_location(self.tracking_uri, self._store)
            return self._client.create_experiment(name, location)
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return experiment.experiment_id

    def _offer_curves(self) -> None:
        """Keep the ready-made view of the learning curves in step with what the study varies."""
        view = curves_view(varying_axes(self._places), f"tags.`{CURRENT}` = 'true'")
        self._client.set_experiment_tag(self._experiment, VIEW_TAG, view)

    def _open_parent(self) -> str:
        found = list(self._search("study"))
        for duplicate in found[1:]:
            self._client.delete_run(duplicate.info.run_id)
        tags = self._parent_tags()
        if found:
            parent = found[0]
            self._client.log_batch(parent.info.run_id, tags=_tags(tags))
            self._client.update_run(parent.info.run_id, status="RUNNING")
        else:
            parent = self._client.create_run(self._experiment, tags=tags, run_name=self._study.name)
        self._last_finished = max(self._last_finished, parent.info.start_time)
        self._client.log_text(parent.info.run_id, self._study.study_yaml, "study.yaml")
        return parent.info.run_id

    def _parent_tags(self) -> dict[str, str]:
        """Counts are tags because a study that grows changes them; parameters can never change."""
        counts = {f"count.{name}": str(value) for name, value in self._study.counts.items()}
        lines = "\n".join(f"| {name} | {value} |" for name, value in self._study.counts.items())
        note = f"Study `{self._study.name}`\n\n| what | how many |\n|---|---|\n{lines}"
        return {KIND: "study", STUDY: self._study.name, NOTE: note, **counts, **self._study.tags}

    def _look_up(self) -> dict[str, _Known]:
        """The run of every trajectory; of several with one key the most complete, then the oldest, stays."""
        known: dict[str, _Known] = {}
        found = sorted(
            self._search("trajectory"), key=lambda run: (run.info.status != "FINISHED", run.info.start_time)
        )
        for run in found:
            if run.data.tags[KEY] in known:
                self._client.delete_run(run.info.run_id)
                continue
            one = known[run.data.tags[KEY]] = _Known.of(run)
            self._last_finished = max(self._last_finished, run.info.end_time or 0)
            self._set_tag(one, PARENT, self._parent)
        return known

    def _search(self, kind: str) -> Iterator[Run]:
        query = f"tags.`{STUDY}` = '{self._study.name}' and tags.`{KIND}` = '{kind}'"
        return search(self._client, self._experiment, query)

    def _run_for(
        self, trajectory: MirroredTrajectory, rounds: tuple[content.FinishedRound, ...], known: _Known | None
    ) -> _Known:
        """The run to write into: the half-written one, unless its parameters, which cannot change, differ."""
        parameters = content.parameters_of(trajectory)
        if known is not None:
            if known.parameters.items() <= parameters.items():
                return known
            self._client.delete_run(known.run_id)
            self._places[known.place].remove(known)
        tags = self._tags(trajectory)
        run = self._client.create_run(
            self._experiment,
            start_time=content.milliseconds(rounds[0].record.started),
            tags=tags,
            run_name=tags[NAME],
        )
        made = _Known(run.info.run_id, dict(tags), {})
        self._known[trajectory.key] = made
        self._places.setdefault(made.place, []).append(made)
        return made

    def _tags(self, trajectory: MirroredTrajectory) -> dict[str, str]:
        percents = [percent for percent, _, _ in trajectory.rounds]
        whole = all(float(percent).is_integer() for percent in percents)
        return {
            **trajectory.tags,
            KEY: trajectory.key,
            STUDY: self._study.name,
            KIND: "trajectory",
            CURRENT: "true",
            STEP: "percent" if whole else "hundredths of a percent",
            PARENT: self._parent,
            NAME: content.run_name(trajectory.tags),
        }

    def _write(
        self,
        run: _Known,
        trajectory: MirroredTrajectory,
        rounds: tuple[content.FinishedRound, ...],
        digest: dict[str, str],
    ) -> None:
        """Files, then points, then the end of the run; each can be repeated without harm."""
        complete = len(rounds) == len(trajectory.rounds)
        parameters = {n: v for n, v in content.parameters_of(trajectory).items() if n not in run.parameters}
        tags = {n: v for n, v in (self._tags(trajectory) | digest).items() if run.tags.get(n) != v}
        with tempfile.TemporaryDirectory(prefix="after-ray-mirror-") as folder:
            content.stage_artifacts(Path(folder), rounds, self._store, complete, self._reference_above)
            self._client.log_artifacts(run.run_id, folder)
        self._log(run.run_id, content.points_of(rounds), parameters, tags)
        if complete:
            self._client.set_terminated(run.run_id, "FINISHED", rounds[-1].finished)
        run.tags |= tags
        run.parameters |= parameters
        run.finished = complete
        self._last_finished = max(self._last_finished, rounds[-1].finished)

    def _log(
        self,
        run_id: str,
        points: Iterable[content.Point],
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """One request for a usual trajectory; more where MLflow's limits on one request are passed."""
        from mlflow.entities import Metric

        metrics = [Metric(point.name, point.value, point.timestamp, point.step) for point in points]
        params, labels = _params(parameters), _tags(tags)
        self._client.log_batch(run_id, metrics[:800], params[:100], labels[:100])
        for index in range(100, max(len(params), len(labels)), 100):
            here = slice(index, index + 100)
            self._client.log_batch(run_id, params=params[here], tags=labels[here])
        for index in range(800, len(metrics), 1000):
            self._client.log_batch(run_id, metrics[index : index + 1000])

    def _make_current(self, run: _Known) -> bool:
        """Of the runs in one place of the study (its schedule was changed) mark `run` as what counts."""
        changed = self._set_tag(run, CURRENT, "true")
        for other in self._places[run.place]:
            if other is not run:
                changed = self._set_tag(other, CURRENT, "false") or changed
        return changed

    def _set_tag(self, run: _Known, name: str, value: str) -> bool:
        if run.tags.get(name) == value:
            return False
        self._client.set_tag(run.run_id, name, value)
        run.tags[name] = value
        return True


def search(client: MlflowClient, experiment: str, query: str) -> Iterator[Run]:
    """Runs that nobody has deleted, oldest first, a thousand per request."""
    token = None
    while True:
        page = client.search_runs(
            [experiment], query, max_results=1000, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _params(values: Mapping[str, str]) -> list[Param]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in values.items()]


def _tags(values: Mapping[str, str]) -> list[RunTag]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]

"""One study in MLflow: a parent run, a nested run per trajectory and table row, each point exactly once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from after_ray.errors import DamagedStore
from after_ray.store import Store
from sweeps.tracking import _content as content
from sweeps.tracking._connection import artifact_location, connect
from sweeps.tracking._known import Known, StudyRuns
from sweeps.tracking._links import Links, links_of
from sweeps.tracking._names import (
    CURRENT,
    FORMAT,
    KEY,
    KIND,
    MIRRORED,
    NAME,
    NOTE,
    PARENT,
    STEP,
    STUDY,
    experiment_name,
    query_of,
)
from sweeps.tracking._others import OtherRuns
from sweeps.tracking._requests import Point, allowed, log, milliseconds, search, send_files
from sweeps.tracking._summary import SUMMARY, Summaries, row_key, state_of
from sweeps.tracking._turn import my_turn
from sweeps.tracking._view import VIEW_TAG, curves_view, varying_axes
from sweeps.tracking.errors import print_warning
from sweeps.tracking.mirrored import MirroredRun, MirroredStudy, MirroredTrajectory

if TYPE_CHECKING:
    from mlflow import MlflowClient

REFERENCE_ABOVE = 50_000_000  # bytes; larger checkpoints are named, not copied


class Mirror:
    """Writes what the store's records say; doing so again changes nothing.

    Runs are looked up by their `after_ray.key` tag before they are made, by one search for each kind of run.
    Only one mirror per study and store is open at a time. Use it from one thread: `open_study`,
    `trajectory` for each, `close_study`; or `release` when something failed on the way.

    `believe=False` sends all points and files again, also of runs that say that they hold everything.
    """

    def __init__(
        self,
        tracking_uri: str,
        store: Store,
        reference_above: int = REFERENCE_ABOVE,
        *,
        believe: bool = True,
        say: Callable[[str], None] = print_warning,
    ) -> None:
        self.tracking_uri = tracking_uri
        self._store = store
        self._reference_above = reference_above
        self._believe = believe
        self._say = say
        self._turn = ExitStack()
        self._last_finished = 0  # milliseconds; when the newest round ended, at least the parent's start

    def open_study(self, study: MirroredStudy) -> None:
        """Make or find the experiment and the parent run, and look up every trajectory of the study.

        Raises:
            TrackerUnreachable: when nobody answers at the tracking URI.
            DatabaseUnusable: when MLflow cannot open a database that is not the store's own.
            MirrorBusy: when another process mirrors this study.
        """
        self._turn.enter_context(my_turn(self._store, study))
        self._study = study
        self._client: MlflowClient = connect(self.tracking_uri, self._store, study.command, self._say)
        self._experiment = self._find_experiment()
        self._parent = self._open_parent()
        self._runs = StudyRuns(self._client, self._experiment, study.name, self._parent)
        self._others = OtherRuns(self._runs, self._believe)
        self._summaries = Summaries(self._store)
        self._known = self._runs.look_up("trajectory")
        self._last_finished = max([self._last_finished, *(known.ended for known in self._known.values())])
        self._places: dict[tuple[str, ...], list[Known]] = {}
        for known in self._known.values():
            self._places.setdefault(known.place, []).append(known)
        self._offer_curves()

    @property
    def links(self) -> Links:
        """Where people look at the study."""
        return links_of(self.tracking_uri, self._store, self._experiment)

    def trajectory(self, trajectory: MirroredTrajectory) -> bool:
        """Bring the run of a trajectory up to what the store has; True when something was written.

        Raises:
            DamagedStore: when a file that a record names is gone.
        """
        known = self._known.get(trajectory.key)
        digest = content.content_digest(trajectory, self._reference_above)
        if known is not None and known.finished and self._holds(known, digest):
            return self._make_current(known)
        rounds = content.finished_rounds(trajectory, self._store)
        if not rounds:
            return False
        if len(rounds) < len(trajectory.rounds):
            digest = f"{digest}-{len(rounds)}"
            if known is not None and self._holds(known, digest):
                return self._make_current(known)
        for found in rounds:
            self._summaries.note(found.record)
        run = self._run_for(trajectory, rounds, known)
        self._write(run, trajectory, rounds, digest)
        self._make_current(run)
        return True

    def run(self, run: MirroredRun) -> bool:
        """Bring a run of another kind up to date; True when something was written."""
        return self._others.write(run)

    def summarize(self) -> int:
        """Bring the summary run of every table row up to what the store has; how many were written.

        Raises:
            DamagedStore: when a record cannot be read, after all other rows are written.
        """
        done = self._store.ledger.finished()
        written, damaged = 0, None
        for row in self._study.rows:
            finished = sum(cell.key in done for cell in row.cells)
            if not finished or self._others.shows(SUMMARY, row_key(row), state_of(row, done), finished):
                continue
            try:
                written += self._others.write(self._summaries.run_of(row, done))
            except DamagedStore as error:
                damaged = error
        if damaged is not None:
            raise damaged
        return written

    def progress(self, values: Mapping[str, float], at: float) -> None:
        """Write how far the study is, as metrics of the parent run; `at` in seconds since the epoch."""
        timestamp = milliseconds(at)
        step = max(0, (timestamp - self._parent_started) // 1000)  # seconds of the study: the newest counts
        log(self._client, self._parent, [Point(allowed(n), v, timestamp, step) for n, v in values.items()])

    def close_study(self) -> None:
        """Write the summaries, remove what a retried request made twice, end the parent run, let others in.

        Raises:
            DamagedStore: when a record of a summary cannot be read, after everything else.
        """
        damaged = None
        try:
            self.summarize()
        except DamagedStore as error:
            damaged = error
        self._runs.look_up("trajectory")
        self._others.remove_duplicates()
        self._offer_curves()
        self._client.set_terminated(self._parent, "FINISHED", self._last_finished)
        self.release()
        if damaged is not None:
            raise damaged

    def release(self) -> None:
        """Let the next mirror of this study in."""
        self._turn.close()

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
        found = list(search(self._client, self._experiment, query_of(self._study.name, "study")))
        for duplicate in found[1:]:
            self._client.delete_run(duplicate.info.run_id)
        tags = self._parent_tags()
        if found:
            parent = found[0]
            log(self._client, parent.info.run_id, tags=tags)
            self._client.update_run(parent.info.run_id, status="RUNNING")
        else:
            parent = self._client.create_run(self._experiment, tags=tags, run_name=self._study.name)
        self._parent_started = parent.info.start_time
        self._last_finished = max(self._last_finished, parent.info.start_time)
        with tempfile.TemporaryDirectory(prefix="after-ray-mirror-") as folder:
            Path(folder, "study.yaml").write_text(self._study.study_yaml)
            send_files(self._client, parent.info.run_id, Path(folder))
        return parent.info.run_id

    def _parent_tags(self) -> dict[str, str]:
        """Counts are tags because a study that grows changes them; parameters can never change."""
        counts = {f"count.{name}": str(value) for name, value in self._study.counts.items()}
        lines = "\n".join(f"| {name} | {value} |" for name, value in self._study.counts.items())
        note = f"Study `{self._study.name}`\n\n| what | how many |\n|---|---|\n{lines}"
        return {KIND: "study", STUDY: self._study.name, NOTE: note, **counts, **self._study.tags}

    def _run_for(
        self, trajectory: MirroredTrajectory, rounds: tuple[content.FinishedRound, ...], known: Known | None
    ) -> Known:
        """The run to write into: the one that stands, unless it says what it could not unsay."""
        if known is not None:
            if _can_become(known, trajectory, rounds):
                return known
            self._client.delete_run(known.run_id)
            self._places[known.place].remove(known)
        tags = self._tags(trajectory)
        started = milliseconds(rounds[0].record.started)
        run = self._client.create_run(self._experiment, start_time=started, tags=tags, run_name=tags[NAME])
        made = Known(run.info.run_id, dict(tags), started=started)
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
        run: Known,
        trajectory: MirroredTrajectory,
        rounds: tuple[content.FinishedRound, ...],
        digest: str,
    ) -> None:
        """Files, then points, then the end of the run; each can be repeated without harm."""
        complete = len(rounds) == len(trajectory.rounds)
        parameters = {n: v for n, v in content.parameters_of(trajectory).items() if n not in run.parameters}
        holds = {FORMAT: str(content.FORMAT), MIRRORED: digest}
        wanted = content.provenance_of(rounds) | content.collapsed_of(rounds) | self._tags(trajectory) | holds
        tags = {n: v for n, v in wanted.items() if run.tags.get(n) != v}
        with tempfile.TemporaryDirectory(prefix="after-ray-mirror-") as folder:
            charged = self._summaries.charged
            content.stage_artifacts(
                Path(folder), rounds, self._store, charged, complete, self._reference_above
            )
            send_files(self._client, run.run_id, Path(folder))
        log(self._client, run.run_id, content.points_of(rounds), parameters, tags)
        if complete:
            self._client.set_terminated(run.run_id, "FINISHED", rounds[-1].finished)
        run.tags |= tags
        run.parameters |= parameters
        run.finished = complete
        self._last_finished = max(self._last_finished, rounds[-1].finished)

    def _holds(self, run: Known, digest: str) -> bool:
        """Whether a run has everything, by what it says of itself."""
        return self._believe and run.tags.get(MIRRORED) == digest

    def _make_current(self, run: Known) -> bool:
        """Of the runs in one place of the study (its schedule was changed) mark `run` as what counts."""
        changed = self._runs.set_tag(run, CURRENT, "true")
        here = self._places.setdefault(run.place, [])
        if not any(one is run for one in here):  # somebody had changed its tags
            here.append(run)
        for other in here:
            if other is not run:
                changed = self._runs.set_tag(other, CURRENT, "false") or changed
        return changed


def _can_become(
    known: Known, trajectory: MirroredTrajectory, rounds: tuple[content.FinishedRound, ...]
) -> bool:
    """Whether a run can be completed: its parameters, which cannot change, and its points are still said.

    A store whose records were computed again says other values, or the same of another time.
    """
    said = {point.name: point.value for point in content.points_of(rounds)}
    lasting = {name: value for name, value in known.metrics.items() if content.is_summary_name(name)}
    return (
        known.parameters.items() <= content.parameters_of(trajectory).items()
        and known.started == milliseconds(rounds[0].record.started)
        and all(said.get(name) == value for name, value in lasting.items())
        and (not known.finished or known.ended == rounds[-1].finished)
    )

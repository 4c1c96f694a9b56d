"""Runs of other kinds than a trajectory: their values may change, and the newest are what is shown."""

from __future__ import annotations

import math

from sweeps.tracking._known import Known, StudyRuns
from sweeps.tracking._names import KEY, KIND, MIRRORED, NAME, PARENT, RESTS_ON, STUDY
from sweeps.tracking._requests import Point, allowed, as_parameters, log, milliseconds
from sweeps.tracking.mirrored import MirroredRun


class OtherRuns:
    """Writes `MirroredRun`s, each kind looked up once, by one search.

    A value that changes gets one more point in the same run, at the step `rests_on`: MLflow shows the point
    with the highest step, so the newest counts, and sending one again adds nothing. Where the new values rest
    on less than before (the study was made smaller) or on other results as many, no step would be higher:
    the run is then deleted and made anew.
    """

    def __init__(self, runs: StudyRuns, believe: bool) -> None:
        self._runs = runs
        self._believe = believe  # whether what a run says of itself is taken for true
        self._kinds: dict[str, dict[str, Known]] = {}

    def shows(self, kind: str, key: str, state: str, rests_on: int) -> bool:
        """Whether the run stands and is in that state."""
        known = self._known(kind).get(key)
        if known is None or not self._believe:
            return False
        return known.tags.get(MIRRORED) == state and known.tags.get(RESTS_ON) == str(rests_on)

    def write(self, run: MirroredRun) -> bool:
        """Bring a run up to date; True when something was written."""
        if self.shows(run.kind, run.key, run.state, run.rests_on):
            return False
        values = {allowed(name): value for name, value in run.values.items() if not math.isnan(value)}
        known = self._run_for(run, values)
        fresh = {name: value for name, value in values.items() if known.metrics.get(name) != value}
        points = [
            Point(name, value, milliseconds(run.finished), run.rests_on) for name, value in fresh.items()
        ]
        parameters = {n: v for n, v in as_parameters(run.parameters).items() if n not in known.parameters}
        log(self._runs.client, known.run_id, points, parameters, self._tags(run))
        self._end(run, known)
        known.tags |= self._tags(run) | {MIRRORED: run.state}
        known.metrics |= values
        known.parameters |= parameters
        return True

    def remove_duplicates(self) -> None:
        """Remove what a retried request made twice."""
        for kind in self._kinds:
            self._runs.look_up(kind)

    def _known(self, kind: str) -> dict[str, Known]:
        if kind not in self._kinds:
            self._kinds[kind] = self._runs.look_up(kind)
        return self._kinds[kind]

    def _run_for(self, run: MirroredRun, values: dict[str, float]) -> Known:
        """The run to write into: the one that stands, unless its points would hide the new ones."""
        runs = self._known(run.kind)
        known = runs.get(run.key)
        if known is not None and _can_become(known, run, values):
            return known
        if known is not None:
            self._runs.client.delete_run(known.run_id)
        made = self._runs.client.create_run(
            self._runs.experiment,
            start_time=milliseconds(run.started),
            tags=self._tags(run),
            run_name=run.name,
        )
        runs[run.key] = Known(made.info.run_id, self._tags(run))
        return runs[run.key]

    def _end(self, run: MirroredRun, known: Known) -> None:
        client = self._runs.client
        if run.complete:
            client.set_terminated(known.run_id, "FINISHED", milliseconds(run.finished))
        elif known.finished:  # the study has grown
            client.update_run(known.run_id, status="RUNNING")
        known.finished = run.complete
        client.set_tag(known.run_id, MIRRORED, run.state)  # last: a mirror that dies before writes it again

    def _tags(self, run: MirroredRun) -> dict[str, str]:
        return {
            **run.tags,
            KEY: run.key,
            STUDY: self._runs.study,
            KIND: run.kind,
            PARENT: self._runs.parent,
            RESTS_ON: str(run.rests_on),
            NAME: run.name,
        }


def _can_become(known: Known, run: MirroredRun, values: dict[str, float]) -> bool:
    """Whether new points would be the newest, and nothing would stay that is not said any more."""
    if not known.parameters.items() <= as_parameters(run.parameters).items():
        return False
    if not known.metrics.keys() <= values.keys():
        return False
    rested_on = int(known.tags.get(RESTS_ON, "0"))
    same = all(math.isclose(values[name], value) for name, value in known.metrics.items())
    return run.rests_on > rested_on or (run.rests_on == rested_on and same)

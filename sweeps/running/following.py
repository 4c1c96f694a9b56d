"""What is made of a launch's news: a count on the terminal, mirrored trajectories, and how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeps._console import Meter
from sweeps.launching.sight import UNFINISHED, Standing
from sweeps.planning.jobs import Job
from sweeps.planning.opening import OpenStudy
from sweeps.running.progress import Progress, write_progress
from sweeps.running.said_once import SaidOnce
from sweeps.running.tally import Tally
from sweeps.tracking import MirrorThread
from sweeps.tracking.mirroring import mirrored_trajectory


@dataclass(frozen=True)
class Followed:
    """A study that runs, and its mirror."""

    opened: OpenStudy
    mirror: MirrorThread


class FollowingStudies:
    """Turns Tune's reports into counts of finished cells, mirrored trajectories and progress files."""

    def __init__(self, studies: Sequence[Followed], shown: Meter) -> None:
        self._studies, self._shown = studies, shown
        self._tally = Tally([study.opened.plan for study in studies])
        self._progress = [Progress(total, 0) for total in self._tally.totals]
        self._warn = SaidOnce(shown.say)

    def on_finished(self, keys: Collection[str]) -> None:
        """Stages that are finished, by whom ever: cells are counted, whole trajectories are mirrored."""
        for index, trajectory in self._tally.finish(keys):
            study = self._studies[index]
            study.mirror.submit(mirrored_trajectory(study.opened, trajectory))
        self._shown.to(self._tally.done_together, self._tally.together)

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a trial."""
        if self._warn.heard(job, result):
            return
        if any(result.get(end) for end in UNFINISHED):
            return
        if job.kind == "adaptation" and result.get("done"):
            self._shown.say(f"adapted: {job.key[:8]}")
        if job.kind == "pretraining" and result.get("done"):
            self._shown.say(f"pretrained: {job.key[:8]}")
        if job.kind == "trajectory":
            self.on_finished(job.chain(int(result.get("rounds", 0))))
        elif result.get("done"):
            self.on_finished(job.gives)

    def on_standing(self, standing: Standing) -> None:
        """How the launch stands: written for who watches, and shown by the tracker."""
        kinds = Counter(job.kind for job, _ in standing.running)
        for index, cells in enumerate(self._tally.unfinished(standing)):
            self._progress[index] = replace(
                self._progress[index],
                running=cells.running,
                waiting=cells.waiting,
                blocked=cells.blocked,
                failed=cells.failed,
                kinds=dict(kinds),
                hours=standing.hours,
                gpu_hours=standing.gpu_hours,
                gpus_used=standing.gpus[0],
                gpus=standing.gpus[1],
                eta_hours=standing.eta_hours,
            )
        self._write()

    def ended(self, why: str) -> None:
        """The launch is over."""
        for index, progress in enumerate(self._progress):
            self._progress[index] = replace(
                progress, running=0, kinds={}, gpus_used=0.0, eta_hours=None, ended=why
            )
        self._write()

    def _write(self) -> None:
        for index, (study, done) in enumerate(zip(self._studies, self._tally.done, strict=True)):
            self._progress[index] = replace(self._progress[index], done=done)
            try:
                write_progress(study.opened.store, study.opened.study.study, self._progress[index])
            except OSError as error:  # it is for who watches; trials wait for the store by themselves
                self._warn(f"How the launch stands cannot be written ({error.strerror}); it goes on.")
            study.mirror.progress(self._progress[index].numbers())

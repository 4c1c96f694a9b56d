"""What the driver sees of running trials: steps, ends and failures, as Tune reports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from after_ray.store import Store
from sweeps.interrupts import Interrupt
from sweeps.ready import Job


class TrialWatcher(Callback):
    """Passes each trial's steps on and collects failures by key, one sentence each; no Ctrl-C is lost."""

    def __init__(
        self, store: Store, on_trial: Callable[[Job, dict[str, Any]], None], interrupt: Interrupt
    ) -> None:
        self._store = store
        self._on_trial = on_trial
        self._interrupt = interrupt
        self.ran = 0
        self.failed: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore of its own, which is never used."""
        return {}

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune looks for news: a Ctrl-C that was dropped since is raised here."""
        self._interrupt.raise_if_heard()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """One step of a trial is over."""
        job = _job(trial)
        if result.get("done"):
            self.ran += 1
        if result.get("failed"):
            self.failed[job.key] = str(result["failed"])
        self._on_trial(job, result)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial's process was lost more often than it is retried."""
        job = _job(trial)
        sentence = (
            "The trial's process died more than once (out of memory or killed); see the node's Ray logs."
        )
        self._store.ledger.fail(job.key, sentence)
        self.ran += 1
        self.failed[job.key] = sentence
        self._on_trial(job, {"done": True, "failed": sentence})


def _job(trial: Trial) -> Job:
    return Job(trial.config["kind"], trial.config["stage"])

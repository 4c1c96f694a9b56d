"""The Ray Tune trainable: `Tuner` takes one class, so this one dispatches to the kinds of work.

Its configuration is `{"kind": ..., "stage": Stage, "execution": Execution, "halt": path}`; once the file
`halt` is there, nothing is begun any more. Results are in the store, not in Tune: a trial that Tune starts
again (lost node, killed worker) finds there what is finished.
"""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from typing import Any

from ray import tune

from after_ray.environment import Execution, fix_threads, sentence_of
from after_ray.files import write_text
from after_ray.stages import Stage
from after_ray.store import Store
from trainables._work import Work

KINDS = {
    "candidate": ("trainables.candidate", "CandidateWork"),
    "adaptation": ("trainables.adaptation", "AdaptationWork"),
    "features": ("trainables.features", "FeaturesWork"),
    "first_round": ("trainables.first_round", "FirstRoundWork"),
    "trajectory": ("trainables.trajectory", "TrajectoryWork"),
}


class StageTrial(tune.Trainable):
    """One trial: advances its work once per Tune iteration. Actors are reused from trial to trial."""

    _work: Work
    _halt: Path | None

    def setup(self, config: dict[str, Any]) -> None:
        """Fix the thread counts, then make the work of this trial's kind."""
        module, name = KINDS[config["kind"]]
        execution: Execution = config["execution"]
        fix_threads(execution.threads)
        self._work = getattr(importlib.import_module(module), name)(config["stage"], execution)
        self._halt = Path(config["halt"]) if config.get("halt") else None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same process, which saves starting one."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Advance; an error of ours is recorded as this stage's failure and ends the trial in order."""
        if self._halt is not None and self._halt.exists():
            return {"done": True, "key": self._work.stage.key, "halted": True}
        try:
            return self._work.advance()
        except Exception as error:
            sentence = _record_failure(self._work.stage, self._work.execution, error)
            return {"done": True, "key": self._work.stage.key, "failed": sentence}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: what a trial must remember is in the store."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: what a trial must remember is in the store."""


def _record_failure(stage: Stage, execution: Execution, error: Exception) -> str:
    """Write the trace to a log and one sentence to the ledger; returns the sentence."""
    sentence = sentence_of(error)
    log = Path(execution.store) / "logs" / f"{stage.key}.log"
    write_text(log, traceback.format_exc())
    Store(execution.store).ledger.fail(stage.key, sentence, f"logs/{stage.key}.log")
    return sentence

"""The Ray Tune trainable: `Tuner` takes one class, so this one dispatches to the kinds of work.

Its configuration is `{"kind": ..., "stage": Stage, "execution": Execution, "halt": address}`; once the file
`halt` is there, nothing is begun any more. Results are in the store, not in Tune: a trial that Tune starts
again (lost node, killed worker) finds there what is finished.

What a step returns, beside `done` and `key`: what its work tells, or one of
`failed` (a sentence; `again`: trying again may help), `halted`, `preempted` (this process will be ended, and
another one goes on), `said` (a sentence for who watches: the store cannot be used, the next step tries
again after a while), `stopped` (a sentence: it did not come back), `awaiting` (how many utterances people
have to label first). Beside any of them `other_code` (a
sentence for who watches: this process runs other code than the launch), `warned` (of a result that stands).
"""

from __future__ import annotations

import importlib
import traceback
from typing import Any

from ray import tune
from ray.actor import exit_actor

from after_ray.code_state import by_code_here, other_code
from after_ray.environment import Execution, fix_threads, sentence_of, worth_trying_again
from after_ray.errors import Unanswered
from after_ray.preemption import NOTICE, Preempted, watch_node
from after_ray.stages import Stage
from after_ray.store import Outage, Store
from after_ray.store.outage import StoreUnavailable
from trainables._work import Work
from trainables.halt import Halt
from trainables.leaving import HEAD_ENDS, is_head, leave_node

KINDS = {
    "candidate": ("trainables.candidate", "CandidateWork"),
    "adaptation": ("trainables.adaptation", "AdaptationWork"),
    "features": ("trainables.features", "FeaturesWork"),
    "pretraining": ("trainables.pretraining", "PretrainingWork"),
    "frame_losses": ("trainables.frame_losses", "FrameLossesWork"),
    "first_round": ("trainables.first_round", "FirstRoundWork"),
    "trajectory": ("trainables.trajectory", "TrajectoryWork"),
}


class StageTrial(tune.Trainable):
    """One trial: advances its work once per Tune iteration. Actors are reused from trial to trial."""

    _work: Work
    _halt: Halt | None
    _outage: Outage
    _other_code = ""  # a sentence where this process runs other code than the launch
    _handed_on = False  # whether this process, which will be ended, has handed its trial on

    def __init__(self, *arguments: Any, **named: Any) -> None:
        NOTICE.listen()
        super().__init__(*arguments, **named)

    def setup(self, config: dict[str, Any]) -> None:
        """Fix the thread counts, then make the work of this trial's kind."""
        module, name = KINDS[config["kind"]]
        execution: Execution = config["execution"]
        fix_threads(execution.threads)
        here = by_code_here(execution, config["stage"])
        self._other_code = other_code(execution, here)
        self._work = getattr(importlib.import_module(module), name)(config["stage"], here)
        self._halt = Halt(config["halt"]) if config.get("halt") else None
        self._outage = Outage(execution.store)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same process, which saves starting one."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Advance; an error of ours is recorded as this stage's failure and ends the trial in order."""
        told = self._step()
        return {**told, "other_code": self._other_code} if self._other_code else told

    def _step(self) -> dict[str, Any]:
        if NOTICE.given:
            return self._hand_on()
        try:
            watch_node()
            if self._halt is not None and self._halt.given:
                return self._ending(halted=True)
            self._outage.pause()
            told = self._work.advance()
        except Preempted:
            return self._hand_on()
        except Exception as error:
            return self._told_of(error)
        self._outage.over()
        return told

    def _told_of(self, error: Exception) -> dict[str, Any]:
        """An outage of the store is waited for, people are not; all else is a failure of the stage."""
        if isinstance(error, Unanswered):
            return self._ending(awaiting=len(error.rows))
        try:
            waiting = self._outage.noticed(error)
        except StoreUnavailable as gone:
            return self._ending(stopped=str(gone))
        if waiting is not None:
            return {"done": False, "key": self._work.stage.key, "said": waiting}
        sentence = _record_failure(self._work.stage, self._work.execution, error)
        return self._ending(failed=sentence, again=worth_trying_again(error))

    def _hand_on(self) -> dict[str, Any]:
        """Another process goes on; with what Tune hands this one instead it leaves, in a step.

        Such a trial is lost once and handed out again; one that is lost while it is taken over confuses Tune.
        Where the whole node will be ended, Ray is told to place nothing more on it; with Ray's head all ends,
        so that the launch stops.
        """
        if self._handed_on:
            exit_actor()
        self._handed_on = True
        if NOTICE.of_node and is_head():
            return self._ending(stopped=HEAD_ENDS)
        if NOTICE.of_node:
            leave_node(NOTICE.ends)
        return self._ending(preempted=True)

    def _ending(self, **told: Any) -> dict[str, Any]:
        return {"done": True, "key": self._work.stage.key, **told}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: what a trial must remember is in the store."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: what a trial must remember is in the store."""


def _record_failure(stage: Stage, execution: Execution, error: Exception) -> str:
    """Write the trace to a log and one sentence to the ledger, as far as the store lets; returns it."""
    sentence, store = sentence_of(error), Store(execution.store)
    log = f"logs/{stage.key}.log"
    try:
        store.place.write(log, traceback.format_exc().encode())
    except OSError:
        log = ""
    again = worth_trying_again(error)
    store.ledger.fail(stage.key, sentence, log, cause=type(error).__name__, again=again)
    return sentence

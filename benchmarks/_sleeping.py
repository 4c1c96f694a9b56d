"""Trials that only sleep: all of a launch but the work, so that nodes cost nothing.

The module is imported where a trial's stage is unpickled, which makes its kind known there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.stages import Stage
from after_ray.store import Draft, Store
from trainables._work import Work
from trainables.trial import KINDS

SLEEP = "sleep"
PATIENCE = 120.0  # seconds in which the processes of all nodes must have started


@dataclass(frozen=True)
class Sleep(Stage):
    """A stage that takes so many seconds and gives nothing.

    Attributes:
        together: how many of its kind wait for each other before they end; 0 waits for none.
    """

    kind = SLEEP
    name: str
    seconds: float
    together: int = 0

    def meaning(self) -> dict[str, Any]:
        return {"name": self.name, "seconds": self.seconds}

    def needs(self) -> tuple[Stage, ...]:
        return ()


class SleepWork(Work):
    """Sleeps, and records when it began and ended, and on which node."""

    def advance(self) -> dict[str, Any]:
        import ray

        stage = self.stage
        assert isinstance(stage, Sleep)
        began = time.time()
        time.sleep(stage.seconds)
        if stage.together:
            self._wait_for_others(stage)
        node = ray.get_runtime_context().get_node_id()
        Store(self.execution.store).commit(
            Draft(
                stage.key,
                SLEEP,
                stage.meaning(),
                seconds={"total": stage.seconds},
                details={"node": node},
                started=began,
                finished=time.time(),
            )
        )
        return {"done": True, "key": stage.key}

    def _wait_for_others(self, stage: Sleep) -> None:
        meeting = Path(self.execution.store) / "meeting"
        meeting.mkdir(exist_ok=True)
        (meeting / stage.name).touch()
        deadline = time.monotonic() + PATIENCE
        while len(list(meeting.iterdir())) < stage.together:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{stage.together} trials did not run at once within {PATIENCE:g} s")
            time.sleep(0.05)


KINDS[SLEEP] = (__name__, SleepWork.__name__)

"""A trial that tries one candidate of a search, stopped between two rungs when others do better."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from after_ray.candidate import CandidateStage
from trainables._work import Work

if TYPE_CHECKING:
    from after_ray.execution.candidate import CandidateRun


class CandidateWork(Work):
    """One rung per step: a (fold, seed) block, or a ratio of one block."""

    def advance(self) -> dict[str, Any]:
        """Pass the next rung; `value` is the mean validation UA that schedulers compare."""
        run = self._run
        run.advance()
        return {
            "done": run.finished,
            "key": self.stage.key,
            "rung": len(run.scores),
            "value": run.value,
            "scores": list(run.scores),
            "finished": run.finished,
        }

    @cached_property
    def _run(self) -> CandidateRun:
        from after_ray.execution.candidate import CandidateRun

        assert isinstance(self.stage, CandidateStage)
        return CandidateRun(self.stage, self.execution)

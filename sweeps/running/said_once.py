"""What trials have to say: one sentence for one outage, however many wait for its end, and failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sweeps.planning.jobs import Job


class SaidOnce:
    """Passes each sentence on once, until what it tells of is over.

    Args:
        say: told it.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()

    def __call__(self, sentence: str) -> None:
        """Say it, unless it was said."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(f"warning: {sentence}")

    def heard(self, job: Job, result: Mapping[str, Any]) -> bool:
        """Say what a step of a trial tells of an outage or a failure; False where it tells of neither."""
        if result.get("said"):
            self(str(result["said"]))
            return True
        self.over()
        if result.get("warned"):
            self._say(f"warning: {result['warned']}")
        if result.get("failed"):
            self._say(f"failed: {job.kind} {job.key[:8]}: {result['failed']}")
            return True
        return False

    def over(self) -> None:
        """Something was done: the next outage is told again."""
        self._said.clear()

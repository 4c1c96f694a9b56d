"""One sentence for one outage, however many trials wait for its end."""

from __future__ import annotations

from collections.abc import Callable


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

    def over(self) -> None:
        """Something was done: the next outage is told again."""
        self._said.clear()

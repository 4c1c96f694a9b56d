"""Losses that are nobody's failure: a process that will be ended takes one more trial with it at most."""

from __future__ import annotations


class Excused:
    """Counts the processes that handed their trial on, and the trials that were lost with them.

    Tune may hand such a process one more trial before it is gone, which is then lost before it began.
    """

    def __init__(self) -> None:
        self._leaving = 0

    def handed_on(self) -> None:
        """A process handed its trial on, because it will be ended."""
        self._leaving += 1

    def excuses(self, *, began: bool) -> bool:
        """Whether a trial that was just lost went with such a process, which excuses no second one."""
        if began or not self._leaving:
            return False
        self._leaving -= 1
        return True

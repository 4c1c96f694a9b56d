"""Looking now and then whether this machine will be ended, in a thread that never brings a trial down."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from after_ray.errors import AfterRayError
from after_ray.preemption.notice import NOTICE, Notice

logger = logging.getLogger(__name__)

VARIABLE = "AFTER_RAY_SPOT"
FILE = "file:"


class Provider(Protocol):
    """Who ends machines, and says so before."""

    seconds: float  # between two looks
    ahead: float | None  # seconds from its notice to the end; None where it does not say

    def given(self) -> bool:
        """Whether this machine will be ended."""


class UnknownProvider(AfterRayError):
    """A provider of machines that nobody knows how to ask."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"{VARIABLE} is '{value}', which names nobody who gives notice before a machine is ended; "
            f"allowed: aws, gce, {FILE}PATH (absolute; a file that is made first). Correct it where Ray is "
            "started on this node, or leave it out."
        )


def provider_of(environment: Mapping[str, str]) -> Provider | None:
    """Who is asked for notices, by AFTER_RAY_SPOT; None where it is not set or empty.

    Raises:
        UnknownProvider: when its value is none of those allowed.
    """
    match environment.get(VARIABLE, ""):
        case "":
            return None
        case "aws":
            from after_ray.preemption.aws import AwsNotices

            return AwsNotices()
        case "gce":
            from after_ray.preemption.gce import GceNotices

            return GceNotices()
        case value if value.startswith(f"{FILE}/"):  # workers have working directories of their own
            from after_ray.preemption.file import FileNotices

            return FileNotices(Path(value.removeprefix(FILE)))
        case value:
            raise UnknownProvider(value)


class Watcher:
    """Gives a notice once a provider says that this machine will be ended.

    A provider that does not answer is asked again at the next look, and a warning says so once.
    """

    def __init__(
        self,
        provider: Provider,
        notice: Notice,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider, self._notice, self._sleep, self._clock = provider, notice, sleep, clock
        self._warned = False

    def start(self) -> threading.Thread:
        """Watch in a thread that ends with the process, or once the notice is given."""
        thread = threading.Thread(target=self.watch, name="notices of the node's end", daemon=True)
        thread.start()
        return thread

    def watch(self) -> None:
        """Look until the notice is given."""
        while not self._is_given():
            self._sleep(self._provider.seconds)
        logger.warning("This node will be ended soon, says %s; its work is saved.", self._name)
        ahead = self._provider.ahead
        self._notice.give_of_node(None if ahead is None else self._clock() + ahead)

    def _is_given(self) -> bool:
        try:
            return self._provider.given()
        except Exception as error:  # whatever a server answers, the trial goes on
            if not self._warned:
                self._warned = True
                logger.warning("%s cannot be asked whether this node will be ended (%s).", self._name, error)
            return False

    @property
    def _name(self) -> str:
        return type(self._provider).__name__


@cache
def watch_node() -> None:
    """Watch for the end of this node, once per process, where AFTER_RAY_SPOT names whom to ask.

    Raises:
        UnknownProvider: when its value is none of those allowed.
    """
    provider = provider_of(os.environ)
    if provider is not None:
        Watcher(provider, NOTICE).start()

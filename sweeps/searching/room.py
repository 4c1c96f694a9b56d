"""Where candidates run, how many at once, and what of the budget is left for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from after_ray.code_state import keep_code_state
from after_ray.environment import Execution
from after_ray.sources import source_of
from sweeps.launching.budget import Budget
from sweeps.launching.launch import SECONDS_BETWEEN_LOOKS
from sweeps.launching.ray_start import Nodes, Where, execution_for
from sweeps.planning.jobs import Job
from sweeps.searching.book import Book

WAITING_ON_A_CLUSTER = 16  # candidates that wait for room there, so that an autoscaler sees what is wanted


class Room:
    """The nodes of the Ray that runs, as candidates see them.

    Raises:
        AfterRayError: when no node can hold a candidate.
    """

    def __init__(self, book: Book, where: Where, budget: Budget) -> None:
        self._store, self._where, self._budget = book.store, where, budget
        self._concurrent = book.expander.search.concurrent
        self._resources = book.expander.resources
        self._code = keep_code_state(book.store)
        self._nodes, self._looked = Nodes.found(where), time.monotonic()
        self._nodes.check(self._resources)

    def execution_of(self, job: Job) -> Execution:
        """Where and how a candidate runs."""
        execution = execution_for(job.resources, self._nodes, self._store, self._where, self._code)
        return replace(execution, source=source_of(job.stage))

    def is_left(self, running: Sequence[Job]) -> bool:
        """Whether one more candidate would run now: the later it is drawn, the more is known."""
        if self._concurrent is not None:
            return len(running) < self._concurrent
        nodes = self.nodes()
        waiting = WAITING_ON_A_CLUSTER if nodes.growing else 0
        return len(running) < nodes.slots(self._resources) + waiting

    def nodes(self) -> Nodes:
        """Those of the Ray that runs, as they are now."""
        if self._nodes.growing and time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._nodes, self._looked = Nodes.found(self._where), time.monotonic()
        return self._nodes

    def may_start(self, job: Job) -> bool:
        """Whether a candidate fits in the budget."""
        return self._budget.allows(job.key, job.resources.gpu)

"""Trials that ask for more than any node has: said after a while, and given up where no node can be added."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection

from after_ray.wording import counted, duration
from sweeps.launching.ray_start import Nodes
from sweeps.planning.jobs import Job, Size

SAID_AFTER = 15.0  # seconds; nodes that were just started take a while to join
SAID_AGAIN = 300.0
GIVEN_UP_AFTER = 60.0  # seconds in which nothing else ran and nobody could add a node
REMEDY = "start a node that can ('ray start --address=...') or change 'resources' in the study"


class Unmet:
    """Watches what waits for nodes that are not there.

    Args:
        nodes: of the Ray that runs, as they are now.
        may_grow: whether somebody may add nodes; asked when something is to be said or given up.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        nodes: Callable[[], Nodes],
        may_grow: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes, self._may_grow, self._clock = nodes, may_grow, clock
        self._since: float | None = None  # when such trials were first seen
        self._alone: float | None = None  # since when nothing else runs or could
        self._said_at = 0.0
        self.given_up: str | None = None  # one sentence once waiting is of no use

    def look(self, running: Collection[Job], waiting: Collection[Job]) -> str | None:
        """What is to be said now, if anything.

        Args:
            running: jobs that have room.
            waiting: jobs that were handed out and have none yet.
        """
        nodes, now = self._nodes(), self._clock()
        lacking = Counter(job.size for job in waiting if not nodes.hold(job.resources))
        if not lacking:
            self._since = self._alone = None
            return None
        if self._since is None:
            self._since, self._said_at = now, now - SAID_AGAIN + SAID_AFTER
        alone = not running and len(waiting) == lacking.total()
        self._alone = None if not alone else now if self._alone is None else self._alone
        saying = now - self._said_at >= SAID_AGAIN
        ending = self._alone is not None and now - self._alone >= GIVEN_UP_AFTER
        if not (saying or ending):
            return None
        grows = self._may_grow()
        if ending and not grows:
            self.given_up = f"{_asked(lacking, nodes)}; {REMEDY}, then run the same command again"
            return None
        self._alone = now if ending else self._alone  # asked again when as long has passed
        return self._say(_asked(lacking, nodes), now - self._since, grows) if saying else None

    def _say(self, asked: str, waited: float, grows: bool) -> str:
        self._said_at = self._clock()
        if grows:
            return (
                f"{asked}; they have waited {duration(waited)} for the autoscaler, which adds one if the "
                "cluster's configuration has a type of node that can and its limits allow it."
            )
        return (
            f"{asked} ({duration(waited)} by now), and no autoscaler is there to add one; {REMEDY}: the "
            f"launch ends {duration(GIVEN_UP_AFTER)} after all that fits has run."
        )


def _asked(lacking: Counter[Size], nodes: Nodes) -> str:
    """What waiting trials ask, and what there is."""
    sizes = sorted(lacking.items())
    asked = [
        f"{counted(count, 'trial')} of {cpu} CPU and {gpu:g} GPU" + (f" of model {model}" if model else "")
        for (cpu, gpu, model), count in sizes
    ]
    cpus = max((offer.cpus for offer in nodes.offers), default=0.0)
    gpus = max((offer.gpus for offer in nodes.offers), default=0.0)
    of_models = any(model for _, _, model in lacking)
    models = f" (models: {', '.join(nodes.models) or 'none that Ray names'})" if of_models else ""
    return (
        f"No node can hold {' or '.join(asked)}, ready to run: of {counted(len(nodes.offers), 'node')} none "
        f"has more than {cpus:g} CPU, none more than {gpus:g} GPU{models}"
    )

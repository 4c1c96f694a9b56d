"""How a launch stands, written beside the store for who watches it from elsewhere."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.files import as_json
from after_ray.store import Store

NOTHING_MORE = "nothing more to run"  # how a launch ends that was not stopped
STALE_AFTER = 60.0  # seconds; a launch that lives writes every few


@dataclass(frozen=True)
class BestSoFar:
    """The candidate of a search that got furthest, with the highest value: the validation UA at `rung`."""

    candidate: int
    value: float
    rung: int
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class Searched:
    """How a search stands.

    Attributes:
        candidates, drawn: that are wanted, and of which the configuration is known.
        finished, pruned, failed: of these, those that passed all rungs, were stopped at one, or failed.
        rungs: that a candidate climbs.
        running_at: the rung that each running candidate climbs, counted from 1.
        shared_done, shared: stages that all candidates share, finished and in all, while they are made.
        best: so far.
    """

    candidates: int
    drawn: int
    finished: int
    pruned: int
    failed: int
    rungs: int
    running_at: tuple[int, ...] = ()
    shared_done: int = 0
    shared: int = 0
    best: BestSoFar | None = None

    @property
    def settled(self) -> int:
        """Candidates that were tried."""
        return self.finished + self.pruned + self.failed

    def numbers(self) -> dict[str, float]:
        """What a chart may show over time."""
        names = ("candidates", "drawn", "finished", "pruned", "failed")
        best = (
            {} if self.best is None else {"best_value": self.best.value, "best_rung": float(self.best.rung)}
        )
        return {name: float(getattr(self, name)) for name in names} | {"tried": float(self.settled)} | best


@dataclass(frozen=True)
class Progress:
    """How one study stands in a launch.

    Attributes:
        cells, done: cells in all and finished.
        running, waiting, blocked, failed: cells that trials are to finish which do so.
        kinds: kind of trial -> how many of it run, of the whole launch.
        hours, gpu_hours: taken by the launch so far.
        eta_hours: until the launch has nothing left to do; None while that cannot be told.
        gpus_used, gpus: GPUs that trials hold, and GPUs there are.
        host, process, written: who wrote this, and when (seconds since the epoch).
        ended: why the launch ended; None while it runs.
        search: how its search stands, if that is what was launched: trials are candidates then.
    """

    cells: int
    done: int
    running: int = 0
    waiting: int = 0
    blocked: int = 0
    failed: int = 0
    kinds: Mapping[str, int] | None = None
    hours: float = 0.0
    gpu_hours: float = 0.0
    eta_hours: float | None = None
    gpus_used: float = 0.0
    gpus: float = 0.0
    host: str = ""
    process: int = 0
    written: float = 0.0
    ended: str | None = None
    search: Searched | None = None

    def numbers(self) -> dict[str, float]:
        """What a chart may show over time."""
        of_cells = ("cells", "done", "blocked", "failed") if self.search is None else ()
        names = (*of_cells, "running", "waiting", "hours", "gpu_hours", "gpus_used")
        values: dict[str, float] = {name: float(getattr(self, name)) for name in names}
        if self.search is not None:
            values |= self.search.numbers()
        if self.ended is not None:
            return values | {"eta_hours": 0.0}  # the last one would stand otherwise
        return values if self.eta_hours is None else values | {"eta_hours": self.eta_hours}

    def stale(self, now: float | None = None) -> bool:
        """Whether its writer must have been killed: it ended without saying so."""
        return self.ended is None and (time.time() if now is None else now) - self.written > STALE_AFTER


def write_progress(store: Store, study: str, progress: Progress) -> None:
    """Write how a study stands; the host, the process and the time are filled in."""
    signed = {"host": platform.node(), "process": os.getpid(), "written": time.time()}
    store.place.write(_name(study), as_json(asdict(progress) | signed))


def read_progress(store: Store, study: str) -> Progress | None:
    """What the newest launch of a study wrote; None when there is none that can be read."""
    try:
        return _progress_of(json.loads(store.place.read(_name(study))))
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _progress_of(value: dict[str, Any]) -> Progress:
    found = value.get("search")
    if found is not None:
        best = None if found["best"] is None else BestSoFar(**found["best"])
        value["search"] = Searched(**found | {"running_at": tuple(found["running_at"]), "best": best})
    return Progress(**value)


def _name(study: str) -> str:
    return f"progress/{study}.json"


def why_ended(error: BaseException) -> str:
    """Why a launch ended, for who watches."""
    if isinstance(error, KeyboardInterrupt):
        return "Ctrl-C"
    return str(error) if isinstance(error, AfterRayError) else type(error).__name__

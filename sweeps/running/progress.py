"""How a launch stands, written beside the store for who watches it from elsewhere."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from after_ray.files import write_json
from after_ray.store import Store

STALE_AFTER = 60.0  # seconds; a launch that lives writes every few


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

    def numbers(self) -> dict[str, float]:
        """What a chart may show over time."""
        names = (
            "cells",
            "done",
            "running",
            "waiting",
            "blocked",
            "failed",
            "hours",
            "gpu_hours",
            "gpus_used",
        )
        values: dict[str, float] = {name: float(getattr(self, name)) for name in names}
        if self.ended is not None:
            return values | {"eta_hours": 0.0}  # the last one would stand otherwise
        return values if self.eta_hours is None else values | {"eta_hours": self.eta_hours}

    def stale(self, now: float | None = None) -> bool:
        """Whether its writer must have been killed: it ended without saying so."""
        return self.ended is None and (time.time() if now is None else now) - self.written > STALE_AFTER


def write_progress(store: Store, study: str, progress: Progress) -> None:
    """Write how a study stands; the host, the process and the time are filled in."""
    signed = {"host": platform.node(), "process": os.getpid(), "written": time.time()}
    write_json(_path(store, study), asdict(progress) | signed)


def read_progress(store: Store, study: str) -> Progress | None:
    """What the newest launch of a study wrote; None when there is none that can be read."""
    try:
        return Progress(**json.loads(_path(store, study).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _path(store: Store, study: str) -> Path:
    return store.root / "progress" / f"{study}.json"

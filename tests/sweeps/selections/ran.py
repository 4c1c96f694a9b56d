"""Runs a study's missing jobs one after another in this process, as its trials would."""

from __future__ import annotations

from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.store import Record
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy
from sweeps.running.studies import prepare


def run_here(opened: OpenStudy) -> dict[str, Record]:
    """The records of the jobs that ran, by key."""
    fix_threads(1)
    prepare(opened)
    root = opened.store.root
    execution = Execution(str(root), str(root / "cache"), device="cpu")
    missing = jobs_of([opened.wanted], opened.store.ledger.finished())
    return {key: run(job.stage, execution) for key, job in missing.items()}

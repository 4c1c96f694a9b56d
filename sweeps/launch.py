"""Launching a plan: Ray Tune runs the stages that are missing, each as soon as what it needs is there."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.environment import Execution
from after_ray.errors import AfterRayError
from after_ray.store import Store
from sweeps.interrupts import Interrupt
from sweeps.plan import Plan
from sweeps.ready import Job, ReadyFirst, jobs_of

# Set before Ray is imported: quiet, no telemetry, and enough pending trials for the autoscaler to see.
RAY_DEFAULTS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Tune's own ends the run as if it were complete
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Tune's own snapshots are not used: the store is the truth
    "TUNE_MAX_PENDING_TRIALS_PG": "32",  # one is the default for a searcher, which starves a cluster
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
# A local Ray is for this machine only: bound to loopback, and without a token that would lock others out.
LOCAL_RAY_DEFAULTS = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "disabled"}
# glibc hands the large activations of convolutional networks back to the system after every step, and paging
# them in again took up to half of a step; kept in the process they cost memory that is needed again anyway.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "100000000",
}

RETRIES_OF_A_LOST_WORKER = 2


@dataclass(frozen=True)
class Where:
    """Where a study runs: an address of a running Ray (None starts a local one) and a node-local cache."""

    address: str | None = None
    cache: Path | None = None
    cpus: int | None = None  # of a local Ray; all cores by default
    cache_gb: float = 50.0  # the cache's size limit, 10^9 bytes


@dataclass(frozen=True)
class Outcome:
    """What a launch did: how many trials ran, and one sentence for each that failed."""

    ran: int
    failed: Mapping[str, str]
    blocked: int = 0  # trials that rest on a failed one


def launch(
    plan: Plan,
    store: Store,
    where: Where,
    on_trial: Callable[[Job, dict[str, Any]], None] = lambda job, result: None,
) -> Outcome:
    """Run everything a plan still misses; returns when nothing more can run.

    The prepared audio must be in the store. `on_trial` is called in this process for every step of every
    trial with Tune's result (`done`, `rounds`, or `failed` with its sentence).
    """
    jobs = jobs_of(plan, store.ledger.finished())
    if not jobs:
        return Outcome(0, {})
    for name, value in (RAY_DEFAULTS | (LOCAL_RAY_DEFAULTS if where.address is None else {})).items():
        os.environ.setdefault(name, value)
    import ray

    started_here = not ray.is_initialized()
    if started_here:
        _start_ray(where)
    interrupt = Interrupt()
    try:
        with interrupt.listening():
            return _tune(plan, store, where, jobs, on_trial, interrupt)
    finally:
        if started_here:
            ray.shutdown()


def _start_ray(where: Where) -> None:
    import ray

    try:
        if where.address is None:
            ray.init(
                num_cpus=where.cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": KEEP_MEMORY},
            )
        else:
            ray.init(address=where.address, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        raise AfterRayError(
            f"No Ray cluster answers at '{where.address}' ({error}); start one (`ray start --head`) "
            " or leave --address out for a local Ray."
        ) from error


def _tune(
    plan: Plan,
    store: Store,
    where: Where,
    jobs: dict[str, Job],
    on_trial: Callable[[Job, dict[str, Any]], None],
    interrupt: Interrupt,
) -> Outcome:
    from ray import tune

    from sweeps.watching import TrialWatcher
    from trainables.trial import StageTrial

    resources = plan.study.resources
    execution = _execution(plan, store, where)
    searcher = ReadyFirst(jobs, execution)
    watcher = TrialWatcher(store, on_trial, interrupt)
    scratch = _scratch(store, where)
    trainable = tune.with_resources(StageTrial, {"cpu": resources.cpu, "gpu": resources.gpu})
    try:
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(
                name="trials",
                storage_path=str(scratch),
                verbose=0,
                callbacks=[watcher],
                failure_config=tune.FailureConfig(max_failures=RETRIES_OF_A_LOST_WORKER),
            ),
        ).fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(watcher.ran, watcher.failed, len(searcher.blocked))


def _scratch(store: Store, where: Where) -> Path:
    """A folder for what Tune insists on writing; on shared storage when there are several nodes."""
    if where.address is None:
        return Path(tempfile.mkdtemp(prefix="after-ray-"))
    folder = store.root.resolve() / "ray"
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def _execution(plan: Plan, store: Store, where: Where) -> Execution:
    import ray

    resources = plan.study.resources
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fitting = [
        node for node in nodes if node.get("CPU", 0) >= resources.cpu and node.get("GPU", 0) >= resources.gpu
    ]
    if not fitting:
        largest = max((node.get("CPU", 0), node.get("GPU", 0)) for node in nodes)
        raise AfterRayError(
            f"A trial needs {resources.cpu} CPU and {resources.gpu:g} GPU on one node, but the largest node "
            f"has {largest[0]:g} CPU and {largest[1]:g} GPU; lower 'resources' in the study or start larger "
            "nodes."
        )
    # How many trials share one device: of a GPU its fraction, of processors all that fit on one node.
    shared_by = int(1 / resources.gpu) if 0 < resources.gpu < 1 else 1
    if resources.gpu == 0:
        shared_by = max(int(node.get("CPU", 0) // resources.cpu) for node in fitting)
    cache = where.cache or _default_cache(store, where)
    return Execution(
        store=str(store.root.resolve()),
        cache=str(cache.resolve()),
        cache_bytes=round(where.cache_gb * 1e9),
        threads=resources.cpu,
        device="cuda" if resources.gpu > 0 else "cpu",
        shared_by=max(1, shared_by),
        checkpoint_seconds=resources.checkpoint_seconds,
        compile=resources.compile,
    )


def _default_cache(store: Store, where: Where) -> Path:
    """On one machine inside the store; on a cluster, which shares the store, each node's temporary folder."""
    if where.address is None:
        return store.root / "cache"
    return Path(tempfile.gettempdir()) / f"after-ray-cache-{getpass.getuser()}"

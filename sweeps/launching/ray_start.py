"""Ray, started on this machine or found at an address, and what its nodes offer a trial."""

from __future__ import annotations

import getpass
import os
import socket
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from after_ray.code_state import CodeState
from after_ray.environment import Execution
from after_ray.errors import AfterRayError
from after_ray.preemption import provider_of
from after_ray.store import Store
from sweeps.launching.autoscaler import leaving_nodes
from sweeps.scheduling.schedule import Capacity
from sweeps.study.declaration import Resources
from sweeps.study.gpu_models import models_in

# Set before Ray is imported: quiet, no telemetry.
RAY_DEFAULTS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Tune's own ends the run as if it were complete
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a lost process is told in one sentence, not with its trace
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Tune's own snapshots are not used: the store is the truth
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


ANSWER_SECONDS = 5.0  # Ray itself tries a dead address for ten minutes
AUTO = "auto"


class BadAddress(AfterRayError):
    """An address that cannot be one of a Ray cluster."""

    def __init__(self, address: str) -> None:
        client = (
            " Ray Client (ray://) is not supported: run after-ray on a machine of the cluster."
            if address.startswith("ray://")
            else ""
        )
        super().__init__(
            f"'{address}' is no address of a Ray cluster; allowed: host:port, as `ray start --head` prints "
            f"it (10.0.0.5:6379), or '{AUTO}' on a machine of the cluster.{client} Leave --address out for a "
            "local Ray."
        )


class NoCluster(AfterRayError):
    """No Ray where one was said to run."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"No Ray cluster answers at '{address}' ({reason}); start one (`ray start --head`), correct "
            "--address, or leave it out for a local Ray."
        )


class NoLocalRay(AfterRayError):
    """A Ray of this machine's own that did not come up; `reason`: what Ray said, its first sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Ray did not start on this machine ({reason}); mostly the machine is overloaded, or has no "
            "memory or no room for temporary files left: its logs are in /tmp/ray/session_latest/logs. Run "
            "the same command again; what is recorded stays."
        )


@dataclass(frozen=True)
class Where:
    """Where studies run: an address of a running Ray (None starts a local one) and a node-local cache.

    Raises:
        BadAddress: when the address is neither host:port nor 'auto'.
    """

    address: str | None = None
    cache: Path | None = None
    cpus: int | None = None  # of a local Ray; all cores by default
    cache_gb: float = 50.0  # the cache's size limit, 10^9 bytes

    def __post_init__(self) -> None:
        if self.address not in (None, AUTO):
            host_and_port(self.address)


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of `host:port`; an IPv6 host stands in brackets.

    Raises:
        BadAddress: when it is nothing of the kind.
    """
    host, _, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not host or "/" in host or (":" in host and not bracketed) or not port.isascii() or not port.isdigit():
        raise BadAddress(address)
    if not 0 < int(port) < 1 << 16:
        raise BadAddress(address)
    return host.strip("[]"), int(port)


def answering(address: str) -> str:
    """The host:port of a cluster at which somebody listens; 'auto' is looked up as Ray does.

    Raises:
        BadAddress: when RAY_ADDRESS, which 'auto' goes by, is no address.
        NoCluster: within seconds when nobody listens.
    """
    found = address
    if address == AUTO:
        from ray._private.services import get_ray_address_from_environment

        try:
            found = get_ray_address_from_environment(AUTO, None)
        except ConnectionError as error:
            raise NoCluster(address, "none runs on this machine, and RAY_ADDRESS names none") from error
    try:
        socket.create_connection(host_and_port(found), ANSWER_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise NoCluster(address, reason if found == address else f"{found}: {reason}") from error
    return found


@contextmanager
def running_ray(where: Where) -> Iterator[None]:
    """A Ray to run trials on; one that was started here ends with the block.

    Raises:
        AfterRayError: when no cluster answers at the address, or AFTER_RAY_SPOT names nobody.
    """
    provider_of(os.environ)
    for name, value in (RAY_DEFAULTS | (LOCAL_RAY_DEFAULTS if where.address is None else {})).items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    _start(where)
    try:
        yield
    finally:
        ray.shutdown()


def _start(where: Where) -> None:
    import ray

    if where.address is None:
        _start_here(where.cpus)
        return
    try:
        ray.init(address=answering(where.address), log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        raise NoCluster(where.address, str(error)) from error


def _start_here(cpus: int | None) -> None:
    """Start a Ray of this machine's own, never one of somebody else."""
    import ray

    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": KEEP_MEMORY},
        )
    except Exception as error:  # Ray has no class of its own for what did not come up
        raise NoLocalRay(str(error).partition(". ")[0].rstrip(".")) from error


class Offer(NamedTuple):
    """What one node has for trials; `models`: of its GPUs, by Ray's names."""

    cpus: float
    gpus: float = 0.0
    models: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Nodes:
    """What each living node offers that is not about to leave."""

    offers: tuple[Offer, ...]
    growing: bool  # a cluster, which may still start nodes

    @classmethod
    def found(cls, where: Where) -> Nodes:
        """The nodes of the Ray that runs."""
        import ray

        leaving = leaving_nodes() if where.address is not None else frozenset()
        there = (node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in leaving)
        alive = [node["Resources"] for node in there]
        offers = (Offer(has.get("CPU", 0.0), has.get("GPU", 0.0), models_in(has)) for has in alive)
        return cls(tuple(offers), where.address is not None)

    @property
    def capacity(self) -> Capacity:
        """Cores and GPUs of all nodes."""
        return self.capacity_for({None})

    def capacity_for(self, models: Collection[str | None]) -> Capacity:
        """Cores of all nodes, and GPUs of those models; None among them is any."""
        counted = [one for one in self.offers if None in models or not one.models.isdisjoint(models)]
        return Capacity(sum(one.cpus for one in self.offers), sum(one.gpus for one in counted))

    @property
    def models(self) -> list[str]:
        """The GPU models that there are."""
        return sorted({model for one in self.offers for model in one.models})

    def check(self, resources: Resources) -> None:
        """Refuse a trial that no node can hold; a cluster may yet start one that can.

        Raises:
            AfterRayError: on one machine, which does not grow.
        """
        if self.hold(resources) or self.growing:
            return
        largest = max(self.offers, default=Offer(0.0))
        of = resources.of_model
        models = f" ({', '.join(self.models) or 'of no model that Ray names'})" if of else ""
        raise AfterRayError(
            f"A trial needs {resources.cpu} CPU and {resources.gpu:g} GPU{of} on one node, but the "
            f"largest node has {largest.cpus:g} CPU and {largest.gpus:g} GPU{models}; change 'resources' "
            "in the study or start other nodes."
        )

    def hold(self, resources: Resources) -> bool:
        """Whether a node is there that can hold such a trial, once it is free."""
        return bool(self._fitting(resources))

    def slots(self, resources: Resources) -> int:
        """How many trials run at once on what is there now."""
        return sum(self._on_one(offer, resources) for offer in self._fitting(resources))

    def sharing(self, resources: Resources) -> int:
        """How many trials share one device: of a GPU its fraction, of processors all that fit on one node."""
        if resources.gpu > 0:
            return int(1 / resources.gpu) if resources.gpu < 1 else 1
        return max((self._on_one(offer, resources) for offer in self._fitting(resources)), default=1)

    def _fitting(self, resources: Resources) -> list[Offer]:
        return [offer for offer in self.offers if self._on_one(offer, resources) > 0]

    @staticmethod
    def _on_one(offer: Offer, resources: Resources) -> int:
        by_cpu = int(offer.cpus // resources.cpu)
        if resources.gpu == 0:
            return by_cpu
        if resources.gpu_model is not None and resources.gpu_model not in offer.models:
            return 0
        return min(by_cpu, int(offer.gpus / resources.gpu + 1e-9))


def execution_for(
    resources: Resources, nodes: Nodes, store: Store, where: Where, code: CodeState
) -> Execution:
    """Where and how a trial with these resources runs, and by what code."""
    cache = where.cache or _default_cache(store, where)
    return Execution(
        store=store.address,
        cache=str(cache.resolve()),
        cache_bytes=round(where.cache_gb * 1e9),
        threads=resources.cpu,
        device="cuda" if resources.gpu > 0 else "cpu",
        shared_by=nodes.sharing(resources),
        checkpoint_seconds=resources.checkpoint_seconds,
        compile=resources.compile,
        commit=code.commit,
        provenance=code.digest,
    )


def _default_cache(store: Store, where: Where) -> Path:
    """On one machine inside the store; on a cluster, which shares the store, each node's temporary folder."""
    if where.address is None:
        return store.root / "cache"
    return Path(tempfile.gettempdir()) / f"after-ray-cache-{getpass.getuser()}"

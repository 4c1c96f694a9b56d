"""What lets a cluster cost or lose more than it must: idle machines, notices, autoscalers, old images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from after_ray.preemption import VARIABLE, UnknownProvider, provider_of
from after_ray.preemption.watcher import FILE
from sweeps.cluster.model import Cluster, Finding, Node, mapping

LONG_IDLE = 60  # minutes
CLOUDS = ("aws", "gcp", "azure")


def check(cluster: Cluster) -> Iterator[Finding]:
    """One after the other."""
    yield from _idle(cluster)
    yield from _spot(cluster)
    yield from _autoscaler(cluster)
    if cluster.provider == "aws":
        yield from _images(cluster)


def _idle(cluster: Cluster) -> Iterator[Finding]:
    if cluster.provider in CLOUDS and "idle_timeout_minutes" not in cluster.values:
        yield Finding("idle_timeout_minutes is not set: an idle machine costs money until it is given back")
    idle = cluster.values.get("idle_timeout_minutes", 10)
    if cluster.provider in CLOUDS and isinstance(idle, int | float) and not 0 < idle <= LONG_IDLE:
        yield Finding(
            f"idle_timeout_minutes is {idle:g}: at 0 machines go between two trials, above {LONG_IDLE} they "
            "idle for money",
            cluster.line("idle_timeout_minutes"),
            warning=True,
        )
    types = cluster.values.get("available_node_types")
    kinds = [one for one in mapping(types).values() if isinstance(one, dict)]
    limits = [kind.get("max_workers", 0) for kind in kinds]
    most, together = cluster.values.get("max_workers"), sum(one for one in limits if isinstance(one, int))
    if cluster.provider in CLOUDS and isinstance(most, int) and 0 < most < together:
        yield Finding(
            f"max_workers is {most}, and the kinds of machines allow {together} together: {most} counts",
            cluster.line("max_workers"),
            warning=True,
        )


def _spot(cluster: Cluster) -> Iterator[Finding]:
    wanted = {"aws": "aws", "gcp": "gce", "kubernetes": "file:PATH"}.get(cluster.provider)
    for worker in cluster.workers:
        asked = worker.environment.get(VARIABLE, "")
        if (unknown := _unknown(asked)) is not None:
            yield Finding(unknown, cluster.line(*worker.place))
        elif cluster.starter == "kuberay" and asked.startswith(FILE):
            yield from _made_by_nobody(cluster, worker, asked.removeprefix(FILE))
        elif worker.spot and wanted and asked != wanted:
            yield Finding(
                f"'{worker.name}' may be taken back at any time and nobody asks for the notice; set "
                f"{VARIABLE}={wanted}, so that trials save their state",
                cluster.line(*worker.place),
            )
    if cluster.head.spot:
        yield Finding("the head may be taken back, and a launch ends with it; take no spot machine for it")


def _unknown(asked: str) -> str | None:
    try:
        provider_of({VARIABLE: asked})
    except UnknownProvider:
        return f"{VARIABLE} is '{asked}', which names nobody; allowed: aws, gce, {FILE}PATH"
    return None


def _made_by_nobody(cluster: Cluster, worker: Node, path: str) -> Iterator[Finding]:
    """A file that tells of the end has to be made by the pod itself, before Kubernetes ends it."""
    if path not in worker.told_by:
        yield Finding(
            f"trials of '{worker.name}' look for {path} to save their state, and no preStop of its container "
            f"makes it (command: [sh, -c, touch {path}; sleep 60])",
            cluster.line(*worker.place),
        )


def _autoscaler(cluster: Cluster) -> Iterator[Finding]:
    second = cluster.head.environment.get("RAY_enable_autoscaler_v2") != "0"
    if cluster.provider == "local" and second:
        yield Finding(
            "Ray's second autoscaler never starts a machine of provider 'local' (ray-project/ray#57153); set "
            "RAY_enable_autoscaler_v2=0 on the head",
            cluster.line("head_start_ray_commands"),
        )
    if cluster.starter == "kuberay":
        spec: Any = cluster.values.get("spec")
        grows = mapping(spec).get("enableInTreeAutoscaling") is True
        if not grows:
            yield Finding(
                "enableInTreeAutoscaling is not true: no pod is ever added for trials that wait",
                cluster.line("spec"),
            )


def _images(cluster: Cluster) -> Iterator[Finding]:
    types = cluster.values.get("available_node_types")
    for name, kind in mapping(types).items():
        config = mapping(kind).get("node_config")
        if isinstance(config, dict) and str(config.get("ImageId", "latest_dlami")).lower() == "latest_dlami":
            yield Finding(
                f"'{name}' has no ImageId: Ray's own default is of Ubuntu 18.04, whose NVIDIA driver "
                "is too old for this version of torch",
                cluster.line("available_node_types", str(name)),
            )

"""What Ray's launcher, or the KubeRay operator, would refuse or pass over."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from sweeps.cluster.kuberay import limits_of, quantity
from sweeps.cluster.model import Cluster, Finding, listed

GPU = "nvidia.com/gpu"
LEAST_MEMORY = 1e8  # bytes, of a pod that runs anything: 32m is 32 thousandths of a byte
# Keys of a launcher's file; Ray's schema is what decides, these are for "did you mean".
KNOWN = (
    "cluster_name", "max_workers", "idle_timeout_minutes", "provider", "auth", "docker", "upscaling_speed",
    "head_node_type", "available_node_types", "file_mounts", "cluster_synced_files", "setup_commands",
    "file_mounts_sync_continuously", "rsync_exclude", "rsync_filter", "initialization_commands",
    "head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands",
)  # fmt: skip
# Of a RayCluster's spec and of its groups: ray.io/v1.
SPEC = {
    "rayVersion", "headGroupSpec", "workerGroupSpecs", "enableInTreeAutoscaling", "autoscalerOptions",
    "suspend", "authOptions", "gcsFaultToleranceOptions", "headServiceAnnotations", "managedBy",
    "upgradeStrategy",
}  # fmt: skip
GROUP = {
    "groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template", "numOfHosts",
    "idleTimeoutSeconds", "scaleStrategy", "suspend", "serviceType", "headService", "enableIngress",
    "resources", "labels",
}  # fmt: skip


def check(cluster: Cluster) -> Iterator[Finding]:
    """Keys that are not known, wrong types, what is missing."""
    yield from _of_kuberay(cluster) if cluster.starter == "kuberay" else _of_launcher(cluster)


def _of_launcher(cluster: Cluster) -> Iterator[Finding]:
    refusal = _refusal(cluster.values)
    if refusal is not None:
        sentence, place = refusal
        yield Finding(f"Ray's launcher refuses it: {sentence}", cluster.line(*place) if place else None)
    auth = cluster.values.get("auth")
    if not isinstance(auth, dict) or not auth.get("ssh_user"):
        yield Finding(
            "'auth: ssh_user' is missing: no machine can be reached without it", cluster.line("auth")
        )


def _refusal(values: Mapping[str, Any]) -> tuple[str, tuple[str | int, ...]] | None:
    """What Ray itself says, and where; None where it takes the file."""
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    provider = values.get("provider")
    if not isinstance(provider, dict) or not provider.get("type"):
        return "'provider:' is missing or no mapping with a 'type:'", ("provider",)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # it prints what it then raises
            validate_config(prepare_config(copy.deepcopy(dict(values))))
    except ValidationError as error:
        return f"{error.message}{_meant(error.message, values)}", tuple(error.absolute_path)
    except Exception as error:  # of every kind: Ray's own code reads the file before it is validated
        return f"{str(error) or type(error).__name__}", ()
    return None


def _meant(message: str, values: Mapping[str, Any]) -> str:
    """The key that a mistyped one was probably to be."""
    known = KNOWN
    strange = [key for key in values if f"'{key}'" in message and key not in known]
    near = difflib.get_close_matches(strange[0], known, 1) if strange else []
    return f"; did you mean '{near[0]}'?" if near else ""


def _of_kuberay(cluster: Cluster) -> Iterator[Finding]:
    if cluster.values.get("apiVersion") != "ray.io/v1":
        told = cluster.values.get("apiVersion")
        yield Finding(f"apiVersion is '{told}'; the operator's is 'ray.io/v1'", cluster.line("apiVersion"))
    spec = cluster.values.get("spec")
    if not isinstance(spec, dict):
        yield Finding("'spec:' is missing or no mapping", cluster.line("spec"))
        return
    yield from _unknown(cluster, spec, SPEC, ("spec",))
    for key in ("rayVersion", "headGroupSpec", "workerGroupSpecs"):
        if not spec.get(key):
            yield Finding(f"'{key}' is missing in spec", cluster.line("spec"))
    yield from _sizes(cluster, spec)
    head, groups = spec.get("headGroupSpec"), spec.get("workerGroupSpecs")
    if isinstance(head, dict):
        yield from _unknown(cluster, head, GROUP, ("spec", "headGroupSpec"))
    for number, group in enumerate(listed(groups)):
        place = ("spec", "workerGroupSpecs", number)
        if isinstance(group, dict):
            yield from _unknown(cluster, group, GROUP, place)
    for node in cluster.nodes:
        if not node.image:
            yield Finding(
                f"the pods of '{node.name}' have no container with an image", cluster.line(*node.place)
            )


def _sizes(cluster: Cluster, spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Numbers of pods, and quantities that Kubernetes would refuse or take for others."""
    groups = spec.get("workerGroupSpecs")
    for number, group in enumerate(listed(groups)):
        place = ("spec", "workerGroupSpecs", number)
        if not isinstance(group, dict):
            continue
        least, most = quantity(group.get("minReplicas", 0)), quantity(group.get("maxReplicas", 1))
        if least is not None and most is not None and least > most:
            told = f"minReplicas {least:g} is above maxReplicas {most:g}"
            yield Finding(f"{told} in '{group.get('groupName')}'", cluster.line(*place))
        yield from _amounts(group, cluster.line(*place))


def _amounts(group: Mapping[str, Any], line: int | None) -> Iterator[Finding]:
    limits_and_requests = dict(limits_of(group))
    for kind, amounts in limits_and_requests.items():
        for name, value in amounts.items():
            found = quantity(value)
            if found is None or (name == "memory" and found < LEAST_MEMORY):
                yield Finding(f"'{value}' is no amount of {name} ({kind}), such as 8 or 32Gi", line)
    requests, limits = limits_and_requests["requests"], limits_and_requests["limits"]
    if requests.get(GPU, limits.get(GPU)) != limits.get(GPU):
        yield Finding(f"requests and limits of {GPU} differ; Kubernetes wants them equal", line)


def _unknown(
    cluster: Cluster, values: Mapping[str, Any], known: set[str], place: tuple[str | int, ...]
) -> Iterator[Finding]:
    """Kubernetes drops a key that it does not know without a word."""
    for key in values.keys() - known:
        near = difflib.get_close_matches(str(key), known, 1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        yield Finding(f"the key '{key}' is not one of a RayCluster{meant}", cluster.line(*place, str(key)))

"""RayClusters of Kubernetes (the KubeRay operator)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeps.cluster.model import Cluster, Node, Place, listed, mapping

# Labels of nodes that may be taken back: GKE, EKS, Karpenter, AKS.
SPOT_LABELS = {
    "cloud.google.com/gke-spot": "true",
    "eks.amazonaws.com/capacityType": "spot",
    "karpenter.sh/capacity-type": "spot",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def cluster_of_kuberay(
    path: Path, values: dict[str, Any], lines: Mapping[Place, int], others: Sequence[Mapping[str, Any]]
) -> Cluster:
    """The cluster of a RayCluster; `others`: the other documents of the file, such as config maps."""
    spec = mapping(values.get("spec"))
    maps = {str(mapping(one.get("metadata")).get("name")): mapping(one.get("data")) for one in others}
    groups = spec.get("workerGroupSpecs")
    workers = [
        _node(mapping(group), ("spec", "workerGroupSpecs", number), maps)
        for number, group in enumerate(listed(groups))
    ]
    head = _node(mapping(spec.get("headGroupSpec")), ("spec", "headGroupSpec"), maps, head=True)
    return Cluster(path, "kuberay", "kubernetes", head, tuple(workers), values, dict(lines))


def _node(
    group: Mapping[str, Any], place: Place, maps: Mapping[str, Mapping[str, Any]], *, head: bool = False
) -> Node:
    pod = mapping(mapping(group.get("template")).get("spec"))
    containers = pod.get("containers")
    container = mapping(next(iter(listed(containers)), None))
    limits = mapping(mapping(container.get("resources")).get("limits"))
    params = mapping(group.get("rayStartParams"))
    return Node(
        name="head" if head else str(group.get("groupName", "workers")),
        place=place,
        most=1 if head else int(quantity(group.get("maxReplicas", group.get("replicas", 1))) or 0),
        image=str(container.get("image", "")),
        environment=_environment(container, maps),
        setup="",
        start=" ".join(f"--{name}={value}" for name, value in params.items()),
        cpus=_first(quantity(params.get("num-cpus")), quantity(limits.get("cpu"))),
        gpus=_first(quantity(params.get("num-gpus")), quantity(limits.get("nvidia.com/gpu")), 0.0),
        gpu_model=next(iter(re.findall(r"accelerator_type:([\w.-]+)", str(params.get("resources", "")))), ""),
        memory=quantity(limits.get("memory")),
        spot=_is_spot(pod),
        told_by=str(mapping(mapping(container.get("lifecycle")).get("preStop")) or ""),
        shared=_shared(pod, container),
    )


def limits_of(group: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The requests and the limits of a group's container."""
    pod = mapping(mapping(group.get("template")).get("spec"))
    containers = listed(pod.get("containers"))
    resources = mapping(mapping(containers[0]).get("resources")) if containers else {}
    return [(kind, mapping(resources.get(kind))) for kind in ("requests", "limits")]


def _environment(container: Mapping[str, Any], maps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in listed(container.get("envFrom")):
        name = str(mapping(mapping(source).get("configMapRef")).get("name"))
        found |= {str(key): str(value) for key, value in maps.get(name, {}).items()}
    for one in map(mapping, listed(container.get("env"))):
        if "value" in one:
            found[str(one.get("name"))] = str(one["value"])
    return found


def _shared(pod: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[str, ...]:
    """Where volumes are mounted that other pods may have, too."""
    own = ("emptyDir", "hostPath", "ephemeral", "configMap", "secret")
    volumes = [mapping(volume) for volume in listed(pod.get("volumes"))]
    shared = {str(volume.get("name")) for volume in volumes if not any(kind in volume for kind in own)}
    mounts = [mapping(mount) for mount in listed(container.get("volumeMounts"))]
    return tuple(str(mount.get("mountPath")) for mount in mounts if str(mount.get("name")) in shared)


def quantity(value: Any) -> float | None:
    """A number as Kubernetes writes it: 500m, 4, 16Gi; None where it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|[KMGT]i|[kMGT])?", str(value))
    if found is None:
        return None
    number, unit = float(found[1]), found[2] or ""
    return number / 1000 if unit == "m" else number * UNITS[unit]


def _is_spot(pod: Mapping[str, Any]) -> bool:
    labels = mapping(pod.get("nodeSelector"))
    return any(str(labels.get(name, "")).lower() == value for name, value in SPOT_LABELS.items())


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)

"""Whether a cluster may start nodes by itself, as Ray's own state says."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

logger = logging.getLogger(__name__)

BY_HAND = re.compile(r"node_[0-9a-f]+")  # the node's id: the type of a node that somebody started by hand
# Where the first autoscaler's report counts nodes by their types, or names them.
COUNTED, NAMED = ("active_nodes", "idle_nodes"), ("pending_nodes", "failed_nodes")


def may_grow() -> bool:
    """Whether an autoscaler watches the cluster that this process is connected to.

    Every head node reports its demand, also one that was started by hand (`ray start --head`): there each
    node is a type of its own. A cluster that cannot be asked counts as one that may grow.
    """
    import ray

    try:
        from ray._raylet import GcsClient  # type: ignore[attr-defined]

        gcs = GcsClient(address=ray.get_runtime_context().gcs_address)
        return has_types(_types_of_first(gcs)) or has_types(_types_of_second(gcs))
    except Exception as error:  # Ray's own state has no promised form
        logger.warning("Ray does not say whether its cluster has an autoscaler (%s).", error)
        return True


def leaving_nodes() -> frozenset[str]:
    """Ids of nodes that will be ended, where Ray places nothing more; none where it does not say."""
    import ray

    try:
        from ray._raylet import GcsClient  # type: ignore[attr-defined]
        from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply, NodeStatus

        gcs = GcsClient(address=ray.get_runtime_context().gcs_address)
        nodes = GetClusterStatusReply.FromString(gcs.get_cluster_status()).cluster_resource_state.node_states
        return frozenset(node.node_id.hex() for node in nodes if node.status == NodeStatus.DRAINING)
    except Exception as error:  # Ray's own state has no promised form
        logger.warning("Ray does not say which nodes are about to leave (%s).", error)
        return frozenset()


def has_types(names: Iterable[str]) -> bool:
    """Whether one of these names is that of a type in a cluster's configuration."""
    return any(name and not BY_HAND.fullmatch(name) for name in names)


def _types_of_first(gcs: Any) -> Iterator[str]:
    """Types of nodes in the report of the first autoscaler; none where it does not report."""
    from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS

    status = gcs.internal_kv_get(DEBUG_AUTOSCALING_STATUS.encode())
    report = json.loads(status).get("autoscaler_report") if status else None
    if report:
        yield from types_in(report)


def types_in(report: Mapping[str, Any]) -> Iterator[str]:
    """Types of the nodes that there are, that are awaited, that failed."""
    for place in COUNTED:
        yield from report.get(place) or {}
    yield from (report.get("pending_launches") or {})
    yield from (str(name) for name in (report.get("node_type_mapping") or {}).values())
    for place in NAMED:
        yield from (str(node[1]) for node in report.get(place) or ())


def _types_of_second(gcs: Any) -> Iterator[str]:
    """The same of the second; types that nodes name count where it reports, as others may set them too."""
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

    yield from types_in_reply(GetClusterStatusReply.FromString(gcs.get_cluster_status()))


def types_in_reply(reply: Any) -> Iterator[str]:
    """Types of nodes in what the cluster says of itself; none without an autoscaler's own state."""
    scaled = reply.autoscaling_state
    if reply.HasField("autoscaling_state"):
        yield from (node.ray_node_type_name for node in reply.cluster_resource_state.node_states)
        yield from (request.ray_node_type_name for request in scaled.pending_instance_requests)

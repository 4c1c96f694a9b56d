"""Leaving a node that will be ended: Ray is asked to place nothing more on it."""

from __future__ import annotations

import logging

import ray

logger = logging.getLogger(__name__)

HEAD = "node:__internal_head__"  # Ray's mark among the resources of the head
NO_DEADLINE = 0  # in Ray's words; a node that is idle sooner leaves the cluster by itself
ANSWER_SECONDS = 5.0
HEAD_ENDS = (
    "The machine on which Ray's head and this trial run will be ended by its provider; what ran is saved: "
    "run the same command again, on a machine that stays."
)


def is_head() -> bool:
    """Whether this process runs on the node of Ray's head, which the launch does not outlive."""
    here = ray.get_runtime_context().get_node_id()
    return any(node["NodeID"] == here and HEAD in node["Resources"] for node in ray.nodes())


def leave_node(ends: float | None) -> None:
    """Ask Ray to place nothing more on this node; where it cannot be asked, a warning says so.

    `ends`: when the node will be ended, in seconds since the epoch; None where that is not known.
    """
    try:
        from ray._raylet import GcsClient  # type: ignore[attr-defined]
        from ray.core.generated.autoscaler_pb2 import DrainNodeReason

        context = ray.get_runtime_context()
        accepted, reason = GcsClient(address=context.gcs_address).drain_node(
            context.get_node_id(),
            DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION,
            "its provider will end it",
            NO_DEADLINE if ends is None else int(ends * 1000),
            timeout=ANSWER_SECONDS,
        )
    except Exception as error:  # Ray's own interface, with no promised form
        accepted, reason = False, str(error)
    if not accepted:
        logger.warning("Ray may still place trials on this node, which will be ended (%s).", reason)

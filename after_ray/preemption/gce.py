"""Spot and preemptible machines of Google: the metadata server tells about 30 seconds ahead."""

from __future__ import annotations

from after_ray.preemption._metadata import ask

METADATA = "http://metadata.google.internal"
HEADERS = {"Metadata-Flavor": "Google"}
PREEMPTED = "TRUE"
TERMINATED = "TERMINATE_ON_HOST_MAINTENANCE"  # of machines that cannot be moved while they run


class GceNotices:
    """Asks this machine's metadata server.

    Args:
        base: the server's address.
    """

    seconds = 2.0  # between two looks: of 30 s none may be wasted
    ahead: float | None = 30.0  # the least: of maintenance it tells earlier

    def __init__(self, base: str = METADATA) -> None:
        self._base = f"{base}/computeMetadata/v1/instance"

    def given(self) -> bool:
        """Whether this machine is being preempted, or will be stopped for maintenance of its host.

        Raises:
            OSError: when the server does not answer, or answers with an error.
        """
        if ask(f"{self._base}/preempted", HEADERS) == PREEMPTED:
            return True
        return ask(f"{self._base}/maintenance-event", HEADERS) == TERMINATED

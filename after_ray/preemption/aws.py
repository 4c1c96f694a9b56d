"""Spot instances of AWS: the instance metadata service, version 2, tells two minutes ahead."""

from __future__ import annotations

from urllib.error import HTTPError

from after_ray.preemption._metadata import ask

METADATA = "http://169.254.169.254"
TOKEN_SECONDS = 21_600
REFUSED, NOTHING = 401, 404  # the token is over; no interruption is planned


class AwsNotices:
    """Asks this machine's metadata service; its recommendations to move early are not asked for.

    Args:
        base: the service's address.
    """

    seconds = 5.0  # between two looks, as AWS advises
    ahead: float | None = 120.0

    def __init__(self, base: str = METADATA) -> None:
        self._base = base
        self._token: str | None = None

    def given(self) -> bool:
        """Whether this instance will be stopped, hibernated or terminated.

        Raises:
            OSError: when the service does not answer, or answers with an error.
        """
        try:
            return self._is_planned()
        except HTTPError as error:
            if error.code != REFUSED:
                raise
            self._token = None
            return self._is_planned()

    def _is_planned(self) -> bool:
        if self._token is None:
            wanted = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
            self._token = ask(f"{self._base}/latest/api/token", wanted, "PUT")
        try:
            ask(
                f"{self._base}/latest/meta-data/spot/instance-action",
                {"X-aws-ec2-metadata-token": self._token},
            )
        except HTTPError as error:
            if error.code == NOTHING:
                return False
            raise
        return True

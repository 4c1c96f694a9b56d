"""What keeps a launch from being handed to a cluster."""

from __future__ import annotations

from pathlib import Path

from after_ray.errors import AfterRayError


class NoJobs(AfterRayError):
    """No cluster takes jobs at an address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"No cluster takes jobs at {address} ({reason}); allowed is the address of a head's dashboard: "
            "keep 'ray dashboard CLUSTER.yaml' running in another terminal, which makes it "
            "http://127.0.0.1:8265."
        )


class JobRefused(AfterRayError):
    """A cluster that does not let this user in."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The cluster at {address} refused the token; set RAY_AUTH_MODE=token and have the cluster's "
            "token in ~/.ray/auth_token (or RAY_AUTH_TOKEN), the same on every machine."
        )


class OtherRay(AfterRayError):
    """A cluster with another version of Ray."""

    def __init__(self, address: str, there: str, here: str) -> None:
        super().__init__(
            f"The cluster at {address} runs Ray {there}, here is {here}; install the same version on both "
            "('after-ray cluster check' compares them before a cluster starts)."
        )


class NotTaken(AfterRayError):
    """A cluster that answers, and does not take a job."""

    def __init__(self, reason: str) -> None:
        lines = [line.strip() for line in reason.splitlines() if line.strip()] or ["no reason is given"]
        super().__init__(
            f"The cluster did not take the job ({lines[-1][:300]}); look at the head's dashboard, or run "
            "'after-ray run STUDY.yaml --address auto' on the head itself."
        )


class NotThere(AfterRayError):
    """A launch that named something which is only on this machine."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what} is on this machine, and the driver runs on the cluster's head; {instead}.")


class TooLarge(AfterRayError):
    """Files that are more than study files should be; `size` is that of all, with the last one."""

    def __init__(self, path: Path, size: int, limit: int) -> None:
        super().__init__(
            f"With {path}, {size / 1e6:.0f} MB would go with the launch; {limit / 1e6:.0f} MB is the most: "
            "put it on storage that the head sees and name it by its absolute path."
        )

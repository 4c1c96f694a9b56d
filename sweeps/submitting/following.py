"""Following a job of a cluster from a laptop: what it prints, and how it ended."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from after_ray.errors import AfterRayError
from sweeps.submitting.errors import JobRefused, NoJobs, OtherRay
from sweeps.submitting.job import RUNNING, Job

LOOK_SECONDS = 1.0  # between two looks at whether a job has ended
# In a row, before a log that told nothing new is followed again: short while a job may just be starting.
PAUSES = (*[1.0] * 20, *[5.0] * 8, *[30.0] * 8)
UNTOLD = "the cluster does not tell what the job prints; the job goes on, and its end is waited for\n"
NO_COMMAND = 127  # what a shell ends with that does not know a command


def connect(address: str) -> Any:
    """The jobs of a cluster.

    Raises:
        NoJobs: when nobody takes jobs at the address.
        JobRefused: when the token is wrong or missing.
        OtherRay: when the cluster runs another version.
    """
    import ray
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        client = JobSubmissionClient(address)
        there = client._server_ray_version  # what the check on making it read; nothing else tells
    except AuthenticationError as error:
        raise JobRefused(address) from error
    except ConnectionError as error:
        raise NoJobs(address, "nobody listens there") from error
    except Exception as error:  # what answers may be any server, and answers as it likes
        raise NoJobs(address, f"what answers there is no Ray dashboard with jobs: {_short(error)}") from error
    if there != ray.__version__:
        raise OtherRay(address, there, ray.__version__)
    return client


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"


def follow(
    client: Any,
    job: Job,
    address: str,
    write: Callable[[str], object] = sys.stdout.write,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print what a job prints until it ends; returns its exit code.

    Ctrl-C ends the following, not the job, and is passed on after a sentence on how to come back.

    Raises:
        LostJob: when the cluster does not answer any more.
    """
    try:
        write(
            f"job {job.name} runs on the cluster{'' if job.started else ' already, and is followed'}; Ctrl-C "
            "leaves it running\n"
        )
        sys.stdout.flush()  # also where nobody's terminal reads it
        _print_to_the_end(client, job.name, write, sleep)
        told = client.get_job_info(job.name)
    except KeyboardInterrupt:
        write(
            "\nthe job goes on; give the same command again to follow it, "
            f"'ray job stop {job.name} --address {address}' ends it\n"
        )
        raise
    except Exception as error:  # of the connection, in whatever library it broke
        raise LostJob(job.name, address, _short(error)) from error
    return _exit_code(told, write)


def _print_to_the_end(
    client: Any, name: str, write: Callable[[str], object], sleep: Callable[[float], None]
) -> None:
    """Follow a job's log until the job ends; one that ends or breaks before it is followed again."""
    log, quiet = _Log(client, name, write), 0
    log.follow()
    while _runs(client, name):
        if quiet < len(PAUSES):
            sleep(PAUSES[quiet])
        else:
            write(UNTOLD)
            _wait(client, name, sleep)
        quiet = 0 if log.follow() else quiet + 1
    log.follow()  # what was printed after the last look at the log and before the job's end


def _wait(client: Any, name: str, sleep: Callable[[float], None]) -> None:
    while _runs(client, name):
        sleep(LOOK_SECONDS)


def _runs(client: Any, name: str) -> bool:
    return str(client.get_job_status(name)).endswith(RUNNING)


def _exit_code(told: Any, write: Callable[[str], object]) -> int:
    """The exit code of a job that has ended; what it does not say by itself is said."""
    if str(told.status).endswith("SUCCEEDED"):
        return 0
    code: int | None = told.driver_exit_code
    if code == NO_COMMAND:
        write("the head does not know the command 'after-ray': install the project there (docs/cluster.md)\n")
    elif code is None:
        write(f"the job ended without an exit code ({told.status}): {told.message}\n")
    return code or 1


class _Log:
    """What a job prints, each character once: Ray tells it from its beginning whenever it is asked."""

    def __init__(self, client: Any, name: str, write: Callable[[str], object]) -> None:
        self._client, self._name, self._write = client, name, write
        self._printed = 0  # characters

    def follow(self) -> bool:
        """Print what is new until the cluster ends the log or breaks it off; whether there was anything."""
        before = self._printed
        asyncio.run(self._tail())
        return self._printed > before

    async def _tail(self) -> None:
        told, log = 0, self._client.tail_job_logs(self._name)
        while text := await _next(log):
            new = text[max(0, self._printed - told) :]
            told += len(text)
            self._printed = max(self._printed, told)
            self._write(new)
            sys.stdout.flush()


async def _next(log: AsyncIterator[str]) -> str:
    """What comes next in a log; nothing where it ends or breaks: the job's state tells of a lost cluster."""
    try:
        return await anext(log, "")
    except Exception:  # of the connection, in whatever library it broke
        return ""


class LostJob(AfterRayError):
    """A cluster that went away while one of its jobs was followed."""

    def __init__(self, name: str, address: str, reason: str) -> None:
        super().__init__(
            f"The cluster at {address} does not answer any more ({reason}); if only the connection broke, "
            f"the job {name} goes on: give the same command again. If the head is lost, 'ray up' the cluster "
            "first: what is recorded stays."
        )

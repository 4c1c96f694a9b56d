"""A launch as a Ray job: asked for, found again while it runs, followed."""

from __future__ import annotations

import hashlib
import itertools
import re
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.store.places import is_bucket
from sweeps.submitting.errors import NotTaken, NotThere
from sweeps.submitting.files import gather

RUNNING = ("PENDING", "RUNNING")


@dataclass(frozen=True)
class Launch:
    """What is asked of a cluster.

    Attributes:
        verb: `run` or `retry`.
        studies: their files, here.
        store: as it was named; None is the cluster's own (`AFTER_RAY_STORE` there).
        options: the other options of the command line, as they stand there.
    """

    verb: str
    studies: tuple[Path, ...]
    store: str | None
    options: tuple[str, ...] = ()

    def command(self, names: Sequence[str]) -> list[str]:
        """The command line on the head.

        Raises:
            NotThere: when the store is a relative folder, which would be one of the job's own.
        """
        words = ["after-ray", self.verb, *names, "--address", "auto", *self.options]
        if self.store is None:
            return words
        if not is_bucket(self.store) and not Path(self.store).is_absolute():
            raise NotThere(
                f"The store '{self.store}'",
                "name a folder that all machines share by its absolute path, or s3://bucket/prefix, or leave "
                "--store out for the cluster's own",
            )
        return [*words, "--store", self.store]


@dataclass(frozen=True)
class Job:
    """A launch on a cluster: its name there, and whether this call started it."""

    name: str
    started: bool


def submit(client: Any, launch: Launch) -> Job:
    """Start a launch, unless the same one runs: the same studies, bit by bit, and the same options.

    Args:
        client: of the cluster's jobs (`ray.job_submission.JobSubmissionClient`).
        launch: what is asked.

    Raises:
        NotTaken: when the cluster does not take it.
    """
    with tempfile.TemporaryDirectory(prefix="after-ray-") as told:
        folder = Path(told)
        words = launch.command(gather(launch.studies, folder, launch.options))
        name = _name(launch, words, folder)
        states = _states(client)
        for one in itertools.chain([name], (f"{name}-{again}" for again in itertools.count(2))):
            if one not in states:
                return Job(one, started=_start(client, one, shlex.join(words), told))
            if states[one].endswith(RUNNING):
                return Job(one, started=False)
    raise AssertionError("names do not end")


def _states(client: Any) -> dict[str, str]:
    try:
        return {job.submission_id: str(job.status) for job in client.list_jobs()}
    except (RuntimeError, ConnectionError) as error:
        raise NotTaken(str(error)) from error


def _start(client: Any, name: str, entrypoint: str, folder: str) -> bool:
    """Whether this call started the job, and not one that was given in the same moment.

    Raises:
        NotTaken: when nobody did.
    """
    try:
        client.submit_job(entrypoint=entrypoint, submission_id=name, runtime_env={"working_dir": folder})
    except (RuntimeError, ConnectionError, ValueError) as error:
        if name in _states(client):
            return False
        raise NotTaken(str(error)) from error
    return True


def _name(launch: Launch, words: Sequence[str], folder: Path) -> str:
    """For people the studies, for the rest what decides whether a launch is the same one."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    studies = "-".join(re.sub(r"[^A-Za-z0-9_]+", "-", path.stem) for path in launch.studies)[:60]
    return f"after-ray-{launch.verb}-{studies}-{digest.hexdigest()[:8]}"

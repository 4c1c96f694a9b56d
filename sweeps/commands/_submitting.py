"""Commands whose driver runs on a cluster's head: the same command line, as a job there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from after_ray.errors import AfterRayError

if TYPE_CHECKING:
    from after_ray.store import Store

OPTIONS = {
    "overrides": "--set",
    "only": "--only",
    "tracking_uri": "--tracking-uri",
    "cache_dir": "--cache-dir",
    "cache_gb": "--cache-gb",
    "max_hours": "--max-hours",
    "max_gpu_hours": "--max-gpu-hours",
    "no_report": "--no-report",
}  # of `run` and `retry`, which a driver on the head takes alike
INTERRUPTED = 130  # what a shell ends with after Ctrl-C


class OnlyLocal(AfterRayError):
    """An option of a Ray on this machine, given for a cluster."""

    def __init__(self) -> None:
        super().__init__("--cpus is of a local Ray; a cluster has the cores of its nodes: leave it out.")


class PasswordOnTheWay(AfterRayError):
    """A password that everybody who sees the cluster's jobs would read."""

    def __init__(self) -> None:
        super().__init__(
            "The --tracking-uri holds a password, and whoever sees the cluster sees command lines of jobs; "
            "leave --tracking-uri out and set MLFLOW_TRACKING_URI on the head, in the cluster's file."
        )


class StoreOfAJob(AfterRayError):
    """A store in the folder of a Ray job, which is removed with it."""

    def __init__(self, store: str) -> None:
        super().__init__(
            f"The store '{store}' would be a folder of this job alone, which is removed after it; name a "
            "folder that all machines share by its absolute path, or s3://bucket/prefix, with --store or "
            "AFTER_RAY_STORE."
        )


def submitted(context: typer.Context, studies: Sequence[Path]) -> None:
    """Where `--address` is that of a cluster's dashboard: hand the command over, follow it, end as it does.

    Raises:
        AfterRayError: when it cannot be handed over.
        typer.Exit: with the exit code of the job.
    """
    address = context.params["address"] or ""
    if not address.startswith(("http://", "https://")):
        return
    from sweeps.submitting.following import connect, follow
    from sweeps.submitting.job import Launch, submit

    given = _given(context)
    if "cpus" in given:
        raise OnlyLocal
    if urlsplit(str(given.get("tracking_uri", ""))).password:
        raise PasswordOnTheWay
    launch = Launch(str(context.info_name), tuple(studies), given.get("store"), tuple(_options(given)))
    launch.command(())  # what cannot run there is refused before anybody is asked
    client = connect(address)
    job = submit(client, launch)
    try:
        code = follow(client, job, address)
    except KeyboardInterrupt:  # which stops nothing, so nothing is said of stopping
        code = INTERRUPTED
    raise typer.Exit(code)


def _given(context: typer.Context) -> dict[str, Any]:
    """What was written on the command line: variables of this machine are not those of the cluster."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    written = {
        name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"
    }
    return {name: value for name, value in context.params.items() if name in written}


def _options(given: Mapping[str, Any]) -> list[str]:
    values = [(option, given[name]) for name, option in OPTIONS.items() if name in given]
    return [
        word
        for option, value in values
        for one in (value if isinstance(value, list) else [value])
        for word in ((option,) if one is True else (option, str(one)))
    ]


def refuse_store_of_a_job(store: Store) -> None:
    """Refuse a relative folder in a Ray job, whose working directory is removed when it ends.

    Raises:
        StoreOfAJob: when it is one.
    """
    in_a_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    if in_a_job and store.place.on_disk and not store.root.is_absolute():
        raise StoreOfAJob(store.url)

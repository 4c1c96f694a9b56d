"""What the commands that launch trials share: their options, and the exit code of a budget's end."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from after_ray.store import Store
    from sweeps.launching.ray_start import Where

STOPPED = 3  # exit code of a launch that its budget ended before all was done

Address = Annotated[
    str | None,
    typer.Option(
        help="Of a running Ray (host:port, 'auto' on its machines), or of a cluster's dashboard "
        "(http://127.0.0.1:8265), whose head then runs this command; a local Ray by default."
    ),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir", envvar="AFTER_RAY_CACHE", help="Folder on each node's own disk for memory maps."
    ),
]
CacheLimit = Annotated[
    float,
    typer.Option(
        "--cache-gb", min=0.001, help="Size limit of that folder; what was not used for longest goes."
    ),
]
Cores = Annotated[int | None, typer.Option("--cpus", min=1, help="Cores of a local Ray; all by default.")]
MaxHours = Annotated[
    float | None, typer.Option(min=0.0, help="Stop between two rounds when so many hours are over.")
]
MaxGpuHours = Annotated[
    float | None, typer.Option(min=0.0, help="Stop between two rounds when trials took so many GPU-hours.")
]
NoReport = Annotated[
    bool, typer.Option("--no-report", help="Leave the report to 'after-ray report', which reads the store.")
]


def warn_of_lone_tracker(store: Store, where: Where, tracking_uri: str | None) -> None:
    """Say that nobody else will see MLflow where it is a file of the cluster's node that runs the driver."""
    if tracking_uri is not None or where.address is None or store.place.on_disk:
        return
    from sweeps.tracking import default_tracking_uri
    from sweeps.tracking.errors import print_warning

    print_warning(
        f"no --tracking-uri is given, so MLflow is {default_tracking_uri(store)}, on {platform.node()} alone "
        "and gone with it; all results are in the store, from which 'after-ray mirror STUDY.yaml "
        f"--store {store.url} --tracking-uri URI' fills a server at any time"
    )

"""What the commands that launch trials share: their options, and the exit code of a budget's end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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

"""Check cluster files before a machine is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.commands._options import DEFAULT_STORE, one_sentence

app = typer.Typer(help="Check cluster files before a machine is paid for.", no_args_is_help=True)


@app.callback()
def cluster() -> None:
    """Check cluster files before a machine is paid for."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Ray's launcher file, or a RayCluster.", metavar="FILE.yaml")],
    study: Annotated[
        list[Path] | None,
        typer.Option(help="A study whose trials must find room; once for each.", metavar="STUDY.yaml"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings machine-readable.")] = False,
) -> None:
    """Say what would keep a cluster from working, or let it cost too much; exit code 1 where it would."""
    with one_sentence(DEFAULT_STORE):
        from sweeps.cluster.checking import check as check_cluster
        from sweeps.cluster.reading import read_cluster
        from sweeps.study.loading import load_study

        studies = [load_study(one) for one in study or ()]
        found = check_cluster(read_cluster(file), studies)
    if as_json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            place = f"{file}, line {one.line}" if one.line else str(file)
            print(f"{'warning' if one.warning else 'error'}: {place}: {one.sentence}.")
        if not found:
            print(f"{file}: nothing found that would keep the cluster from working")
    if any(not one.warning for one in found):
        raise typer.Exit(1)
